package http

import (
	"context"
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// Account reads one account with all that it holds.
func (p *Program) Account(ctx context.Context, id string) ([]engine.Holding, error) {
	a, err := p.find(ctx, id)
	if err != nil {
		return nil, p.explain(err)
	}
	if a == nil {
		return nil, nil
	}
	out := p.exists(a)
	for _, g := range p.groups {
		held, err := p.held(ctx, g, a)
		if err != nil {
			return nil, p.explain(err)
		}
		for _, h := range held {
			out = append(out, engine.Holding{Account: h.account, Entitlement: g.prefix + h.right})
		}
	}
	return out, nil
}

// held gives what an account holds of a group, whatever else is to be read for it.
func (p *Program) held(ctx context.Context, g *group, a *account) (out []pair, err error) {
	names, err := p.catalogue(ctx, g)
	if err != nil {
		return nil, err
	}
	keep := func(held pair) error {
		if held.account == a.id {
			out = append(out, held)
		}
		return nil
	}
	key := values{"account": a.id}
	switch {
	case g.each != nil:
		return p.namesIn(g, a)
	case g.one != nil && !g.one.address.uses("right") && !g.one.address.uses("right.id"):
		err = p.read(ctx, g, g.one, key, names, keep)
	default:
		err = p.members(ctx, g, []string{a.id}, keep)
	}
	return out, err
}

// find reads one account, nil if the program says that there is none, and its whole list has none either: one 404 comes from
// a wrong address, a gateway or a token without the right, too.
func (p *Program) find(ctx context.Context, id string) (found *account, err error) {
	if !httpconn.Plain(id) {
		return nil, nil
	}
	if p.users.one == nil {
		return p.among(ctx, func(a *account) bool { return a.id == id })
	}
	if found, err = p.single(ctx, id); err != nil || found != nil {
		return found, err
	}
	listed, err := p.among(ctx, func(a *account) bool { return a.id == id })
	switch {
	case err != nil:
		return nil, fmt.Errorf("the account %q is said to be gone, but the list of accounts can't be read: %w", id, err)
	case listed != nil:
		return nil, fmt.Errorf("the account %q is said to be gone, but the program still lists it; check users.one, and what the credentials may read", id)
	}
	return nil, nil
}

// single asks for one account, nil if the program says that there is none.
func (p *Program) single(ctx context.Context, id string) (*account, error) {
	found, err := p.search(ctx, p.users.one, values{"account": id}, func(*account) bool { return true })
	switch {
	case httpconn.Gone(err):
		return nil, nil
	case err == nil && found != nil && found.id != id:
		return nil, fmt.Errorf("asked for the account %q, the program shows %q; check users.one", id, found.id)
	}
	return found, err
}

// deleted reads an account that was there before its deletion was accepted: that it is not shown any more is enough then,
// where the program still lists accounts.
func (p *Program) deleted(ctx context.Context, id string) (*account, error) {
	if p.users.one == nil {
		return p.find(ctx, id)
	}
	found, err := p.single(ctx, id)
	if err == nil && found == nil {
		err = p.lists(ctx)
	}
	return found, err
}

// lists says whether the program lists accounts at all.
func (p *Program) lists(ctx context.Context) error {
	l := p.users.list
	path, err := l.address.fill(nil)
	if err != nil {
		return err
	}
	_, page, err := p.page(ctx, l, path, place{number: l.paging.First})
	var items []any
	if err == nil {
		items, err = l.itemsOf(page, path)
	}
	if err == nil && len(items) == 0 && !p.users.mayBeEmpty {
		err = errors.New("the list is empty")
	}
	return err
}

// findTries is how often a list is read that changes all the time, as it does while accounts are made side by side.
const findTries = 20

// steadily reads a list, again if it changed meanwhile.
func steadily(read func() error) (err error) {
	for range findTries {
		var changed *partial
		if err = read(); !errors.As(err, &changed) || changed.code != engine.ReasonPartial {
			break
		}
	}
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

// among gives the first of all accounts that is it. That there is none is believed of a whole list only.
func (p *Program) among(ctx context.Context, is func(*account) bool) (found *account, err error) {
	err = steadily(func() error {
		return p.accounts(ctx, func(a *account) error {
			if is(a) {
				found = a
				return errFound
			}
			return nil
		})
	})
	return found, err
}

// search gives the first account of a list that is it.
func (p *Program) search(ctx context.Context, l *list, v values, is func(*account) bool) (found *account, err error) {
	err = steadily(func() error {
		return p.each(ctx, l, v, func(item any) error {
			a, err := p.account(item)
			if err == nil && is(a) {
				found, err = a, errFound
			}
			return err
		})
	})
	return found, err
}
