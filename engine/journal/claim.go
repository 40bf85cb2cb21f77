package journal

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

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
	err = s.locked(ctx, func(t *tx, h *head) error {
		chosen, err := t.choose(r)
		if err != nil || chosen.len() == 0 {
			return err
		}
		own, others, err := t.take(engine.Instant(r.By(instant(h.Time))), r.Lease, chosen)
		if err != nil {
			return err
		}
		engine.Failpoint("claim.torn")
		claimed, err := t.claimed(own, others)
		for _, c := range claimed {
			if err == nil { // what can't be read is claimed by nobody
				var i engine.Intent
				i, err = c.intent()
				intents = append(intents, i)
			}
		}
		return err
	})
	if err != nil {
		return nil, s.wrap("claim work of "+r.Program, err)
	}
	engine.SortClaimed(intents)
	return intents, nil
}

// may is the condition that an intent o may be handed out, but for live leases: nobody claimed it, or it may be repeated and was
// not claimed since a time. ahead and since are SQL for times; while a program that comes first has work of its own, only what
// may be repeated goes.
func may(ahead, since string, wait bool) string {
	first := "o.claimed = 0 OR "
	if wait {
		first = ""
	}
	return fmt.Sprintf("(%so.repeatable = 1 AND (o.claimed < %s OR o.claimed > %s))", first, since, ahead)
}

// oneOfPerson is the condition that nobody works on another account of the person of o, while one of the two is only proposed.
// Joining ” keeps the planner from looking for others by their program, where there may be a hundred thousand.
func oneOfPerson(now, ahead string) string {
	return fmt.Sprintf(` AND NOT EXISTS (SELECT 1 FROM open_intent l
		WHERE l.person = o.person AND l.person <> 0 AND l.account <> o.account AND l.program || '' = o.program AND l.lease > %s AND l.lease <= %s
		AND EXISTS (SELECT 1 FROM account a WHERE a.id IN (l.account, o.account) AND substr(a.name, 1, %d) = '%s'))`,
		now, ahead, len(engine.ProposedPrefix), engine.ProposedPrefix)
}

// ahead is the time after which no lease ends but by a clock that is ahead.
func ahead(c engine.ClaimRequest) int64 {
	return micros(engine.Instant(c.Now.Add(engine.LongestLease)))
}

// oldest lists the oldest that may be handed out: their accounts are those to choose from. It walks along an index and ends
// with the last row that is needed, so that a claim costs the same however much is open.
const oldest = `SELECT o.seq, o.account FROM open_intent o WHERE o.program = ? AND o.seq > ? AND %s %s
	AND NOT EXISTS (SELECT 1 FROM open_intent l WHERE l.account = o.account AND l.lease > ? AND l.lease <= ?)
	AND NOT EXISTS (SELECT 1 FROM fact WHERE kind = 'pause' AND program IN ('', ?) AND account = '' AND entitlement = '' AND person = '' AND key = '')
	ORDER BY o.seq LIMIT ?`

// first finds work of programs that come first, see engine.ClaimRequest.After; a paused one holds nobody up.
const first = `SELECT count(*) FROM (SELECT 1 FROM open_intent b WHERE b.program IN (?) AND (b.claimed = 0 OR b.lease > ? AND b.lease <= ?)
	AND NOT EXISTS (SELECT 1 FROM fact WHERE kind = 'pause' AND program = b.program AND account = '' AND entitlement = '' AND person = '' AND key = '') LIMIT 1) x`

// mustWait says whether a program that comes first still has work of its own.
func (t *tx) mustWait(c engine.ClaimRequest) (bool, error) {
	if len(c.After) == 0 {
		return false, nil
	}
	text, args, err := sqlx.In(first, c.After, micros(engine.Instant(c.Now)), ahead(c))
	if err != nil {
		return false, err
	}
	n := 0
	err = t.GetContext(t.ctx, &n, t.Rebind(text), args...)
	return n > 0, err
}

