package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// mostPasses bounds how often seats are given anew because somebody gave one back: one pass leaves fewer given, never more.
const mostPasses = 50

// allotAll gives all kinds. Who waits for a seat of one kind, and has no use of the account without, keeps none of another kind from
// those who would.
func (s *seating) allotAll() {
	for range mostPasses {
		s.allotOnce()
		if !s.again && !s.readmit() {
			break
		}
	}
	for c, reason := range s.blocked {
		c.State, c.Reason = Blocked, reason
	}
	for _, f := range s.noted {
		s.p.b.set(f)
		s.facts[f.FactKey] = true
	}
	slices.SortFunc(s.plans, func(x, y SeatPlan) int { return strings.Compare(x.Kind, y.Kind) })
}

func (s *seating) allotOnce() {
	s.pass = pass{gains: maps.Clone(s.asking), blocked: map[*Change]string{}, gave: map[uint32]bool{}}
	s.retry = map[uint32]bool{}
	for _, rest := range []bool{false, true} { // who gets none of a kind that a right needs may take one of the kind for the rest
		for i := range s.kinds {
			if rest == (len(s.kinds[i].For) == 0) {
				s.plans = append(s.plans, s.allot(i))
			}
		}
	}
}

// readmit lets those try again, once, who wait for a seat that was given back meanwhile.
func (s *seating) readmit() (any bool) {
	for account := range s.retry {
		if !s.tried[account] {
			s.tried[account], any = true, true
			delete(s.out, account)
		}
	}
	return any
}

// allot gives the free seats of one kind.
func (s *seating) allot(i int) SeatPlan {
	k := &s.kinds[i]
	sp := SeatPlan{Program: s.p.program.Name, Kind: k.Name, Seats: k.Count, Taken: int(k.taken.GetCardinality()), Kept: []SeatClaim{}, Waiting: []SeatClaim{}, Displaced: []SeatClaim{}}
	claims := s.claims(i)
	if k.Count == NoSeatLimit {
		sp.Given = len(claims)
		return sp
	}
	s.limit(k, &sp)
	free := sp.Free
	if sp.Unknown != "" {
		free = 0
	}
	given, waiting := s.split(i, free, claims)
	for j := range given {
		s.give(k, &given[j], &sp, len(waiting) > 0)
	}
	sp.Free -= len(given)
	for j := range waiting {
		s.wait(i, &waiting[j], len(waiting), &sp)
	}
	sp.Buy = max(0, len(waiting)-sp.Free)
	if sp.Unknown == "" {
		sp.Displaced = s.displaced(k, waiting)
	}
	return sp
}

// split decides who gets one. Who is out waits in the line, and is to try again if one is free or somebody behind gets one.
func (s *seating) split(i, free int, claims []SeatClaim) (given, waiting []SeatClaim) {
	var out []SeatClaim
	claims = slices.DeleteFunc(claims, func(c SeatClaim) bool {
		kind, is := s.out[c.account]
		if is = is && c.account != none; is && kind == i {
			out = append(out, c)
		}
		return is
	})
	given, waiting = AllotSeats(free, claims)
	if len(out) == 0 {
		return given, waiting
	}
	for j := range out {
		if len(given) < free || len(given) > 0 && out[j].before(&given[len(given)-1]) < 0 {
			s.retry[out[j].account] = true
		}
	}
	_, waiting = AllotSeats(0, slices.Concat(waiting, out))
	return given, waiting
}

// claims are all those who should have a seat of one kind and take none.
func (s *seating) claims(i int) (out []SeatClaim) {
	k := &s.kinds[i]
	for account, changes := range s.gains {
		if len(changes) == 0 || !s.needs(account)[i] {
			continue
		}
		c := SeatClaim{Person: changes[0].Person, Login: changes[0].Login, Name: changes[0].Name, Since: Instant(s.p.b.s.Now), account: account}
		c.Priority = s.wanted(i, account)
		if f, ok := s.fact(k, c.Person); ok {
			c.Since, c.Joiner = f.Since, f.Text == seatKept
		}
		out = append(out, c)
	}
	if k.Count == NoSeatLimit {
		return out
	}
	return append(append(out, s.joiners(i)...), s.waiters(k)...)
}

