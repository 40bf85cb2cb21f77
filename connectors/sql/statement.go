package sql

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// statement is one of the configuration, with the driver's placeholders in the place of :names. Values never become text of it.
type statement struct {
	query string
	names []string // of the parameters, in order
}

// args gives the values in the order of the placeholders.
func (s statement) args(values map[string]any) ([]any, error) {
	out := make([]any, 0, len(s.names))
	for _, name := range s.names {
		value, ok := values[name]
		if !ok {
			return nil, refuse("the statement names the parameter :%s, which this change does not have", name)
		}
		out = append(out, value)
	}
	return out, nil
}

// parse finds the parameters, outside of quotes. known are the names that there are; nil: any.
func (d dialect) parse(text string, known []string) (statement, error) {
	p := parser{dialect: d, rest: strings.TrimRight(strings.TrimSpace(text), "; \t\r\n")}
	for p.rest != "" {
		if err := p.step(); err != nil {
			return statement{}, err
		}
	}
	for _, name := range p.names {
		if known != nil && !slices.Contains(known, name) {
			return statement{}, fmt.Errorf("names the parameter :%s; it can have %s", name, orNone(known))
		}
	}
	return statement{query: p.out.String(), names: p.names}, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return ":" + strings.Join(names, ", :")
}

type parser struct {
	dialect
	rest  string
	last  byte // the one before rest
	out   strings.Builder
	names []string
}

// take copies n bytes.
func (p *parser) take(n int) error {
	p.out.WriteString(p.rest[:n])
	p.last, p.rest = p.rest[n-1], p.rest[n:]
	return nil
}

func (p *parser) step() error {
	switch c := p.rest[0]; {
	case c == '\'' || c == '"' || c == '`':
		return p.quoted(c)
	case strings.HasPrefix(p.rest, "--"):
		return p.comment()
	case strings.HasPrefix(p.rest, "/*"), c == '#' && p.name == "MariaDB":
		return errors.New("has a comment other than -- to the end of the line; leave it out")
	case c == ';':
		return errors.New("has more than one statement; write one")
	case c == '?' && !p.dollars, c == '$' && !inName(p.last):
		return fmt.Errorf("has a placeholder or quote of the form %q; write parameters as :account", c)
	case strings.HasPrefix(p.rest, "::"):
		return p.take(2)
	case c == ':' && len(p.rest) > 1 && inName(p.rest[1]) && !digit(p.rest[1]):
		return p.parameter()
	}
	return p.take(1)
}

func (p *parser) parameter() error {
	end := 1
	for end < len(p.rest) && inName(p.rest[end]) {
		end++
	}
	p.names = append(p.names, p.rest[1:end])
	if p.dollars {
		p.out.WriteString("$" + strconv.Itoa(len(p.names)))
	} else {
		p.out.WriteByte('?')
	}
	p.last, p.rest = '?', p.rest[end:]
	return nil
}

// quoted copies a text or name in quotes; a quote within is doubled. What a backslash means there depends on settings of MariaDB,
// and in PostgreSQL on an E before it.
func (p *parser) quoted(quote byte) error {
	escapes := p.name == "MariaDB" && quote != '`' || p.dollars && quote == '\'' && (p.last == 'E' || p.last == 'e')
	for i := 1; i < len(p.rest); i++ {
		switch {
		case p.rest[i] == '\\' && escapes:
			return errors.New("has a backslash in a text, which may mean one thing or another; leave it out")
		case p.rest[i] != quote:
		case i+1 < len(p.rest) && p.rest[i+1] == quote:
			i++
		default:
			return p.take(i + 1)
		}
	}
	return errors.New("has a quote without an end")
}

func (p *parser) comment() error {
	if p.name == "MariaDB" && len(p.rest) > 2 && p.rest[2] > ' ' {
		return errors.New("has -- without a space behind it, which is no comment in MariaDB; add one")
	}
	if end := strings.IndexByte(p.rest, '\n'); end >= 0 {
		return p.take(end + 1)
	}
	return p.take(len(p.rest))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func inName(c byte) bool {
	return c == '_' || digit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
