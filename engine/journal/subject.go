package journal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// accountsAlone are the accounts that were linked to people, or of which records about them speak, and about nobody else.
const accountsAlone = `SELECT id, program, name FROM account WHERE id IN (SELECT x.account FROM
	(SELECT account FROM link WHERE person IN (%[1]s) UNION SELECT account FROM journal WHERE person <> 0 AND person IN (%[1]s) AND account <> 0) x
	WHERE NOT EXISTS (SELECT 1 FROM link o WHERE o.account = x.account AND o.person NOT IN (%[1]s))
	AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.account <> 0 AND j.account = x.account AND j.person <> 0 AND j.person NOT IN (%[1]s))) ORDER BY id`

// Subject implements engine.Blanker. It reads the whole journal, of one state.
func (s *Store) Subject(ctx context.Context, people []string) (of engine.Subject, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		g := &knowing{ctx: ctx, tx: t, of: &of, ended: map[engine.FactKey][2]int64{}, others: map[engine.FactKey]bool{}, actors: map[string]bool{}}
		if err := g.named(people); err != nil || len(of.People) == 0 {
			return err
		}
		if err := g.snapshot(); err != nil {
			return err
		}
		if err := g.records(); err != nil {
			return err
		}
		return g.settle()
	})
	return of, s.wrap("look for somebody", err)
}

// knowing collects what records say of a subject.
type knowing struct {
	ctx    context.Context
	tx     *sqlx.Tx
	of     *engine.Subject
	people map[int64]bool
	mine   map[[2]string]int // accounts: place in of.Accounts
	ended  map[engine.FactKey][2]int64
	others map[engine.FactKey]bool // facts of others of which a record about the subject had the last word
	actors map[string]bool
}

// named finds the numbers.
func (g *knowing) named(people []string) error {
	b := &g.of.Blanking
	if err := g.tx.QueryRowxContext(g.ctx, "SELECT size, accounts FROM head").Scan(&g.of.Seq, &b.Known); err != nil {
		return err
	}
	g.people, g.mine = map[int64]bool{}, map[[2]string]int{}
	for _, key := range people {
		var ids []int64
		if err := g.tx.SelectContext(g.ctx, &ids, g.tx.Rebind("SELECT id FROM person WHERE key = ?"), key); err != nil {
			return err
		}
		for _, id := range ids {
			g.people[id] = true
			g.of.People, b.People = append(g.of.People, key), append(b.People, id)
		}
	}
	if len(b.People) == 0 {
		return nil
	}
	b.Person = blanked(b.People[0])
	return each(g.tx.QueryxContext(g.ctx, fmt.Sprintf(accountsAlone, numbers(b.People))))(func(r *sqlx.Rows) error {
		var id int64
		var a [2]string
		err := r.Scan(&id, &a[0], &a[1])
		g.mine[a] = len(g.of.Accounts)
		g.of.Accounts, b.Accounts = append(g.of.Accounts, a), append(b.Accounts, engine.BlankedAccount{Number: id})
		return err
	})
}

// snapshot finds the facts of theirs that a pruning's snapshot has.
func (g *knowing) snapshot() error {
	last, err := lastPruning(g.ctx, g.tx)
	if err != nil || last == nil {
		return err
	}
	return each(g.tx.QueryxContext(g.ctx, g.tx.Rebind("SELECT public, salt, personal, commitment, n FROM snapshot WHERE upto = ? AND personal IS NOT NULL ORDER BY n"), last.UpTo))(func(r *sqlx.Rows) error {
		var n int64
		l, err := scanLine(r, &n)
		if err != nil || l.Public != factLine {
			return err
		}
		f, err := factOf(l.Personal)
		if _, mine := g.mine[[2]string{f.Program, f.Account}]; f.Account != "" && mine || f.Person != "" && slices.Contains(g.of.People, f.Person) {
			g.of.Blanking.Lines = append(g.of.Blanking.Lines, n)
		}
		return err
	})
}

