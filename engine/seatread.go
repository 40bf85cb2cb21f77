package engine

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// readSeats asks a program how many of its seats are taken, if it can tell and there is a limit to keep. It comes after the list, so
// that what was taken meanwhile is counted; whatever becomes of it, the list stays as it is.
func (e *Engine) readSeats(ctx context.Context, r *Reading, came *atomic.Int64) {
	if !r.Program.countsSeats() {
		return
	}
	most := cmp.Or(e.CallTime, 30*time.Second)
	if idle := e.idle(); idle > 0 {
		most = min(most, idle/2) // else the whole read would be given up meanwhile
	}
	came.Add(1)
	r.countsSeats = true
	counts, err := askSeats(ctx, r.Program.Connector.(SeatCounter), most)
	came.Add(1)
	if r.seatCounts = counts; err != nil {
		r.seatsUnread = err.Error()
	}
}

// askSeats asks a program, which may hang or panic, and says errLost if it hangs: it is left to itself then.
func askSeats(ctx context.Context, c SeatCounter, most time.Duration) ([]SeatCount, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	type answer struct {
		counts []SeatCount
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		a := answer{err: errLost}
		defer func() {
			if p := recover(); p != nil {
				a.err = fmt.Errorf("the connector failed: %v", p)
			}
			done <- a
		}()
		a.counts, a.err = c.Seats(ctx)
	}()
	margin := time.NewTimer(most + most/6)
	defer margin.Stop()
	select {
	case a := <-done:
		if a.err == nil {
			a.err = countedTwice(a.counts)
		}
		if a.err != nil {
			return nil, a.err
		}
		return a.counts, nil
	case <-margin.C:
		return nil, errLost
	}
}

func countedTwice(counts []SeatCount) error {
	seen := map[string]bool{}
	for _, one := range counts {
		if seen[one.Kind] {
			return fmt.Errorf("it counts its seats of kind %q twice", one.Kind)
		}
		seen[one.Kind] = true
	}
	return nil
}
