package policies

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// reader takes one file apart and collects what is wrong with it; it goes on after each mistake.
type reader struct {
	schema   *Schema
	language *language
	file     string
	lines    []string
	mistakes *engine.Mistakes
}

func (r *reader) wrong(n *node, text, hint string) { r.wrongAt(n.line, n.col, text, hint) }

func (r *reader) wrongAt(line, col int, text, hint string) {
	*r.mistakes = append(*r.mistakes, engine.Mistake{Place: engine.Place{File: r.file, Line: line, Col: col}, Text: text, Hint: hint})
}

func (r *reader) problem(n *node, p *problem) {
	if p != nil {
		r.wrong(n, p.text, p.hint)
	}
}

func (r *reader) place(n *node) string { return r.file + ":" + strconv.Itoa(n.line) }

// field is one key of a table and what to do with its value.
type field struct {
	name     string
	required bool
	read     func(*node)
}

// fields reads a table: unknown, duplicate and missing keys are mistakes. other, if set, is asked for keys that are no
// field.
func (r *reader) fields(n *node, what string, fields []field, other func(key, value *node) bool) bool {
	if n.kind != table {
		r.wrong(n, what+" must be a table of keys and values", "")
		return false
	}
	seen := map[string]bool{}
	for _, e := range n.entries {
		name := e.key.text
		if seen[name] {
			r.wrong(e.key, "key "+quote(name)+" appears twice", "")
			continue
		}
		seen[name] = true
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case i >= 0 && e.value.kind == empty:
			r.wrong(e.key, quote(name)+" has no value", "leave the key out or give it one")
		case i >= 0:
			fields[i].read(e.value)
		case other == nil || !other(e.key, e.value):
			r.problem(e.key, unknownName("key", name, fieldNames(fields)))
		}
	}
	complete := true
	for _, f := range fields {
		if f.required && !seen[f.name] {
			complete = false
			r.wrong(n, what+" lacks "+quote(f.name), "")
		}
	}
	return complete
}

func fieldNames(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}

// text reads a scalar that must be text.
func (r *reader) text(n *node) (string, bool) {
	switch {
	case n.kind == empty:
		r.wrong(n, "a text is missing here", "")
	case n.kind != scalar:
		r.wrong(n, "here must be a text, not a list or table", spacedColon(n))
	case n.typed != "":
		r.wrong(n, quote(n.text)+" without quotes is "+n.typed+", not a text", `write "`+n.text+`" in quotes`)
	case strings.TrimSpace(n.text) == "":
		r.wrong(n, "the text is empty", "")
	default:
		return n.text, true
	}
	return "", false
}

// spacedColon is the hint for title: engineer, which is a table, where title:engineer is meant.
func spacedColon(n *node) string {
	if n.kind != table || len(n.entries) != 1 || n.entries[0].key.kind != scalar || n.entries[0].value.kind != scalar {
		return ""
	}
	return `write "` + n.entries[0].key.text + ":" + n.entries[0].value.text + `" in quotes, without a space after the colon`
}

func (r *reader) textInto(to *string) func(*node) {
	return func(n *node) { *to, _ = r.text(n) }
}

// word reads one of a few words.
func (r *reader) word(to *string, words ...string) func(*node) {
	return func(n *node) {
		s, ok := r.text(n)
		if ok && !slices.Contains(words, s) {
			p := unknownName("word", s, words)
			r.wrong(n, p.text, "one of "+strings.Join(words, ", "))
			return
		}
		*to = s
	}
}

// texts calls each for the items of a list.
func (r *reader) texts(n *node, each func(item *node, text string)) {
	if n.kind != list {
		r.wrong(n, "here must be a list", "write [ ] around it")
		return
	}
	seen := map[string]bool{}
	for _, item := range n.items {
		s, ok := r.text(item)
		if !ok {
			continue
		}
		if seen[s] {
			r.wrong(item, quote(s)+" is listed twice", "")
			continue
		}
		seen[s] = true
		each(item, s)
	}
}

// oneOrMore is texts that also takes a single text.
func (r *reader) oneOrMore(n *node, each func(item *node, text string)) {
	if n.kind == list {
		r.texts(n, each)
	} else if s, ok := r.text(n); ok {
		each(n, s)
	}
}

// each reads a list of tables.
func (r *reader) each(f func(*node)) func(*node) {
	return func(n *node) {
		if n.kind != list {
			r.wrong(n, "here must be a list", "begin each item with a dash")
			return
		}
		for _, item := range n.items {
			f(item)
		}
	}
}

// date is a calendar date as year·10000 + month·100 + day: ordered, and without a zone. 0 is no date.
type date int32

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date(y*10000 + int(m)*100 + d)
}

func (d date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d/10000, d/100%100, d%100) }

func (d date) time(zone *time.Location) time.Time {
	return time.Date(int(d/10000), time.Month(d/100%100), int(d%100), 0, 0, 0, 0, zone)
}

func (r *reader) date(to *date) func(*node) {
	return func(n *node) {
		s, ok := r.text(n)
		if !ok {
			return
		}
		t, err := time.Parse(time.DateOnly, s)
		if err != nil || t.Year() < 1900 {
			r.wrong(n, quote(s)+" is not a date", "write it like 2027-01-31")
			return
		}
		*to = dateOf(t)
	}
}

func (r *reader) duration(to *time.Duration) func(*node) {
	return func(n *node) {
		if n.kind == scalar && n.text == "0" {
			*to = 0
			return
		}
		s, ok := r.text(n)
		if !ok {
			return
		}
		d, ok := parseDuration(s)
		if !ok {
			r.wrong(n, quote(s)+" is not a length of time", "write it like 7d or 12h")
			return
		}
		*to = d
	}
}

// parseDuration takes whole numbers with w, d, h or m, at most 10 years in all: "1w", "1d12h".
func parseDuration(s string) (time.Duration, bool) {
	units := map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}
	const most = 3653 * 24 * time.Hour
	var sum time.Duration
	for s != "" {
		i := strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' })
		if i < 1 || i > 7 {
			return 0, false
		}
		number, _ := strconv.Atoi(s[:i])
		unit := units[s[i]]
		if sum += time.Duration(number) * unit; unit == 0 || sum > most {
			return 0, false
		}
		s = s[i+1:]
	}
	return sum, sum > 0
}
