package journal

import (
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// loadGuarded reads the facts that guards ask for, before anything is written: a server that takes in records answers no questions.
func (b *batch) loadGuarded(requests []*request) error {
	const query = "SELECT * FROM fact WHERE kind = ? AND program = ? AND account = ? AND entitlement = ? AND person = ? AND key = ?"
	for _, q := range requests {
		if q.guard.Fact == nil {
			continue
		}
		k := q.guard.Fact.FactKey
		if b.guarded == nil {
			b.guarded = map[engine.FactKey]engine.Fact{}
		}
		err := each(b.QueryxContext(b.ctx, b.Rebind(query), k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key))(func(r *sqlx.Rows) error {
			f, err := scanFact(r)
			b.guarded[k] = f
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// holds checks the guard's fact, as the requests before this one have left it.
func (b *batch) holds(g engine.Guard) error {
	if g.Fact == nil {
		return nil
	}
	if slices.Contains(b.touched.Facts, g.Fact.FactKey) {
		return g.Holds(b.fold.Fact(g.Fact.FactKey))
	}
	f, is := b.guarded[g.Fact.FactKey]
	return g.Holds(f, is)
}
