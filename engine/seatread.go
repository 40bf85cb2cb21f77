package engine

import (
	"context"
	"fmt"
)

// readSeats asks a program how many of its seats are taken, if it can tell and there is a limit to keep. It comes after the list, so
// that what was taken meanwhile is counted.
func (e *Engine) readSeats(ctx context.Context, r *Reading) {
	if !r.Program.countsSeats() {
		return
	}
	r.countsSeats = true
	counts, err := r.Program.Connector.(SeatCounter).Seats(ctx)
	if err != nil {
		r.seatsUnread = err.Error()
		return
	}
	r.seatCounts = counts
	seen := map[string]bool{}
	for _, one := range counts {
		if seen[one.Kind] {
			r.seatCounts, r.seatsUnread = nil, fmt.Sprintf("it counts its seats of kind %q twice", one.Kind)
		}
		seen[one.Kind] = true
	}
}
