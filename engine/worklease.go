package engine

import (
	"sync"
	"time"
)

// uptimes is when leases end by the uptime of whoever claimed them: a clock that is set back makes none of them longer.
type uptimes struct {
	mu   sync.Mutex
	ends map[int64]time.Duration // by when they end by the clock, microseconds
}

func (e *Engine) uptime() time.Duration {
	if e.Uptime == nil {
		return 0
	}
	return e.Uptime()
}

// took notes a claim that was begun at an uptime.
func (w *worker) took(until time.Time, began time.Duration) {
	w.leases.mu.Lock()
	defer w.leases.mu.Unlock()
	if w.leases.ends == nil {
		w.leases.ends = map[int64]time.Duration{}
	}
	if _, known := w.leases.ends[until.UnixMicro()]; !known { // of two that end at once by the clock, the first one ends first
		w.leases.ends[until.UnixMicro()] = began + lease
	}
}

// left is how long a lease still holds: by the clock, which also goes on while the machine stands still, and by the uptime.
func (w *worker) left(until time.Time) time.Duration {
	w.leases.mu.Lock()
	defer w.leases.mu.Unlock()
	left := until.Sub(w.e.Now())
	if ends, known := w.leases.ends[until.UnixMicro()]; known && w.e.Uptime != nil {
		left = min(left, ends-w.e.Uptime())
	}
	return left
}
