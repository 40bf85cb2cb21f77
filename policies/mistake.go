package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// problem is an engine.Mistake that does not know its place yet.
type problem struct{ text, hint string }

func unknownName(what, name string, known []string) *problem {
	p := &problem{text: "unknown " + what + " " + quote(name)}
	if p.hint = engine.Suggest(name, known); p.hint == "" && len(known) > 0 && len(known) <= 12 {
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
