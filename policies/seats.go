package policies

import (
	"iter"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Seats counts, per program, the people to whom a policy gives anything there for certain. Nobody is taken to hold anything,
// as in Compare. The people are read once and not kept.
func Seats(p engine.Policy, people iter.Seq[*engine.Person], now time.Time) map[string]int {
	out := map[string]int{}
	var verdicts []engine.Verdict
	for person := range people {
		verdicts = p.Decide(person, now, nil, verdicts[:0])
		last := ""
		for _, s := range standing(p, verdicts) { // sorted, so that a program's entitlements stand together
			if s.certain && s.entitlement.Program != last {
				last = s.entitlement.Program
				out[last]++
			}
		}
	}
	return out
}