func (g *knowing) records() error {
	const next = "SELECT seq, person, account, public, personal FROM journal WHERE seq > ? AND personal IS NOT NULL ORDER BY seq LIMIT ?"
	accounts := map[int64]bool{}
	for _, a := range g.of.Blanking.Accounts {
		accounts[a.Number] = true
	}
	for after, n := int64(0), page; n == page; {
		n = 0
		err := each(g.tx.QueryxContext(g.ctx, g.tx.Rebind(next), after, page))(func(rows *sqlx.Rows) error {
			var person, account int64
			var publicText, personalText []byte
			n++
			if err := rows.Scan(&after, &person, &account, &publicText, &personalText); err != nil {
				return err
			}
			r, _, err := load(publicText, personalText)
			if err != nil {
				return err
			}
			g.take(&r, person != 0 && g.people[person] || account != 0 && accounts[account])
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// take follows the facts, of those records that will stay whole and of those that will not.
func (g *knowing) take(r *engine.Record, about bool) {
	if about && decides(r.Kind) && r.Actor != "" {
		g.actors[r.Actor] = true
	}
	if r.Kind == engine.KindSeen {
		for _, pair := range seenOf(r).Appeared { // what is gone has no rows that could be missing
			if i, is := g.mine[[2]string{r.Program, pair[0]}]; is {
				g.of.Blanking.Accounts[i].Listed = true
			}
		}
	}
	if r.Kind == engine.KindLate {
		return
	}
	for _, k := range r.Clear {
		if !about {
			delete(g.ended, k)
		}
		g.touched(k, about)
	}
	for i, f := range r.Set {
		if theirs := g.touched(f.FactKey, about); theirs && !about {
			g.ended[f.FactKey] = [2]int64{r.Seq, int64(i)}
		}
	}
}

// touched notes who had the last word about a fact, and says whether it is of the subject.
func (g *knowing) touched(k engine.FactKey, about bool) (theirs bool) {
	mine := false
	if k.Account != "" {
		_, mine = g.mine[[2]string{k.Program, k.Account}]
	}
	switch theirs = mine || k.Person != "" && slices.Contains(g.of.People, k.Person); {
	case theirs:
	case about:
		g.others[k] = true
	default:
		delete(g.others, k)
	}
	return theirs
}

// settle says what holds of the facts of others, and of whom the rest is.
func (g *knowing) settle() error {
	b := &g.of.Blanking
	b.Ended = append(b.Ended, slices.SortedFunc(maps.Values(g.ended), func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) })...)
	for _, name := range slices.Sorted(maps.Keys(g.actors)) {
		if !slices.Contains(g.of.People, name) && !slices.ContainsFunc(g.of.Accounts, func(a [2]string) bool { return strings.EqualFold(a[1], name) }) {
			b.Actors = append(b.Actors, name)
		}
	}
	const query = "SELECT * FROM fact WHERE kind = ? AND program = ? AND account = ? AND entitlement = ? AND person = ? AND key = ?"
	for _, k := range slices.SortedFunc(maps.Keys(g.others), compareFacts) {
		found := false
		err := each(g.tx.QueryxContext(g.ctx, g.tx.Rebind(query), k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key))(func(r *sqlx.Rows) error {
			f, err := scanFact(r)
			g.of.Set, found = append(g.of.Set, f), true
			return err
		})
		if err != nil {
			return err
		}
		if !found {
			g.of.Clear = append(g.of.Clear, k)
		}
	}
	return nil
}

// decides says that somebody decided, of whom it must be known after a blanking too.
func decides(k engine.Kind) bool {
	switch k {
	case engine.KindCut, engine.KindLift, engine.KindApprove, engine.KindReject, engine.KindExtra, engine.KindUndo, engine.KindFree, engine.KindTask, engine.KindReKey,
		engine.KindHold, engine.KindEndHold, engine.KindLine, engine.KindUnblock, engine.KindDelegate, engine.KindToken, engine.KindAdopt, engine.KindRelease:
		return true
	}
	return false
}
