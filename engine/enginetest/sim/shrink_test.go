package sim

import (
	"fmt"
	"regexp"
	"strings"
)

var numbered = regexp.MustCompile(`[^ /]*[0-9][^ ]*|[a-z]+/[xyz]?`)

// shrunk plays a history that went wrong again and again, with ever fewer steps that still let it go wrong, and tells the
// story of what is left.
func shrunk(seed uint64) string {
	steps := *stepsFlag
	promise := func(without map[int]bool) string { // and how it was broken, but for names and numbers
		return numbered.ReplaceAllString(play(seed, steps, without, false, newFigures()).failed, "")
	}
	without := map[int]bool{}
	broken := promise(without)
	if broken == "" {
		return fmt.Sprintf("seed %d went wrong only once", seed)
	}
	for size := steps / 2; size > 0; size /= 2 {
		for from := 1; from <= steps; from += size {
			try := map[int]bool{}
			for n := range without {
				try[n] = true
			}
			for n := from; n < from+size && n <= steps; n++ {
				try[n] = true
			}
			if len(try) > len(without) && promise(try) == broken {
				without = try
			}
		}
	}
	m := play(seed, steps, without, true, newFigures())
	if most := 150; len(m.story) > most {
		m.story = m.story[len(m.story)-most:]
	}
	return fmt.Sprintf("seed %d goes wrong with %d of %d steps: %s\n%s", seed, steps-len(without), steps, m.failed, strings.Join(m.story, "\n"))
}
