package engine

import (
	"slices"
	"strings"
)

// redrawing is what lines of all reviews are drawn from anew in a run, nil where no line is open.
type redrawing struct {
	drawing
	reviews map[string]*Review
}

// redrawing finds only those whom a line may name.
func (b *builder) redrawing() *redrawing {
	var lines []Fact
	wanted := map[string]bool{}
	r := &redrawing{reviews: map[string]*Review{}}
	r.now, r.mem, r.policy, r.people, r.owners = b.s.Now, b.s.Memory, b.s.Policy, b.s.People, map[string]string{}
	for f := range b.s.Memory.each(FactLine) {
		if f.Text == string(LineOpen) {
			lines = append(lines, f)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	for _, one := range b.programs {
		r.owners[one.program.Name] = one.program.Owner
		wanted[strings.ToLower(one.program.Owner)] = true
	}
	for i := range lines {
		if p := r.find(lines[i].Person); p != nil {
			for _, name := range managersOf(p, r.now) {
				wanted[strings.ToLower(name)] = true
			}
		}
	}
	for f := range b.s.Memory.each(FactReview) {
		one := reviewOf(f)
		r.reviews[f.Key] = &one
	}
	r.who, r.estate = nameAll(r.people, wanted), estateOf(r.mem)
	return r
}

// changed draws an open line anew, and says whether a reviewer is to see something else than before. What can't be seen now changes
// nothing.
func (r *redrawing) changed(b *builder, l *ReviewLine) bool {
	i, there := b.index[l.Person]
	if !there || b.subjects[i].standing != present || r.reviews[l.Review] == nil {
		return false
	}
	p, program := b.subjects[i].person, b.programNamed(l.Program) // which there is, or the line were over
	r.review = r.reviews[l.Review]
	was := *l
	account, right, known := program.numbers(l.Account, l.Right())
	l.Managed = known && program.sets.Managed.Has(right, account)
	l.Kind = r.estate.kindOf(l.Person, l.Program, l.Account)
	given, why := r.why(p, &Held{Program: l.Program, Account: l.Account, Entitlement: l.Right(), Managed: l.Managed})
	if l.Given = given; given || !strings.HasPrefix(l.Why, why) { // what it was given by is said once
		l.Why = why
	}
	r.ask(l, p)
	return l.Given != was.Given || l.Why != was.Why || l.Kind != was.Kind || !slices.Equal(l.Reviewers, was.Reviewers)
}
