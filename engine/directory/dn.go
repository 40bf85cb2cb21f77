package directory

import (
	"encoding/hex"
	"strings"
)

// canonDN brings a DN into the form in which two names of one entry are equal: types and values folded, no spaces around
// separators, escapes (RFC 4514 section 2.4) resolved and put back only where needed, the parts of a multi-valued RDN
// sorted. Text that is no DN comes back folded, and matches nothing but itself.
func canonDN(dn string) string {
	if plainDN(dn) {
		return strings.ToLower(dn)
	}
	rdns, ok := splitDN(dn)
	if !ok {
		f, err := folded(dn)
		if err != nil {
			return dn
		}
		return f
	}
	return strings.Join(rdns, ",")
}

// plainDN says that lower case is all the DN needs; it holds for nearly all DNs that servers send.
func plainDN(dn string) bool {
	if dn == "" || dn[len(dn)-1] == ' ' {
		return false
	}
	prev := byte(',')
	for i := range len(dn) {
		c := dn[i]
		switch {
		case c < ' ' || c > '~', c == '\\', c == '"', c == '+', c == '#', c == ';', c == '<', c == '>':
			return false
		case c == ' ' && (prev == ' ' || prev == ',' || prev == '='), prev == ' ' && (c == ',' || c == '='):
			return false
		}
		prev = c
	}
	return true
}

// splitDN gives the canonical RDNs of a DN.
func splitDN(dn string) ([]string, bool) {
	var rdns, parts []string
	rest := dn
	for {
		typ, after, ok := strings.Cut(rest, "=")
		if !ok {
			return nil, false
		}
		value, sep, tail, ok := dnValue(after)
		if !ok {
			return nil, false
		}
		value, err := folded(value)
		if err != nil {
			return nil, false
		}
		parts = append(parts, strings.ToLower(strings.TrimSpace(typ))+"="+escapeDN(value))
		if sep != '+' {
			rdns = append(rdns, joinSorted(parts))
			parts = parts[:0]
		}
		if sep == 0 {
			return rdns, true
		}
		rest = tail
	}
}

func joinSorted(parts []string) string {
	for i := range parts {
		for j := i; j > 0 && parts[j] < parts[j-1]; j-- {
			parts[j], parts[j-1] = parts[j-1], parts[j]
		}
	}
	return strings.Join(parts, "+")
}

// dnValue reads one attribute value up to its separator, which is 0 at the end.
func dnValue(s string) (value string, sep byte, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ',', '+', ';':
			return b.String(), c, s[i+1:], true
		case '\\':
			if raw, err := hex.DecodeString(s[i+1 : min(i+3, len(s))]); err == nil && len(raw) == 1 {
				b.WriteByte(raw[0])
				i += 2
				continue
			}
			if i++; i == len(s) {
				return "", 0, "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), 0, "", true
}

func escapeDN(v string) string {
	if !strings.ContainsAny(v, `,+;\"<>#`) {
		return v
	}
	var b strings.Builder
	for i := range len(v) {
		if strings.IndexByte(`,+;\"<>#`, v[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// parentDN is the canonical DN without its first RDN.
func parentDN(canon string) string {
	for i := 0; i < len(canon); i++ {
		switch canon[i] {
		case '\\':
			i++
		case ',':
			return canon[i+1:]
		}
	}
	return ""
}

// under says whether a canonical DN is base or below it; base is canonical, "" is everything.
func under(canon, base string) bool {
	return base == "" || canon == base || strings.HasSuffix(canon, ","+base)
}
