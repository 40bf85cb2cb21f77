package engine

import (
	"cmp"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// place is where one change belongs in a plan. Changes are big and many, so places are sorted in their stead, by numbers
// that stand for program, account and order of operation; names decide only between equals.
type place struct {
	program, account uint32
	order            int32
	from             int32 // index in the plan as it was made
}

// sortChanges sorts by program, account, order of operation, entitlement, login and person.
func (b *builder) sortChanges() {
	changes := b.plan.Changes
	places := make([]place, 0, len(changes))
	for n, p := range b.programs {
		rank := p.accountRanks()
		for i := range p.changes() {
			c := &p.changes()[i]
			at := place{program: uint32(n), order: int32(opOrder(c)), from: int32(p.from + i)}
			if c.account != none {
				at.account = rank[c.account]
			}
			places = append(places, at)
		}
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.program, y.program), cmp.Compare(x.account, y.account), cmp.Compare(x.order, y.order),
			compareEquals(&changes[x.from], &changes[y.from]), cmp.Compare(x.from, y.from))
	})
	arrange(changes, places)
}

func compareEquals(x, y *Change) int {
	if c := strings.Compare(x.Entitlement, y.Entitlement); c != 0 {
		return c
	}
	return cmp.Or(strings.Compare(x.Login, y.Login), strings.Compare(x.Person, y.Person))
}

// accountRanks numbers the accounts of changes by name, from 1.
func (p *programPlan) accountRanks() map[uint32]uint32 {
	of := roaring.New()
	for i := range p.changes() {
		if c := &p.changes()[i]; c.account != none {
			of.Add(c.account)
		}
	}
	byName := of.ToArray()
	slices.SortFunc(byName, func(x, y uint32) int { return strings.Compare(p.reading.accounts.Name(x), p.reading.accounts.Name(y)) })
	rank := make(map[uint32]uint32, len(byName))
	for i, account := range byName {
		rank[account] = uint32(i + 1)
	}
	return rank
}

// arrange moves each change to its place, without a second list: every circle of moves is followed to its end.
func arrange(changes []Change, places []place) {
	for i := range places {
		if places[i].from < 0 {
			continue
		}
		first, at := changes[i], i
		for from := int(places[at].from); from != i; from = int(places[at].from) {
			changes[at], places[at].from = changes[from], -1
			at = from
		}
		changes[at], places[at].from = first, -1
	}
}
