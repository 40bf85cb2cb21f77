package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// saltKey is the key of a person's salt. What others were told of somebody is remembered with the salt of that person, which ends when
// their records are blanked: then nobody can try names against what is remembered of their managers.
const saltKey = toPeople + "salt"

// named are the parts of an item's key that say whom it is about, and what.
func (p *post) named(to, about string, parts ...string) []string {
	if to == "" || to == about { // it is remembered of that person alone
		return append([]string{about}, parts...)
	}
	return append([]string{about, p.saltOf(about)}, parts...)
}

// saltOf renews a salt long before its end, so that it outlives what was remembered with it.
func (p *post) saltOf(person string) string {
	f, known := p.salts[person]
	if !known || f.Until.Before(p.now.AddDate(0, 6, 0)) {
		f = engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Person: person, Key: saltKey}, Since: p.now.UTC(), Until: p.now.AddDate(1, 0, 0).UTC(), Text: cmp.Or(f.Text, rand.Text())}
		p.salts[person], p.salted = f, append(p.salted, person)
	}
	return f.Text
}

// keepSalts writes new salts down before anything is sent: a letter that comes once more has the same id. Each has a record of its own
// person, with whose others it is blanked.
func (p *post) keepSalts(ctx context.Context) error {
	slices.Sort(p.salted)
	var records []engine.Record
	for _, person := range p.salted {
		records = append(records, engine.Record{Kind: engine.KindNotice, Actor: actorDaemon, Person: person, Why: []string{"a salt for what others are told of this person"}, Set: []engine.Fact{p.salts[person]}})
	}
	if len(records) == 0 {
		return nil
	}
	return p.store.Append(context.WithoutCancel(ctx), engine.Free, records)
}
