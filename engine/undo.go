package engine

import (
	"context"
	"errors"
	"fmt"
)

// Undo freezes the inverse of a run: the next run makes it, through the same limits and approvals as everything else, and
// it stays so until the policy or the person's entry changes, or Release. Nobody undoes what took their own access.
func (e *Engine) Undo(ctx context.Context, log Log, actor, run, reason string) ([]Undone, error) {
	if reason == "" {
		return nil, ErrNoReason
	}
	list, s, err := e.inverse(ctx, log, run)
	if err != nil {
		return nil, err
	}
	if !s.Proof.Complete() {
		return list, errors.New("the directory's read is not complete, so what an undo freezes can't be tied to people's entries; try again later")
	}
	for i := range list {
		c := &list[i].Change
		if list[i].Cannot == "" && list[i].Inverse.Gives() && e.isOwn(actor, c.Person, c.Login) {
			return list, e.refuse(ctx, actor, ErrOwnAccess, c, run)
		}
	}
	entry := map[string]string{}
	for i := range s.People {
		entry[s.People[i].Key] = s.People[i].Changed
	}
	record := Record{Kind: KindUndo, Actor: actor, Why: []string{reason}, Data: mustJSON(run)}
	for _, u := range list {
		if u.Cannot != "" {
			continue
		}
		c := &u.Change
		f := Fact{FactKey: FactKey{Kind: FactUndone, Program: c.Program, Account: c.Account, Entitlement: c.Right()}, Since: e.Now().UTC(),
			Count: -1, Text: shortHash(s.Hash, entry[c.Person])}
		if u.Inverse == OpGrant || u.Inverse == OpResume {
			f.Count = 1
		}
		record.Set = append(record.Set, f)
	}
	if len(record.Set) == 0 {
		return list, fmt.Errorf("%w; the list says why", ErrNothingToUndo)
	}
	return list, e.Journal.Append(ctx, Guard{Control: s.Memory.Control}, []Record{record})
}

// Release lets go of everything that is frozen by an undo.
func (e *Engine) Release(ctx context.Context, actor, reason string) (int, error) {
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return 0, err
	}
	record := Record{Kind: KindFree, Actor: actor, Why: []string{reason}}
	for f := range mem.each(FactUndone) {
		record.Clear = append(record.Clear, f.FactKey)
	}
	for f := range mem.each(FactContested) {
		record.Clear = append(record.Clear, f.FactKey)
	}
	if len(record.Clear) == 0 {
		return 0, nil
	}
	return len(record.Clear), e.Journal.Append(ctx, Guard{Control: mem.Control}, []Record{record})
}

// undone turns what is frozen into what is desired: an undo of a grant is not desired, an undo of a revoke is. It never
// holds a leaver or a cut, and ends when the policy or the person's entry changes.
func (p *programPlan) undone() {
	for f := range p.b.s.Memory.each(FactUndone) {
		if f.Program != p.program.Name {
			continue
		}
		account, right := p.reading.accounts.Number(f.Account), p.reading.rights.Number(f.Entitlement)
		s, ok := p.subjectOf(account)
		if !ok || s.standing != present || s.person == nil {
			continue
		}
		if s.person.Changed != "" && f.Text != p.frozenBy(account) { // what can't be seen has not changed
			p.b.clear(f.FactKey)
			continue
		}
		if f.Count > 0 && (p.denied.Has(right, account) || p.forbiddenLater(s.person, f.Entitlement)) {
			continue // a block or a conflict goes before everything
		}
		p.undo[pair(right, account)] = true
		if f.Count > 0 {
			p.sets.Desired.Add(right, account)
		} else {
			p.sets.Desired.Remove(right, account)
		}
	}
}

// forbiddenLater: policy says nothing of people who have not begun yet or can't be seen, not even what it forbids them.
func (p *programPlan) forbiddenLater(who *Person, right string) bool {
	if who.State == StateActive || who.State == StateAway {
		return false
	}
	return forbids(p.b.s, who, Entitlement{p.program.Name, right}.String())
}
