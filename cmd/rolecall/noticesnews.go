package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// news is what there is to tell of one person, told before or not.
type news struct {
	key    string
	of     *engine.Person // nil: the directory shows them no more
	name   string
	gained []gain
	losing []coming
	joins  *joins // nil: it is not their first day
	taken  []string
	open   []string // of what is taken from who left
	urgent bool     // what is open did not work out, or has been open for long
}

type gain struct {
	what string
	seq  int64 // of its outcome
}

type coming struct {
	what string
	on   time.Time
}

// joins is how a first day stands.
type joins struct {
	began   time.Time // when access began to be given
	first   time.Time // the day itself
	ready   bool
	has     []string
	missing []notify.Missing
}

// newsFor is how long something stays news.
const newsFor = 7 * 24 * time.Hour

// newsOf is all that there is to tell of people since telling began, by key.
func (s *system) newsOf(ctx context.Context, o *engine.Outlook, began engine.Fact, now time.Time) (map[string]*news, error) {
	all := allNews{by: map[string]*news{}, o: o, now: now, since: began.Since, after: int64(began.Count)}
	if err := all.gains(ctx, s.store); err != nil {
		return nil, err
	}
	all.losses()
	if err := s.extrasEnding(ctx, &all); err != nil {
		return nil, err
	}
	if err := s.firstDays(ctx, s.store, &all); err != nil {
		return nil, err
	}
	if err := all.leavers(ctx, s.store); err != nil {
		return nil, err
	}
	for _, cut := range o.Cuts { // of whom nobody is told anything in passing
		delete(all.by, cut.Person)
	}
	return all.by, nil
}

type allNews struct {
	by         map[string]*news
	o          *engine.Outlook
	since, now time.Time
	after      int64 // no record of a gain before is news
}

func (a *allNews) about(key string) *news {
	n := a.by[key]
	if n == nil {
		n = &news{key: key, of: a.o.Person(key), name: key}
		if n.of != nil {
			n.name = n.of.Name()
		}
		a.by[key] = n
	}
	return n
}

// rightFor is an entitlement for people; what is only an account's existence is not shown.
func rightFor(program, right string) (string, bool) {
	return engine.Entitlement{Program: program, Name: right}.String(), right != engine.Exists
}

// gains are what was given and not taken again since.
func (a *allNews) gains(ctx context.Context, log engine.Log) error {
	type holding struct{ person, program, account, right string }
	given := map[holding]int64{}
	err := log.Records(ctx, engine.Query{Kind: engine.KindOutcome, Outcome: engine.Done, From: a.since, After: a.after}, func(r engine.Record) error {
		h := holding{r.Person, r.Program, r.Account, r.Entitlement}
		if r.Op == engine.OpCreate { // of an account that can be used
			h.right = engine.Active
		}
		switch {
		case r.Person != "" && r.Op.Gives():
			given[h] = r.Seq
		case r.Op.Takes():
			delete(given, h)
		}
		return nil
	})
	for h, seq := range given {
		if what, is := rightFor(h.program, h.right); is {
			n := a.about(h.person)
			n.gained = append(n.gained, gain{what, seq})
		}
	}
	for _, n := range a.by {
		slices.SortFunc(n.gained, func(x, y gain) int { return cmp.Or(strings.Compare(x.what, y.what), cmp.Compare(y.seq, x.seq)) })
		n.gained = slices.CompactFunc(n.gained, func(x, y gain) bool { return x.what == y.what }) // of several accounts
	}
	return err
}

// losses are what a plan takes later, unless something changes. That an account is deleted some time after it was suspended, and exists
// no more, is not shown: it takes nothing more from anybody.
func (a *allNews) losses() {
	for i := range a.o.Plan.Changes {
		c := &a.o.Plan.Changes[i]
		if c.State != engine.Scheduled || c.Due == nil || c.Person == "" || !c.Op.Takes() {
			continue
		}
		if what, is := rightFor(c.Program, c.Right()); is {
			a.about(c.Person).lose(what, *c.Due)
		}
	}
}

