package engine

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	readIdle = 10 * time.Minute // nothing came of a read for so long: it hangs
	findIdle = 2 * time.Minute  // the same while somebody waits to be cut off
)

var errStalled = errors.New("nothing came of the read for a long time, so it was given up; look whether the server hangs")

func (e *Engine) idle() time.Duration {
	if e.OneByOne {
		return 0
	}
	return cmp.Or(e.ReadIdle, readIdle)
}

// watched reads until the read ends; ok is false if it hung, or went on after its context. It is left to itself then, so it
// must share nothing with its caller that either of them changes: a source that heeds no context delays nobody else. came
// counts what arrives. With idle 0 the read is trusted to end, and nothing runs beside it.
func watched[T any](ctx context.Context, idle time.Duration, read func(ctx context.Context, came *atomic.Int64) T) (out T, ok bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var came atomic.Int64
	if idle == 0 {
		return read(ctx, &came), true
	}
	done := make(chan T, 1)
	go func() { done <- read(ctx, &came) }()
	tick := time.NewTicker(idle)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case out = <-done:
			return out, true
		case <-ctx.Done():
			return out, false
		case <-tick.C:
		}
		n := came.Load()
		if n == last {
			return out, false
		}
		last = n
	}
}
