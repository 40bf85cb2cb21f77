package engine_test

import (
	"fmt"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// A program that told once how many seats are taken, and does not with the next claim, gives none of them from then on.
func TestSeatsThatAreNotToldAnyMoreAreNotGiven(t *testing.T) {
	for name, untold := range map[string][]engine.SeatCount{"nothing": nil, "no number": {{Total: 500, Used: engine.SeatsUntold}}} {
		w, p := tallied(t, 500, 500)
		for i := range 150 {
			w.hire(fmt.Sprintf("p%03d", i), "d")
		}
		asked := 0
		p.Counts = func(used int) ([]engine.SeatCount, error) {
			if asked++; asked > 2 { // told for the plan, and for the first claim
				return untold, nil
			}
			return []engine.SeatCount{{Total: 500, Used: used}}, nil
		}
		active := func() (n int) {
			for _, h := range p.Truth() {
				if h.Entitlement == engine.Active {
					n++
				}
			}
			return n
		}
		_, r := w.apply()
		if n := active(); n == 0 || n == 150 || len(r.Seats) != 1 || r.Seats[0].Given != n || r.Seats[0].After != engine.SeatsUntold {
			t.Errorf("%s: %d accounts were made, some of 150 should have been; read back: %+v", name, n, r.Seats)
		}
		p.Counts = nil
		w.later()
		if n := active(); n != 150 {
			t.Errorf("%s: %d accounts of 150 once it tells again", name, n)
		}
	}
}
