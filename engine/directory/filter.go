package directory

import (
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// filter is an RFC 4515 filter applied to the entries of a file, as a server would apply it: comparisons without case.
type filter func(e *entry) bool

// compileFilter knows and, or, not, equality, presence and substrings. names lists the attributes it looks at.
func compileFilter(text string) (f filter, names []string, err error) {
	p, err := ldap.CompileFilter(text)
	if err != nil {
		return nil, nil, fmt.Errorf("filter %s: %w", quote(text), err)
	}
	f, err = compilePacket(p, &names)
	return f, names, err
}

func compilePacket(p *ber.Packet, names *[]string) (filter, error) {
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		return compileParts(p, names)
	case ldap.FilterPresent:
		name := p.Data.String()
		*names = append(*names, name)
		return func(e *entry) bool { return len(e.get(name).values) > 0 }, nil
	case ldap.FilterEqualityMatch:
		name, want := p.Children[0].Data.String(), canonOr(p.Children[1].Data.String())
		*names = append(*names, name)
		return anyValue(name, func(v string) bool { return v == want }), nil
	case ldap.FilterSubstrings:
		return compileSubstrings(p, names)
	}
	return nil, fmt.Errorf("filter: %s is not known for files; use and, or, not, =, =* and substrings", ldap.FilterMap[uint64(p.Tag)])
}

func compileParts(p *ber.Packet, names *[]string) (filter, error) {
	var parts []filter
	for _, c := range p.Children {
		f, err := compilePacket(c, names)
		if err != nil {
			return nil, err
		}
		parts = append(parts, f)
	}
	if p.Tag == ldap.FilterNot {
		return func(e *entry) bool { return !parts[0](e) }, nil
	}
	all := p.Tag == ldap.FilterAnd
	return func(e *entry) bool {
		for _, f := range parts {
			if f(e) != all {
				return !all
			}
		}
		return all
	}, nil
}

func compileSubstrings(p *ber.Packet, names *[]string) (filter, error) {
	name := p.Children[0].Data.String()
	*names = append(*names, name)
	type part struct {
		tag  ber.Tag
		text string
	}
	var parts []part
	for _, c := range p.Children[1].Children {
		parts = append(parts, part{c.Tag, canonOr(c.Data.String())})
	}
	return anyValue(name, func(v string) bool {
		for _, s := range parts {
			at := strings.Index(v, s.text)
			if s.tag == ldap.FilterSubstringsFinal {
				at = max(len(v)-len(s.text), -1)
				if at >= 0 && v[at:] != s.text {
					at = -1
				}
			}
			if at < 0 || s.tag == ldap.FilterSubstringsInitial && at > 0 {
				return false
			}
			v = v[at+len(s.text):]
		}
		return true
	}), nil
}

func anyValue(name string, ok func(string) bool) filter {
	return func(e *entry) bool {
		for _, v := range e.get(name).values {
			if ok(canonOr(v)) {
				return true
			}
		}
		return false
	}
}

func canonOr(v string) string {
	if f, err := folded(v); err == nil {
		return f
	}
	return v
}
