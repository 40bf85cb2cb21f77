package journal

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Release implements engine.Releaser, under the head lock like Claim.
func (s *Store) Release(ctx context.Context, now time.Time, intents []engine.Intent) error {
	if s.options.ReadOnly {
		return ErrReadOnly
	}
	if len(intents) == 0 {
		return ctx.Err()
	}
	const query = `UPDATE open_intent SET claimed = CASE WHEN attempts = 1 AND r.column4 = 1 THEN 0 ELSE claimed END,
		lease = CASE WHEN attempts = 1 AND r.column4 = 1 THEN 0 WHEN lease > r.column3 THEN r.column3 ELSE lease END,
		attempts = CASE WHEN attempts = 1 AND r.column4 = 1 THEN 0 ELSE attempts END FROM @rows r
		WHERE open_intent.seq = r.column1 AND attempts = r.column2 AND claimed = r.column5 AND (attempts > 1 OR uncertain = 0) RETURNING open_intent.seq`
	return s.wrap("give back what was not begun", s.locked(ctx, func(t *tx, h *head) error {
		r := newRows("iiiii").expect(len(intents))
		for n := range intents {
			i := &intents[n]
			r.add(i.Seq, int64(i.Attempts), micros(engine.Instant(now)), bit(i.Stand == h.stand()), micros(engine.Instant(i.Claimed)))
		}
		return t.query(query, r, func(*sqlx.Rows) error { return nil })
	}))
}
