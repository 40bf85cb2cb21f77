package http

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine/httpconn"
)

// values fill templates: by name, "account", "right.id", "attributes.mail".
type values map[string]string

// template is text with names in braces; {{ and }} are braces.
type template []part

type part struct{ text, name string }

// parseTemplate reads a template whose names are of those that are known; a known name that ends with a dot stands for all
// that begin so.
func parseTemplate(text string, known []string) (t template, err error) {
	for rest := text; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		switch {
		case at < 0:
			return append(t, part{text: rest}), nil
		case strings.HasPrefix(rest[at:], "{{"), strings.HasPrefix(rest[at:], "}}"):
			t, rest = append(t, part{text: rest[:at+1]}), rest[at+2:]
			continue
		}
		name, after, closed := strings.Cut(rest[at+1:], "}")
		if rest[at] == '}' || !closed {
			return nil, fmt.Errorf("%q has a brace without its partner; write {{ or }} for a brace itself", text)
		}
		if !slices.ContainsFunc(known, func(k string) bool {
			return k == name || strings.HasSuffix(k, ".") && strings.HasPrefix(name, k) && name != k
		}) {
			return nil, fmt.Errorf("%q names {%s}, and here are %s", text, name, namesOf(known))
		}
		t, rest = append(t, part{text: rest[:at]}, part{name: name}), after
	}
	return t, nil
}

func namesOf(known []string) string {
	var out []string
	for _, k := range known {
		if strings.HasSuffix(k, ".") {
			k += "NAME"
		}
		out = append(out, "{"+k+"}")
	}
	if len(out) == 0 {
		return "no names known"
	}
	return "known " + strings.Join(out, ", ")
}

// uses says whether a name stands in the template.
func (t template) uses(name string) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.name == name })
}

// fill puts values in, each escaped for its place. A value that is missing is the name of the first that is.
func (t template) fill(v values, escape func(string) string) (text, missing string) {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.text)
		if p.name == "" {
			continue
		}
		value, ok := v[p.name]
		if !ok {
			return "", p.name
		}
		b.WriteString(escape(value))
	}
	return b.String(), ""
}

// address is a path with its query, whose values can add neither a segment nor a parameter.
type address struct{ path, query template }

func parseAddress(text string, known []string) (a address, err error) {
	if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, "# \t\r\n\\") {
		return a, fmt.Errorf("path %q is not of the form /users/{account}?all=true", text)
	}
	path, query, _ := strings.Cut(text, "?")
	if a.path, err = parseTemplate(path, known); err == nil {
		a.query, err = parseTemplate(query, known)
	}
	return a, err
}

func (a address) uses(name string) bool { return a.path.uses(name) || a.query.uses(name) }

// fill gives the escaped path with its query. A value that would be read as "this folder" or "the one above" is refused.
func (a address) fill(v values) (string, error) {
	path, missing := a.path.fill(v, url.PathEscape)
	query, more := a.query.fill(v, url.QueryEscape)
	if missing+more != "" {
		return "", httpconn.Refuse("there is no value for {%s}", missing+more)
	}
	for _, segment := range strings.Split(path, "/") {
		if segment == "." || segment == ".." {
			return "", httpconn.Refuse("the path %q leads out of where it belongs", path)
		}
	}
	if query != "" {
		path += "?" + query
	}
	return path, nil
}

// body is a JSON value whose texts are templates.
type body any

func parseBody(v any, known []string) (body, error) {
	switch v := v.(type) {
	case string:
		return parseTemplate(v, known)
	case map[string]any:
		out := map[string]body{}
		for name, value := range v {
			b, err := parseBody(value, known)
			if err != nil {
				return nil, err
			}
			out[name] = b
		}
		return out, nil
	case []any:
		out := make([]body, 0, len(v))
		for _, value := range v {
			b, err := parseBody(value, known)
			if err != nil {
				return nil, err
			}
			out = append(out, b)
		}
		return out, nil
	}
	return v, nil
}

// fillBody gives a value for json.Marshal, which escapes it. A member that is nothing but an attribute without a value is
// left out.
func fillBody(b body, v values) (any, error) {
	switch b := b.(type) {
	case template:
		text, missing := b.fill(v, func(s string) string { return s })
		if missing != "" {
			return nil, httpconn.Refuse("there is no value for {%s}", missing)
		}
		return text, nil
	case map[string]body:
		out := map[string]any{}
		for name, value := range b {
			if t, ok := value.(template); ok && len(t) == 2 && t[0].text == "" && strings.HasPrefix(t[1].name, "attributes.") && v[t[1].name] == "" {
				continue
			}
			filled, err := fillBody(value, v)
			if err != nil {
				return nil, err
			}
			out[name] = filled
		}
		return out, nil
	case []body:
		out := make([]any, 0, len(b))
		for _, value := range b {
			filled, err := fillBody(value, v)
			if err != nil {
				return nil, err
			}
			out = append(out, filled)
		}
		return out, nil
	}
	return b, nil
}
