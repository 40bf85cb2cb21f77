package engine

import (
	"cmp"
	"slices"
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
	facts := p.b.seatFacts()[p.program.Name]
	if len(facts) == 0 || !p.complete || p.b.s.Person != "" || !p.b.s.Proof.Complete() {
		return
	}
	asks := map[string]bool{}
	for i := range p.changes() {
		if c := &p.changes()[i]; s != nil && c.Op.Gives() && c.Op != OpAdopt {
			asks[c.Person] = true
		}
	}
	for account := range p.giving {
		asks[p.personOf(account)] = true
	}
	for _, f := range facts {
		if s == nil || !s.facts[f.FactKey] && !s.stillAsks(f, asks) {
			p.b.clear(f.FactKey)
		}
	}
}

// seatFacts are those of memory by program, grouped once.
func (b *builder) seatFacts() map[string][]Fact {
	if b.asked == nil {
		b.asked = map[string][]Fact{}
		for f := range b.s.Memory.each(FactSeat) {
			b.asked[f.Program] = append(b.asked[f.Program], f)
		}
	}
	return b.asked
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

// mark puts beside what is given which seats it takes, so that whoever works can look whether they are there still: beside each change
// that can be the one to take it, since others may be held back, or be made later.
func (s *seating) mark() {
	if !s.p.reading.countsSeats {
		return
	}
	for account, changes := range s.gains {
		needs := s.needs(account)
		for i := range s.kinds {
			if k := &s.kinds[i]; !needs[i] || k.Count == NoSeatLimit {
				continue
			}
			for _, c := range changes {
				if s.mayNeed(&s.kinds[i], c) {
					c.Seats = append(c.Seats, s.kinds[i].Name)
				}
			}
		}
	}
}

// mayNeed: an account that is made, or can be used again, takes what its rights need; any right may be the first of one that takes a
// seat of the kind for the rest.
func (s *seating) mayNeed(k *kindSeats, c *Change) bool {
	return len(k.For) == 0 || k.rights[c.right] || c.right == s.p.active || c.right == s.p.exists
}
