package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Undone is one change of a run, and whether its inverse can be had.
type Undone struct {
	Change  Change  `json:"change"` // as it was made
	Outcome Outcome `json:"outcome"`
	Inverse Op      `json:"inverse,omitempty"`
	Cannot  string  `json:"cannot,omitempty"` // why it can't be undone, "" if it can
	Partly  string  `json:"partly,omitempty"` // what does not come back with it, "" if nothing is known to be lost
}

// UndoPreview lists what undoing a run would bring back or take away, what it can't, and what is lost all the same. Read-only.
func (e *Engine) UndoPreview(ctx context.Context, log Log, run string) ([]Undone, error) {
	list, _, err := e.inverse(ctx, log, run)
	return list, err
}

// inverse is the list, and the present state of things that it was held against.
func (e *Engine) inverse(ctx context.Context, log Log, run string) ([]Undone, *Snapshot, error) {
	list, err := changesOf(ctx, log, run)
	if err != nil {
		return nil, nil, err
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("%w: run %s changed nothing, or there is no such run; see: rolecall audit list --kind run", ErrNothingToUndo, quote(run))
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	seen := seenOf(s.Memory, list)
	for i := range list {
		u := &list[i]
		if u.judge(); u.Cannot == "" {
			u.since(s, seen)
		}
		if u.Cannot != "" {
			u.Inverse, u.Partly = "", ""
		}
	}
	return list, s, nil
}

// changesOf reads what a run decided, adoptions too, and what became of it.
func changesOf(ctx context.Context, log Log, run string) (out []Undone, err error) {
	at := map[int64]int{}
	err = log.Records(ctx, Query{Run: run}, func(r Record) error {
		switch r.Kind {
		case KindIntent:
			at[r.Seq] = len(out)
			if r.Data == nil { // every intent has some
				out = append(out, Undone{Cannot: "its record was blanked, so nobody can tell whose it was", Change: Change{Op: r.Op, Person: r.Person, Account: r.Account, Program: r.Program,
					Entitlement: Entitlement{r.Program, r.Entitlement}.String(), Rules: r.Rules, Cause: r.Cause}})
				return nil
			}
			i, _, err := IntentOf(r)
			if err != nil {
				return err
			}
			out = append(out, Undone{Change: i.Change})
		case KindAdopt:
			out = append(out, Undone{Change: Change{Op: OpAdopt, Person: r.Person, Account: r.Account, Program: r.Program, Entitlement: Entitlement{r.Program, r.Entitlement}.String(), Rules: r.Rules,
				Why: r.Why, Cause: r.Cause}, Outcome: Done})
		case KindOutcome:
			if n, ok := at[r.Of]; ok {
				out[n].Outcome, out[n].Change.Account = r.Outcome, r.Account
			}
		}
		return nil
	})
	return out, err
}

// judge looks at the change alone.
func (u *Undone) judge() {
	switch c := &u.Change; {
	case u.Cannot != "":
	case u.Outcome == Already || u.Outcome == Withdrawn || u.Outcome == Failed || u.Outcome == Refused:
		u.Cannot = "it changed nothing (" + string(u.Outcome) + ")"
	case c.Op == OpAdopt:
		u.Cannot = "it was only adopted: nothing was changed in the program, and it stays managed"
	case c.Cause == CauseMarked || c.Cause == CauseAbsent || c.Cause == CauseCut:
		u.Cannot = "nothing is given back to leavers and people who are cut off"
	case c.Op == OpDelete:
		u.Cannot = "the account was deleted, with its data, password and sessions; what policy gives is made anew, as another account"
	case c.Op == OpRename || c.Op == OpUpdate || c.Op == OpCreate:
		u.Cannot = "the account stays as it is; its rights are taken"
	case c.Op == OpResume:
		u.Inverse = OpSuspend
	case c.Op.Gives():
		u.Inverse, u.Partly = OpRevoke, "what was done with it meanwhile stays done"
	case c.Op == OpSuspend:
		u.Inverse, u.Partly = OpResume, "sessions and tokens that ended stay ended; the password is what the program has now"
	default:
		u.Inverse, u.Partly = OpGrant, "what the program dropped together with the right (shares, settings, data) stays dropped"
	}
	if u.Cannot == "" && (u.Outcome == "" || u.Outcome == Halted || u.Outcome == Uncertain) {
		u.Partly = "nobody knows yet what became of it; if it was not begun it is withdrawn"
	}
}

// since looks at what has happened to the person, the account and the right meanwhile.
func (u *Undone) since(s *Snapshot, seen map[Held3]bool) {
	c, right := &u.Change, u.Change.Right()
	there := func(right string) bool { return seen[Held3{c.Program, c.Account, right}] }
	if u.Inverse != OpGrant && u.Inverse != OpResume {
		if u.Outcome == Done && !there(right) {
			u.Cannot = "it is gone already"
		}
		return
	}
	switch {
	case u.Outcome == Done && there(right):
		u.Cannot = "it is there again already"
	case slices.Contains(s.Memory.Program(c.Program).Entitlements, Exists) && !there(Exists):
		u.Cannot = "the account is gone since, with its data, password and sessions; what policy gives is made anew, as another account"
	default:
		u.personSince(s)
	}
	if suspended := slices.Contains(s.Memory.Program(c.Program).Entitlements, Active) && !there(Active); u.Cannot == "" && u.Inverse == OpGrant && suspended {
		u.Partly += "; the account is suspended"
	}
}

// personSince: what is given back must still be allowed.
func (u *Undone) personSince(s *Snapshot) {
	c := &u.Change
	i, there := slices.BinarySearchFunc(s.People, c.Person, func(p Person, key string) int { return strings.Compare(p.Key, key) })
	_, cut := s.Memory.Fact(FactKey{Kind: FactCut, Person: c.Person})
	switch {
	case cut:
		u.Cannot = "the person is cut off"
	case there && s.People[i].State == StateLeft && s.People[i].Marked:
		u.Cannot = "the person has left since"
	case !there && s.Proof.Complete():
		u.Cannot = "the person is in the directory no more"
	case !there || s.People[i].State == StateUnknown:
		u.Partly += "; whether the person is still there can't be told now"
	case forbids(s, &s.People[i], c.Entitlement):
		u.Cannot = "a block or a conflict forbids it now"
	}
}

// forbids tells what policy forbids somebody once they are active.
func forbids(s *Snapshot, p *Person, entitlement string) bool {
	e, then := ParseEntitlement(entitlement), *p
	then.State = StateActive
	return slices.ContainsFunc(s.Policy.Decide(&then, s.Now, nil, nil), func(v Verdict) bool {
		return v.Say == Denied && s.Policy.Entitlements()[v.Entitlement] == e
	})
}

// seenOf is what the accounts of a list are known to hold now.
func seenOf(mem *Memory, list []Undone) map[Held3]bool {
	accounts := map[accountKey]bool{}
	for i := range list {
		accounts[accountKey{list[i].Change.Program, list[i].Change.Account}] = true
	}
	seen := map[Held3]bool{}
	for name, m := range mem.Programs {
		for _, r := range m.Rows {
			if r.Seen && accounts[accountKey{name, m.Accounts[r.Account]}] {
				seen[Held3{name, m.Accounts[r.Account], m.Entitlements[r.Entitlement]}] = true
			}
		}
	}
	return seen
}
