package journal

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// pruneWalk collects what a pruning needs, while everything is verified.
type pruneWalk struct {
	upTo   int64
	random io.Reader
	holds  *holds
	kept   []int64
	lines  []Stored
	run    int64 // the last run of those that are to go
	ran    bool  // there is a later one
	drawn  bool
	err    error
}

func (p *pruneWalk) take(w *walk, row *row) {
	switch {
	case p == nil || w.broken || p.err != nil:
		return
	case row.Seq > p.upTo:
		p.ran = p.ran || row.told.Kind == engine.KindRun
		return
	case row.empty:
	case stays(row.told.Kind) || p.holds.match(row.Person, row.Account, row.record.Personal):
		p.kept = append(p.kept, row.Seq)
	case row.told.Kind == engine.KindRun:
		p.run = row.Seq
	}
	if row.Seq == p.upTo {
		p.draw(w)
	}
}

// draw makes the snapshot. Changes that were open then stay, since their results name them.
func (p *pruneWalk) draw(w *walk) {
	for seq := range w.fold.Open() {
		p.kept = append(p.kept, seq)
	}
	p.lines, p.err = w.draw(p.random)
	p.drawn = true
}

// stretches are the records that stay. The last run is one of them where no later one is: it says what was run.
func (p *pruneWalk) stretches() (out [][2]int64) {
	if !p.ran && p.run > 0 {
		p.kept = append(p.kept, p.run)
	}
	slices.Sort(p.kept)
	for _, seq := range slices.Compact(p.kept) {
		if n := len(out); n > 0 && out[n-1][1] == seq-1 {
			out[n-1][1] = seq
		} else {
			out = append(out, [2]int64{seq, seq})
		}
	}
	return out
}

// stays says that records of a kind are never emptied: what was in force, who sealed, what was deleted, and gaps.
func stays(k engine.Kind) bool {
	switch k {
	case engine.KindPolicy, engine.KindConfig, engine.KindKey, engine.KindAccept, engine.KindRestore, engine.KindHold, engine.KindEndHold, engine.KindBlank, engine.KindSnapshot:
		return true
	}
	return false
}

// holds are the people who are under a legal hold, and all that names them.
type holds struct {
	people, accounts map[int64]bool
	texts            [][]byte // as they stand in records
}

const (
	heldKeys = `SELECT person FROM fact WHERE kind = 'hold' UNION SELECT r.key FROM fact r JOIN fact h ON h.kind = 'hold' AND h.person = r.person WHERE r.kind = 'rekeyed'
		UNION SELECT r.person FROM fact r JOIN fact h ON h.kind = 'hold' AND h.person = r.key WHERE r.kind = 'rekeyed'`
	heldAccounts = "SELECT DISTINCT a.id, a.name FROM account a WHERE a.id IN (SELECT l.account FROM link l JOIN person p ON p.id = l.person WHERE p.key = ?) OR a.id IN (SELECT j.account FROM journal j JOIN person p ON p.id = j.person WHERE p.key = ? AND j.person <> 0)"
)

func readHolds(ctx context.Context, q sqlx.QueryerContext, bind func(string) string) (*holds, error) {
	h := &holds{people: map[int64]bool{}, accounts: map[int64]bool{}}
	var keys []string
	if err := sqlx.SelectContext(ctx, q, &keys, heldKeys); err != nil {
		return nil, err
	}
	for _, key := range keys {
		h.texts = append(h.texts, []byte(quoted(key)))
		var ids []int64
		if err := sqlx.SelectContext(ctx, q, &ids, bind("SELECT id FROM person WHERE key = ?"), key); err != nil {
			return nil, err
		}
		for _, id := range ids {
			h.people[id] = true
		}
		err := each(q.QueryxContext(ctx, bind(heldAccounts), key, key))(func(r *sqlx.Rows) error {
			var id int64
			var name string
			err := r.Scan(&id, &name)
			h.accounts[id] = true
			h.texts = append(h.texts, []byte(quoted(strings.TrimPrefix(name, engine.ProposedPrefix))), []byte(quoted(name)))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return h, nil
}

// match says whether a record is about one of them, or names one.
func (h *holds) match(person, account int64, personal []byte) bool {
	return h.people[person] && person != 0 || h.accounts[account] && account != 0 ||
		slices.ContainsFunc(h.texts, func(text []byte) bool { return bytes.Contains(personal, text) })
}
