package render

import (
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Visible gives a writer for JSON whose strings hold nothing that a terminal obeys or nobody sees: encoding/json escapes C0
// and line separators, this the rest, as \u009b. A reader of the JSON gets the same text. Each Write is a whole number of
// characters, as those of encoding/json and of slog's handlers are.
func Visible(w io.Writer) io.Writer { return visible{w} }

type visible struct{ to io.Writer }

// Write implements io.Writer.
func (v visible) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) && p[n] < 0x7f { // nearly always all
		n++
	}
	if n == len(p) {
		return v.to.Write(p)
	}
	if _, err := v.to.Write(escaped(p[:n:n], p[n:])); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escaped adds text to out. What is below a space is left as it is: it is the writer's own, such as line breaks and colours.
func escaped(out, text []byte) []byte {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r < ' ' || harmless(r):
			out = append(out, text[:n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out
}
