// Package config reads Rolecall's configuration: one strict YAML file in which every mistake is named with its place, all
// of them at once. A part that belongs to somebody else, a connector's settings for one, stays a Section that its owner
// decodes.
package config

import (
	"fmt"
	"slices"
	"strings"
)

// Place is where something stands. Lines and columns count from 1; 0 means the file as a whole.
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

// Mistake is one thing wrong with the configuration.
type Mistake struct {
	Place Place
	Text  string // one sentence without a full stop
	Hint  string // what to do, "" if the text says it
}

// Mistakes is every mistake found, in the order of their places.
type Mistakes []Mistake

// Error lists one mistake per line, hints indented below.
func (m Mistakes) Error() string {
	var b strings.Builder
	for i, one := range m {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s", one.Place, one.Text)
		if one.Hint != "" {
			fmt.Fprintf(&b, "\n  hint: %s", one.Hint)
		}
	}
	return b.String()
}

// err is the list as an error, sorted; nil if it is empty.
func (m Mistakes) err() error {
	if len(m) == 0 {
		return nil
	}
	slices.SortStableFunc(m, func(a, b Mistake) int {
		if a.Place.Line != b.Place.Line {
			return a.Place.Line - b.Place.Line
		}
		return a.Place.Col - b.Place.Col
	})
	return m
}

// Suggest gives a hint with the known word that looks most like the one given, "" if none does.
func Suggest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, distance := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := edits(strings.ToLower(word), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
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
