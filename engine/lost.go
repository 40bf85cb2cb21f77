package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lostMost is how many calls to one program may be lost before it is set aside. Calls that are under way at that moment may
// add to them.
const lostMost = 8

var errLost = errors.New("the connector did not return when its time was over, so nobody waits for it any longer")

// attempt makes a call that should end with its context, and is given up on some time later: it is left to itself then, so it
// must share nothing with its caller that either of them changes. It counts as lost until it returns after all.
func attempt[T any](ctx context.Context, w *worker, do func() T) (out T, ok bool) {
	done := make(chan T, 1)
	go func() {
		defer close(done)
		done <- do()
	}()
	select {
	case out, ok = <-done:
		return out, ok
	case <-ctx.Done():
	}
	margin := time.NewTimer(w.callTime() / 6)
	defer margin.Stop()
	select {
	case out, ok = <-done:
		return out, ok
	case <-margin.C:
	}
	lost := w.lost
	lost.Add(1)
	go func() {
		<-done
		lost.Add(-1)
	}()
	return out, false
}

// setAside is not nil while so many calls are lost that the program gets no more: each holds memory, and perhaps a
// connection, for good.
func (w *worker) setAside() error {
	if n := w.lost.Load(); n >= lostMost {
		return fmt.Errorf("%d calls to %s never returned, so it is set aside: it gets no more calls until one of them returns, the configuration is reloaded or this process is started anew; look why it hangs", n, w.p.Name)
	}
	return nil
}
