package engine

import "bytes"

// isCompact says that a text is JSON without white space, as nearly all that is kept is written: to see that takes a fraction of the time
// of writing it anew. It may be false of such a text: of one with a fraction, for example, or that may be nested deeper than json goes.
func isCompact(text []byte) bool {
	if bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) > 5000 {
		return false
	}
	rest, ok := compactValue(text)
	return ok && len(rest) == 0
}

// compactValue cuts off one value; ok is false for what is no JSON, and may be for what is.
func compactValue(text []byte) (rest []byte, ok bool) {
	if len(text) == 0 {
		return nil, false
	}
	switch c := text[0]; {
	case c == '"':
		return compactText(text)
	case c == '{':
		return compactList(text[1:], '}', compactField)
	case c == '[':
		return compactList(text[1:], ']', compactValue)
	case '0' <= c && c <= '9':
		return compactNumber(text)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(text) >= len(word) && string(text[:len(word)]) == word {
			return text[len(word):], true
		}
	}
	return nil, false
}

func compactNumber(text []byte) (rest []byte, ok bool) {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	rest = text[n:]
	return rest, (text[0] != '0' || n == 1) && (len(rest) == 0 || bytes.IndexByte([]byte(",]}"), rest[0]) >= 0)
}

// compactList cuts off what is between commas, and the end.
func compactList(text []byte, end byte, one func([]byte) ([]byte, bool)) (rest []byte, ok bool) {
	if len(text) > 0 && text[0] == end {
		return text[1:], true
	}
	for {
		if text, ok = one(text); !ok || len(text) == 0 || text[0] != ',' && text[0] != end {
			return nil, false
		}
		if text[0] == end {
			return text[1:], true
		}
		text = text[1:]
	}
}

func compactField(text []byte) (rest []byte, ok bool) {
	if text, ok = compactText(text); !ok || len(text) == 0 || text[0] != ':' {
		return nil, false
	}
	return compactValue(text[1:])
}

func compactText(text []byte) (rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, false
	}
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return text[i+1:], true
		case c < ' ':
			return nil, false
		case c == '\\':
			n := escapeLength(text[i+1:])
			if n == 0 {
				return nil, false
			}
			i += n
		}
	}
	return nil, false
}

// escapeLength is how long what follows a backslash is, 0 if it is no escape.
func escapeLength(text []byte) int {
	switch {
	case len(text) == 0:
		return 0
	case bytes.IndexByte([]byte(`"\/bfnrt`), text[0]) >= 0:
		return 1
	case text[0] != 'u' || len(text) < 5:
		return 0
	}
	for _, c := range text[1:5] {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return 0
		}
	}
	return 5
}
