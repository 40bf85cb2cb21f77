package http

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// nextLink gives the target of the link with the relation "next" (RFC 8288 section 3), "" if there is none.
func nextLink(h http.Header) string {
	for _, line := range h.Values("Link") {
		for rest := line; ; {
			open := strings.IndexByte(rest, '<')
			if open < 0 {
				break
			}
			target, after, ok := strings.Cut(rest[open+1:], ">")
			if !ok {
				break
			}
			var is bool
			if is, rest = linkIsNext(after); is {
				return target
			}
		}
	}
	return ""
}

// linkIsNext reads the parameters of one link, up to the comma before the next one. The first rel counts.
func linkIsNext(text string) (is bool, rest string) {
	found := false
	for text = strings.TrimLeft(text, " \t"); strings.HasPrefix(text, ";"); text = strings.TrimLeft(text, " \t") {
		name := strings.TrimLeft(text[1:], " \t")
		end := strings.IndexAny(name, "=;, \t")
		if end < 0 {
			end = len(name)
		}
		text = strings.TrimLeft(name[end:], " \t")
		name = name[:end]
		var value string
		if strings.HasPrefix(text, "=") {
			value, text = linkValue(strings.TrimLeft(text[1:], " \t"))
		}
		if strings.EqualFold(name, "rel") && !found {
			found = true
			for _, relation := range strings.Fields(value) {
				is = is || strings.EqualFold(relation, "next")
			}
		}
	}
	return is, text
}

// linkValue reads a token or a quoted string (RFC 9110 section 5.6.4).
func linkValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, ";, \t")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}

// below makes an address that a program gave into a path below the url. Credentials go nowhere else.
func (p *Program) below(raw, path string) (string, error) {
	bad := &partial{engine.ReasonMalformed, fmt.Sprintf("%s goes on at an address outside of the url, where no credentials are sent; ask the program's vendor", path)}
	base, err := url.Parse(p.client.Base() + path)
	if err != nil {
		return "", bad
	}
	to, err := base.Parse(raw)
	if err != nil || to.Scheme != base.Scheme || to.Host != base.Host || to.User != nil {
		return "", bad
	}
	root, err := url.Parse(p.client.Base())
	if err != nil {
		return "", bad
	}
	rest, ok := strings.CutPrefix(to.EscapedPath(), root.EscapedPath()+"/")
	if !ok || climbs(rest) {
		return "", bad
	}
	if to.RawQuery != "" {
		rest += "?" + to.RawQuery
	}
	return "/" + rest, nil
}

// climbs says whether something on the way may take a path for one that leads to the folder above, as escaped as it may be.
func climbs(path string) bool {
	for {
		for _, segment := range strings.FieldsFunc(path, func(c rune) bool { return c == '/' || c == '\\' }) {
			if segment, _, _ = strings.Cut(segment, ";"); segment == "." || segment == ".." {
				return true
			}
		}
		plain, err := url.PathUnescape(path)
		if err != nil || plain == path {
			return false
		}
		path = plain
	}
}