// wanted is the highest priority of the rules that give an account what needs the kind, whether it gains that or holds it already.
func (s *seating) wanted(i int, account uint32) (most int) {
	if most, known := s.wants[pair(uint32(i), account)]; known {
		return most
	}
	k := &s.kinds[i]
	for _, c := range s.named[account] {
		if len(k.For) == 0 || k.rights[c.right] {
			most = max(most, s.priority(c.Rules))
		}
	}
	_, proposed := ProposedName(s.p.reading.accounts.Name(account))
	if who, ok := s.p.subjectOf(account); ok && who.person != nil && !proposed {
		for right := range uint32(s.p.reading.rights.Len()) {
			if (len(k.For) == 0 || k.rights[right]) && s.giving.Has(right, account) && s.p.sets.Desired.Has(right, account) {
				rules, _, _ := s.p.b.explain(who.person, ParseEntitlement(s.p.entitlement(right)), "")
				most = max(most, s.priority(rules))
			}
		}
	}
	s.wants[pair(uint32(i), account)] = most
	return most
}

// priority is the highest of some rules.
func (s *seating) priority(rules []string) (most int) {
	for _, name := range rules {
		if r, ok := s.p.b.rule(name); ok {
			most = max(most, r.Priority)
		}
	}
	return most
}

func (s *seating) key(k *kindSeats, person string) FactKey {
	return FactKey{Kind: FactSeat, Program: s.p.program.Name, Person: person, Key: k.Name}
}

func (s *seating) fact(k *kindSeats, person string) (Fact, bool) {
	return s.p.b.s.Memory.Fact(s.key(k, person))
}

// remember keeps since when somebody asks, from the first time that seats are too few: until they have one, or should have none.
func (s *seating) remember(k *kindSeats, c *SeatClaim) {
	f := Fact{FactKey: s.key(k, c.Person), Since: Instant(c.Since), Count: c.Priority}
	if c.Joiner {
		f.Text = seatKept
	}
	s.noted = append(s.noted, f)
}

// give notes a seat that is given, or kept for somebody who joins.
func (s *seating) give(k *kindSeats, c *SeatClaim, sp *SeatPlan, scarce bool) {
	_, asked := s.fact(k, c.Person)
	switch {
	case c.account == none && c.Joins.IsZero(): // another one than the plan is for
		sp.Given++
		return
	case c.account == none:
		sp.Kept = append(sp.Kept, *c)
	default:
		sp.Given++
		s.gave[c.account] = true
	}
	if scarce || asked || c.Joiner {
		s.remember(k, c)
	}
}

// wait blocks what needs the seat, and what would be of no use without.
func (s *seating) wait(i int, c *SeatClaim, of int, sp *SeatPlan) {
	if c.account == none && c.Joins.IsZero() {
		return
	}
	sp.Waiting = append(sp.Waiting, *c)
	s.remember(&s.kinds[i], c)
	if c.account == none {
		return
	}
	reason := fmt.Sprintf("waiting for %s: %s of %d, since %s (%s)", s.kinds[i].called(s.p.program.Name), ordinal(c.Place), of, c.Since.UTC().Format(time.DateOnly), sp.short())
	s.block(c.account, reason, func(change *Change) bool { return s.kinds[i].rights[change.right] })
	if s.needs(c.account)[i] || !s.ofUse(c.account) {
		s.block(c.account, reason, func(*Change) bool { return true })
		if s.gave[c.account] {
			s.out[c.account], s.again = i, true
		}
	}
}

func (s *seating) block(account uint32, reason string, which func(*Change) bool) {
	var rest []*Change
	for _, c := range s.gains[account] {
		if which(c) {
			s.blocked[c] = reason
		} else {
			rest = append(rest, c)
		}
	}
	s.gains[account] = rest
}

// ofUse: what is left gives more than an account that nothing can be done with.
func (s *seating) ofUse(account uint32) bool {
	return slices.ContainsFunc(s.gains[account], func(c *Change) bool { return c.right != s.p.active && c.right != s.p.exists || len(c.Rules) > 0 })
}
