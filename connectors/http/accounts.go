package http

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// Create makes an account. It is found again by its name.
func (p *Program) Create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	id, outcome, err := p.create(ctx, a)
	if outcome, err = p.settle(outcome, err); err != nil {
		return "", outcome, err
	}
	return id, outcome, nil
}

func (p *Program) create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	if len(p.users.create) == 0 {
		return "", "", httpconn.Refuse("accounts can't be created here; users.create would say how")
	}
	if !httpconn.Plain(a.Name) {
		return "", "", httpconn.Refuse("an account needs a name without control characters and spaces at the ends; this is %q", a.Name)
	}
	old, err := p.named(ctx, a.Name)
	if err != nil {
		return "", "", httpconn.Before(err)
	}
	if old != nil {
		return p.again(old, a)
	}
	sent := p.send(ctx, p.users.create, newValues(a), nil)
	if sent != nil && httpconn.OutcomeOf(sent) != engine.Refused {
		return "", "", sent
	}
	now, err := p.named(ctx, a.Name)
	switch {
	case sent != nil && err == nil && now != nil: // by somebody else, or by the try before
		return p.again(now, a)
	case sent != nil:
		return "", "", sent
	case err != nil:
		return "", engine.Uncertain, fmt.Errorf("the new account can't be read back: %w", err)
	case now == nil:
		outcome, err := p.lied(fmt.Errorf("the program accepted the account %q, and does not show it", a.Name))
		return "", outcome, err
	}
	return now.id, engine.Done, nil
}

// again says what an account is that is there already: only one that shows whom it was made for is taken for the same.
func (p *Program) again(old *account, a engine.NewAccount) (string, engine.Outcome, error) {
	if a.Person == "" || old.person != a.Person {
		return "", "", httpconn.Refuse("there is an account %q already, which was not made for this person; review it with adopt", old.info.Name)
	}
	return old.id, engine.Already, nil
}

func newValues(a engine.NewAccount) values {
	v := values{"name": a.Name, "person": a.Person}
	for name, value := range a.Attributes {
		v["attributes."+name] = value
	}
	return v
}

// named finds an account by its name.
func (p *Program) named(ctx context.Context, name string) (*account, error) {
	is := func(a *account) bool { return a.info.Name == name }
	if p.users.named == nil {
		return p.among(ctx, is)
	}
	found, err := p.search(ctx, p.users.named, values{"name": name}, is)
	none := httpconn.Gone(err) || err == nil && found == nil
	switch {
	case none && slices.ContainsFunc(p.users.create, func(w write) bool { return w.method == http.MethodPut }): // which overwrites one that is there
		return p.among(ctx, is)
	case httpconn.Gone(err):
		return nil, p.lists(ctx)
	}
	return found, err
}

// Update changes the name and attributes in place.
func (p *Program) Update(ctx context.Context, id string, to engine.NewAccount) (engine.Outcome, error) {
	outcome, err := p.update(ctx, id, to)
	return p.settle(outcome, err)
}

func (p *Program) update(ctx context.Context, id string, to engine.NewAccount) (engine.Outcome, error) {
	if len(p.users.update) == 0 {
		return "", httpconn.Refuse("accounts can't be changed here; users.update would say how")
	}
	for _, name := range slices.Sorted(maps.Keys(to.Attributes)) {
		if p.users.attributes[name] == nil {
			return "", httpconn.Refuse("whether the attribute %q is changed can't be seen; users.attributes must pick it", name)
		}
	}
	if to.Name != "" && !httpconn.Plain(to.Name) {
		return "", httpconn.Refuse("an account can't be called %q", to.Name)
	}
	a, err := p.find(ctx, id)
	switch {
	case err != nil:
		return "", httpconn.Before(err)
	case a == nil:
		return "", httpconn.Refuse("there is no account %q; it must be created first", id)
	case a.is(to):
		return engine.Already, nil
	}
	v := newValues(to)
	if v["account"] = id; to.Name == "" {
		v["name"] = a.info.Name
	}
	if err := p.send(ctx, p.users.update, v, a.item); err != nil {
		return "", err
	}
	return p.check(ctx, id, func(a *account) bool { return a.is(to) })
}

// is says whether an account is what it should be.
func (a *account) is(to engine.NewAccount) bool {
	for name, value := range to.Attributes {
		if a.info.Attributes[name] != value {
			return false
		}
	}
	return to.Name == "" || to.Name == a.info.Name
}

func (p *Program) setActive(ctx context.Context, a *account, on bool) (engine.Outcome, error) {
	writes := p.users.suspend
	if on {
		writes = p.users.resume
	}
	if len(writes) == 0 {
		return "", httpconn.Refuse("accounts can't be suspended or resumed here; users.suspend and users.resume would say how")
	}
	if a.active == on {
		return engine.Already, nil
	}
	if err := p.send(ctx, writes, values{"account": a.id}, a.item); err != nil {
		return "", err
	}
	return p.check(ctx, a.id, func(a *account) bool { return a.active == on })
}

// check reads an account back.
func (p *Program) check(ctx context.Context, id string, is func(*account) bool) (engine.Outcome, error) {
	now, err := p.find(ctx, id)
	if err == nil && now == nil {
		err = errors.New("the account is gone")
	}
	if err != nil {
		return engine.Uncertain, fmt.Errorf("the change can't be read back: %w", err)
	}
	if !is(now) {
		return p.lied(fmt.Errorf("the program accepted the change of the account %q, and does not show it", id))
	}
	return engine.Done, nil
}

func (p *Program) remove(ctx context.Context, a *account) (engine.Outcome, error) {
	if len(p.users.remove) == 0 {
		return "", httpconn.Refuse("accounts can't be deleted here; users.delete would say how")
	}
	sent := p.send(ctx, p.users.remove, values{"account": a.id}, a.item)
	if sent != nil && !httpconn.Gone(sent) {
		return "", sent
	}
	look := p.deleted
	if sent != nil { // one word of the program alone
		look = p.find
	}
	now, err := look(ctx, a.id)
	switch {
	case err != nil:
		return engine.Uncertain, fmt.Errorf("the deletion can't be read back: %w", err)
	case now != nil:
		return p.lied(fmt.Errorf("the program accepted the deletion of the account %q, and still shows it", a.id))
	case sent != nil: // by somebody else
		return engine.Already, nil
	}
	return engine.Done, nil
}
