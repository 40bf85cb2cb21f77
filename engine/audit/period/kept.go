package period

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// place is somebody in a program.
type place struct{ person, program string }

// keeping is what the runs say of somebody who has left and from whom nothing is taken there: no case is made of it.
type keeping struct {
	since, until time.Time // until: the first run that looked everywhere and did not say so; zero: it is still so
	why          string
}

func keptCodes() map[string]string {
	return map[string]string{engine.NoticeLeaverUnmanaged: "what Rolecall does not manage (leavers: unmanaged: report)", engine.NoticeLeaverKept: "everything (revoke: never)"}
}

// keeps takes in of whom a run says that they have left and keep something.
func (b *Builder) keeps(r *engine.Record, proofs []engine.Proof, notices []engine.Notice) {
	now := map[place]bool{}
	for _, n := range notices {
		why, is := keptCodes()[n.Code]
		if at := (place{n.Person, n.Program}); is && n.Person != "" {
			now[at] = true
			if k := b.kept[at]; k == nil || !k.until.IsZero() {
				b.kept[at] = &keeping{since: r.Time, why: why}
			}
		}
	}
	for i := range proofs {
		if !proofs[i].Complete() { // who isn't named may be hidden
			return
		}
	}
	for at, k := range b.kept {
		if !now[at] && k.until.IsZero() {
			k.until = r.Time
		}
	}
}

// keepers puts those among the leavers of the period who kept something in it.
func (b *Builder) keepers() {
	places := slices.SortedFunc(maps.Keys(b.kept), func(x, y place) int {
		return cmp.Or(cmp.Compare(x.person, y.person), cmp.Compare(x.program, y.program))
	})
	for _, at := range places {
		k := b.kept[at]
		if !k.until.IsZero() && k.until.Before(b.out.From) {
			continue
		}
		text := fmt.Sprintf("keeps %s in %s", k.why, at.program)
		if !k.until.IsZero() {
			text = fmt.Sprintf("kept %s in %s until %s", k.why, at.program, k.until.UTC().Format(time.RFC3339))
		}
		p := b.person(at.person, "", "")
		p.leaves(k.since)
		if k.until.IsZero() {
			p.Kept++
		}
		if p.Note != "" {
			text = p.Note + "; " + text
		}
		p.Note = text
	}
}