func (n *news) lose(what string, on time.Time) {
	if !slices.ContainsFunc(n.losing, func(l coming) bool { return l.what == what }) {
		n.losing = append(n.losing, coming{what, on})
	}
}

// extrasEnding are what somebody has by a dated extra alone, whose last day is near.
func (s *system) extrasEnding(ctx context.Context, a *allNews) error {
	rules, ahead := a.o.Policy.Rules(), s.cfg.Notices.People.Ahead
	ends := func(v engine.Verdict) bool {
		return v.Say == engine.Desired && v.Rule >= 0 && rules[v.Rule].Extra && !rules[v.Rule].Until.Before(a.now.Add(-24*time.Hour)) && rules[v.Rule].Until.Before(a.now.Add(ahead))
	}
	facts, err := s.store.Facts(ctx, engine.FactExtra)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, f := range facts {
		named[f.Person] = true
	}
	for _, m := range s.policy.Mentions() {
		named[m.Person] = true
	}
	never := map[string]bool{}
	for _, p := range a.o.Programs {
		never[p.Name] = p.Revoke == engine.RevokeNever
	}
	catalog := a.o.Policy.Entitlements()
	for i := range a.o.People {
		p := &a.o.People[i]
		if !named[p.Key] && !named[p.NewKey] && !named[p.Login()] {
			continue
		}
		for _, v := range a.o.Policy.Decide(p, a.now, nil, nil) {
			e := catalog[v.Entitlement]
			what, is := rightFor(e.Program, e.Name)
			if !is || never[e.Program] || !ends(v) {
				continue
			}
			last := rules[v.Rule].Until // a calendar date
			after := time.Date(last.Year(), last.Month(), last.Day()+1, 0, 0, 0, 0, zone(s.cfg))
			if !desires(a.o.Policy, p, v.Entitlement, after.Add(24*time.Hour)) { // past midnight in every zone
				a.about(p.Key).lose(what, after)
			}
		}
	}
	return nil
}

// desires says whether policy may still give something at a time; what it can't tell it may.
func desires(policy engine.Policy, p *engine.Person, entitlement int32, at time.Time) bool {
	return slices.ContainsFunc(policy.Decide(p, at, nil, nil), func(v engine.Verdict) bool {
		return v.Entitlement == entitlement && v.Say != engine.Denied && v.Say != engine.Recorded
	})
}

// leavers are those of whom somebody who left had access taken. What is tried for the first time now is not news yet.
func (a *allNews) leavers(ctx context.Context, log engine.Log) error {
	all, err := engine.Departures(ctx, log, a.since)
	open := map[[2]string]bool{}
	for _, d := range all {
		if d.Cause == engine.CauseCut || d.Person == "" {
			continue
		}
		if p := a.o.Person(d.Person); p != nil && p.State != engine.StateLeft { // is back, or may be
			continue
		}
		n := a.about(d.Person)
		if n.of == nil && d.Name != "" {
			n.name = d.Name
		}
		if d.Open > 0 {
			n.urgent = n.urgent || d.Last != "" || a.now.Sub(d.Decided) >= overdueAfter
		}
		what := [2]string{d.Person, d.Program}
		open[what] = open[what] || d.Open > 0
	}
	for what, is := range open {
		n := a.by[what[0]]
		if is {
			n.open = append(n.open, what[1])
			continue
		}
		n.taken = append(n.taken, what[1])
	}
	return err
}

// overdueAfter is how long a leaver's access is open before somebody is told, if nothing else went wrong.
const overdueAfter = time.Hour

// persons are those of whom there is news, as far as the directory shows them, sorted by key.
func persons(all map[string]*news) (out []*engine.Person) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key].of != nil {
			out = append(out, all[key].of)
		}
	}
	return out
}
