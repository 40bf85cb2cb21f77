package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// FactAhead remembers since when something is known to be from a clock that was ahead: Since. With Key it is a lease, by when it ends,
// which is the same for all that were claimed at once. With program and Key, it is what was changed there, by when the last of it was.
// With account and entitlement it is the moment of a change itself, by the clock of whoever made it: its record bears the journal's time.
// With nothing it is since when the journal's own time was seen to be ahead, and Until that time.
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
	if m.Time.After(latest) {
		s.late = m.Time
	}
	seen := s.changedAhead(latest)
	maps.Copy(seen, s.endLeases(latest))
	maps.Copy(seen, s.misdated())
	for f := range m.each(FactAhead) {
		if !seen[f.FactKey] && (f.Account == "" || s.late.IsZero()) {
			s.caughtUp = append(s.caughtUp, f.FactKey)
		}
	}
}

// expired ends approvals that have ended by the journal's clock.
func (s *Snapshot) expired(journal time.Time) {
	if journal.IsZero() {
		return
	}
	for f := range s.Memory.each(FactItem) {
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
	switch {
	case f.Kind == FactFailing && f.Until.After(latest.Add(mostBackOff)), f.Kind == FactItem && f.Until.After(latest.Add(ApprovalLife)):
		f.Until = now
	}
	return f
}

// endLeases: nobody knows when a lease really ended that lies too far ahead. It counts from when that was first seen, so
// that what it covered is read back only after any call and the list's lag.
func (s *Snapshot) endLeases(latest time.Time) map[FactKey]bool {
	m, seen := s.Memory, map[FactKey]bool{}
	for i := range m.Open {
		o := &m.Open[i]
		if !o.Lease.After(latest) {
			continue
		}
		since := s.firstSeen(FactKey{Kind: FactAhead, Key: o.Lease.UTC().Format(time.RFC3339Nano)}, seen)
		o.Claimed, o.Lease = since, since.Add(lease)
		s.inFuture++
	}
	return seen
}

// changedAhead: nor does anybody know when a clock that was ahead changed what bears such a time. A list may lag behind the moment at
// which the last of it was first seen, in each program, and behind none that is still to come.
func (s *Snapshot) changedAhead(latest time.Time) map[FactKey]bool {
	seen := map[FactKey]bool{}
	s.changed = map[string]time.Time{}
	if s.late.IsZero() {
		return seen
	}
	for _, name := range slices.Sorted(maps.Keys(s.Memory.Programs)) {
		last := latest.Unix()
		for i := range s.Memory.Programs[name].Rows {
			last = max(last, s.Memory.Programs[name].Rows[i].Since)
		}
		if last > latest.Unix() {
			s.changed[name] = s.firstSeen(FactKey{Kind: FactAhead, Program: name, Key: unixTime(last).Format(time.RFC3339)}, seen)
		}
	}
	return seen
}

// misdated finds what the journal's time says nothing of: from when it was first seen to be far ahead up to that time, whatever was
// recorded bears that. It is remembered for as long as budgets look back.
func (s *Snapshot) misdated() map[FactKey]bool {
	f, known := s.Memory.Fact(FactKey{Kind: FactAhead})
	if known = known && f.Until.Add(s.Settings.Window()).After(s.Now); !known && s.late.IsZero() {
		return nil
	}
	if !known {
		f = Fact{FactKey: FactKey{Kind: FactAhead}, Since: s.Now}
	}
	if s.late.After(f.Until) {
		f.Until = s.late.Add(time.Second) // it goes on by a microsecond with each append, which is not worth a record each
		s.ahead = append(s.ahead, f)
	}
	s.wrong = f
	return map[FactKey]bool{f.FactKey: true}
}

// wrongTime says that a charge bears the time of a clock that was far ahead, microseconds.
func (s *Snapshot) wrongTime(at int64) bool {
	return at > s.wrong.Since.UnixMicro() && at <= s.wrong.Until.UnixMicro()
}

// firstSeen is since when something is known to be from a clock that was ahead.
func (s *Snapshot) firstSeen(key FactKey, seen map[FactKey]bool) time.Time {
	f, known := s.Memory.Fact(key)
	if !known {
		f = Fact{FactKey: key, Since: s.Now}
	}
	if !known && !seen[key] {
		s.ahead = append(s.ahead, f)
	}
	seen[key] = true
	return f.Since
}

// changedAt is when Rolecall last changed a holding, as far as this clock can tell.
func (p *programPlan) changedAt(row *HoldingRow) time.Time {
	at := unixTime(row.Since + 1) // kept in whole seconds
	first, ahead := p.b.s.changed[p.program.Name]
	if !ahead || !at.After(p.b.s.Now.Add(farAhead)) {
		return at
	}
	f, _ := p.b.s.Memory.Fact(p.key(FactAhead, row.Entitlement, row.Account))
	return later(first, f.Since)
}

// forgetAhead ends what is remembered of changes that any list shows by now.
func (p *programPlan) forgetAhead(before time.Time) {
	for f := range p.b.s.Memory.each(FactAhead) {
		if f.Program == p.program.Name && f.Account != "" && f.Since.Before(before) {
			p.b.clear(f.FactKey)
		}
	}
}

// byOwnClock remembers when a change was made, where the journal's time is that of a clock that was far ahead.
func (r *Record) byOwnClock(journal, now time.Time) {
	if journal.After(now.Add(farAhead)) && (r.Outcome == Done || r.Outcome == Already) {
		r.Set = append(r.Set, Fact{FactKey: FactKey{Kind: FactAhead, Program: r.Program, Account: r.Account, Entitlement: r.Entitlement}, Since: now.UTC()})
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
		b.warn(NoticeAhead, "", "", fmt.Sprintf("the journal's time is %s, ahead of this machine's clock; it never runs backwards, so records bear that time, and limits count what they charge, until the clock has caught up",
			b.s.late.UTC().Format(time.RFC3339)))
	}
}

// ended records outcomes, and, where only the record shows that the journal's time is that of a clock that was far ahead, when they were.
func (e *Engine) ended(ctx context.Context, outcomes []Record) error {
	if err := e.Journal.Append(ctx, Free, outcomes); err != nil {
		return err
	}
	note := Record{Kind: KindNote}
	for i := range outcomes {
		o := &outcomes[i]
		if o.Kind == KindOutcome && !slices.ContainsFunc(o.Set, func(f Fact) bool { return f.Kind == FactAhead }) {
			one := Record{Program: o.Program, Account: o.Account, Entitlement: o.Entitlement, Outcome: o.Outcome}
			one.byOwnClock(o.Time, e.Now())
			note.Set = append(note.Set, one.Set...)
		}
	}
	if len(note.Set) == 0 {
		return nil
	}
	return e.Journal.Append(ctx, Free, []Record{note})
}
