package enginetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// Rename is what engine.Updater asks for, under a name of its own: a Program changes accounts in place only where a test makes it one.
func (p *Program) Rename(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	return p.write(ctx, ProgramCall{Op: "update", Account: account}, func() (engine.Outcome, error) {
		a := p.accounts[account]
		if a == nil {
			return engine.Refused, fmt.Errorf("%s has no account %q", p.Name, account)
		}
		to.Name = cmp.Or(to.Name, a.info.Name)
		for other, b := range p.accounts {
			if other != account && b.info.Name == to.Name {
				return engine.Refused, fmt.Errorf("%s has an account %q already", p.Name, to.Name)
			}
		}
		if a.is(to) {
			return engine.Already, nil
		}
		p.change(func(accounts map[string]*programAccount) { p.update(accounts[account], to) })
		return engine.Done, nil
	})
}

// is says whether an account is what it should be.
func (a *programAccount) is(to engine.NewAccount) bool {
	for _, name := range slices.Sorted(maps.Keys(to.Attributes)) {
		value := to.Attributes[name]
		if have, ok := a.info.Attributes[name]; !ok || have != value {
			return false
		}
	}
	return a.info.Name == to.Name
}

func (p *Program) update(a *programAccount, to engine.NewAccount) {
	if a == nil {
		return
	}
	attributes := map[string]string{}
	maps.Copy(attributes, a.info.Attributes)
	for _, name := range slices.Sorted(maps.Keys(to.Attributes)) {
		value := to.Attributes[name]
		if p.Takes != nil {
			value = p.Takes(name, value)
		}
		if value != "" {
			attributes[name] = value
		}
	}
	a.info.Name, a.info.Attributes = to.Name, attributes
}

// SetAttribute changes an attribute of an account by hand.
func (p *Program) SetAttribute(account, name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.change(func(accounts map[string]*programAccount) {
		if a := accounts[account]; a != nil {
			attributes := map[string]string{}
			maps.Copy(attributes, a.info.Attributes)
			attributes[name] = value
			a.info.Attributes = attributes
		}
	})
}
