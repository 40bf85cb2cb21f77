package file

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// Update changes columns of an account's line. The account itself is its name here, and stays.
func (p *Program) Update(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	var changed engine.Outcome
	var refused error
	one := []edit{attributes(account, to)}
	outcome, err := p.edit(ctx, func(t *table) {
		if changed, refused = one[0].make(t); changed == engine.Done {
			t.log = append(t.log, one[0].said)
			p.waiting.join(t, one, one)
		}
	})
	if outcome == engine.Uncertain {
		p.waiting.add(one)
	}
	if err != nil {
		return outcome, err
	}
	return changed, refused
}

// update makes all changes or none.
func (t *table) update(account string, to engine.NewAccount) (engine.Outcome, error) {
	l := t.find(account)
	switch {
	case l == nil:
		return engine.Refused, fmt.Errorf("%s has no account %q; it must be created first", t.path, account)
	case to.Name != "" && to.Name != account:
		return engine.Refused, fmt.Errorf("%s knows the account %q by its name, so it can't be renamed", t.path, account)
	}
	names := slices.Sorted(maps.Keys(to.Attributes))
	for _, name := range names {
		if slices.Contains([]string{colAccount, colActive, colRights, colPerson, colKind}, name) || !slices.Contains(t.columns, name) {
			return engine.Refused, fmt.Errorf("%s has no column %q for an attribute; add one to its first line, of another name than those that have a meaning", t.path, name)
		}
	}
	outcome := engine.Already
	for _, name := range names {
		if value := clean(to.Attributes[name]); t.get(l, name) != value {
			t.set(l, name, value)
			outcome = engine.Done
		}
	}
	return outcome, nil
}
