package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// stillSo refuses to decide on what is not any more as it was put up: who had it, whether it is there, what policy says, and who is
// asked.
func (d *drawing) stillSo(ctx context.Context, actor string, l *ReviewLine, o *ReviewDecision) error {
	p := d.find(l.Person)
	if p == nil {
		return fmt.Errorf("%w: %s; the line ends when that is certain", ErrUnknownPerson, quote(l.Name))
	}
	again := func(what string) error {
		return fmt.Errorf("%w: %s of %s, %s", ErrLookAgain, l.Entitlement, l.Name, what)
	}
	_, cut := d.mem.Fact(FactKey{Kind: FactCut, Person: p.Key})
	kind := d.estate.kindOf(p.Key, l.Program, l.Account)
	switch {
	case p.State == StateLeft:
		return fmt.Errorf("%w: %s has left", ErrOver, l.Name)
	case cut && o.Keep:
		return again("who is cut off and keeps nothing")
	case kind == "":
		return again("whose the account is not known to be")
	case !d.estate.there(l.Program, l.Account, l.Right()):
		return again("who does not have it any more")
	case l.Given != (d.says(d.policy, p, kind, ParseEntitlement(l.Entitlement)).Say == Desired):
		return again("to whom policy gave it at one of the two times only; the next run shows what it says now")
	case d.e.by.Asked && !slices.Contains(d.reviewers(p, l.Program), d.e.by.Person):
		return d.e.refuse(ctx, actor, ErrNotReviewer, &Change{Person: l.Person, Program: l.Program, Account: l.Account, Entitlement: l.Entitlement}, l.ID)
	}
	return nil
}

// keptData is the Data of an extra that a review led to. Fields are only ever added.
type keptData struct {
	Review, Account string
}

// keptOf is what a review remembers with an extra; of others it is nothing.
func keptOf(f Fact) (k keptData, is bool) {
	is = len(f.Data) > 0 && json.Unmarshal(f.Data, &k) == nil && k.Account != ""
	return k, is
}

// becomes decides a line, and gives the facts that the next plan goes by.
func (d *drawing) becomes(actor string, l *ReviewLine, o *ReviewDecision) ([]Fact, error) {
	p, kind, now := d.find(l.Person), d.estate.kindOf(l.Person, l.Program, l.Account), d.now.UTC()
	right := ParseEntitlement(l.Entitlement)
	says := d.says(d.policy, p, kind, right).Say
	l.Kind, l.State, l.By, l.At, l.Reason = kind, LineRevoked, actor, now, o.Reason
	named := Fact{FactKey: FactKey{Person: l.Person, Program: right.Program, Entitlement: right.Name}, Since: now}
	named.Text = fmt.Sprintf("review %s, %s: %s", l.Review, actor, o.Reason)
	if o.Keep {
		return d.keeps(l, o, says, named)
	}
	take := named
	take.Kind, take.Account = FactTake, l.Account
	if says == Desired || says == Undecided { // which may give it, once it can be seen
		l.Becomes, l.Until = "block", now.Add(blockLook)
		named.Kind, named.Until = FactBlock, l.Until
		return []Fact{named, take}, nil
	}
	l.Becomes = "revocation"
	return []Fact{take}, nil
}

// keeps is becomes of what is kept. An extra is for the personal account, whatever account somebody looked at, so that nothing else
// of a review may lead to one.
func (d *drawing) keeps(l *ReviewLine, o *ReviewDecision, says Say, named Fact) ([]Fact, error) {
	l.State = LineKept
	switch {
	case says == Denied:
		return nil, fmt.Errorf("%w: %s of %s", ErrForbidden, l.Entitlement, l.Name)
	case says == Desired:
		l.Becomes = "confirmed"
		return nil, nil
	case l.Kind != PersonalAccount:
		l.Becomes = "kept"
		return nil, nil
	}
	l.Becomes, l.Until = "extra", d.review.Keep
	if !o.Until.IsZero() {
		l.Until = o.Until.UTC()
	}
	switch {
	case !d.now.Before(dayAfter(l.Until, d.e.Settings.Zone)):
		return nil, badOrder("what is kept beyond policy ends in the future; choose a later --until")
	case l.Until.After(d.review.Keep):
		return nil, badOrder("what this review keeps ends on %s; choose an earlier --until", d.review.Keep.Format(time.DateOnly))
	}
	named.Kind, named.Until, named.Data = FactExtra, l.Until, mustJSON(keptData{l.Review, l.Account})
	return []Fact{named}, nil
}

// forbids refuses to keep what a conflict would take again, or would take something else for: policy is asked once more, with all
// that the decision gives.
func (d *drawing) forbids(decided []Record, lines []ReviewLine) error {
	facts := append(d.mem.Facts(FactExtra), d.mem.Facts(FactBlock)...)
	for i := range decided {
		facts = append(facts, decided[i].Set...)
	}
	after := WithGiven(d.e.Policy, NewMemory(facts))
	for i := range lines {
		l := &lines[i]
		if l.Becomes != "extra" {
			continue
		}
		p := d.find(l.Person)
		if d.verdictOn(after, p, ParseEntitlement(l.Entitlement)).Say == Denied {
			return fmt.Errorf("%w: %s of %s", ErrForbidden, l.Entitlement, l.Name)
		}
		if lost := d.lost(after, p); lost != "" {
			return fmt.Errorf("%w: %s would lose %s for %s", ErrForbidden, l.Name, lost, l.Entitlement)
		}
	}
	return nil
}

// lost is what policy gives somebody now and forbids after a decision, "" where there is nothing.
func (d *drawing) lost(after Policy, p *Person) string {
	given := map[Entitlement]bool{}
	for _, v := range d.decided(d.policy, p) {
		given[d.policy.Entitlements()[v.Entitlement]] = v.gives()
	}
	for _, v := range d.decided(after, p) {
		if e := after.Entitlements()[v.Entitlement]; v.Say == Denied && given[e] {
			return e.String()
		}
	}
	return ""
}

// lapse finds the extras of reviews whose holding somebody took away before Rolecall managed it: a review keeps what is there, and
// gives nothing.
func (s *Snapshot) lapse() {
	for f := range s.Memory.each(FactExtra) {
		k, kept := keptOf(f)
		if !kept {
			continue
		}
		at := slices.IndexFunc(s.Readings, func(r *Reading) bool { return r.Program.Name == f.Program })
		if at >= 0 && s.Readings[at].Proof.Complete() && !s.Readings[at].shows(k.Account, f.Entitlement) && !s.Memory.Program(f.Program).manages(k.Account, f.Entitlement) {
			s.lapsed = append(s.lapsed, f.FactKey)
		}
	}
}

// given is memory without what has lapsed, as far as policy goes by it.
func (s *Snapshot) given() *Memory {
	if len(s.lapsed) == 0 {
		return s.Memory
	}
	extras := slices.DeleteFunc(s.Memory.Facts(FactExtra), func(f Fact) bool { return slices.Contains(s.lapsed, f.FactKey) })
	return NewMemory(append(extras, s.Memory.Facts(FactBlock)...))
}

// shows says whether the list has it.
func (r *Reading) shows(account, right string) bool {
	a, known := r.accounts.Find(account)
	n, known2 := r.rights.Find(right)
	return known && known2 && r.held.Has(n, a)
}

func (m *ProgramMemory) manages(account, right string) bool {
	return slices.ContainsFunc(m.Rows, func(row HoldingRow) bool {
		return row.Managed && m.Accounts[row.Account] == account && m.Entitlements[row.Entitlement] == right
	})
}