// choose gives the seqs to claim: accounts of leavers and of people who are cut off first, then that with the oldest intent.
func (t *tx) choose(c engine.ClaimRequest) (*rows, error) {
	wait, err := t.mustWait(c)
	if err != nil {
		return nil, err
	}
	since := int64(math.MaxInt64)
	if !c.Since.IsZero() {
		since = micros(engine.Instant(c.Since))
	}
	h := &choice{tx: t, request: c, wait: wait, now: micros(engine.Instant(c.Now)), far: ahead(c), since: since,
		free: map[int64][]int64{}, taken: map[int64]bool{}, chosen: newRows("i")}
	for _, only := range []string{"AND o.repeatable = 1", ""} {
		if err := h.round(only); err != nil {
			return nil, err
		}
	}
	return h.chosen, nil
}

// choice is one choosing.
type choice struct {
	*tx
	request         engine.ClaimRequest
	wait            bool
	now, far, since int64             // in microseconds
	free            map[int64][]int64 // account → its intents that may be handed out, of accounts that were looked at
	taken           map[int64]bool    // accounts that were chosen
	chosen          *rows
}

// round chooses accounts in the order of their oldest intents that may be handed out, page by page: what a page shows may be
// held up by work on another account of the person.
func (h *choice) round(only string) error {
	statement := fmt.Sprintf(oldest, may(strconv.FormatInt(h.far, 10), strconv.FormatInt(h.since, 10), h.wait), only)
	for after, more := int64(0), true; more && h.chosen.len() < h.request.Max; {
		var page [][2]int64 // seq, account
		answer, err := h.QueryxContext(h.ctx, h.Rebind(statement), h.request.Program, after, h.now, h.far, h.request.Program, h.request.Max)
		err = each(answer, err)(func(r *sqlx.Rows) error {
			var seq, account int64
			err := r.Scan(&seq, &account)
			page = append(page, [2]int64{seq, account})
			return err
		})
		if err == nil {
			err = h.look(page)
		}
		if err != nil {
			return err
		}
		for _, one := range page {
			after = one[0]
			h.pick(one[0], one[1])
		}
		more = len(page) == h.request.Max
	}
	return nil
}

// look finds what may be handed out of the accounts of a page.
func (h *choice) look(page [][2]int64) error {
	ids := newRows("iiii")
	for _, one := range page {
		if _, known := h.free[one[1]]; !known {
			h.free[one[1]] = nil
			ids.add(one[1], h.now, h.far, h.since)
		}
	}
	if ids.len() == 0 {
		return nil
	}
	whole := "SELECT o.seq, o.account FROM @rows r JOIN open_intent o ON o.account = r.column1 WHERE " + may("r.column3", "r.column4", h.wait) + oneOfPerson("r.column2", "r.column3") // asked of few
	return h.query(whole, ids, func(r *sqlx.Rows) error {
		var seq, account int64
		err := r.Scan(&seq, &account)
		h.free[account] = append(h.free[account], seq)
		return err
	})
}

// pick chooses the account of an intent that may be handed out, with all that may be.
func (h *choice) pick(seq, account int64) {
	if h.chosen.len() < h.request.Max && !h.taken[account] && slices.Contains(h.free[account], seq) {
		h.taken[account] = true
		h.chosen.numbers = append(h.chosen.numbers, h.free[account]...)
	}
}

// take claims what was chosen. It gives those that this process committed, with what has become of them, and the numbers of the
// others.
func (t *tx) take(now time.Time, lease time.Duration, chosen *rows) (own []*intentRow, others *rows, err error) {
	r := newRows("iii").expect(chosen.len())
	for _, seq := range chosen.numbers {
		r.add(seq, micros(now), micros(engine.Instant(now.Add(lease))))
	}
	kept := t.store.fresh.take(chosen.numbers)
	others = newRows("i")
	const query = `UPDATE open_intent SET claimed = r.column2, lease = r.column3, attempts = attempts + 1 FROM @rows r
		WHERE open_intent.seq = r.column1
		RETURNING open_intent.seq, open_intent.account, repeatable, uncertain, claimed, lease, attempts`
	err = t.query(query, r, func(r *sqlx.Rows) error {
		var seq, account int64
		var i intentRow
		err := r.Scan(&seq, &account, &i.repeatable, &i.uncertain, &i.claimed, &i.lease, &i.attempts)
		record, known := kept[seq]
		if i.record = record; known {
			i.account, known = t.store.names.accounts.named(account)
		}
		if known {
			own = append(own, &i)
		} else {
			others.add(seq)
		}
		return err
	})
	return own, others, err
}
