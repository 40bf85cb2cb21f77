package engine

import (
	"cmp"
	"fmt"
	"slices"
)

// short says in a few words why there is no seat.
func (sp *SeatPlan) short() string {
	if sp.Unknown != "" {
		return sp.Unknown
	}
	text := fmt.Sprintf("%d of %d taken", sp.Taken, sp.Seats)
	if sp.Given > 0 {
		text += fmt.Sprintf(", %d given now", sp.Given)
	}
	if n := len(sp.Kept); n > 0 {
		text += fmt.Sprintf(", %d kept for %s", n, map[bool]string{true: "somebody who joins", false: "people who join"}[n == 1])
	}
	return text
}

func ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		suffix = cmp.Or(map[int]string{1: "st", 2: "nd", 3: "rd"}[n%10], suffix)
	}
	return fmt.Sprint(n) + suffix
}

// budget compares what the seats cost in a month, with what this plan gives, with what may be spent. Seats that are paid for anyway
// cost no more when they are taken, and what takes those is not held.
func (s *seating) budget() {
	c := &s.rules.Contract
	then, currency, dearer := 0.0, "", make([]bool, len(s.kinds))
	for i := range s.kinds {
		k := &s.kinds[i]
		if currency = cmp.Or(currency, k.Price.Currency); k.Price.Currency == "" || k.Price.Currency != currency {
			continue // money is never added across currencies
		}
		sp := &s.plans[slices.IndexFunc(s.plans, func(p SeatPlan) bool { return p.Kind == k.Name })]
		with := k.Price.Of(k.Paid(sp.Taken + sp.Given))
		dearer[i] = cents(with) > cents(k.Price.Of(k.Paid(sp.Taken)))
		then += with
	}
	if c.Budget <= 0 || cents(then) <= cents(c.Budget) || s.p.b.s.Person != "" {
		return
	}
	reason := fmt.Sprintf("the seats of %s cost %.2f %s a month with this plan, and %.2f may be spent", s.p.program.Name, then, currency, c.Budget)
	s.p.b.alarm(NoticeBudget, s.p.program.Name, "", reason)
	if c.Hold {
		s.holdDearer(dearer, reason)
	}
}

// holdDearer holds what takes seats of kinds that cost more by this plan.
func (s *seating) holdDearer(dearer []bool, reason string) {
	for account, changes := range s.gains {
		needs := s.needs(account)
		for i := range needs {
			needs[i] = needs[i] && dearer[i]
		}
		if !slices.Contains(needs, true) {
			continue
		}
		for _, change := range changes {
			if change.State == Ready && change.Item == "" && change.right != s.p.exists && change.Queued == 0 {
				s.p.b.hold(change, reason)
			}
		}
	}
}

// Codes of notices about seats.
const (
	NoticeSeats       = "seats"        // people wait, or too many are taken
	NoticeSeatsUntold = "seats-untold" // nobody knows how many are free
	NoticeBudget      = "seats-budget" // more is spent than may be
	NoticeSeatsDiffer = "seats-differ" // the list and the program's own count
)

func (s *seating) notices() {
	if s.p.b.s.Person != "" {
		return
	}
	for i := range s.plans {
		sp := &s.plans[i]
		k := s.kinds[slices.IndexFunc(s.kinds, func(k kindSeats) bool { return k.Name == sp.Kind })]
		what := k.called(s.p.program.Name)
		if sp.Unknown != "" && s.p.complete {
			s.p.b.warn(NoticeSeatsUntold, s.p.program.Name, "", fmt.Sprintf("none gets %s: %s", what, sp.Unknown))
		}
		if n := len(sp.Waiting); n > 0 && sp.Unknown == "" {
			s.p.b.warn(NoticeSeats, s.p.program.Name, "", fmt.Sprintf("%s for %s (%s); with %d more nobody would", plural(n, "person waits", "people wait"), what, sp.short(), sp.Buy))
		}
		if sp.Seats != NoSeatLimit && sp.Unknown == "" && sp.Taken > sp.Seats {
			s.p.b.warn(NoticeSeats, s.p.program.Name, "", fmt.Sprintf("more than one can have take %s: %s; Rolecall takes none away for that", what, sp.short()))
		}
		if seen := int(k.seen.GetCardinality()); sp.Told != nil && s.p.complete && sp.Told.Used != seen {
			s.p.b.notice("info", NoticeSeatsDiffer, s.p.program.Name, "", fmt.Sprintf("%s says that %d take %s, its list shows %d; the higher number counts", s.p.program.Name, sp.Told.Used, what, seen))
		}
	}
}
