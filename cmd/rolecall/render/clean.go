// Package render shows data to people and programs: tables, JSON, CSV, Markdown. Text from directories and programs is
// data: nothing in it reaches a terminal as a control sequence or a spreadsheet as a formula.
package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text safe for one line of a terminal or a log: control characters (C0, C1, so all escape sequences), bidi and
// invisible format characters and bytes that are no UTF-8 are written as \x1b or \u202e.
func Clean(text string) string {
	if isClean(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case harmless(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

func isClean(text string) bool {
	for i, r := range text {
		if !harmless(r) || r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) { // it may also be written there
			return false
		}
	}
	return true
}

// harmless characters show themselves and move nothing but the cursor by their width. Format characters (Cf) hold bidi
// controls, zero-width marks and tags; Zl and Zp break lines. U+034F, U+115F, U+1160, U+3164 and U+FFA0 are invisible.
func harmless(r rune) bool {
	if r >= ' ' && r < 0x7f { // nearly all
		return true
	}
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0:
		return false
	}
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
}

// Cell makes text safe as a cell of a CSV file: where a spreadsheet would take it for a formula it is given a leading
// quote (OWASP ASVS 5.0, 1.2.10). Control characters other than line breaks and tabs are written out.
func Cell(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		cells := strings.Split(l, "\t")
		for j, c := range cells {
			cells[j] = Clean(c)
		}
		lines[i] = strings.Join(cells, "\t")
	}
	safe := strings.Join(lines, "\n")
	if text == "" {
		return ""
	}
	// The full-width forms count too: some programs read them as the plain ones.
	first, _ := utf8.DecodeRuneInString(text)
	if strings.ContainsRune("=+-@\t\r\n\x00\uFF1D\uFF0B\uFF0D\uFF20", first) {
		return "'" + safe
	}
	return safe
}
