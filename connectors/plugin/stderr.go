package plugin

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	maxText   = 1000     // bytes of one text of a plug-in that are shown
	maxLines  = 200      // lines of standard error that are logged in a minute
	maxStderr = 64 << 20 // bytes of standard error, of one process, that are looked at; the rest is thrown away
)

// cleaner makes text of a plug-in fit to be shown: without secrets, without what a terminal obeys or nobody sees, and not long.
func cleaner(secrets map[string]string) func(string) string {
	var values []string
	for _, v := range secrets {
		values = append(values, v)
		if lines := strings.Split(v, "\n"); len(lines) > 1 { // standard error comes line by line
			values = append(values, lines...)
		}
	}
	for _, v := range slices.Clone(values) {
		values = append(values, disguises(strings.TrimSpace(v))...)
	}
	sort.Slice(values, func(i, j int) bool { return len(values[i]) > len(values[j]) }) // one may hold another
	var pairs []string
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			pairs = append(pairs, v, "[secret]")
		}
	}
	hide := strings.NewReplacer(pairs...)
	return func(text string) string { return visible(hide.Replace(text)) }
}

// disguises are what a secret looks like once it was quoted, escaped or encoded.
func disguises(v string) (out []string) {
	if len(v) < 4 {
		return nil // too short to be told from anything else
	}
	plain, _ := json.Marshal(v)
	var html bytes.Buffer
	e := json.NewEncoder(&html)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	for _, quoted := range []string{strconv.Quote(v), strconv.QuoteToASCII(v), string(plain), strings.TrimSpace(html.String())} {
		out = append(out, quoted[1:len(quoted)-1])
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		out = append(out, e.EncodeToString([]byte(v)))
	}
	return append(out, url.QueryEscape(v), url.PathEscape(v))
}

// visible escapes what is not printed, and cuts.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case b.Len() > maxText:
			return b.String() + "…"
		case r == ' ' || unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// overhear logs what a plug-in writes to standard error, so many lines in a minute.
func (h *host) overhear(from io.Reader, clean func(string) string) {
	r := bufio.NewReaderSize(io.LimitReader(from, maxStderr), 64<<10)
	var minute time.Time
	lines, silenced, inside := 0, 0, false
	for {
		text, err := r.ReadSlice('\n')
		rest := inside // of a line that was too long: it may begin with half a secret
		inside = errors.Is(err, bufio.ErrBufferFull)
		if len(text) > 0 && !rest {
			if now := h.now(); now.Sub(minute) >= time.Minute {
				minute, lines = now, 0
			}
			if lines++; lines <= maxLines {
				h.say(text, clean)
			} else if silenced++; silenced == 1 {
				h.complaints.add(fmt.Sprintf("the plug-in of %s floods its standard error: more than %d lines in a minute", h.program, maxLines))
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	_, _ = io.Copy(io.Discard, from) // who is not read any longer stands still
	if silenced > 0 && h.log != nil {
		h.log.Warn("a plug-in wrote more than is logged", "program", h.program, "lines", silenced)
	}
}

// say logs one line.
func (h *host) say(line []byte, clean func(string) string) {
	line = bytes.TrimRight(line, "\r\n")
	if bytes.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
		h.complaints.add(fmt.Sprintf("the plug-in of %s writes control characters to its standard error; they were made visible", h.program))
	}
	if h.log != nil {
		h.log.Warn("plug-in", "program", h.program, "says", clean(string(line)))
	}
}
