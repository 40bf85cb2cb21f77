package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The texts of a FactDoubt about a holding.
const (
	doubtAppeared = "appeared" // it is there, and the journal does not know since when and from whom
	doubtMissing  = "missing"  // the journal says that it was given, and it is not there
)

// Doubts lists what nobody can know after a gap in the journal: holdings that appeared in it and that policy does not give,
// and holdings that were taken in it and that policy gives. Neither is touched by itself. The plan must be made on the memory
// that goes on after the gap.
func Doubts(s *Snapshot, p *Plan, now time.Time) (out []Fact) {
	whole, known := map[string]bool{}, map[Held3]bool{}
	for _, r := range s.Readings {
		m := s.Memory.Program(r.Program.Name)
		whole[r.Program.Name] = r.Proof.Complete() && m.Baseline
		for _, h := range m.Rows {
			known[Held3{r.Program.Name, m.Accounts[h.Account], m.Entitlements[h.Entitlement]}] = true
		}
	}
	for i := range p.Unmanaged {
		u := &p.Unmanaged[i]
		e := ParseEntitlement(u.Entitlement)
		if whole[u.Program] && !known[Held3{u.Program, u.Account, e.Name}] {
			out = append(out, Fact{FactKey: FactKey{Kind: FactDoubt, Program: u.Program, Account: u.Account, Entitlement: e.Name, Person: u.Person}, Since: now, Text: doubtAppeared})
		}
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if whole[c.Program] && c.Cause == CauseRestore && !c.Proposed {
			out = append(out, Fact{FactKey: FactKey{Kind: FactDoubt, Program: c.Program, Account: c.Account, Entitlement: c.Right(), Person: c.Person}, Since: now, Text: doubtMissing})
		}
	}
	slices.SortFunc(out, func(x, y Fact) int { return compareKeys(x.FactKey, y.FactKey) })
	return slices.CompactFunc(out, func(x, y Fact) bool { return x.FactKey == y.FactKey })
}

// Question is a doubt about the gap as a whole; it is a task until somebody ticks it off.
func Question(id, text string, now time.Time) Fact {
	return Fact{FactKey: FactKey{Kind: FactDoubt, Key: id}, Since: now, Text: text}
}

// doubts asks people about what a gap in the journal left open, until it has an answer: the holding is gone or there again,
// or managed, or somebody ticked the task off.
func (b *builder) doubts() {
	type about struct{ program, account, person, text string }
	var order []about
	rights := map[about][]FactKey{}
	for f := range b.s.Memory.each(FactDoubt) {
		if f.Program != "" && b.settledDoubt(f) {
			b.clear(f.FactKey)
			continue
		}
		key := about{f.Program, f.Account, f.Person, f.Text}
		if rights[key] == nil {
			order = append(order, key)
		}
		rights[key] = append(rights[key], f.FactKey)
	}
	for _, key := range order {
		b.ask("gap "+key.text+" "+key.account, key.program, key.person, doubtText(key.program, key.account, key.person, key.text, rights[key]), rights[key])
	}
}

// ask makes a task of doubts, or ends them if it was ticked off.
func (b *builder) ask(code, program, person, text string, doubts []FactKey) {
	key := FactKey{Kind: FactTask, Program: program, Person: person, Key: shortHash(code, program, person)}
	if f, ok := b.s.Memory.Fact(key); ok && len(f.Data) > 0 {
		for _, k := range doubts {
			b.clear(k)
		}
		return
	}
	b.task(code, program, person, text)
}

func doubtText(program, account, person, text string, doubts []FactKey) string {
	var names []string
	for _, k := range doubts {
		names = append(names, Entitlement{program, k.Entitlement}.String())
	}
	list := strings.Join(names, ", ")
	switch {
	case program == "":
		return text
	case text == doubtMissing:
		return fmt.Sprintf("%s was taken from the account %s while the journal has a gap: nobody knows by whom, so it is not given back; tick this off to let policy decide again", list, quote(account))
	case person == "":
		return fmt.Sprintf("%s of the account %s, which is nobody's, appeared while the journal has a gap; link the account with rolecall adopt, or take the access away by hand", list, quote(account))
	}
	return fmt.Sprintf("%s of the account %s appeared while the journal has a gap, and policy does not give it: nobody knows who did, so it stays; take it away by hand, or tick this off", list, quote(account))
}

// settledDoubt: what the doubt is about has been cleared up by itself.
func (b *builder) settledDoubt(f Fact) bool {
	p := b.programNamed(f.Program)
	if p == nil || !p.complete || p.reading.Proof.Started.Before(f.Since) {
		return false
	}
	there, managed := p.isHere(f, p.held.Has), p.isHere(f, p.sets.Managed.Has) // neither, if nobody has heard of it
	if f.Text == doubtMissing {
		return there || !managed
	}
	return !there || managed
}

// doubted: the holding went away while the journal has a gap; perhaps somebody was cut off then.
func (p *programPlan) doubted(c *Change) bool {
	key := FactKey{Kind: FactDoubt, Program: c.Program, Account: c.Account, Entitlement: c.Right(), Person: c.Person}
	f, ok := p.b.s.Memory.Fact(key)
	return ok && f.Text == doubtMissing && !p.b.clear_[key]
}
