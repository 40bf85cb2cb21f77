package engine

import (
	"slices"
	"strings"
	"time"
)

// Each holding remembers the policy that desired it last. Facts name the policies that may be that one: hashes in lines, the
// oldest first. There are several after runs that did not see everybody, since what those desired is not noted holding by
// holding.
const (
	formersMost  = 16      // that are named
	formersOlder = "older" // stands for the rest, and can't be had: what it gave is taken only after approval
)

func formersOf(text string) []string { return strings.Split(text, "\n") }

func withFormer(text, hash string) string {
	all := formersOf(text)
	switch {
	case slices.Contains(all, hash):
		return text
	case len(all) == formersMost:
		all[1] = formersOlder
		all = all[1:]
	}
	return strings.Join(append(all, hash), "\n")
}

// notePolicy remembers the policy of the last run that saw everybody, and those of the runs since then. What cannot be judged
// in the run that sees a new policy for the first time (unknown, kept back) remembers the former ones by itself.
func (b *builder) notePolicy() {
	if b.s.Person != "" { // it is about somebody who is out, for whom nothing is desired
		return
	}
	now := Fact{FactKey: FactKey{Kind: FactPolicy}, Text: b.plan.Policy}
	f, known := b.s.Memory.Fact(now.FactKey)
	switch {
	case known && !b.whole():
		now.Text = withFormer(f.Text, now.Text)
	case known && f.Text != now.Text:
		for _, p := range b.programs {
			p.noteFormer(f.Text)
		}
	}
	b.set(now)
}

// noteFormer remembers, for what is managed and not desired under a new policy, that the former one may have desired it. What
// is being taken may turn out to be there still.
func (p *programPlan) noteFormer(formers string) {
	rest := p.sets.Managed
	if p.complete { // else it may be there, whatever became of its grant
		mayReturn := p.mayReturn()
		there := p.diff.Expected.Or(&mayReturn)
		rest = rest.And(&there)
	}
	rest = rest.Minus(&p.sets.Desired)
	rest.Each(func(right, account uint32) {
		key := p.key(FactFormer, right, account)
		if f, undesired := p.fact(FactUndesired, right, account); undesired {
			if text := p.b.withUnseen(f.Text); text != f.Text {
				f.Text = text
				p.b.set(f)
			}
			return
		}
		if _, known := p.b.s.Memory.Fact(key); !known {
			p.b.set(Fact{FactKey: key, Text: formers})
		}
	})
}

// withUnseen adds the policies of the runs since the last one that saw everybody: one of them may have desired it again meanwhile.
func (b *builder) withUnseen(text string) string {
	f, _ := b.s.Memory.Fact(FactKey{Kind: FactPolicy})
	for _, hash := range formersOf(f.Text)[1:] {
		text = withFormer(text, hash)
	}
	return text
}

// undesiredSince remembers when a holding stopped being desired, and the policies that may have desired it last.
func (p *programPlan) undesiredSince(right, account uint32) (since time.Time, former string) {
	if f, ok := p.fact(FactUndesired, right, account); ok {
		return f.Since, p.b.withUnseen(f.Text)
	}
	former = p.b.plan.Policy
	if f, ok := p.b.s.Memory.Fact(FactKey{Kind: FactPolicy}); ok {
		former = f.Text
	}
	if f, ok := p.fact(FactFormer, right, account); ok {
		former = f.Text
	}
	p.b.set(Fact{FactKey: p.key(FactUndesired, right, account), Since: p.b.s.Now, Text: former})
	return p.b.s.Now, former
}

// changedPolicy says which of the former policies gave it, where that is not the one of now: the newest, or else one that can't
// be had and so may have given it.
func (p *programPlan) changedPolicy(person *Person, e Entitlement, former string) (by string, changed bool) {
	for _, hash := range slices.Backward(formersOf(former)) {
		if hash == p.b.plan.Policy || !p.formerlyDesired(person, e, hash) {
			continue
		}
		if by, changed = hash, true; p.b.s.Former[hash] != nil {
			break
		}
	}
	return by, changed
}

func (p *programPlan) formerlyDesired(person *Person, e Entitlement, hash string) bool {
	former := p.b.s.Former[hash]
	if former == nil {
		return true // not to be had: count it as the policy's doing, which asks for approval
	}
	i, ok := slices.BinarySearchFunc(former.Entitlements(), e, compareEntitlements)
	if e.Name == Active || e.Name == Exists {
		return formerlyAny(former, person, e.Program, p.b.s.Now)
	}
	if !ok {
		return false
	}
	for _, v := range former.Decide(person, p.b.s.Now, nil, nil) {
		if int(v.Entitlement) == i {
			return gaveIt(v)
		}
	}
	return false
}

func formerlyAny(former Policy, person *Person, program string, now time.Time) bool {
	for _, v := range former.Decide(person, now, nil, nil) {
		if former.Entitlements()[v.Entitlement].Program == program && gaveIt(v) {
			return true
		}
	}
	return false
}

// gaveIt: the verdict gave it, or might have.
func gaveIt(v Verdict) bool {
	return v.Say == Desired || v.Say == Undecided || v.Say == Recorded && v.Rule >= 0
}

// formers finds this program's holdings that wait to be judged under a new policy, in no order.
func (p *programPlan) formers() (out []Fact) {
	for f := range p.b.s.Memory.each(FactFormer) {
		if f.Program == p.program.Name {
			out = append(out, f)
		}
	}
	for key, f := range p.b.set_ {
		if key.Kind == FactFormer && key.Program == p.program.Name {
			out = append(out, f)
		}
	}
	return out
}
