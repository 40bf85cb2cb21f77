package http

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// account is one item of the list of accounts.
type account struct {
	id, person string
	active     bool
	info       engine.AccountInfo
	item       any
}

// pair is a right, without its group's prefix, that an account holds.
type pair struct{ account, right string }

// errFound ends a list early.
var errFound = errors.New("found")

// account reads an item.
func (p *Program) account(item any) (*account, error) {
	u := p.users
	a := &account{item: item, active: u.active == nil, info: engine.AccountInfo{Attributes: map[string]string{}}}
	var err error
	text := func(name string, of *pick) string {
		value, wrong := of.text(item, nil)
		if wrong != nil && err == nil {
			err = fmt.Errorf("users.%s: %w", name, wrong)
		}
		return value
	}
	a.id, a.info.Name, a.person = text("id", u.id), text("name", u.name), text("person", u.person)
	a.info.Display, a.info.Kind = text("display", u.display), text("kind", u.kind)
	for name, of := range u.attributes {
		a.info.Attributes[name] = text("attributes."+name, of)
	}
	if u.active != nil && err == nil {
		if a.active, err = u.active.truth(item, nil); err != nil {
			err = fmt.Errorf("users.active: %w", err)
		}
	}
	if a.info.Name == "" { // of one person; the others count on
		a.info.Name = a.id
	}
	if err == nil && !httpconn.Plain(a.id) {
		err = fmt.Errorf("users.list: an account has no id that can be used (%q); check id", a.id)
	}
	if err != nil {
		return nil, &partial{engine.ReasonMalformed, err.Error()}
	}
	return a, nil
}

// accounts yields all accounts once.
func (p *Program) accounts(ctx context.Context, yield func(*account) error) error {
	seen := map[string]bool{}
	err := p.each(ctx, p.users.list, nil, func(item any) error {
		a, err := p.account(item)
		if err != nil {
			return err
		}
		if seen[a.id] {
			return &partial{engine.ReasonDuplicate, fmt.Sprintf("users.list: the account %q comes a second time, so another one may be missing; the program must list in a stable order", a.id)}
		}
		seen[a.id] = true
		return yield(a)
	})
	if err == nil && len(seen) == 0 && !p.users.mayBeEmpty {
		err = &partial{engine.ReasonEmpty, "users.list: there is no account at all; if that is so, write may_be_empty: true"}
	}
	return err
}

func (p *Program) exists(a *account) []engine.Holding {
	out := []engine.Holding{{Account: a.id, Entitlement: engine.Exists, Info: &a.info}}
	if a.active && len(p.users.suspend) > 0 {
		out = append(out, engine.Holding{Account: a.id, Entitlement: engine.Active})
	}
	return out
}

// Holdings lists the accounts, then who holds the rights of each group.
func (p *Program) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	var own error
	count := func(holdings ...engine.Holding) error {
		for _, h := range holdings {
			if own = yield(h); own != nil {
				return own
			}
			proof.Count++
		}
		return nil
	}
	err := p.holdings(ctx, count)
	var missing *partial
	switch {
	case own != nil:
		return proof, own
	case errors.As(err, &missing):
		proof.Add(missing.code, p.client.Scrub(missing.detail))
	case err != nil:
		return proof, p.explain(err)
	}
	proof.Finished = p.options.Now()
	return proof, nil
}

func (p *Program) holdings(ctx context.Context, yield func(...engine.Holding) error) error {
	var ids []string
	err := p.accounts(ctx, func(a *account) error {
		ids = append(ids, a.id)
		if err := yield(p.exists(a)...); err != nil {
			return err
		}
		return p.within(a, yield)
	})
	for _, g := range p.groups {
		if err == nil && g.list != nil {
			err = p.listed(ctx, g, ids, yield)
		}
	}
	return err
}

// listed yields who holds the rights of a group.
func (p *Program) listed(ctx context.Context, g *group, ids []string, yield func(...engine.Holding) error) error {
	n := 0
	err := p.members(ctx, g, ids, func(held pair) error {
		n++
		return yield(engine.Holding{Account: held.account, Entitlement: g.prefix + held.right})
	})
	if err == nil && n == 0 && g.held {
		err = &partial{engine.ReasonEmpty, g.place + ".list: nobody holds any of these rights; if that is so, leave held out"}
	}
	return err
}

// within yields the rights that an account's own item shows.
func (p *Program) within(a *account, yield func(...engine.Holding) error) error {
	for _, g := range p.groups {
		if g.each == nil {
			continue
		}
		held, err := p.namesIn(g, a)
		if err != nil {
			return err
		}
		for _, h := range held {
			if err := yield(engine.Holding{Account: a.id, Entitlement: g.prefix + h.right}); err != nil {
				return err
			}
		}
	}
	return nil
}

