package sim

import (
	"context"
	"errors"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

var (
	errDead   = errors.New("the process died")
	errDisk   = errors.New("the disk is full")
	errUnsure = errors.New("the connection broke while committing: the records may or may not be there")
)

// store is the journal in memory, which the journal's suite proves equal to the others, on a disk and under processes
// that fail.
type store struct {
	*enginetest.Journal
	m    *model
	down time.Time // nothing can be read or written until then
}

// fails says why nothing can be done now.
func (s *store) fails() error {
	switch {
	case s.m.cur.dead:
		return errDead
	case s.down.After(s.m.now) && !s.m.quiet:
		s.m.cur.hurt = true
		return errDisk
	}
	return nil
}

// die lets the process that works now die there.
func (s *store) die(where string, likely int) bool {
	if !s.m.quiet && !s.m.cur.dead && s.m.faults.chance(likely) {
		s.m.fault("process: dies "+where, "the process dies %s", where)
		s.m.cur.dead = true
	}
	return s.m.cur.dead
}

// Append implements engine.Journal.
func (s *store) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if err := s.fails(); err != nil {
		return err
	}
	s.m.mend()
	if g.Epoch != 0 {
		s.m.meanwhile("between plan and commit", 60, 3*time.Hour)
	}
	if s.die("before writing", 12) {
		return errDead
	}
	if !s.m.quiet && s.m.faults.chance(8) {
		s.down = s.m.now.Add(time.Duration(1+s.m.faults.IntN(90)) * time.Minute)
		s.m.fault("store: down", "the journal can't be written until %s", s.down.Format("15:04"))
		s.m.cur.hurt = true
		return errDisk
	}
	if err := s.Journal.Append(ctx, g, records); err != nil {
		return err
	}
	s.m.check.appended(g, records)
	if s.die("after writing", 12) {
		return errDead
	}
	if !s.m.quiet && s.m.faults.chance(5) {
		s.m.fault("store: unsure", "the answer to a commit is lost")
		s.m.cur.hurt = true
		return errUnsure
	}
	return nil
}

// Memory implements engine.Journal.
func (s *store) Memory(ctx context.Context, since time.Time) (*engine.Memory, error) {
	if err := s.fails(); err != nil {
		return nil, err
	}
	mem, err := s.Journal.Memory(ctx, since)
	if err == nil {
		s.m.cur.seen.control, s.m.cur.seen.claims = s.m.check.control, s.m.check.claims
		s.m.check.memory(mem)
	}
	return mem, err
}

// Lead implements engine.Journal.
func (s *store) Lead(ctx context.Context) (int64, error) {
	if err := s.fails(); err != nil {
		return 0, err
	}
	epoch, err := s.Journal.Lead(ctx)
	s.m.check.epoch = epoch
	return epoch, err
}

// Claim implements engine.Outbox.
func (s *store) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	if err := s.fails(); err != nil {
		return nil, err
	}
	s.m.mend()
	out, err := s.Journal.Claim(ctx, r)
	if err != nil || len(out) == 0 {
		return out, err
	}
	s.m.check.claimed(r, out)
	if s.die("after claiming", 15) {
		return nil, errDead
	}
	s.m.meanwhile("after claiming", 30, 15*time.Minute)
	s.m.setBack(12)
	return out, nil
}
