package engine

import (
	"time"
)

// mended dates anew what a clock that was far behind the journal's time dated: once a clock shows that time, it is the one that was right.
// A clock that shows neither that time nor what follows from when the last run was is also another one. What the former began would else be
// over at once, an absence, a grace, or the time before an account is deleted. What began truly in between begins anew, too, since nobody
// can tell it from that.
func (f Fact) mended(now time.Time, wrong Fact, another bool) Fact {
	right, first := wrong.Until.Add(-farAhead), wrong.Since.Add(-farAhead) // clocks that are behind differ, too
	if wrong.Until.IsZero() || now.Before(right) && !another || f.Since.Before(first) || !f.Since.Before(right) {
		return f
	}
	switch f.Kind {
	case FactAbsent, FactSuspended, FactUndesired, FactMissing, FactLeaving:
		f.Since = now // the journal's time was that of its last record, which may have been old
	}
	return f
}

// leapt: more than three slots of the schedule went by without a run, and more than a day; the clock may be another one. Where the last run
// is still to come by this clock, what was done since was done when the journal's time was first seen to be wrong.
func (s *Snapshot) leapt(wrong Fact) bool {
	ran, ok := s.Memory.Fact(FactKey{Kind: FactRun})
	if ran.Since.After(s.Now) {
		ran.Since, ok = wrong.Since, !wrong.Since.IsZero()
	}
	return ok && s.Now.Sub(ran.Since) > max(3*s.Settings.Slot, 24*time.Hour)
}

// dated gives what a record dated by a clock that was far behind the journal's time, as of that time: the wait before an account is deleted
// would else begin when its suspend was decided, or earlier.
func (r *Record) dated() (anew []Fact) {
	for _, f := range r.Set {
		if f.Kind == FactSuspended && r.Time.After(f.Since.Add(farAhead)) {
			f.Since = r.Time
			anew = append(anew, f)
		}
	}
	return anew
}
