package main

import (
	"context"
	"time"
)

// tellOld says once a day that there are records which are older than the configuration wants them to be kept. A program never empties
// them by itself: that can't be undone, so a person says it and why.
func (s *server) tellOld(ctx context.Context) {
	sys, done := s.use()
	defer done()
	now := s.app.Now()
	if sys.cfg.Audit.Keep == 0 || !s.plans || now.Sub(s.kept) < 24*time.Hour && !now.Before(s.kept) {
		return
	}
	s.kept = now
	before := now.UTC().Add(-sys.cfg.Audit.Keep)
	upTo, err := sys.store.UpTo(ctx, before)
	if err != nil {
		s.log.Warn("whether records are older than they are to be kept can't be told", "error", err)
		return
	}
	last, err := sys.store.Pruned(ctx)
	switch {
	case err != nil:
		s.log.Warn("what was pruned can't be read", "error", err)
	case upTo > 0 && (last == nil || last.UpTo < upTo):
		s.log.Warn("records are older than audit: keep says; take a bundle, and empty them with `rolecall audit prune`", "upTo", upTo, "before", stamp(before))
	}
}
