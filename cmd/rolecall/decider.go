package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// decider is somebody who decides, on the command line or on the page: both do it in this way.
type decider struct {
	s      *system
	engine *engine.Engine
	actor  string
}

// by is a decider that the journal calls actor; known is what else is known of them.
func (s *system) by(actor string, known engine.Decider) decider {
	return decider{s, s.engine.As(known), actor}
}

// decide approves, or rejects, items. Under which settings somebody decided is part of the decision.
func (d decider) decide(ctx context.Context, approve bool, items []string, reason string) ([]engine.Item, error) {
	if err := d.s.rememberConfig(ctx, d.actor); err != nil {
		return nil, fmt.Errorf("the configuration could not be recorded, so nothing was decided: %w", err)
	}
	if approve {
		return d.engine.Approve(ctx, d.actor, items, reason)
	}
	return d.engine.Reject(ctx, d.actor, items, reason)
}

// cut cuts somebody off now.
func (d decider) cut(ctx context.Context, person, reason string) (*engine.Plan, engine.Report, error) {
	describe(ctx, d.engine)
	return d.engine.Cut(ctx, d.actor, person, reason)
}

func (d decider) lift(ctx context.Context, person, reason string) error {
	return d.engine.Lift(ctx, d.actor, person, reason)
}

func (d decider) give(ctx context.Context, person, entitlement string, day time.Time, reason string) error {
	return d.engine.Give(ctx, d.actor, person, entitlement, day, reason)
}

// pause stops calls to a program, to all of them with "".
func (d decider) pause(ctx context.Context, program, reason string) error {
	return d.engine.Pause(ctx, d.actor, program, reason)
}

func (d decider) resume(ctx context.Context, program string) error {
	return d.engine.Unpause(ctx, d.actor, program)
}

// undo freezes the inverse of a run.
func (d decider) undo(ctx context.Context, run, reason string) ([]engine.Undone, error) {
	return d.engine.Undo(ctx, d.s.store, d.actor, run, reason)
}

// undoPreview is what undo would freeze.
func (d decider) undoPreview(ctx context.Context, run string) ([]engine.Undone, error) {
	return d.engine.UndoPreview(ctx, d.s.store, run)
}

// startReview puts up what is to be reviewed, with what the configuration says of programs.
func (d decider) startReview(ctx context.Context, o engine.ReviewOrder) (engine.Review, []engine.ReviewLine, error) {
	programs := map[string]web.Program{}
	for _, p := range described(d.s.cfg, d.s.engine.Now()) {
		programs[p.Name] = p
	}
	o.Price = func(program string) string { return programs[program].Price }
	return d.engine.StartReview(ctx, d.s.store, d.actor, o)
}

func (d decider) review(ctx context.Context, o engine.ReviewDecision) ([]engine.ReviewLine, error) {
	return d.engine.DecideReview(ctx, d.actor, o)
}

func (d decider) closeReview(ctx context.Context, name, reason string) (engine.Review, error) {
	return d.engine.CloseReview(ctx, d.actor, name, reason)
}

func (d decider) endBlock(ctx context.Context, person, entitlement, reason string) error {
	return d.engine.EndBlock(ctx, d.actor, person, entitlement, reason)
}

func (d decider) delegate(ctx context.Context, of, to string, from, until time.Time, reason string) (engine.Delegation, error) {
	return d.engine.Delegate(ctx, d.actor, of, to, from, until, reason)
}

func (d decider) endDelegation(ctx context.Context, of, to, reason string) error {
	return d.engine.EndDelegation(ctx, d.actor, of, to, reason)
}

func (d decider) taskDone(ctx context.Context, id, note string) error {
	return d.engine.TaskDone(ctx, d.actor, id, note)
}

// release lets go of what an undo froze.
func (d decider) release(ctx context.Context, reason string) (int, error) {
	return d.engine.Release(ctx, d.actor, reason)
}
