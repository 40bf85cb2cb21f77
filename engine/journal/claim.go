package journal

import (
	"context"

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

// claimable is what may be handed out, but for live leases of other intents of the account.
const claimable = `(o.claimed = 0 OR o.repeatable = 1)`

// oldest lists the oldest that may be handed out: their accounts are those to choose from. It walks along the index and ends
// with the last row that is needed, so that a claim costs the same however much is open.
const oldest = `SELECT o.seq, o.account FROM open_intent o WHERE o.program = ? AND ` + claimable + `
	AND NOT EXISTS (SELECT 1 FROM open_intent l WHERE l.account = o.account AND l.lease > ?)
	AND NOT EXISTS (SELECT 1 FROM fact WHERE kind = 'pause' AND program IN ('', ?) AND account = '' AND entitlement = '' AND person = '' AND key = '')
	ORDER BY o.seq LIMIT ?`

// choose gives the seqs to claim.
func (t *tx) choose(c engine.ClaimRequest) (*rows, error) {
	accounts, ids, now := map[int64][]int64{}, newRows("i"), micros(engine.Instant(c.Now))
	answer, err := t.QueryxContext(t.ctx, t.Rebind(oldest), c.Program, now, c.Program, c.Max)
	err = each(answer, err)(func(r *sqlx.Rows) error {
		var seq, account int64
		err := r.Scan(&seq, &account)
		if _, ok := accounts[account]; !ok {
			accounts[account] = nil
			ids.add(account)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	const all = "SELECT o.seq, o.account FROM @rows r JOIN open_intent o ON o.account = r.column1 WHERE " + claimable
	err = t.query(all, ids, func(r *sqlx.Rows) error {
		var seq, account int64
		err := r.Scan(&seq, &account)
		accounts[account] = append(accounts[account], seq)
		return err
	})
	chosen := newRows("i")
	for _, account := range ids.numbers {
		if chosen.len() >= c.Max {
			break
		}
		chosen.numbers = append(chosen.numbers, accounts[account]...)
	}
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
