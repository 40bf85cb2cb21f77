package engine

import (
	"testing"
	"time"
)

// Of two claims that end at once by the clock, which was set back in between, the first one's lease ends first: that is how long both hold.
func TestTheFirstOfTwoLeasesIsBelieved(t *testing.T) {
	up, now := time.Duration(0), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	w := worker{e: &Engine{Now: func() time.Time { return now }, Uptime: func() time.Duration { return up }}}
	until := now.Add(lease)
	w.took(until, 0)
	up = lease / 2
	w.took(until, up)
	if left := w.left(until); left != lease/2 {
		t.Errorf("%v are left, not %v", left, lease/2)
	}
}
