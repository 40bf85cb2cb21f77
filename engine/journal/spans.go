package journal

import (
	"cmp"
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// heldBetween are all that was held in a program at any moment between two times, each with the newest link of that time.
const heldBetween = `SELECT a.name, e.name, coalesce((SELECT p.key FROM link l JOIN person p ON p.id = l.person
		WHERE l.account = t.account AND l.from_time < ? AND (t.until_seq = 0 OR l.from_seq <= t.until_seq) AND (l.until_seq = 0 OR l.until_seq > t.from_seq) ORDER BY l.from_seq DESC LIMIT 1), ''),
		t.from_time, t.until_time
	FROM tenure t JOIN account a ON a.id = t.account JOIN entitlement e ON e.id = t.entitlement
	WHERE a.program = ? AND t.from_time < ? AND (t.until_seq = 0 OR t.until_time > ?) ORDER BY t.from_seq, a.name, e.name`

// SeatSpans lists what accounts of a program held at any moment between two times, and whose they were; known is when something was first
// seen there, zero: nothing was. Where records of that time were pruned, it is engine.Pruned.
func (s *Store) SeatSpans(ctx context.Context, program string, from, to time.Time) (out []engine.SeatSpan, known time.Time, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		if p, err := lastPruning(ctx, t); err != nil || p != nil && from.Before(p.Before) {
			return cmp.Or(err, error(p))
		}
		var first *int64
		query := "SELECT min(t.from_time) FROM tenure t JOIN account a ON a.id = t.account WHERE a.program = ?"
		if err := t.GetContext(ctx, &first, t.Rebind(query), program); err != nil || first == nil {
			return err
		}
		known = instant(*first)
		return each(t.QueryxContext(ctx, t.Rebind(heldBetween), ceiling(to), program, ceiling(to), floor(from)))(func(r *sqlx.Rows) error {
			var one engine.SeatSpan
			var begin, end int64
			err := r.Scan(&one.Account, &one.Right, &one.Person, &begin, &end)
			one.Account, one.Person, one.From, one.Until = engine.ShownName(one.Account), engine.ShownName(one.Person), instant(begin), instant(end)
			out = append(out, one)
			return err
		})
	})
	return out, known, s.wrap("read who had seats", err)
}

// TellsActive says whether a program ever showed an account as active: of one that does, only such accounts take a seat. It is asked of the
// journal, since a program says so only once it is read.
func (s *Store) TellsActive(ctx context.Context, program string) (tells bool, err error) {
	query := "SELECT EXISTS (SELECT 1 FROM tenure t JOIN account a ON a.id = t.account JOIN entitlement e ON e.id = t.entitlement WHERE a.program = ? AND e.name = ?)"
	err = s.read.GetContext(ctx, &tells, s.read.Rebind(query), program, engine.Active)
	return tells, s.wrap("read what a program shows", err)
}
