package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
)

// SeatCheck is what a program said of its seats of one kind before and after a piece of work that gave some.
type SeatCheck struct {
	Program string `json:"program"`
	Kind    string `json:"kind,omitempty"`
	Most    int    `json:"most"`   // that may be taken
	Before  int    `json:"before"` // taken
	Given   int    `json:"given"`  // calls that were to take one
	After   int    `json:"after"`  // taken; SeatsUntold: it did not say
}

// seatLook is what a worker knows of the seats that are free: of one look, less what it gave since.
type seatLook struct {
	mu     sync.Mutex
	looked bool
	why    error
	kinds  map[string]*SeatCheck
}

var errNoSeat = errors.New("no seat is free")

// noSeat says why a change that takes seats is left alone: others took them since the plan was made, or nobody can tell.
func (w *worker) noSeat(ctx context.Context, c *Change) error {
	if len(c.Seats) == 0 || !w.p.countsSeats() {
		return nil
	}
	l := &w.seats
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.looked {
		l.looked = true
		l.kinds, l.why = w.countSeats(ctx)
	}
	if l.why != nil {
		return fmt.Errorf("%w: how many seats are free can't be told: %w", errStopped, l.why)
	}
	for _, kind := range c.Seats {
		k := l.kinds[kind]
		if k == nil || k.Before < 0 {
			return fmt.Errorf("%w: how many seats are free can't be told", errStopped)
		}
		if k.Before+k.Given >= k.Most {
			return fmt.Errorf("%w: %w, %s counts %d taken of %d", errStopped, errNoSeat, w.p.Name, k.Before+k.Given, k.Most)
		}
	}
	for _, kind := range c.Seats {
		l.kinds[kind].Given++
	}
	return nil
}

// countSeats asks the program, which may hang or panic.
func (w *worker) countSeats(ctx context.Context) (map[string]*SeatCheck, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.callTime())
	defer cancel()
	type answer struct {
		counts []SeatCount
		err    error
	}
	a, answered := attempt(ctx, w, func() (a answer) {
		a.err = errLost
		defer func() { _ = recover() }()
		a.counts, a.err = w.p.Connector.(SeatCounter).Seats(ctx)
		return a
	})
	if !answered || a.err != nil {
		return nil, cmp.Or(a.err, errLost)
	}
	out := map[string]*SeatCheck{}
	for _, k := range w.p.Seats.Kinds {
		for _, c := range a.counts {
			if c.Kind == k.Name && k.Count != NoSeatLimit {
				out[k.Name] = &SeatCheck{Program: w.p.Name, Kind: k.Name, Most: c.most(k.Count), Before: c.Used, After: SeatsUntold}
			}
		}
	}
	return out, nil
}

// most is how many may be taken where so many are configured.
func (c *SeatCount) most(configured int) int {
	if c.Total >= 0 {
		return min(configured, c.Total)
	}
	return configured
}

// readSeatsBack asks again once seats were given. What stands out is told; the next plan goes by what the program says then.
func (w *worker) readSeatsBack(ctx context.Context) {
	l := &w.seats
	l.mu.Lock()
	defer l.mu.Unlock()
	given := false
	for _, k := range l.kinds {
		given = given || k.Given > 0
	}
	if !given {
		return
	}
	after, err := w.countSeats(ctx)
	if err != nil {
		w.e.log().Warn("seats were given, and how many are taken now can't be told", "program", w.p.Name, "error", err)
	}
	for _, k := range w.p.Seats.Kinds {
		check := l.kinds[k.Name]
		if check == nil || check.Given == 0 {
			continue
		}
		if now := after[k.Name]; now != nil {
			check.After = now.Before
		}
		if check.After > check.Most {
			w.e.log().Warn("more seats are taken than there are", "program", w.p.Name, "kind", k.Name, "taken", check.After, "seats", check.Most)
		}
		w.mu.Lock()
		w.report.Seats = append(w.report.Seats, *check)
		w.mu.Unlock()
	}
}

// countsSeats: there is a limit, and the program can say how many are taken.
func (p *Program) countsSeats() bool {
	_, ok := p.Connector.(SeatCounter)
	return ok && p.Describes.Seats && p.Seats.limited()
}
