package http

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// enough changes of one group are made between two looks at its list, which then stand for a look at each.
const enough = 8

// Apply makes changes of rights between two reads of their lists, and works on several accounts at a time.
func (p *Program) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	results := make([]engine.Result, len(calls))
	for from, to := 0, 0; from < len(calls); from = to {
		rights := httpconn.IsRight(calls[from])
		for to = from; to < len(calls) && httpconn.IsRight(calls[to]) == rights; to++ {
		}
		if rights {
			p.applyRights(ctx, calls, from, to, results)
		} else {
			httpconn.Lanes(p.options.Calls, from, to, func(i int) string { return httpconn.Subject(calls[i]) }, func(all []int) { p.singly(ctx, calls, all, results) })
		}
	}
	return results
}

func (p *Program) singly(ctx context.Context, calls []engine.Call, all []int, results []engine.Result) {
	for _, i := range all {
		r := &results[i]
		if calls[i].New != nil {
			r.ID, r.Outcome, r.Err = p.Create(ctx, *calls[i].New)
		} else {
			r.Outcome, r.Err = p.change(ctx, calls[i])
		}
	}
}

// applyRights goes group by group; what belongs to none is refused by itself.
func (p *Program) applyRights(ctx context.Context, calls []engine.Call, from, to int, results []engine.Result) {
	of := map[*group][]int{}
	for i := from; i < to; i++ {
		g, _ := p.groupOf(calls[i].Entitlement)
		of[g] = append(of[g], i)
	}
	for _, g := range append([]*group{nil}, p.groups...) {
		part := of[g]
		if g != nil && p.pays(g, calls, part) {
			b := &batch{Program: p, group: g, calls: calls, part: part, results: results, made: map[pair]int{}}
			if b.apply(ctx) {
				continue
			}
		}
		httpconn.Lanes(p.options.Calls, 0, len(part), func(i int) string { return httpconn.Subject(calls[part[i]]) }, func(all []int) {
			for n, i := range all {
				all[n] = part[i]
			}
			p.singly(ctx, calls, all, results)
		})
	}
}

// pays says whether lists before and after are fewer requests than a look at each. What is made from the account as it is
// can be made once for each account only, and not from a list, which may show less than the account itself.
func (p *Program) pays(g *group, calls []engine.Call, part []int) bool {
	if g.copies() && p.users.one != nil {
		return false
	}
	seen := map[string]bool{}
	for _, i := range part {
		if (g.each != nil || g.copies()) && seen[calls[i].Account] {
			return false
		}
		seen[calls[i].Account] = true
	}
	lists := p.users.list.pages.Load()
	if g.list != nil {
		lists += g.list.pages.Load()
	}
	return len(part) >= enough && !g.listsBy("account") && 2*lists <= int64(3*len(part))
}

// copies says whether a change is made from the account as it is.
func (g *group) copies() bool {
	return slices.ContainsFunc(slices.Concat(g.grant, g.revoke), func(w write) bool { return w.from != nil })
}

// batch is changes of one group that are made between two looks at the lists.
type batch struct {
	*Program
	group   *group
	calls   []engine.Call
	part    []int
	results []engine.Result
	names   map[string]string // the catalogue

	mu       sync.Mutex
	accounts map[string]*account // those that are there, of those that are asked about
	held     map[pair]bool       // as it is now
	made     map[pair]int        // requests that were sent: the last call about each
}

// apply says whether it gave results; if not, nothing was sent.
func (b *batch) apply(ctx context.Context) bool {
	var err error
	if b.names, err = b.catalogue(ctx, b.group); err != nil {
		return false
	}
	if b.accounts, b.held, err = b.snapshot(ctx, true); err != nil {
		return false
	}
	old := map[pair]bool{}
	for h := range b.held {
		old[h] = true
	}
	httpconn.Lanes(b.options.Calls, 0, len(b.part), func(i int) string { return httpconn.Subject(b.calls[b.part[i]]) }, func(all []int) {
		for _, i := range all {
			b.make(ctx, b.part[i])
		}
	})
	if len(b.made) > 0 {
		b.readBack(ctx, old)
	}
	return true
}

// snapshot reads the accounts that calls are about, and who holds the group's rights.
func (b *batch) snapshot(ctx context.Context, accounts bool) (map[string]*account, map[pair]bool, error) {
	asked, rights := map[string]bool{}, map[string]string{}
	for _, i := range b.part {
		_, name := b.groupOf(b.calls[i].Entitlement)
		asked[b.calls[i].Account] = true
		if id := b.names[name]; id != "" {
			rights[name] = id
		}
	}
	there, held := map[string]*account{}, map[pair]bool{}
	keep := func(h pair) error { held[h] = true; return nil }
	if accounts || b.group.each != nil {
		err := b.Program.accounts(ctx, func(a *account) error {
			if asked[a.id] {
				there[a.id] = a
			}
			if b.group.each == nil {
				return nil
			}
			names, err := b.namesIn(b.group, a)
			for _, h := range names {
				held[h] = true
			}
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	if b.group.each != nil {
		return there, held, nil
	}
	if !b.group.listsBy("right", "right.id") {
		rights = b.names
	}
	return there, held, b.membersOf(ctx, b.group, nil, rights, keep)
}

// make makes one change, and notes its result as far as it is known before the lists are read again.
func (b *batch) make(ctx context.Context, i int) {
	c, r := b.calls[i], &b.results[i]
	b.mu.Lock()
	a := b.accounts[c.Account]
	b.mu.Unlock()
	_, name := b.groupOf(c.Entitlement)
	s, err := b.group.subject(c.Account, name, b.names)
	switch {
	case a == nil && !c.Grant:
		r.Outcome = engine.Already
		return
	case a == nil:
		err = httpconn.Refuse("there is no account %q; it must be created first", c.Account)
	}
	if err != nil {
		r.Outcome, r.Err = b.settle("", err)
		return
	}
	b.mu.Lock()
	has := b.held[s.pair]
	b.mu.Unlock()
	if has == c.Grant {
		r.Outcome = engine.Already
		return
	}
	r.Outcome = engine.Done
	if err := b.send(ctx, b.group.writes(c.Grant), s.values(), a.item); err != nil {
		r.Outcome, r.Err = b.settle("", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.made[s.pair] = i
	if r.Err == nil {
		b.held[s.pair] = c.Grant
	}
}

// readBack compares the lists with what was asked for.
func (b *batch) readBack(ctx context.Context, old map[pair]bool) {
	_, now, err := b.snapshot(ctx, false)
	if err != nil {
		err = fmt.Errorf("the changes can't be read back: %w", err)
	} else {
		err = vanished(old, now, func(h pair) bool { _, asked := b.made[h]; return asked || !b.touches(h) })
	}
	for h, i := range b.made {
		c, r := b.calls[i], &b.results[i]
		switch {
		case r.Outcome == engine.Done && err != nil:
			r.Outcome, r.Err = b.settle(engine.Uncertain, err)
		case r.Outcome == engine.Done && now[h] != c.Grant:
			r.Outcome, r.Err = b.settle(b.lied(fmt.Errorf("the program accepted the change of %q of the account %q, and does not show it", c.Entitlement, c.Account)))
		case r.Outcome == engine.Refused && err == nil && now[h] == c.Grant: // somebody else was faster
			r.Outcome, r.Err = engine.Already, nil
		}
	}
}

// touches says whether a holding is of a right or an account that something was sent about.
func (b *batch) touches(h pair) bool {
	for made := range b.made {
		if made.account == h.account || made.right == h.right {
			return true
		}
	}
	return false
}