// namesIn gives what an account's item shows of a group, sorted, once each.
func (p *Program) namesIn(g *group, a *account) ([]pair, error) {
	names, err := g.each.texts(a.item)
	if err != nil {
		return nil, &partial{engine.ReasonMalformed, fmt.Sprintf("%s.each, account %q: %v", g.place, a.id, err)}
	}
	slices.Sort(names)
	var out []pair
	for _, name := range slices.Compact(names) {
		if err := p.mine(g, name); err != nil {
			return nil, err
		}
		out = append(out, pair{a.id, name})
	}
	return out, nil
}

// mine says whether a name that is listed is taken for the same right when it is granted.
func (p *Program) mine(g *group, name string) error {
	right := g.prefix + name
	if of, _ := p.groupOf(right); of != g || right == engine.Active || right == engine.Exists || !httpconn.Plain(name) {
		return &partial{engine.ReasonMalformed, fmt.Sprintf("%s lists a right %q, which is reserved or belongs to another group; give the groups prefixes that tell them apart", g.place, right)}
	}
	return nil
}

// members yields who holds the rights of a group that has lists of its own. ids are those of all accounts.
func (p *Program) members(ctx context.Context, g *group, ids []string, yield func(pair) error) error {
	names, err := p.catalogue(ctx, g)
	if err != nil {
		return err
	}
	return p.membersOf(ctx, g, ids, names, yield)
}

// membersOf is members of the accounts and rights that are given.
func (p *Program) membersOf(ctx context.Context, g *group, ids []string, names map[string]string, yield func(pair) error) error {
	var keys []values
	switch {
	case g.listsBy("account"):
		for _, id := range ids {
			keys = append(keys, values{"account": id})
		}
	case g.listsBy("right", "right.id"):
		for _, name := range slices.Sorted(maps.Keys(names)) {
			keys = append(keys, values{"right": name, "right.id": names[name]})
		}
	default:
		return p.read(ctx, g, g.list, nil, names, yield)
	}
	for part := range slices.Chunk(keys, p.options.Calls) {
		lists, errs := make([][]pair, len(part)), make([]error, len(part))
		httpconn.Lanes(len(part), 0, len(part), strconv.Itoa, func(all []int) {
			for _, i := range all {
				errs[i] = p.read(ctx, g, g.list, part[i], names, func(held pair) error { lists[i] = append(lists[i], held); return nil })
			}
		})
		for i := range part {
			if errs[i] != nil {
				return errs[i]
			}
			for _, held := range lists[i] {
				if err := yield(held); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// read yields what one list of a group shows, once each. key is what the list is about.
func (p *Program) read(ctx context.Context, g *group, l *list, key values, names map[string]string, yield func(pair) error) error {
	ids := map[string]string{}
	for name, id := range names {
		ids[id] = name
	}
	seen, about := map[pair]bool{}, pair{}
	if l.address.uses("account") {
		about.account = key["account"]
	}
	if l.address.uses("right") || l.address.uses("right.id") {
		about.right = key["right"]
	}
	return p.each(ctx, l, key, func(item any) error {
		held, counts, err := g.pair(item, key, ids)
		held = pair{cmp.Or(held.account, about.account), cmp.Or(held.right, about.right)}
		if err == nil && counts && (!httpconn.Plain(held.account) || held.right == "") {
			err = fmt.Errorf("an item of the list names no account or no right (%q, %q); check account and right", held.account, held.right)
		}
		if err != nil {
			return &partial{engine.ReasonMalformed, fmt.Sprintf("%s: %v", g.place, err)}
		}
		if !counts {
			return nil
		}
		if seen[held] {
			return &partial{engine.ReasonDuplicate, fmt.Sprintf("%s: that %q holds %q comes a second time, so something else may be missing; the program must list in a stable order", g.place, held.account, held.right)}
		}
		seen[held] = true
		if err := p.mine(g, held.right); err != nil {
			return err
		}
		return yield(held)
	})
}

// pair reads an item of a list, and whether it counts. What it does not say itself is what the list is about.
func (g *group) pair(item any, key values, ids map[string]string) (held pair, counts bool, err error) {
	if g.when != nil {
		if counts, err = g.when.truth(item, key); err != nil || !counts {
			return held, false, err
		}
	}
	if held.account, err = g.account.text(item, key); err != nil {
		return held, false, err
	}
	if held.right, err = g.right.text(item, key); err != nil {
		return held, false, err
	}
	if g.rightID != nil {
		id, err := g.rightID.text(item, key)
		if err != nil || id != "" && ids[id] == "" {
			return held, false, fmt.Errorf("a right with the id %q is held, and the catalogue does not have it; read it again", id)
		}
		held.right = ids[id]
	}
	return held, true, nil
}
