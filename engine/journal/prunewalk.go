package journal

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

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
	last   int64                     // when the newest one so far is from
	aged   time.Duration             // how long ago the time is before which all goes, as far as the records behind show
	logins map[int64]map[string]bool // by which records knew people, by their numbers
	err    error
}

// oldEnough refuses what is too new by the journal's own times: a clock that was ahead for a while must not make anything old, so a
// silence counts for no more than engine.LongestSilence.
func (p *pruneWalk) oldEnough(o *PruneOrder) error {
	if p.aged >= o.Least {
		return nil
	}
	const day = 24 * time.Hour
	return fmt.Errorf("%w: by the journal's own records only %d days have passed since %s (a silence counts for at most %d), and what is from the last %d stays", engine.ErrNotPruned,
		int(p.aged/day), o.Before.UTC().Format(time.RFC3339), int(engine.LongestSilence/day), int((o.Least+day-1)/day))
}

func (p *pruneWalk) take(w *walk, row *row) {
	switch {
	case p == nil || w.broken || p.err != nil:
		return
	case row.Seq <= p.upTo && !row.empty:
		p.knew(row)
	}
	switch {
	case row.Seq > p.upTo:
		p.ran = p.ran || row.told.Kind == engine.KindRun
		p.age(row.Time)
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

// knew notes by which login a record knows its person: who asks later what is known of somebody finds them under it.
func (p *pruneWalk) knew(row *row) {
	if row.record.Personal != nil && row.Person != 0 {
		p.put(row.Person, LoginOf(&row.told))
	}
}

func (p *pruneWalk) put(person int64, login string) {
	if login == "" {
		return
	}
	if p.logins == nil {
		p.logins = map[int64]map[string]bool{}
	}
	if p.logins[person] == nil {
		p.logins[person] = map[string]bool{}
	}
	p.logins[person][login] = true
}

// draw makes the snapshot. Changes that were open then stay, since their results name them.
func (p *pruneWalk) draw(w *walk) {
	for seq := range w.fold.Open() {
		p.kept = append(p.kept, seq)
	}
	if w.cut != nil {
		for id, logins := range w.cut.snapshot.logins {
			for _, login := range logins {
				p.put(id, login)
			}
		}
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
	names            map[string]bool // keys, accounts and logins, as JSON has them
}

const (
	heldKeys = `SELECT person FROM fact WHERE kind = 'hold' UNION SELECT r.key FROM fact r JOIN fact h ON h.kind = 'hold' AND h.person = r.person WHERE r.kind = 'rekeyed'
		UNION SELECT r.person FROM fact r JOIN fact h ON h.kind = 'hold' AND h.person = r.key WHERE r.kind = 'rekeyed'`
	heldAccounts = "SELECT DISTINCT a.id, a.name FROM account a WHERE a.id IN (SELECT l.account FROM link l WHERE l.person = ?) OR a.id IN (SELECT j.account FROM journal j WHERE j.person = ? AND j.person <> 0)"
	theirIntents = "SELECT public, personal FROM journal WHERE person = ? AND person <> 0 AND personal IS NOT NULL"
)

func readHolds(ctx context.Context, q sqlx.QueryerContext, bind func(string) string) (*holds, error) {
	h := &holds{people: map[int64]bool{}, accounts: map[int64]bool{}, names: map[string]bool{}}
	var keys []string
	if err := sqlx.SelectContext(ctx, q, &keys, heldKeys); err != nil {
		return nil, err
	}
	for _, key := range keys {
		h.name(key)
		var ids []int64
		if err := sqlx.SelectContext(ctx, q, &ids, bind("SELECT id FROM person WHERE key = ?"), key); err != nil {
			return nil, err
		}
		for _, id := range ids {
			if err := h.read(ctx, q, bind, id); err != nil {
				return nil, err
			}
		}
	}
	return h, nil
}

func (h *holds) name(name string) {
	if name == "" {
		return
	}
	for _, text := range spelt(name) {
		h.names[text] = true
	}
}

// read finds the accounts and logins of one of them.
func (h *holds) read(ctx context.Context, q sqlx.QueryerContext, bind func(string) string, person int64) error {
	h.people[person] = true
	err := each(q.QueryxContext(ctx, bind(heldAccounts), person, person))(func(r *sqlx.Rows) error {
		var id int64
		var name string
		err := r.Scan(&id, &name)
		h.accounts[id] = true
		h.name(strings.TrimPrefix(name, engine.ProposedPrefix))
		return err
	})
	if err != nil {
		return err
	}
	err = each(q.QueryxContext(ctx, bind(theirIntents), person))(func(r *sqlx.Rows) error {
		var publicText, personalText []byte
		if err := r.Scan(&publicText, &personalText); err != nil {
			return err
		}
		record, _, err := load(publicText, personalText)
		h.name(LoginOf(&record))
		return err
	})
	if err != nil {
		return err
	}
	logins, err := readLogins(ctx, q, bind, person)
	for _, login := range logins {
		h.name(login)
	}
	return err
}

// readLogins are those of records that were pruned.
func readLogins(ctx context.Context, q sqlx.QueryerContext, bind func(string) string, person int64) (logins []string, err error) {
	line, err := encode(snapLine{What: linePerson, N: person})
	if err != nil {
		return nil, err
	}
	err = each(q.QueryxContext(ctx, bind("SELECT personal FROM snapshot WHERE public = ? AND personal IS NOT NULL"), string(line)))(func(r *sqlx.Rows) error {
		var text []byte
		var n snapName
		if err := r.Scan(&text); err != nil {
			return err
		}
		err := strict(text, &n)
		logins = append(logins, n.Logins...)
		return err
	})
	return logins, err
}

// match says whether a record is about one of them, or names one.
func (h *holds) match(person, account int64, personal []byte) bool {
	if h.people[person] && person != 0 || h.accounts[account] && account != 0 {
		return true
	}
	if len(h.names) == 0 {
		return false
	}
	text := string(personal)
	for name := range h.names {
		if hasWord(text, name) {
			return true
		}
	}
	return false
}
