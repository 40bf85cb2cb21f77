package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Place is where something stands in a file. Lines and columns count from 1; 0 means the file as a whole.
type Place struct {
	File      string
	Line, Col int
}

// String gives file:line:column, as editors understand it.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Mistake is one thing wrong in a file that people write: the configuration or a policy.
type Mistake struct {
	Place
	Text string // one sentence without a full stop
	Hint string // what to do, "" if the text says it
}

// String gives "file:line:column: text (hint)".
func (m Mistake) String() string {
	text := m.Place.String() + ": " + m.Text
	if m.Hint != "" {
		text += " (" + m.Hint + ")"
	}
	return text
}

// Mistakes is all that is wrong at once, as an error.
type Mistakes []Mistake

// Error gives one mistake a line.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

// Err is the list, sorted by place; nil if it is empty.
func (m Mistakes) Err() error {
	if len(m) == 0 {
		return nil
	}
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return m
}

// Suggest gives a hint with the known word that looks most like the one given, "" if none does; among equals the first by
// name.
func Suggest(word string, known []string) string {
	const longest = 200 // bytes; nobody mistypes more
	best, distance := "", longest
	for _, k := range slices.Sorted(slices.Values(known)) {
		if len(k) > longest || len(word) > longest {
			continue
		}
		most := min(max(2, len(word)/4), max(len(word), len(k))/2) // of a short word, half is another word
		if d := edits(strings.ToLower(word), strings.ToLower(k)); d <= most && d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + quote(best) + "?"
}

// edits counts insertions, removals, replacements and swaps of neighbours (optimal string alignment), in bytes.
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
