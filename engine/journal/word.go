package journal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// HasName says whether a name stands in a stored text as a value of its own, or as a word in what people wrote.
func HasName(stored, name string) bool {
	return hasWord(stored, inner(name))
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
		if !inWord(before) && !inWord(behind) {
			return true
		}
		from = at + 1
	}
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
