package engine

import (
	"fmt"
	"slices"
)

// reviews ends lines of which there is nothing to decide any more, shows the others as they are now, and reminds of reviews that are
// late.
func (b *builder) reviews() {
	if !b.whole() {
		return
	}
	for _, k := range b.s.lapsed {
		b.notice("info", "review", k.Program, k.Person, fmt.Sprintf("%s was kept by a review, and somebody took it away before Rolecall managed it: it is not given back", Entitlement{k.Program, k.Entitlement}))
		b.clear(k)
	}
	b.adopted()
	open := map[string]int{}
	anew := b.redrawing()
	for f := range b.s.Memory.each(FactLine) {
		if f.Text != string(LineOpen) {
			continue
		}
		if why := b.lineOver(f); why != "" {
			l := LineOf(f)
			l.State, l.At, l.Reason = LineOver, b.s.Now.UTC(), why
			b.records = append(b.records, l.record("", []string{why}))
			continue
		}
		open[f.Key]++
		if l := LineOf(f); anew.changed(b, &l) {
			b.records = append(b.records, l.record("", []string{"what policy says of it, or who is asked, has changed"}))
		}
	}
	for f := range b.s.Memory.each(FactReview) {
		r := reviewOf(f)
		if r.Open = open[f.Key]; r.Overdue(b.s.Now, b.s.Settings.Zone) {
			b.warn("review", "", "", fmt.Sprintf("the review %s was due on %s, and %s not decided: see rolecall review show %s",
				r.Name, r.Due.Format("2006-01-02"), plural(r.Open, "line is", "lines are"), r.Name))
		}
	}
}

// adopted makes extras of what reviews kept like any other as soon as they are managed: what vanishes then, as when an account is
// suspended, comes back.
func (b *builder) adopted() {
	for f := range b.s.Memory.each(FactExtra) {
		k, kept := keptOf(f)
		if p := b.programNamed(f.Program); kept && p != nil && p.mem.manages(k.Account, f.Entitlement) {
			f.Data = nil
			b.set(f)
		}
	}
}

// lineOver says why nobody need decide on a line, "" if somebody must. What an incomplete list does not show is still known.
func (b *builder) lineOver(f Fact) string {
	i, there := b.index[f.Person]
	p := b.programNamed(f.Program)
	switch {
	case there && b.subjects[i].standing == leaver:
		return "has left"
	case p == nil:
		return f.Program + " is in the configuration no more"
	}
	account, right, known := p.numbers(f.Account, f.Entitlement)
	if !known || !p.sets.Actual.Has(right, account) {
		return "is not there any more"
	}
	return ""
}

// reviewed finds what reviews decided to take. It ends when the program shows it no more, and when policy gives it; that whoever had
// it has left ends nothing.
func (p *programPlan) reviewed() {
	for f := range p.b.s.Memory.each(FactTake) {
		if f.Program != p.program.Name {
			continue
		}
		account, right, known := p.numbers(f.Account, f.Entitlement)
		_, owned := p.subjectOf(account)
		gone := !known || !p.sets.Actual.Has(right, account)
		switch {
		case gone && p.complete, known && p.sets.Desired.Has(right, account):
			p.b.clear(f.FactKey)
		case !gone && owned: // links never move
			p.take[pair(right, account)] = f
		}
	}
}

// toRevoke is what is to go: what is managed and not desired, and what reviews decided on.
func (p *programPlan) toRevoke() Set {
	if len(p.take) == 0 {
		return p.diff.Revoke
	}
	out := p.diff.Revoke.Clone()
	for key := range p.take {
		if right, account := uint32(key>>32), uint32(key); p.diff.Expected.Has(right, account) {
			out.Add(right, account)
		}
	}
	return out
}

func (p *programPlan) toTake(right, account uint32) bool {
	_, decided := p.take[pair(right, account)]
	return decided
}

// askOne asks somebody to take what a review decided on in a program where Rolecall takes nothing.
func (p *programPlan) askOne(s *subject, right uint32, f Fact) {
	e := p.entitlement(right)
	p.b.task("review "+f.Account+" "+f.Entitlement, p.program.Name, s.key, fmt.Sprintf("take %s from the account %s of %s by hand, since revoke: never is set there (%s)", e, quote(f.Account), p.subjectName(s), f.Text))
}

// askByHand is askOne for all of a program that takes nothing, as far as lists show that it is there.
func (p *programPlan) askByHand() {
	if p.program.Revoke != RevokeNever || !p.complete {
		return
	}
	keys := make([]uint64, 0, len(p.take))
	for key := range p.take {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if s, ok := p.subjectOf(uint32(key)); ok {
			p.askOne(s, uint32(key>>32), p.take[key])
		}
	}
}
