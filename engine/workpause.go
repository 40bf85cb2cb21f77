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
	now := w.e.Now()
	if age := now.Sub(p.at); p.at.IsZero() || age < 0 || age >= pauseLook {
		p.at, p.why = now, w.look(ctx, facts)
	}
	return p.why
}

func (w *worker) look(ctx context.Context, facts FactReader) error {
	ctx, cancel := context.WithTimeout(ctx, w.callTime())
	defer cancel()
	for _, program := range []string{"", w.p.Name} {
		f, paused, err := facts.Fact(ctx, FactKey{Kind: FactPause, Program: program})
		switch {
		case err != nil:
			return fmt.Errorf("%w: whether %s is paused can't be read: %w", errStopped, w.p.Name, err)
		case paused:
			return fmt.Errorf("%w: %s is paused (%s)", errStopped, w.p.Name, f.Text)
		}
	}
	return nil
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
		return fmt.Errorf("%w: whether the cut was lifted can't be read: %w", errStopped, err)
	case !cut:
		return fmt.Errorf("%w: the cut was lifted", errStopped)
	}
	return nil
}
