package engine

import "fmt"

// evaluate asks policy about everybody, once, and turns the answers into sets of accounts.
func (b *builder) evaluate() {
	b.catalogue()
	var buf []Verdict
	for i := range b.subjects {
		s := &b.subjects[i]
		if s.standing != present || s.person == nil {
			continue
		}
		has := func(e int32) bool {
			t := b.catalog[e]
			return t.program != nil && t.program.account[i] != none && t.program.sets.Actual.Has(t.right, t.program.account[i])
		}
		buf = b.s.Policy.Decide(s.person, b.s.Now, has, buf[:0])
		for _, v := range buf {
			if t := b.catalog[v.Entitlement]; t.program != nil {
				t.program.say(int32(i), t.right, v)
			}
		}
	}
	for _, p := range b.programs {
		p.propose()
		p.imply()
		p.undone()
		p.reviewed()
	}
}

func (b *builder) catalogue() {
	byName := map[string]*programPlan{}
	for _, p := range b.programs {
		byName[p.program.Name] = p
	}
	for _, e := range b.s.Policy.Entitlements() {
		t := target{program: byName[e.Program]}
		if t.program != nil {
			t.right = t.program.reading.rights.Number(e.Name)
		}
		b.catalog = append(b.catalog, t)
	}
}

func (p *programPlan) say(i int32, right uint32, v Verdict) {
	account := p.account[i]
	if v.Say == Observed {
		p.would[right] = append(p.would[right], i)
	}
	if v.Say == Undecided && p.program.Seats != nil {
		p.unsureOf[i] = true
	}
	lost := account != none && p.lost(account)
	if lost {
		p.waits[i] = fmt.Sprintf("the account %s was there before and one complete list lacks it; another one is made once a second list, a while later, lacks it too", quote(p.reading.accounts.Name(account)))
	}
	if lost || account == none || p.gone(account) {
		if v.Say == Desired || v.Say == Recorded && v.Rule >= 0 {
			p.needs[i] = append(p.needs[i], right)
		}
		return
	}
	switch v.Say {
	case Desired:
		p.sets.Desired.Add(right, account)
	case Recorded:
		p.recorded(i, right, account, v)
	case Undecided:
		p.undecided.Add(right, account)
	case Observed:
		p.observed.Add(right, account)
	case Denied:
		p.denied.Add(right, account)
	}
}

// recorded reports somebody who holds what must not be held together; it is otherwise as rules say.
func (p *programPlan) recorded(i int32, right, account uint32, v Verdict) {
	s := &p.b.subjects[i]
	p.b.warn("conflict", p.program.Name, s.key, s.person.Name()+" holds "+p.entitlement(right)+" against a conflict that is only recorded")
	if v.Rule >= 0 {
		p.sets.Desired.Add(right, account)
	}
}

// gone: a linked account that was deleted by Rolecall, or of which nothing is managed and which two complete reads lack, further apart
// than the lag; who wants something again gets a new one.
func (p *programPlan) gone(account uint32) bool { return p.missing(account) && !p.lately(account) }

// lost is the same account before the second of these reads: one list may lack it by mistake, and a second account would stay.
func (p *programPlan) lost(account uint32) bool { return p.missing(account) && p.lately(account) }

func (p *programPlan) missing(account uint32) bool {
	if p.exists == none || !p.complete || p.sets.Actual.Has(p.exists, account) || p.sets.Giving.Has(p.exists, account) {
		return false
	}
	if _, proposed := ProposedName(p.reading.accounts.Name(account)); proposed {
		return false
	}
	return !p.confirmed.Has(p.exists, account) // confirmed and not there: somebody else removed it, which is another matter
}

// lately: this is the first complete read that lacks the account, or the lag since then is not over.
func (p *programPlan) lately(account uint32) bool {
	f, since := p.b.s.Memory.Fact(p.accountKey(FactLost, account))
	if !since {
		return p.known.Has(p.exists, account)
	}
	return f.Count > 0 || p.reading.Proof.Started.Sub(f.Since) <= p.program.Describes.Lag
}

// imply: any right implies the active account, and that its existence; what is only kept implies that they are kept.
func (p *programPlan) imply() {
	for _, set := range []*Set{&p.sets.Desired, &p.undecided, &p.observed} {
		accounts := set.Accounts()
		for _, a := range accounts {
			if p.active != none {
				set.Add(p.active, a)
			}
			if p.exists != none {
				set.Add(p.exists, a)
			}
		}
	}
	if p.program.Away == "suspend" && p.active != none {
		for i := range p.b.subjects {
			if s := &p.b.subjects[i]; s.person != nil && s.person.State == StateAway && p.account[i] != none {
				p.sets.Desired.Remove(p.active, p.account[i])
				p.undecided.Remove(p.active, p.account[i])
			}
		}
	}
}
