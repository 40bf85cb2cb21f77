package journal

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// age takes in when a record behind those that are to go is from.
func (p *pruneWalk) age(at int64) {
	p.aged += min(time.Duration(max(at-p.last, 0))*time.Microsecond, engine.LongestSilence)
	p.last = max(p.last, at)
}

// errAged ends a reading of times.
var errAged = errors.New("old enough")

// OldEnough refuses, before anything is done, what Prune would refuse as too new by the journal's own times.
func (s *Store) OldEnough(ctx context.Context, before time.Time, least time.Duration) error {
	p := pruneWalk{last: ceiling(before)}
	err := each(s.read.QueryxContext(ctx, s.read.Rebind("SELECT time FROM journal WHERE time >= ? ORDER BY seq"), p.last))(func(r *sqlx.Rows) error {
		var at int64
		if err := r.Scan(&at); err != nil {
			return err
		}
		if p.age(at); p.aged >= least {
			return errAged
		}
		return nil
	})
	if err != nil && !errors.Is(err, errAged) {
		return s.wrap("look how old records are", err)
	}
	return p.oldEnough(&PruneOrder{Before: before, Least: least})
}
