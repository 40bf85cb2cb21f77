package journal

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// HasName says whether a name stands in a stored text as a value of its own, or as a word in what people wrote.
func HasName(stored, name string) bool {
	return slices.ContainsFunc(spelt(name), func(text string) bool { return hasWord(stored, text) })
}

// spelt are the texts by which a name may stand in a stored one: what comes as JSON, like what a read saw, may have escapes for HTML too.
func spelt(name string) []string {
	own := inner(name)
	if !strings.ContainsAny(own, "&<>") {
		return []string{own}
	}
	return []string{own, strings.NewReplacer("&", `\u0026`, "<", `\u003c`, ">", `\u003e`).Replace(own)}
}

// inner is a text as it stands in JSON, without the quotes.
func inner(name string) string {
	text := quoted(name)
	return text[1 : len(text)-1]
}

// hasWord says whether the name stands there and is no part of a longer word.
func hasWord(text, name string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], name)
		if at < 0 || name == "" {
			return false
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		behind, _ := utf8.DecodeRuneInString(text[at+len(name):])
		if (!inWord(before) || escaped(text[:at])) && !inWord(behind) {
			return true
		}
		from = at + 1
	}
}

// escaped says whether a text ends with an escape of JSON, as where a line ends: its last letter or digit is none of what was written.
func escaped(text string) bool {
	for _, length := range [...]int{len(`\n`), len(`\u0000`)} {
		at := len(text) - length
		if at < 0 || text[at] != '\\' || (text[at+1] == 'u') != (length > 2) {
			continue
		}
		slashes := len(text[:at+1]) - len(strings.TrimRight(text[:at+1], `\`))
		if slashes%2 == 1 {
			return true
		}
	}
	return false
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// LoginOf is the login by which a record knows its person, "" if it has none.
func LoginOf(r *engine.Record) string {
	if r.Kind != engine.KindIntent && r.Kind != engine.KindAdopt {
		return ""
	}
	i, _, err := engine.IntentOf(*r)
	if err != nil {
		return ""
	}
	return i.Change.Login
}
