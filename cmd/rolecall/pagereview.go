package main

import (
	"context"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// StartReview implements web.Reviewing.
func (d *door) StartReview(ctx context.Context, u web.User, o engine.ReviewOrder) (lines int, err error) {
	err = d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		r, _, err := by.startReview(ctx, o)
		lines = r.Lines
		return err
	})
	return lines, err
}

// Review implements web.Reviewing.
func (d *door) Review(ctx context.Context, u web.User, o engine.ReviewDecision) (n int, err error) {
	err = d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		lines, err := by.review(ctx, o)
		n = len(lines)
		return err
	})
	return n, err
}

// CloseReview implements web.Reviewing.
func (d *door) CloseReview(ctx context.Context, u web.User, name, reason string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		_, err := by.closeReview(ctx, name, reason)
		return err
	})
}

// Delegate implements web.Delegating: somebody stands in for whoever decides.
func (d *door) Delegate(ctx context.Context, u web.User, to string, from, until time.Time, reason string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		_, err := by.delegate(ctx, u.Person, to, from, until, reason)
		return err
	})
}

// EndDelegation implements web.Delegating.
func (d *door) EndDelegation(ctx context.Context, u web.User, of, to, reason string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error { return by.endDelegation(ctx, of, to, reason) })
}

// TaskDone implements web.Chores.
func (d *door) TaskDone(ctx context.Context, u web.User, id, note string) error {
	return d.deciding(ctx, u, func(ctx context.Context, by decider) error { return by.taskDone(ctx, id, note) })
}

// Release implements web.Chores.
func (d *door) Release(ctx context.Context, u web.User, reason string) (n int, err error) {
	err = d.deciding(ctx, u, func(ctx context.Context, by decider) error {
		n, err = by.release(ctx, reason)
		return err
	})
	return n, err
}
