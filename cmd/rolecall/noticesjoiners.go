package main

import (
	"context"
	"slices"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// firstDays says of those whose first job began to count a short while ago what they have and what they still lack.
func (s *system) firstDays(ctx context.Context, from engine.AsOf, a *allNews) error {
	var these []int
	for i := range a.o.People {
		if began := firstBegan(&a.o.People[i]); a.o.People[i].State == engine.StateActive && !began.Before(a.since) && !began.After(a.now) {
			these = append(these, i)
		}
	}
	if len(these) == 0 {
		return nil
	}
	lacks, before := lacking(a.o.Plan), map[beginning]bool{}
	defer func() { s.before = before }()
	for _, i := range these {
		p := &a.o.People[i]
		began := firstBegan(p)
		had, err := s.hadBefore(ctx, from, beginning{p.Key, began.UnixMicro()})
		if err != nil {
			return err
		}
		if before[beginning{p.Key, began.UnixMicro()}] = had; had { // they were here already, in another job
			continue
		}
		j := &joins{began: began, first: began.Add(s.leadOf(p.Source))}
		if j.judge(a, p, lacks[p.Key]) {
			a.about(p.Key).joins = j
		}
	}
	return nil
}

// beginning is when somebody's first job began to count.
type beginning struct {
	person string
	at     int64 // in microseconds
}

// hadBefore says whether somebody had access already when their first job began. What was so then stays so, and is asked for once, not in
// each run of a week: many may begin on one day.
func (s *system) hadBefore(ctx context.Context, from engine.AsOf, b beginning) (bool, error) {
	if had, known := s.before[b]; known {
		return had, nil
	}
	held, err := from.AsOf(ctx, time.UnixMicro(b.at), b.person, "", "")
	return len(held) > 0, err
}

// firstBegan is when the first of somebody's jobs began to count, zero if one of them has no beginning.
func firstBegan(p *engine.Person) (first time.Time) {
	for i := range p.Jobs {
		start := p.Jobs[i].Start
		if start.IsZero() {
			return start
		}
		if first.IsZero() || start.Before(first) {
			first = start
		}
	}
	return first
}

// leadOf is how long before the first day a directory's people are given access.
func (s *system) leadOf(source string) time.Duration {
	for i := range s.cfg.Directories {
		if s.cfg.Directories[i].Name == source {
			return s.cfg.Directories[i].Dates.Lead
		}
	}
	return 0
}

// lacking are the changes of a plan that give something, by person.
func lacking(p *engine.Plan) map[string][]*engine.Change {
	out := map[string][]*engine.Change{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Op.Gives() && c.Op != engine.OpAdopt {
			out[c.Person] = append(out[c.Person], c)
		}
	}
	return out
}

// underWay is how long what a joiner lacks may be under way before it counts as missing.
const underWay = 24 * time.Hour

// judge says whether there is something to say: that all is there only where everything was seen.
func (j *joins) judge(a *allNews, p *engine.Person, lacks []*engine.Change) bool {
	open := map[string]bool{}
	stuck := a.now.Sub(j.began) >= underWay
	for _, c := range lacks {
		open[c.Entitlement] = true
		stuck = stuck || c.State != engine.Ready || c.Failures > 0
		if what, is := rightFor(c.Program, c.Right()); is {
			j.missing = append(j.missing, notify.Missing{What: what, State: string(c.State), Reason: c.Reason})
		}
	}
	sure := !slices.ContainsFunc(a.o.Plan.Proofs, func(p engine.Proof) bool { return !p.Complete() })
	catalog := a.o.Policy.Entitlements()
	for _, v := range a.o.Policy.Decide(p, a.now, nil, nil) {
		e := catalog[v.Entitlement]
		sure = sure && v.Say != engine.Undecided
		if what, is := rightFor(e.Program, e.Name); is && v.Say == engine.Desired && !open[what] {
			j.has = append(j.has, what)
		}
	}
	j.ready = sure && len(lacks) == 0 && len(j.has) > 0
	if !sure { // what is not seen is not there for certain
		j.has = nil
	}
	return j.ready || stuck && (len(lacks) > 0 || sure)
}
