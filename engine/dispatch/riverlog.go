package dispatch

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/riverqueue/river"
)

// troubled begins what is said of the queue's first failure.
const troubled = "the queue fails; it is tried again until it works, and said once when it does: "

// trouble is an outage of the queue. River would log an error at each poll, five times a second.
type trouble struct {
	mu   sync.Mutex
	is   bool
	more int // errors that were left out
}

// first says whether this error is the first of an outage; others are counted only.
func (t *trouble) first() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.is {
		t.more++
		return false
	}
	t.is = true
	return true
}

func (t *trouble) now() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.is
}

func (t *trouble) end() (more int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	more = t.more
	t.is, t.more = false, 0
	return more
}

// over looks whether an outage has ended.
func (r *River) over(ctx context.Context) {
	if !r.trouble.now() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.Sweep)
	defer cancel()
	if _, err := r.client.JobList(ctx, river.NewJobListParams().First(1)); err == nil {
		r.Log.Warn("the queue works again", "errors_left_out", r.trouble.end())
	}
}

// warnings leaves out what River says every few seconds of its own affairs, and all errors of an outage but the first.
type warnings struct {
	slog.Handler
	trouble *trouble
}

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelError || strings.Contains(r.Message, "panic") { // no outage
		return w.Handler.Handle(ctx, r)
	}
	if !w.trouble.first() {
		return nil
	}
	r.Message = troubled + r.Message
	return w.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs), w.trouble}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler {
	return warnings{w.Handler.WithGroup(name), w.trouble}
}
