package main

import (
	"context"

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
