package main

import (
	"context"
	"log/slog"
	"os"
	"time"
)

const (
	pollEvery = 5 * time.Second  // between two looks for a changed configuration, and at the clock
	stopGrace = 25 * time.Second // what calls under way are given when the daemon is stopped
)

// loop decides when things happen: one run per slot, never two at once, reloads between runs. It sleeps on timers only, at
// most poll, so that a clock that jumps is noticed.
type loop struct {
	now     func() time.Time
	poll    time.Duration
	next    func(after time.Time) time.Time // the first slot after an instant
	missed  func(context.Context) time.Time // the last slot before now if it was not run, else zero
	run     func(ctx context.Context, slot time.Time)
	hangup  <-chan os.Signal
	changed func() bool // the configuration's files are others than those in force
	reload  func()
	alive   func() // told at every look
	log     *slog.Logger

	last     time.Time // the last slot that was run or let pass
	running  chan struct{}
	reloaded bool // a reload is wanted
}

// serve returns when ctx ends and the run under way has ended.
func (l *loop) serve(ctx context.Context) error {
	l.last = l.now()
	if slot := l.missed(ctx); !slot.IsZero() {
		l.log.Info("the last slot was missed, running it now", "slot", slot)
		l.start(ctx, slot)
	}
	for {
		wait := min(l.poll, max(0, l.next(l.last).Sub(l.now())))
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			l.settle()
			return ctx.Err()
		case <-l.running:
			l.running = nil
		case <-l.hangup:
			l.log.Info("told to reload")
			l.reloaded = true
		case <-timer.C:
		}
		timer.Stop()
		l.look(ctx)
	}
}

// look does what is due.
func (l *loop) look(ctx context.Context) {
	l.alive()
	if l.running == nil && (l.reloaded || l.changed()) {
		l.reloaded = false
		l.reload()
	}
	now := l.now()
	slot := l.next(l.last)
	if now.Before(slot) {
		return
	}
	// Of several slots that passed meanwhile only the last is run.
	for after := l.next(slot); !now.Before(after); after = l.next(after) {
		slot = after
	}
	l.last = slot
	if l.running != nil {
		l.log.Warn("a slot passes without a run, since the last run has not ended", "slot", slot)
		return
	}
	l.start(ctx, slot)
}

// start runs beside the loop. The run outlives the order to stop by stopGrace, so that calls under way can be settled.
func (l *loop) start(ctx context.Context, slot time.Time) {
	done := make(chan struct{})
	l.running = done
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stopped := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(stopGrace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-done:
		}
	})
	go func() {
		defer close(done)
		defer cancel()
		defer stopped()
		l.run(inner, slot)
	}()
}

func (l *loop) settle() {
	if l.running != nil {
		l.log.Info("stopping; waiting for the run under way", "at_most", stopGrace)
		<-l.running
	}
}
