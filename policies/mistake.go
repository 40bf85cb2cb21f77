package policies

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Mistake is one thing wrong in the policy files.
type Mistake struct {
	File         string
	Line, Column int    // from 1; 0 where the mistake has no place in the file
	Text         string // one sentence
	Hint         string // what to do, may be empty
}

// String gives "file:line:col: text (hint)".
func (m Mistake) String() string {
	var b strings.Builder
	b.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
	}
	b.WriteString(": " + m.Text)
	if m.Hint != "" {
		b.WriteString(" (" + m.Hint + ")")
	}
	return b.String()
}

// Mistakes are all mistakes of a folder of policy files at once, by file, line and column.
type Mistakes []Mistake

// Error gives one mistake a line.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

func (m Mistakes) sort() {
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// problem is a Mistake that does not know its place yet.
type problem struct{ text, hint string }

func unknownName(what, name string, known []string) *problem {
	p := &problem{text: "unknown " + what + " " + quote(name)}
	if near := nearest(name, known); near != "" {
		p.hint = "did you mean " + quote(near) + "?"
	} else if len(known) > 0 && len(known) <= 12 {
		p.hint = "known: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
	}
	return p
}

// quote shows foreign text: escaped, and cut where it is long.
func quote(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// nearest is the known name with the smallest edit distance, "" if none is near; the first by name among equals.
func nearest(name string, known []string) string {
	best, at := "", max(2, len(name)/4)+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if len(k) > 200 || len(name) > 200 {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < at && d < max(len(name), len(k)) {
			best, at = k, d
		}
	}
	return best
}

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
