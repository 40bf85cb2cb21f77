package engine

import (
	"fmt"
	"time"
)

// LongestLease is more than any lease lasts: one that ends later was taken by a clock that was ahead, and counts as ended.
const LongestLease = 2 * lease

// farAhead is how far the clocks of several machines may differ before that is told.
const farAhead = LongestLease

// leased says whether a lease holds at the time now.
func leased(until, now time.Time) bool {
	return until.After(now) && !until.After(now.Add(LongestLease))
}

// FactAhead remembers since when a lease is known to be from a clock that was ahead: Since; Key: when it ends, which is the same for
// all that were claimed at once.
const FactAhead = "ahead"

// NoticeAhead is the code of the notice that a clock was ahead once, and of what lies in the future because of it.
const NoticeAhead = "clock-ahead"

// LatestSlot is how late a slot may be that was run already.
func (s *Settings) LatestSlot(now time.Time) time.Time {
	if s.Slot <= 0 {
		return now.Add(24 * time.Hour)
	}
	return now.Add(max(s.Slot, farAhead))
}

// outlived makes what a clock that was ahead has written what it would be if it had been written now: else a schedule would
// stand still, and accounts, absences and graces wait, until the clock has caught up. What is corrected becomes part of the
// plan; the journal's own time stays.
func (s *Snapshot) outlived() {
	m, latest := s.Memory, s.Now.Add(farAhead)
	for _, f := range m.facts {
		c := f.outlived(s.Now, latest, s.Settings.LatestSlot(s.Now))
		if sameFact(c, *f) {
			continue
		}
		m.put(c)
		s.inFuture++
		if f.Kind != FactSlot && f.Kind != FactRun { // those are written by the run itself
			s.ahead = append(s.ahead, c)
		}
	}
	s.endLeases(latest)
	if m.Time.After(latest) {
		s.late = m.Time
	}
}

// expired ends approvals that have ended by the journal's clock.
func (s *Snapshot) expired(journal time.Time) {
	if journal.IsZero() {
		return
	}
	for _, f := range s.Memory.Facts(FactItem) {
		if f.Until.After(s.Now) && !f.Until.After(journal) {
			f.Until = s.Now.Add(-time.Microsecond)
			s.Memory.put(f)
		}
	}
}

func (f Fact) outlived(now, latest, slot time.Time) Fact {
	switch {
	case f.Kind == FactSlot && f.Since.After(slot):
		f.Since = time.Time{}
	case f.Kind != FactSlot && f.Since.After(latest):
		f.Since = now
	}
	if most, bounded := map[string]time.Duration{FactFailing: mostBackOff, FactItem: ApprovalLife}[f.Kind]; bounded && f.Until.After(latest.Add(most)) {
		f.Until = now
	}
	return f
}

// endLeases: nobody knows when a lease really ended that lies too far ahead. It counts from when that was first seen, so
// that what it covered is read back only after any call and the list's lag.
func (s *Snapshot) endLeases(latest time.Time) {
	m, found := s.Memory, map[FactKey]bool{}
	for i := range m.Open {
		o := &m.Open[i]
		if !o.Lease.After(latest) {
			continue
		}
		key := FactKey{Kind: FactAhead, Key: o.Lease.UTC().Format(time.RFC3339Nano)}
		f, known := m.Fact(key)
		if !known {
			f = Fact{FactKey: key, Since: s.Now}
		}
		if !known && !found[key] {
			s.ahead = append(s.ahead, f)
		}
		o.Claimed, o.Lease, found[key] = f.Since, f.Since.Add(lease), true
		s.inFuture++
	}
	for _, f := range m.Facts(FactAhead) {
		if !found[f.FactKey] {
			s.caughtUp = append(s.caughtUp, f.FactKey)
		}
	}
}

// noteAhead puts what was corrected into the plan.
func (b *builder) noteAhead() {
	for _, f := range b.s.ahead {
		b.set_[f.FactKey] = f
	}
	for _, key := range b.s.caughtUp {
		b.clear(key)
	}
	if n := b.s.inFuture; n > 0 {
		b.warn(NoticeAhead, "", "", fmt.Sprintf("a clock was ahead: %s of the journal lie in the future; they count as begun now, and nothing waits for them longer than it would else",
			plural(n, "slot, lease or fact", "slots, leases or facts")))
	}
	if !b.s.late.IsZero() {
		b.warn(NoticeAhead, "", "", fmt.Sprintf("the journal's time is %s, ahead of this machine's clock; it never runs backwards, so records bear that time until the clock has caught up",
			b.s.late.UTC().Format(time.RFC3339)))
	}
}
