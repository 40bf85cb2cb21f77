package engine

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// FactReader is a Journal that can look up one fact without reading all of Memory. Work asks it while calls are being made;
// without it, what was claimed is made whatever is decided meanwhile.
type FactReader interface {
	Fact(ctx context.Context, k FactKey) (Fact, bool, error)
}

// pauseLook is how long a look at the pauses is believed: the calls that start so shortly after a pause are still made.
const pauseLook = 100 * time.Millisecond

// pauses is what a worker knows of the pauses of its program.
type pauses struct {
	mu  sync.Mutex
	at  time.Time // of the last look
	why error     // nil: calls may start
}

// mayStart says why no call may start now: the program was paused, or nobody can tell. Calls of all lanes share a look.
func (w *worker) mayStart(ctx context.Context) error {
	facts, ok := w.e.Journal.(FactReader)
	if !ok {
		return nil
	}
	p := &w.pauses
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := w.e.Now().Sub(p.at); p.at.IsZero() || age < 0 || age >= pauseLook {
		p.why = w.look(ctx, facts)
		p.at = w.e.Now() // lanes that waited for it share a look that took long
	}
	return p.why
}

func (w *worker) look(ctx context.Context, facts FactReader) error {
	looking, cancel := context.WithTimeout(ctx, w.callTime())
	defer cancel()
	for _, program := range []string{"", w.p.Name} {
		f, paused, err := facts.Fact(looking, FactKey{Kind: FactPause, Program: program})
		switch {
		case err != nil:
			return w.blinded(ctx, fmt.Errorf("%w: whether %s is paused can't be read: %w", errStopped, w.p.Name, err))
		case paused:
			return fmt.Errorf("%w: %s is paused (%s)", errStopped, w.p.Name, f.Text)
		}
	}
	return nil
}

// blinded keeps that the journal could not be read, unless all is to stop: the work ends with that, and not as if changes had failed.
func (w *worker) blinded(ctx context.Context, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.blind == nil && ctx.Err() == nil {
		w.blind = err
	}
	return err
}

// lifted says that a change is of a cut that was lifted since it was claimed, or that nobody can tell.
func (w *worker) lifted(ctx context.Context, c *Change) error {
	facts, ok := w.e.Journal.(FactReader)
	if !ok || c.Cause != CauseCut {
		return nil
	}
	_, cut, err := facts.Fact(ctx, FactKey{Kind: FactCut, Person: c.Person})
	switch {
	case err != nil:
		return w.blinded(ctx, fmt.Errorf("%w: whether the cut was lifted can't be read: %w", errStopped, err))
	case !cut:
		return fmt.Errorf("%w: the cut was lifted", errStopped)
	}
	return nil
}

// notNow says why a change that was claimed is left alone for now: its cut was lifted, the seat is gone that it would take, or an earlier try of the same intent
// failed, and the next one is not due. Without that a revoke whose first effect is unknown, and which may be repeated, would be
// tried with every sweep for as long as the program's list can't be read.
func (w *worker) notNow(ctx context.Context, i *Intent, c *Change) error {
	if err := w.lifted(ctx, c); err != nil {
		return err
	}
	if err := w.failedBefore(ctx, i.Attempts, c); err != nil {
		return err
	}
	return w.noSeat(ctx, i.Change.Account, c)
}

func (w *worker) failedBefore(ctx context.Context, attempts int, c *Change) error {
	facts, ok := w.e.Journal.(FactReader)
	if !ok || attempts <= 1 {
		return nil
	}
	f, failing, err := facts.Fact(ctx, failingKey(c, c.Account))
	switch {
	case err != nil:
		return w.blinded(ctx, fmt.Errorf("%w: whether it failed before can't be read: %w", errStopped, err))
	case failing && w.e.Now().Before(f.Until):
		return fmt.Errorf("%w: it failed %d times; the next try is due at %s", errStopped, f.Count, f.Until.UTC().Format(time.RFC3339))
	case failing:
		c.Failures = f.Count
	}
	return nil
}

func failingKey(c *Change, account string) FactKey {
	return FactKey{Kind: FactFailing, Program: c.Program, Account: account, Entitlement: c.Right(), Key: c.Op.Effect()}
}
