package config

import (
	"fmt"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Template is text with attributes of a person in braces: "{login}", "cn={name},ou=people". {key} is the immutable key;
// {{ and }} are braces.
type Template struct{ parts []part }

type part struct{ text, attribute string }

// ParseTemplate reads a template.
func ParseTemplate(text string) (t Template, err error) {
	bad := fmt.Errorf("template %q is malformed", text)
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		switch two := text[i:min(i+2, len(text))]; {
		case two == "{{" || two == "}}":
			plain.WriteByte(text[i])
			i++
		case text[i] == '}':
			return t, bad
		case text[i] == '{':
			name, _, closed := strings.Cut(text[i+1:], "}")
			if !closed || name == "" || strings.ContainsAny(name, "{ \t") {
				return t, bad
			}
			t.parts = append(t.parts, part{text: plain.String()}, part{attribute: name})
			plain.Reset()
			i += len(name) + 1
		default:
			plain.WriteByte(text[i])
		}
	}
	t.parts = append(t.parts, part{text: plain.String()})
	return t, nil
}

// Names are the attributes that the template uses.
func (t Template) Names() (names []string) {
	for _, p := range t.parts {
		if p.attribute != "" {
			names = append(names, p.attribute)
		}
	}
	return names
}

// Fill puts a person's values in. Attributes of a job are taken from the first job that has them. missing is the first
// attribute without a value, known or not: an empty value never makes an account.
func (t Template) Fill(p *engine.Person) (text, missing string) {
	var b strings.Builder
	for _, part := range t.parts {
		b.WriteString(part.text)
		if part.attribute == "" {
			continue
		}
		value := valueOf(p, part.attribute)
		if value == "" {
			return "", part.attribute
		}
		b.WriteString(value)
	}
	return b.String(), ""
}

func valueOf(p *engine.Person, name string) string {
	if name == "key" {
		return p.Key
	}
	value := p.Attributes.First(name)
	for i := 0; i < len(p.Jobs) && value == ""; i++ {
		value = p.Jobs[i].Attributes.First(name)
	}
	return value
}
