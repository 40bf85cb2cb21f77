package main

import (
	"context"
	"errors"

	"github.com/rolecall/rolecall/cmd/rolecall/export"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// mostSeen is how many intents are kept until their results come: a filter may let through nothing else.
const mostSeen = 4096

// intents finds what a result belongs to: most have just gone by, and the others are read again.
type intents struct {
	ctx   context.Context
	store *journal.Store
	seen  map[int64]*engine.Record
	order []int64 // of the last ones, as a ring
	next  int
}

func newIntents(ctx context.Context, store *journal.Store) *intents {
	return &intents{ctx: ctx, store: store, seen: map[int64]*engine.Record{}, order: make([]int64, mostSeen)}
}

func (i *intents) entry(r engine.Record) (e export.Entry, err error) {
	e.Record = r
	switch r.Kind {
	case engine.KindIntent:
		i.keep(&r)
	case engine.KindOutcome, engine.KindLate:
		if e.Intent = i.seen[r.Of]; e.Intent == nil && r.Of > 0 {
			err = i.store.Records(i.ctx, engine.Query{After: r.Of - 1, Before: r.Of + 1}, func(found engine.Record) error { e.Intent = &found; return nil })
			if errors.Is(err, engine.ErrPruned) { // a late result of what ended before
				err = nil
			}
		}
		delete(i.seen, r.Of)
	}
	return e, err
}

// keep forgets the oldest where there are too many.
func (i *intents) keep(r *engine.Record) {
	delete(i.seen, i.order[i.next])
	i.seen[r.Seq], i.order[i.next] = r, r.Seq
	i.next = (i.next + 1) % len(i.order)
}
