package engine

import (
	"context"
	"slices"
)

// CutsOnly lets nothing but cuts be worked, on a journal that can't be trusted: what else an old one says is open may long be
// done, or undone.
type CutsOnly struct{ Outbox }

// Claim implements Outbox. What it passes over stays claimed, and is only read back later.
func (c CutsOnly) Claim(ctx context.Context, r ClaimRequest) ([]Intent, error) {
	for {
		all, err := c.Outbox.Claim(ctx, r)
		if err != nil || len(all) == 0 {
			return nil, err
		}
		cuts := slices.DeleteFunc(all, func(i Intent) bool { return i.Change.Cause != CauseCut })
		if len(cuts) > 0 {
			return cuts, nil
		}
	}
}
