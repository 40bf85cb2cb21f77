package engine

import (
	"maps"
	"slices"
)

// tried: the program was given this very value. Until its lists must show that, nothing is known; from then on it is a program that
// makes something else of the value, and would be given it in every run for ever. It is tried again when either value changes.
func (p *programPlan) tried(s *subject, account uint32, name, want, have string) bool {
	f, ok := p.b.s.Memory.Fact(updatedKey(p.program.Name, p.reading.accounts.Name(account), name))
	if !ok {
		return false
	}
	salt := p.b.salt()
	switch {
	case f.Text == valueHash(salt, want) && !p.reading.Proof.Started.After(f.Since.Add(p.program.Describes.Lag)):
		return true
	case f.Text == valueHash(salt, want):
		f.Text = valueHash(salt, want, have)
		p.b.records = append(p.b.records, Record{Kind: KindNote, Person: s.key, Program: f.Program, Account: f.Account, Set: []Fact{f}}) // which is blanked with the person
	case f.Text != valueHash(salt, want, have):
		p.b.clear(f.FactKey)
		return false
	}
	p.untaken = noted(p.untaken, name, account)
	return true
}

// given says the same as tried, and notes nothing.
func (p *programPlan) given(account uint32, name, want, have string) bool {
	f, ok := p.b.s.Memory.Fact(updatedKey(p.program.Name, p.reading.accounts.Name(account), name))
	return ok && (f.Text == valueHash(p.b.salt(), want) || f.Text == valueHash(p.b.salt(), want, have))
}

func updatedKey(program, account, attribute string) FactKey {
	return FactKey{Kind: FactUpdated, Program: program, Account: account, Key: attribute}
}

// updated are the facts that an update leaves, until a list shows what it did.
func (w *worker) updated(c *Change) (out []Fact) {
	if c.Op != OpUpdate || c.New == nil || w.salt == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(c.New.Attributes)) {
		out = append(out, Fact{FactKey: updatedKey(c.Program, c.Account, name), Since: w.e.Now().UTC(), Text: valueHash(*w.salt, c.New.Attributes[name])})
	}
	return out
}

// endUpdated forgets values of accounts that are gone, and of attributes that are not kept up to date any more.
func (p *programPlan) endUpdated() {
	for f := range p.b.s.Memory.each(FactUpdated) {
		if f.Program != p.program.Name {
			continue
		}
		account, known := p.reading.accounts.Find(f.Account)
		gone := p.complete && !(known && p.exists != none && p.held.Has(p.exists, account))
		if gone || !slices.Contains(p.program.Update, f.Key) {
			p.b.clear(f.FactKey)
		}
	}
}

// backOffUpdate lets a program that shows no effect, whose answers are lost, wait for longer each time.
func (p *programPlan) backOffUpdate(i Intent, o Outcome, right, account uint32) {
	if i.Change.Op != OpUpdate || o != Failed {
		return
	}
	f := Fact{FactKey: p.key(FactFailing, right, account), Since: p.b.s.Now, Count: i.Change.Failures + 1, Until: p.b.s.Now.Add(backOff(i.Change.Failures)), Text: "its answer was lost, and the list does not show it"}
	f.Key = OpUpdate.Effect()
	p.b.set(f)
}

// inEffect says whether the list shows what a change was to lead to.
func (p *programPlan) inEffect(c *Change, right, account uint32) bool {
	there := p.held.Has(right, account)
	if c.Op.Gives() || c.Op.Takes() {
		return there == c.Op.Gives()
	}
	info := p.reading.info(account)
	if !there || info == nil || c.New == nil {
		return false
	}
	if c.Op == OpRename {
		return info.Name == c.New.Name
	}
	for name, value := range c.New.Attributes {
		if have, shown := info.Attributes[name]; !shown || have != value {
			return false
		}
	}
	return true
}
