package engine

import (
	"time"
)

// others are those who were waiting or have a seat kept, for a plan that does not look at them.
func (s *seating) others(k *kindSeats) (out []SeatClaim) {
	if s.p.b.s.Person == "" {
		return nil
	}
	for _, f := range s.p.b.s.Memory.Facts(FactSeat) {
		if f.Program == s.p.program.Name && f.Key == k.Name && f.Person != s.p.b.s.Person {
			out = append(out, SeatClaim{Person: f.Person, Priority: f.Count, Since: f.Since, Joiner: f.Text == seatKept, account: none})
		}
	}
	return out
}

// joiners are the people who join soon and will then take a seat of the kind, as far as policy can tell now.
func (s *seating) joiners(i int) (out []SeatClaim) {
	p, now := s.p, s.p.b.s.Now
	if s.rules.Reserve <= 0 {
		return nil
	}
	var buf []Verdict
	for n := range p.b.subjects {
		who := &p.b.subjects[n]
		if who.standing != present || who.person == nil || who.person.State != StateUpcoming {
			continue
		}
		joins := firstDay(who.person)
		if joins.IsZero() || joins.After(now.Add(s.rules.Reserve)) || p.account[n] != none && s.kinds[i].taken.Contains(p.account[n]) {
			continue
		}
		then := *who.person
		then.State = StateActive
		buf = p.b.s.Policy.Decide(&then, later(joins, now), nil, buf[:0])
		if c, ok := s.joiner(i, who, buf); ok {
			c.Joins = joins
			out = append(out, c)
		}
	}
	return out
}

func (s *seating) joiner(i int, who *subject, verdicts []Verdict) (SeatClaim, bool) {
	rights, rules := map[uint32]bool{}, []string{}
	for _, v := range verdicts {
		if t := s.p.b.catalog[v.Entitlement]; t.program == s.p && v.Say == Desired {
			rights[t.right] = true
			if v.Rule >= 0 && (len(s.kinds[i].For) == 0 || s.kinds[i].rights[t.right]) {
				rules = append(rules, s.p.b.rules[v.Rule].Name)
			}
		}
	}
	if len(rights) == 0 || !s.kindsOf(true, true, func(right uint32) bool { return rights[right] })[i] {
		return SeatClaim{}, false
	}
	c := SeatClaim{Person: who.key, Login: who.person.Login(), Name: who.person.Name(), Priority: s.priority(rules), Since: Instant(s.p.b.s.Now), Joiner: true, account: none}
	if f, ok := s.fact(&s.kinds[i], who.key); ok {
		c.Since = f.Since
	}
	return c, true
}

// firstDay is when the first job of somebody who joins begins to count, zero if that is not known.
func firstDay(p *Person) (first time.Time) {
	for i := range p.Jobs {
		if start := p.Jobs[i].Start; !start.IsZero() && (first.IsZero() || start.Before(first)) {
			first = start
		}
	}
	return first
}
