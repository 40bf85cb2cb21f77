package engine

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	claimMost = 800              // intents claimed at once,
	batchMost = 500              // or for a batch,
	claimOnce = 100              // or at first, if there are few lanes
	lease     = 10 * time.Minute // for them; a call starts only if it can end before
	skew      = 5 * time.Second  // of clocks
	aheadBy   = 4                // accounts a lane, not begun yet, when the next ones are claimed
)

// WorkProgram carries out the open intents of one program. Safe to run twice at once, here or on several machines: claims
// decide who acts. What people change is left to them.
func (e *Engine) WorkProgram(ctx context.Context, p *Program) (Report, error) {
	if _, people := p.Connector.(ByHand); people {
		return Report{Outcomes: map[Outcome]int{}}, nil
	}
	described := *p
	w := &worker{e: e, p: &described, lost: cmp.Or(p.Lost, &atomic.Int32{}), report: Report{Outcomes: map[Outcome]int{}}}
	c := &claims{w: w, began: e.Now()}
	for settled := true; ; settled = false {
		intents, err := c.next(ctx)
		if err == nil && len(intents) == 0 && !settled { // what waited for an account that was being made may be there
			if err = w.settle(); err == nil {
				intents, err = c.next(ctx)
			}
		}
		if err != nil || len(intents) == 0 {
			err = errors.Join(err, w.end())
			w.readSeatsBack(ctx)
			return w.report, err
		}
		w.claimed(ctx, len(intents))
		if !w.all(ctx, intents, func() { c.ahead(ctx) }) {
			return w.report, errors.Join(w.end(), c.end())
		}
	}
}

// claims gives a worker the intents to carry out. The next ones are claimed while calls are still being made, so that no
// lane stands still meanwhile; accounts that are being worked on are not claimed again, having a live lease. What is claimed is
// given back one by one if the program is paused meanwhile, so it is kept to some thousand changes.
type claims struct {
	w       *worker
	began   time.Time
	pending chan claim // of a claim under way, nil: none
}

type claim struct {
	intents []Intent
	err     error
}

// next gives nothing when there is nothing left. A claim that was made ahead is handed out also when all is to stop: its
// calls are then not begun, and say so.
func (c *claims) next(ctx context.Context) ([]Intent, error) {
	if c.pending != nil {
		got := <-c.pending
		if c.pending = nil; got.err != nil || len(got.intents) > 0 {
			return got.intents, got.err
		} // else something may have come since
	}
	if err := cmp.Or(c.w.setAside(), ctx.Err()); err != nil {
		return nil, err
	}
	return c.claim(ctx)
}

// ahead begins to claim the next ones, unless all is to stop, or calls are as slow as a rate has them: a lease must not run
// out before they are made.
func (c *claims) ahead(ctx context.Context) {
	if c.w.e.OneByOne || c.w.p.Rate > 0 || ctx.Err() != nil || c.w.setAside() != nil {
		return
	}
	c.pending = make(chan claim, 1)
	go func() {
		intents, err := c.claim(ctx)
		c.pending <- claim{intents, err}
	}()
}

// end waits for a claim under way, whose intents nobody carries out any more: they are read back once their lease is over.
func (c *claims) end() error {
	if c.pending == nil {
		return nil
	}
	return (<-c.pending).err
}

func (c *claims) claim(ctx context.Context) ([]Intent, error) {
	e, p := c.w.e, c.w.p
	Failpoint("claim.before")
	began := e.uptime()
	intents, err := e.Outbox.Claim(ctx, ClaimRequest{Program: p.Name, Max: c.w.most(), Now: e.Now(), Lease: lease, Since: c.began, After: p.After})
	if err == nil && len(intents) > 0 {
		c.w.took(intents[0].Lease, began)
		Failpoint("claim.after")
	}
	return intents, err
}

// most is how many intents are claimed at once: no more than the rate lets be worked within the lease. The first ones are few,
// so that calls begin at once.
func (w *worker) most() int {
	most := claimMost
	if _, ok := w.p.Connector.(Batcher); ok {
		most = cmp.Or(w.p.Describes.Batch, batchMost)
	} else if w.lanes == nil {
		most = max(claimOnce, 2*aheadBy*max(w.p.Concurrency, w.p.Describes.Concurrency))
	}
	if w.p.Rate <= 0 {
		return most
	}
	return max(1, min(most, int(w.p.Rate*lease.Seconds()/2)))
}
