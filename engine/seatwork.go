package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
)

// SeatCheck is what a program said of its seats of one kind before and after a piece of work that gave some.
type SeatCheck struct {
	Program string `json:"program"`
	Kind    string `json:"kind,omitempty"`
	Most    int    `json:"most"`   // that may be taken
	Before  int    `json:"before"` // taken
	Given   int    `json:"given"`  // accounts that were to take one
	After   int    `json:"after"`  // taken; SeatsUntold: it did not say
}

// seatLook is what a worker knows of the seats that are free: of the last look, less what it gave since.
type seatLook struct {
	stale   atomic.Bool // more was claimed since: others may have taken seats meanwhile
	mu      sync.Mutex
	looked  bool
	hangs   bool // a call never returned, so none is made any more
	why     error
	kinds   map[string]*seatState
	answers map[seatOf]error // whether an account gets a seat: one answer for all calls that need it
}

type seatOf struct{ account, kind string }

// seatState is one kind: as it was told first, and how many are taken at least.
type seatState struct {
	SeatCheck
	taken  int
	untold bool // lately
}

var errNoSeat = errors.New("no seat is free")

// noSeat says why a change that takes seats is left alone: others took them since the plan was made, or nobody can tell. A plan that
// marks seats has counted them, so whoever works has to, whatever the program says of itself now. account is that of the plan.
func (w *worker) noSeat(ctx context.Context, account string, c *Change) error {
	if len(c.Seats) == 0 || !w.p.Seats.limited() {
		return nil
	}
	l := &w.seats
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.answers == nil || l.stale.Load() {
		l.forgetRefusals()
	}
	for _, kind := range c.Seats {
		of := seatOf{account, kind}
		answer, given := l.answers[of]
		if !given {
			answer = w.takeSeat(ctx, kind)
			l.answers[of] = answer
		}
		if answer != nil {
			return fmt.Errorf("%w: %w", errStopped, answer)
		}
	}
	return nil
}

// forgetRefusals lets those ask again who got none; who was given one keeps it.
func (l *seatLook) forgetRefusals() {
	if l.answers == nil {
		l.answers = map[seatOf]error{}
	}
	maps.DeleteFunc(l.answers, func(_ seatOf, refused error) bool { return refused != nil })
}

// madeAs: from now on an account that was proposed is called by its id.
func (l *seatLook) madeAs(proposed, account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for of, answer := range maps.Clone(l.answers) {
		if of.account == proposed {
			l.answers[seatOf{account, of.kind}] = answer
		}
	}
}

// takeSeat gives one of what is free, or says why not.
func (w *worker) takeSeat(ctx context.Context, kind string) error {
	l := &w.seats
	w.lookAtSeats(ctx)
	k := l.kinds[kind]
	switch {
	case l.why != nil:
		return fmt.Errorf("how many seats are free can't be told: %w", l.why)
	case k == nil || k.untold:
		return errors.New("how many seats are free can't be told")
	case k.taken >= k.Most:
		return fmt.Errorf("%w, %s counts %d taken of %d", errNoSeat, w.p.Name, k.taken, k.Most)
	}
	k.taken++
	k.Given++
	return nil
}

// lookAtSeats asks once for each claim. What was given may not be counted yet, so the number of those taken only rises.
func (w *worker) lookAtSeats(ctx context.Context) {
	l := &w.seats
	if stale := l.stale.Swap(false); l.looked && !stale || l.hangs {
		return
	}
	l.looked = true
	before := l.kinds
	l.kinds, l.why = w.countSeats(ctx)
	l.hangs = errors.Is(l.why, errLost)
	for name, k := range before {
		if now := l.kinds[name]; now == nil || now.untold {
			k.untold = true
		} else {
			k.Most, k.taken, k.untold = now.Most, max(now.taken, k.taken), false
		}
		if l.why == nil {
			l.kinds[name] = k
		}
	}
	if l.why != nil {
		l.kinds = before // for the report
	}
}

// countSeats asks the program, which may hang or panic. A call that never returns is no lost change.
func (w *worker) countSeats(ctx context.Context) (map[string]*seatState, error) {
	counter, ok := w.p.Connector.(SeatCounter)
	if !ok {
		return nil, fmt.Errorf("%s does not count them any more", w.p.Name)
	}
	counts, err := askSeats(context.WithoutCancel(ctx), counter, w.callTime())
	if err != nil {
		return nil, err
	}
	out := map[string]*seatState{}
	for _, k := range w.p.Seats.Kinds {
		for _, c := range counts {
			if c.Kind == k.Name && k.Count != NoSeatLimit {
				out[k.Name] = &seatState{SeatCheck{Program: w.p.Name, Kind: k.Name, Most: c.most(k.Count), Before: c.Used, After: SeatsUntold}, c.Used, c.Used < 0}
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
		if now := after[k.Name]; err == nil && now != nil {
			check.After = now.Before
		}
		if check.After > check.Most {
			w.e.log().Warn("more seats are taken than there are", "program", w.p.Name, "kind", k.Name, "taken", check.After, "seats", check.Most)
		}
		w.mu.Lock()
		w.report.Seats = append(w.report.Seats, check.SeatCheck)
		w.mu.Unlock()
	}
}

// countsSeats: there is a limit, and the program can say how many are taken.
func (p *Program) countsSeats() bool {
	_, ok := p.Connector.(SeatCounter)
	return ok && p.Describes.Seats && p.Seats.limited()
}
