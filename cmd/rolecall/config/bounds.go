package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
	"github.com/rolecall/rolecall/engine"
)

// Bounds of the configuration file, far above what people write. The parser's time grows with the square of the tokens on
// some input: 50,000 lines "a:" take it 10 s, and nested brackets far longer.
const (
	maxSize   = 1 << 20 // bytes
	maxTokens = 30_000  // some thousand programs
	maxColumn = 200     // where a line may begin: bounds the nesting of blocks
	maxFlow   = 32      // nested [ and {
	maxInLine = 8       // "- - -" in one line
)

// checkBytes finds what is no text, before anything tries to read it. The mark that some editors write at the start of
// UTF-8 is taken off.
func checkBytes(file string, data []byte) ([]byte, *engine.Mistake) {
	at := engine.Place{File: file, Line: 1, Col: 1}
	if len(data) > maxSize {
		return nil, &engine.Mistake{Place: engine.Place{File: file}, Text: fmt.Sprintf("the file is larger than %d MiB", maxSize>>20), Hint: "look whether it is the configuration"}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	for rest := data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			return nil, &engine.Mistake{Place: at, Text: "this is not UTF-8", Hint: "save the file as UTF-8"}
		case r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f:
			return nil, &engine.Mistake{Place: at, Text: fmt.Sprintf("the control character %U has no place here", r), Hint: "remove it"}
		case r == '\n':
			at.Line, at.Col = at.Line+1, 0
		}
		rest, at.Col = rest[n:], at.Col+1
	}
	return data, nil
}

// checkTokens finds nesting without end before anything is built from it.
func checkTokens(file string, tokens token.Tokens) *engine.Mistake {
	flow, line, inLine := 0, 0, 0
	for i, t := range tokens {
		if i == maxTokens {
			return &engine.Mistake{Place: engine.Place{File: file, Line: t.Position.Line, Col: t.Position.Column}, Text: "the configuration is too long to be read from here on", Hint: "look whether it is the configuration"}
		}
		if t.Position.Line != line {
			line, inLine = t.Position.Line, 0
			if t.Position.Column > maxColumn && flow == 0 {
				return &engine.Mistake{Place: engine.Place{File: file, Line: line, Col: t.Position.Column}, Text: "this is indented too far", Hint: "write fewer spaces"}
			}
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			inLine++
		}
		if flow > maxFlow || inLine > maxInLine {
			return &engine.Mistake{Place: engine.Place{File: file, Line: line, Col: t.Position.Column}, Text: "this is nested too deeply", Hint: "close the brackets that are open"}
		}
	}
	return nil
}
