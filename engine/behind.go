package engine

import "time"

// mended dates anew what a clock that was far behind the journal's time dated: once a clock shows that time, it is the one that was right.
// What it began would else be over at once, an absence, a grace, or the time before an account is deleted. What began truly in
// between begins anew, too, since nobody can tell it from that.
func (f Fact) mended(now time.Time, wrong Fact) Fact {
	right, first := wrong.Until.Add(-farAhead), wrong.Since.Add(-farAhead) // clocks that are behind differ, too
	if wrong.Until.IsZero() || now.Before(right) || f.Since.Before(first) || !f.Since.Before(right) {
		return f
	}
	switch f.Kind {
	case FactAbsent, FactSuspended, FactUndesired, FactMissing, FactLeaving:
		f.Since = now // the journal's time was that of its last record, which may have been old
	}
	return f
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
