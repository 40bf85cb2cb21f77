package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Local runs and works inside one process: for SQLite.
type Local struct {
	planner
	kick  chan struct{}
	tried time.Time // the last slot that was settled here: one that failed is left to the next slot
	tries int       // of the slot that is due
}

// NewLocal needs every field of Jobs, but for Run and Last where there is no schedule.
func NewLocal(o Options) *Local {
	return &Local{planner: newPlanner(o), kick: make(chan struct{}, 1)}
}

// Kick asks for a run out of turn. It does not wait: a run that is under way is finished first, and kicks that come
// meanwhile are one. May be called concurrently, and before Serve.
func (l *Local) Kick() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// Serve keeps the schedule until the context ends, then lets what is under way finish within Options.Grace, ends it,
// and returns. Runs never overlap. Call it once.
func (l *Local) Serve(ctx context.Context) error {
	hard, end := outlive(ctx, l.Grace)
	defer end()
	l.started = l.Now()
	crew := newCrew(l.Options)
	crew.ctx = hard
	defer crew.wg.Wait()
	for kicked := false; ; {
		ran := l.runs(hard, kicked)
		if ctx.Err() != nil {
			return nil
		}
		crew.all()
		wait := l.wait()
		if ran { // it may have lasted into the next slot
			wait = 0
		}
		kicked = l.sleep(ctx, wait)
	}
}

// sleep ends with the next thing to look at, and says whether it is a kick. A kick that waits comes first.
func (l *Local) sleep(ctx context.Context, d time.Duration) (kicked bool) {
	select {
	case <-l.kick:
		return true
	default:
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-l.wake:
	case <-l.kick:
		return true
	}
	return false
}

// runs makes the run that is due, if there is one, and the one that was asked for.
func (l *Local) runs(ctx context.Context, kicked bool) (ran bool) {
	slot, err := l.due(ctx)
	if err != nil {
		l.Log.Error("the journal does not say which slot was run last; it is asked again within a minute", "error", err)
	}
	if !slot.IsZero() && !slot.Equal(l.tried) {
		l.tries++
		if !l.run(ctx, slot) || l.tries == maxTries {
			l.tried, l.tries = slot, 0
		}
		ran = true
	}
	if kicked {
		l.run(ctx, time.Time{})
		ran = true
	}
	return ran
}

// run says whether the run gave way, and is to be tried again.
func (l *Local) run(ctx context.Context, slot time.Time) (again bool) {
	err := l.Run(ctx, slot)
	switch {
	case err == nil || errors.Is(err, engine.ErrSlotDone):
	case GaveWay(err):
		l.Log.Info("a run was given up; it is tried again", "slot", slot, "error", err)
		return true
	default:
		l.Log.Error("a run failed; the next slot tries again", "slot", slot, "error", err)
	}
	return false
}
