package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// tried is a loop with a run that takes a while, on a clock that only the test moves.
type tried struct {
	loop
	slots   []time.Time
	at      []time.Time
	busy    atomic.Int32
	overlap bool
	reloads int
	edited  atomic.Bool
}

func newTried(takes time.Duration) *tried {
	t := &tried{}
	t.loop = loop{
		now: time.Now, poll: 5 * time.Second, missed: func(context.Context) time.Time { return time.Time{} },
		next:    func(after time.Time) time.Time { return after.Truncate(time.Minute).Add(time.Minute) },
		changed: func() bool { return t.edited.Load() }, reload: func() { t.reloads++; t.edited.Store(false) }, alive: func() {},
		log: slog.New(slog.DiscardHandler),
		run: func(ctx context.Context, slot time.Time) {
			busy := t.busy.Add(1)
			t.overlap = t.overlap || busy > 1
			t.slots, t.at = append(t.slots, slot), append(t.at, time.Now())
			select {
			case <-time.After(takes):
			case <-ctx.Done():
			}
			t.busy.Add(-1)
		},
	}
	return t
}

func (t *tried) during(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	_ = t.serve(ctx)
}

func TestLoopRunsEachSlotOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTried(10 * time.Second)
		l.during(10*time.Minute + 30*time.Second)
		if len(l.slots) != 10 || l.overlap {
			t.Errorf("%d runs, overlap %v", len(l.slots), l.overlap)
		}
		if unique := slices.CompactFunc(slices.Clone(l.slots), time.Time.Equal); len(unique) != len(l.slots) {
			t.Error("a slot ran twice")
		}
	})
}

func TestLoopNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTried(90 * time.Second)
		l.during(10*time.Minute + 30*time.Second)
		if l.overlap || len(l.slots) < 4 || len(l.slots) > 6 {
			t.Errorf("%d runs, overlap %v", len(l.slots), l.overlap)
		}
	})
}

// A clock that jumps ahead leaves one run for all the slots that it jumped over; one that jumps back repeats none.
func TestLoopOnAJumpingClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := newTried(time.Second), time.Now()
		l.now = func() time.Time {
			switch passed := time.Since(began); {
			case passed < 3*time.Minute+10*time.Second:
				return time.Now()
			case passed < 6*time.Minute+10*time.Second:
				return time.Now().Add(2 * time.Hour)
			}
			return time.Now().Add(time.Hour)
		}
		l.during(9*time.Minute + 30*time.Second)
		if len(l.slots) != 3+1+3 { // three minutes, the jump, three minutes, then nothing until the clock has caught up
			t.Errorf("%d runs: %v", len(l.slots), l.slots)
		}
		if !slices.IsSortedFunc(l.slots, time.Time.Compare) || len(slices.CompactFunc(slices.Clone(l.slots), time.Time.Equal)) != len(l.slots) {
			t.Errorf("slots repeat: %v", l.slots)
		}
	})
}

func TestLoopRunsTheMissedSlotFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, began := newTried(time.Second), time.Now()
		l.missed = func(context.Context) time.Time { return began.Add(-time.Minute) }
		l.during(time.Second)
		if len(l.slots) != 1 || !l.slots[0].Equal(began.Add(-time.Minute)) || !l.at[0].Equal(began) {
			t.Errorf("runs at %v for %v", l.at, l.slots)
		}
	})
}

// A reload waits for the run under way.
func TestLoopReloadsBetweenRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTried(20 * time.Second)
		hangup := make(chan os.Signal, 1)
		l.hangup = hangup
		inner := l.reload
		l.reload = func() {
			if l.busy.Load() > 0 {
				t.Error("reloaded during a run")
			}
			inner()
		}
		time.AfterFunc(65*time.Second, func() { hangup <- os.Interrupt })
		time.AfterFunc(125*time.Second, func() { l.edited.Store(true) })
		l.during(3 * time.Minute)
		if l.reloads != 2 {
			t.Errorf("%d reloads", l.reloads)
		}
	})
}

// Calls under way are given time to end, but not for ever.
func TestLoopStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for takes, want := range map[time.Duration]time.Duration{10 * time.Second: 10 * time.Second, time.Hour: 5*time.Second + stopGrace} {
			l, began := newTried(takes), time.Now()
			l.missed = func(context.Context) time.Time { return began }
			l.during(5 * time.Second)
			if took := time.Since(began); took != want {
				t.Errorf("a run of %v: stopped after %v, want %v", takes, took, want)
			}
		}
	})
}
