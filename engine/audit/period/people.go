package period

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (b *Builder) person(key, login, name string) *Person {
	p := b.people[key]
	if p == nil {
		p = &Person{Key: key}
		b.people[key] = p
	}
	p.Login, p.Name = cmp.Or(login, p.Login), cmp.Or(name, p.Name)
	return p
}

func leaving(c engine.Cause) bool { return c == engine.CauseMarked || c == engine.CauseAbsent }

// leaves notes that somebody leaves; since is remembered apart from what else there is about the person.
func (p *Person) leaves(since time.Time) {
	if p.Since.IsZero() || since.Before(p.Since) {
		p.Since = since.UTC()
	}
}

// populations puts everybody with a change in the period into the lists they belong to. Somebody may be in several, but for
// joiners, who are movers only by what was taken again.
func (b *Builder) populations() {
	b.keepers()
	by := map[string][]*Case{}
	for _, c := range b.cases {
		if c.Person != "" {
			by[c.Person] = append(by[c.Person], c)
			b.person(c.Person, c.Login, c.Name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b.people)) {
		p, cases := b.people[key], by[key]
		began := len(b.out.Joiners) + len(b.out.Movers) + len(b.out.Leavers)
		put := func(into *[]Person, which func(*Case) bool) {
			if one, is := counted(*p, cases, which); is {
				*into = append(*into, one)
			}
		}
		fresh := b.first[key] != 0 && !slices.ContainsFunc(cases, func(c *Case) bool { return c.Kind == engine.KindAdopt }) // who had an account before is not new
		if !p.Since.IsZero() || slices.ContainsFunc(cases, func(c *Case) bool { return leaving(c.Cause) }) {
			one, _ := counted(*p, cases, func(c *Case) bool { return leaving(c.Cause) })
			b.out.Leavers = append(b.out.Leavers, one)
		}
		p.Since, p.Note, p.Kept = time.Time{}, "", 0
		if fresh {
			put(&b.out.Joiners, func(c *Case) bool { return c.Kind == engine.KindIntent && c.Op.Gives() })
		}
		if slices.ContainsFunc(cases, func(c *Case) bool { return moves(c, fresh) && (c.Op.Takes() || len(c.Rules) > 0) }) {
			put(&b.out.Movers, func(c *Case) bool { return moves(c, fresh) })
		}
		if began == len(b.out.Joiners)+len(b.out.Movers)+len(b.out.Leavers) {
			one, _ := counted(*p, cases, func(*Case) bool { return true })
			b.out.Others = append(b.out.Others, one)
		}
	}
}

// moves: what somebody new is given is no move, nor is an extra.
func moves(c *Case, fresh bool) bool {
	extra := slices.ContainsFunc(c.Rules, func(rule string) bool { return strings.HasPrefix(rule, "extra: ") })
	return c.Kind == engine.KindIntent && c.Cause == engine.CauseRule && !extra && (c.Op.Takes() || c.Op.Gives() && !fresh)
}

// counted sums up the cases of one person that belong to a population; is says whether there are any.
func counted(p Person, cases []*Case, which func(*Case) bool) (_ Person, is bool) {
	instead := map[*Case]bool{}
	for i, c := range cases {
		if !which(c) {
			continue
		}
		is = true
		if p.Since.IsZero() || c.Since.Before(p.Since) {
			p.Since = c.Since
		}
		if then := later(c, cases[i+1:]); then == nil {
			p.count(c)
		} else if !which(then) && !instead[then] { // a cut, say, did what was asked for
			instead[then] = true
			p.count(then)
		}
	}
	return p, is
}

// later is the case by which a change that had no effect was made after all, nil if there is none.
func later(c *Case, after []*Case) *Case {
	if c.Effect() || c.Kind != engine.KindIntent {
		return nil
	}
	i := slices.IndexFunc(after, func(then *Case) bool { return then.Effect() && then.Kind == c.Kind && c.sameEffect(then) })
	if i < 0 {
		return nil
	}
	return after[i]
}

// sameEffect: the account of somebody who had none is called by what was proposed until it is there.
func (c *Case) sameEffect(o *Case) bool {
	_, proposed := engine.ProposedName(c.Account)
	return c.Program == o.Program && c.right == o.right && c.Op.Effect() == o.Op.Effect() && (c.Account == o.Account || proposed)
}

func (p *Person) count(c *Case) {
	switch {
	case c.Kind == engine.KindAdopt:
	case c.Outcome != nil && c.Outcome.What == string(engine.Withdrawn): // nobody had begun it
	case !c.Effect():
		p.Open++
	case c.Op.Gives():
		p.Given++
		if p.FirstGiven.IsZero() {
			p.FirstGiven = c.Outcome.Time
		}
		p.LastGiven = c.Outcome.Time
	case c.Op.Takes():
		p.Taken++
		p.LastTaken = c.Outcome.Time
	}
}

// holders are the holdings at the end.
func (b *Builder) holders() {
	owner := map[[2]string]string{}
	for key, l := range b.fold.Links() {
		at := [2]string{key.Program, l.Account}
		if before, ok := owner[at]; !ok || key.Person < before {
			owner[at] = key.Person
		}
	}
	for _, t := range b.tenures.Open {
		b.out.Holders = append(b.out.Holders, Holder{Tenure: t, Person: owner[[2]string{t.Program, t.Account}]})
	}
	slices.SortFunc(b.out.Holders, func(x, y Holder) int {
		return cmp.Or(cmp.Compare(x.Program, y.Program), cmp.Compare(x.Account, y.Account), cmp.Compare(x.Entitlement, y.Entitlement))
	})
}

func sorted[K cmp.Ordered, V any](of map[K]V) []K { return slices.Sorted(maps.Keys(of)) }
