package journal

import (
	"context"
	"math"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Claim implements engine.Outbox, under the head lock: against Append, a withdrawal and a claim of one intent can't both
// succeed.
func (s *Store) Claim(ctx context.Context, r engine.ClaimRequest) (intents []engine.Intent, err error) {
	if s.options.ReadOnly {
		return nil, ErrReadOnly
	}
	if r.Max < 1 {
		return nil, ctx.Err()
	}
	err = s.locked(ctx, func(t *tx, _ *head) error {
		chosen, err := t.choose(r)
		if err != nil || chosen.len() == 0 {
			return err
		}
		if err := t.take(r, chosen); err != nil {
			return err
		}
		intents, err = t.claimed(chosen)
		return err
	})
	if err != nil {
		return nil, s.wrap("claim work of "+r.Program, err)
	}
	engine.SortClaimed(intents)
	return intents, nil
}

// candidates lists what may be handed out: accounts of leavers first, then that with the oldest intent.
const candidates = `WITH ready AS (
		SELECT seq, account, repeatable FROM open_intent o WHERE program = ? AND (claimed = 0 OR repeatable = 1 AND claimed < ?)
		AND NOT EXISTS (SELECT 1 FROM open_intent l WHERE l.account = o.account AND l.lease > ?)
		AND NOT EXISTS (SELECT 1 FROM fact WHERE kind = 'pause' AND program IN ('', ?) AND account = '' AND entitlement = '' AND person = '' AND key = '')
	), chosen AS (SELECT account, max(repeatable) AS urgent, min(seq) AS first FROM ready GROUP BY account ORDER BY urgent DESC, first LIMIT ?)
	SELECT ready.seq, ready.account FROM chosen JOIN ready ON ready.account = chosen.account ORDER BY chosen.urgent DESC, chosen.first, ready.seq`

// choose gives the seqs to claim.
func (t *tx) choose(c engine.ClaimRequest) (*rows, error) {
	chosen, now, last := newRows("i"), micros(engine.Instant(c.Now)), int64(0)
	since := int64(math.MaxInt64)
	if !c.Since.IsZero() {
		since = micros(engine.Instant(c.Since))
	}
	answer, err := t.QueryxContext(t.ctx, t.Rebind(candidates), c.Program, since, now, c.Program, c.Max)
	err = each(answer, err)(func(r *sqlx.Rows) error {
		var seq, account int64
		if err := r.Scan(&seq, &account); err != nil {
			return err
		}
		if chosen.len() < c.Max || account == last {
			chosen.add(seq)
			last = account
		}
		return nil
	})
	return chosen, err
}

func (t *tx) take(c engine.ClaimRequest, chosen *rows) error {
	now := engine.Instant(c.Now)
	r := newRows("iii")
	for _, seq := range chosen.numbers {
		r.add(seq, micros(now), micros(engine.Instant(now.Add(c.Lease))))
	}
	return t.run(`UPDATE open_intent SET claimed = r.column2, lease = r.column3, attempts = attempts + 1 FROM @rows r
		WHERE open_intent.seq = r.column1`, r)
}

func (t *tx) claimed(chosen *rows) (intents []engine.Intent, err error) {
	err = t.query(selectIntents+" JOIN @rows r ON o.seq = r.column1", chosen, func(r *sqlx.Rows) error {
		i, err := scanIntent(r)
		intents = append(intents, i)
		return err
	})
	return intents, err
}
