package journal

import (
	"cmp"
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Stays lists how long accounts of a program held something since a time, and the first of all, so that it can be told from when on
// anything is known; only nil: anything, else that entitlement.
func (s *Store) Stays(ctx context.Context, program string, only *string, since time.Time) (out []engine.Stay, err error) {
	query := `SELECT a.name, t.from_time, t.until_time FROM tenure t JOIN account a ON a.id = t.account JOIN entitlement e ON e.id = t.entitlement
		WHERE a.program = ? AND (t.until_seq = 0 OR t.until_time >= ? OR t.from_seq = (
			SELECT min(f.from_seq) FROM tenure f JOIN account b ON b.id = f.account WHERE b.program = ?))`
	args := []any{program, floor(since), program}
	if only != nil {
		query, args = query+" AND e.name = ?", append(args, *only)
	}
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		if p, err := lastPruning(ctx, t); err != nil || p != nil && since.Before(p.Before) { // what ended before is not there
			return cmp.Or(err, error(p))
		}
		return each(t.QueryxContext(ctx, t.Rebind(query+" ORDER BY t.from_seq, a.name"), args...))(func(r *sqlx.Rows) error {
			var one engine.Stay
			var from, until int64
			if err := r.Scan(&one.Account, &from, &until); err != nil {
				return err
			}
			one.Account, one.From, one.Until = engine.ShownName(one.Account), instant(from), instant(until)
			out = append(out, one)
			return nil
		})
	})
	return out, s.wrap("read how long accounts held something", err)
}
