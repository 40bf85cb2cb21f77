package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// MakeFilters makes the word filters that are missing, the newest first, and says how many. It holds the head at no time, but for SQLite
// while a filter is written: nobody who appends waits for it otherwise. Several may do it at once.
func (s *Store) MakeFilters(ctx context.Context) (made int, err error) {
	if s.options.ReadOnly {
		return 0, ErrReadOnly
	}
	missing, err := s.unfiltered(ctx)
	f := newWordFilter()
	for i := len(missing) - 1; i >= 0 && err == nil; i-- {
		var written bool
		if written, err = s.makeFilter(ctx, f, missing[i]); written {
			made++
		}
	}
	return made, s.wrap("make the filters for words", err)
}

// unfiltered are the segments that have no filter, or not all rows of one. All are written at once, so the first tells of what records.
func (s *Store) unfiltered(ctx context.Context) (missing []filterOf, err error) {
	all, err := s.segments(ctx, s.read, 0, 0)
	if err != nil {
		return nil, err
	}
	have := map[int64]rowsOf{}
	err = each(s.read.QueryxContext(ctx, selectRowsOf))(func(r *sqlx.Rows) error {
		var segment int64
		var is rowsOf
		err := r.Scan(&segment, &is.Parts, &is.First)
		have[segment] = is
		return err
	})
	for _, of := range all {
		if !have[of.segment].whole(of) {
			missing = append(missing, of)
		}
	}
	return missing, err
}

// rowsOf says how many rows a filter has, and what the first is.
type rowsOf struct {
	Parts int64
	First string
}

const selectRowsOf = `SELECT CAST(c.segment AS BIGINT), c.parts, f.bits FROM (SELECT segment, count(*) AS parts FROM word_filter GROUP BY segment) c
	JOIN word_filter f ON f.segment = c.segment AND f.part = 0`

func (is rowsOf) whole(of filterOf) bool {
	_, _, ok := readFilter(of, 0, is.First)
	return ok && is.Parts == filterParts
}

// told counts what a filter was made of: blanking and pruning take away, and nothing ever comes back.
type told struct{ Records, Whole int }

// makeFilter reads the records first and looks, when nobody else can write filters any more, whether they are still as they were.
func (s *Store) makeFilter(ctx context.Context, f *wordFilter, of filterOf) (written bool, err error) {
	f.reset()
	was, err := s.fill(ctx, f, of)
	if err != nil {
		return false, err
	}
	return s.keepFilter(ctx, f, of, was)
}

func (s *Store) keepFilter(ctx context.Context, f *wordFilter, of filterOf, was told) (written bool, err error) {
	t, err := s.read.BeginTxx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = t.Rollback() }() // nothing is left of it after a commit
	if lock := s.dialect.lockFilters(); lock != "" {
		if _, err := t.ExecContext(ctx, lock); err != nil {
			return false, err
		}
	}
	if err := s.current(&tx{Tx: t, store: s, ctx: ctx}); err != nil {
		return false, err
	}
	if still, err := stillSo(ctx, t, of, was); err != nil || !still {
		return false, err // the next time
	}
	if err := s.writeFilter(ctx, t, f, of); err != nil {
		return false, err
	}
	return true, t.Commit()
}

// fill reads the texts of the records.
func (s *Store) fill(ctx context.Context, f *wordFilter, of filterOf) (was told, err error) {
	const query = "SELECT seq, public, personal FROM journal WHERE seq > ? AND seq <= ? AND kind <> '' ORDER BY seq"
	for after := of.after(); after < of.last() && err == nil; after += mentionBlock {
		err = each(s.read.QueryxContext(ctx, s.read.Rebind(query), after, after+mentionBlock))(func(r *sqlx.Rows) error {
			var seq int64
			var public, personal []byte
			if err := r.Scan(&seq, &public, &personal); err != nil {
				return err
			}
			was.Records++
			if personal != nil {
				was.Whole++
			}
			f.add(seq, public, personal)
			return nil
		})
	}
	return was, err
}

// stillSo says whether the records are those that a filter was made of, and it is still missing.
func stillSo(ctx context.Context, t *sqlx.Tx, of filterOf, was told) (bool, error) {
	var now told
	err := t.GetContext(ctx, &now, t.Rebind("SELECT count(*) AS records, count(personal) AS whole FROM journal WHERE seq > ? AND seq <= ? AND kind <> ''"), of.after(), of.last())
	if err != nil || now != was {
		return false, err
	}
	var same []string
	if err := t.SelectContext(ctx, &same, t.Rebind("SELECT leaf FROM journal WHERE seq = ?"), of.last()); err != nil || len(same) != 1 || same[0] != of.leaf {
		return false, err
	}
	var is rowsOf
	err = t.GetContext(ctx, &is, t.Rebind("SELECT count(*) AS parts, coalesce(max(CASE part WHEN 0 THEN bits END), '') AS first FROM word_filter WHERE segment = ?"), of.segment)
	return err == nil && !is.whole(of), err
}

func (s *Store) writeFilter(ctx context.Context, t *sqlx.Tx, f *wordFilter, of filterOf) error {
	if _, err := t.ExecContext(ctx, t.Rebind(deleteFilter), of.segment); err != nil {
		return err
	}
	insert := "INSERT INTO word_filter (part, segment, bits) VALUES (?, ?, ?)"
	if s.dialect.copies() {
		//lint:ignore SA1019 as in copy.go
		insert = pq.CopyIn("word_filter", "part", "segment", "bits") //nolint:staticcheck // as in copy.go
	}
	into, err := t.PrepareContext(ctx, insert)
	if err != nil {
		return err
	}
	for part := range int64(filterParts) {
		_, bits := f.row(of, part)
		if _, err := into.ExecContext(ctx, part, of.segment, bits); err != nil {
			return errors.Join(err, into.Close())
		}
	}
	if s.dialect.copies() {
		_, err = into.ExecContext(ctx)
	}
	return errors.Join(err, into.Close())
}

const deleteFilter = "DELETE FROM word_filter WHERE segment = ?"

// dropFilters deletes the filters of blocks in which something was blanked or emptied. Whoever makes one at this moment has either
// written it before, so that it goes, or finds after this transaction that the records are others.
func (t *tx) dropFilters(blocks ...int64) error {
	done := map[int64]bool{}
	for _, block := range blocks {
		segment := block / filterBlocks
		if done[segment] {
			continue
		}
		done[segment] = true
		if _, err := t.ExecContext(t.ctx, t.Rebind(deleteFilter), segment); err != nil {
			return fmt.Errorf("the filter of segment %d: %w", segment, err)
		}
	}
	return nil
}
