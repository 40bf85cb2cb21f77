package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// errNoPruning: a record is not one of a pruning.
var errNoPruning = errors.New("it is no record of a pruning")

// PruningOf reads the record of a pruning from its texts, which may come from anywhere. Who signed it is for Trusted to say.
func PruningOf(s Stored) (*engine.Pruned, error) {
	who, err := loadPublic([]byte(s.Public), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoPruning, err)
	}
	if who.Kind != string(engine.KindSnapshot) || s.Personal == "" {
		return nil, errNoPruning
	}
	p, err := prunedBy(who.Seq, []byte(s.Public), []byte(s.Personal))
	if err == nil && (p.UpTo < 1 || p.UpTo >= who.Seq) {
		err = errNoPruning
	}
	return p, err
}

// Snapshot takes in the lines that a journal goes on from, which may come from anywhere.
type Snapshot struct {
	in    *snapshot
	rules map[int64][]string
}

// NewSnapshot has no line yet.
func NewSnapshot(p *engine.Pruned) *Snapshot {
	return &Snapshot{newSnapshot(p.UpTo), map[int64][]string{}}
}

// Add takes the next line in.
func (s *Snapshot) Add(l Stored) error {
	if l.Personal != "" && l.Commitment != "" || (l.Salt == "") != (l.Personal == "") {
		return fmt.Errorf("%w: line %d is neither whole nor blanked", errSnapshot, s.in.lines+1)
	}
	return s.in.add(l, s.rules)
}

// Is says why the lines are not those that the record of a pruning speaks of; nil: they are.
func (s *Snapshot) Is(p *engine.Pruned) error {
	switch {
	case s.in.lines != p.Lines:
		return fmt.Errorf("%w: it has %d lines instead of %d", errSnapshot, s.in.lines, p.Lines)
	case s.in.root() != p.Root:
		return fmt.Errorf("%w: a line of it was changed", errSnapshot)
	case s.in.position.Seq != p.UpTo:
		return fmt.Errorf("%w: it is of %d records instead of %d", errSnapshot, s.in.position.Seq, p.UpTo)
	}
	return nil
}

// Position is what the lines come to; record gives the records that stayed whole, of which those of open changes are needed.
func (s *Snapshot) Position(record func(seq int64) (engine.Record, bool)) (engine.Position, error) {
	return s.in.whole(record)
}

// Tenures are those that were not over.
func (s *Snapshot) Tenures() map[engine.Held3]engine.Tenure { return s.in.tenures }

// Blanked is how many lines lost their personal part since.
func (s *Snapshot) Blanked() int {
	b := &s.in.blankedIn
	return len(b.people) + len(b.accounts) + len(b.facts)
}

// People are those of whom anything was known: an account, a login or a fact. Numbers of names are of no use for that, as they are of later
// times, too.
func (s *Snapshot) People() []string {
	all := map[string]bool{}
	for key := range s.in.linked {
		all[key.Person] = true
	}
	for id, logins := range s.in.logins {
		if len(logins) > 0 {
			all[s.in.names.people[id]] = true
		}
	}
	for i := range s.in.position.Facts {
		all[s.in.position.Facts[i].Person] = true
	}
	delete(all, "")
	return slices.Sorted(maps.Keys(all))
}

// SnapshotLines gives the lines that the journal goes on from since records were pruned.
func (s *Store) SnapshotLines(ctx context.Context, p *engine.Pruned, yield func(Stored) error) error {
	n := int64(0)
	for {
		var lines []Stored
		query := "SELECT public, salt, personal, commitment FROM snapshot WHERE upto = ? AND n > ? ORDER BY n LIMIT ?"
		err := each(s.read.QueryxContext(ctx, s.read.Rebind(query), p.UpTo, n, page))(func(r *sqlx.Rows) error {
			l, err := scanLine(r)
			lines = append(lines, l)
			return err
		})
		if err != nil {
			return s.wrap("read the snapshot", err)
		}
		for _, l := range lines {
			if l.Personal != "" { // what stays for the day on which it is blanked
				l.Commitment = ""
			}
			if err := yield(l); err != nil {
				return err
			}
		}
		if n += int64(len(lines)); len(lines) < page {
			return nil
		}
	}
}

// Everything gives all records from before a time, from the first on. Of those that were pruned there are number and hash.
func (s *Store) Everything(ctx context.Context, to time.Time, yield func(engine.Record, Stored) error) error {
	last := int64(0)
	err := s.StoredRecords(ctx, engine.Query{To: to}, func(r engine.Record, stored Stored) error {
		if r.Seq > last+1 {
			if err := s.emptied(ctx, last, r.Seq, yield); err != nil {
				return err
			}
		}
		last = r.Seq
		return yield(r, stored)
	})
	if err != nil && !errors.Is(err, engine.ErrPruned) { // they come here
		return err
	}
	p, err := s.Pruned(ctx)
	if err == nil && p != nil && last < p.UpTo {
		err = s.emptied(ctx, last, p.UpTo+1, yield)
	}
	return err
}

// emptied gives those behind one record and in front of another of which nothing else is left.
func (s *Store) emptied(ctx context.Context, after, before int64, yield func(engine.Record, Stored) error) error {
	for {
		var some []struct {
			Seq  int64
			Leaf string
		}
		query := "SELECT seq, leaf FROM journal WHERE kind = '' AND seq > ? AND seq < ? ORDER BY seq LIMIT ?"
		if err := s.read.SelectContext(ctx, &some, s.read.Rebind(query), after, before, page); err != nil {
			return s.wrap("read what is left of records", err)
		}
		for _, l := range some {
			if err := yield(engine.Record{Seq: l.Seq, Hash: l.Leaf}, Stored{}); err != nil {
				return err
			}
			after = l.Seq
		}
		if len(some) < page {
			return nil
		}
	}
}
