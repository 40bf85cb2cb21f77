package engine

import (
	"cmp"
	"slices"
	"strings"
)

// displaced are those whose seats people of a higher priority would have if who has one did not keep it.
func (s *seating) displaced(k *kindSeats, waiting []SeatClaim) []SeatClaim {
	out := []SeatClaim{}
	if len(waiting) == 0 || waiting[0].Priority == 0 {
		return out
	}
	holders := s.holders(k)
	for j := range waiting {
		if j == len(holders) || holders[j].Priority >= waiting[j].Priority {
			break
		}
		out = append(out, holders[j])
	}
	return out
}

// holders are the people with a seat, those first who would lose it first: of the lowest priority, then the latest.
func (s *seating) holders(k *kindSeats) (out []SeatClaim) {
	most, since := map[uint32]int{}, map[uint32]int64{}
	for _, row := range s.p.mem.Rows {
		if row.Managed && (len(k.For) == 0 || k.rights[row.Entitlement]) {
			most[row.Account] = max(most[row.Account], s.priority(s.p.rulesOf(row)))
			since[row.Account] = max(since[row.Account], row.Since)
		}
	}
	for it := k.seen.Iterator(); it.HasNext(); {
		account := it.Next()
		if who, ok := s.p.subjectOf(account); ok && who.person != nil && !nobodys(s.p.reading.kind(account)) {
			out = append(out, SeatClaim{Person: who.key, Login: who.person.Login(), Name: who.person.Name(), Priority: most[account], Since: unixTime(since[account])})
		}
	}
	slices.SortFunc(out, func(a, b SeatClaim) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), b.Since.Compare(a.Since), cmp.Compare(a.Person, b.Person))
	})
	return out
}

// forgetSeats forgets who asked, once they have a seat or should have none; nil: no seats are configured.
func (p *programPlan) forgetSeats(s *seating) {
	facts := p.b.s.Memory.Facts(FactSeat)
	if len(facts) == 0 || !p.complete || p.b.s.Person != "" || !p.b.s.Proof.Complete() {
		return
	}
	asks := map[string]bool{}
	for i := range p.changes() {
		if c := &p.changes()[i]; c.Op.Gives() && c.Op != OpAdopt {
			asks[c.Person] = true
		}
	}
	for account := range p.giving {
		asks[p.personOf(account)] = true
	}
	for _, f := range facts {
		if f.Program == p.program.Name && (s == nil || !s.facts[f.FactKey] && !s.stillAsks(f, asks)) {
			p.b.clear(f.FactKey)
		}
	}
}

// stillAsks: whoever can't be seen now, of whom nobody can tell what they should have, or whose grant waits for something else, keeps the place in the list.
func (s *seating) stillAsks(f Fact, asks map[string]bool) bool {
	n, known := s.p.b.index[f.Person]
	i := slices.IndexFunc(s.kinds, func(k kindSeats) bool { return k.Name == f.Key && k.Count != NoSeatLimit })
	switch {
	case i < 0 || !known:
		return false
	case s.p.b.subjects[n].standing == unseen || s.p.unsureOf[n]:
		return true
	}
	account := s.p.account[n]
	return asks[f.Person] && (account == none || !s.kinds[i].seen.Contains(account))
}

// mark puts beside what is given which seats it takes, so that whoever works can look whether they are there still.
func (s *seating) mark() {
	if !s.p.reading.countsSeats {
		return
	}
	for account, changes := range s.gains {
		needs := s.needs(account)
		for i := range s.kinds {
			if k := &s.kinds[i]; len(changes) > 0 && needs[i] && k.Count != NoSeatLimit {
				c := s.first(k, changes)
				c.Seats = append(c.Seats, k.Name)
			}
		}
	}
}

// first is the change that comes first of those that take a seat: without an account nothing else is tried.
func (s *seating) first(k *kindSeats, changes []*Change) *Change {
	weight := func(c *Change) int {
		switch {
		case c.Op == OpCreate:
			return 3
		case k.rights[c.right]:
			return 2
		case c.right == s.p.active:
			return 1
		}
		return 0
	}
	return slices.MaxFunc(changes, func(a, b *Change) int {
		return cmp.Or(weight(a)-weight(b), strings.Compare(b.Entitlement, a.Entitlement))
	})
}
