package engine

import "time"

// mended dates anew what a clock that was far behind the journal's time dated: once a clock shows that time, it is the one that was right.
// What it began would else be over at once, an absence, a grace, or the time before an account is deleted. What began truly in
// between begins anew, too, since nobody can tell it from that.
func (f Fact) mended(now time.Time, wrong Fact) Fact {
	right := wrong.Until.Add(-farAhead)
	if wrong.Until.IsZero() || now.Before(right) || f.Since.Before(wrong.Since) || !f.Since.Before(right) {
		return f
	}
	switch f.Kind {
	case FactAbsent, FactSuspended, FactUndesired, FactMissing, FactLeaving:
		f.Since = now // the journal's time was that of its last record, which may have been old
	}
	return f
}
