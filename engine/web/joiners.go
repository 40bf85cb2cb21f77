package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// joiner is somebody who comes soon, or who came a short while ago and still lacks something.
type joiner struct {
	Key, Name string
	Start     time.Time // when access begins to be given; zero: not known
	First     time.Time // the first day
	Lacks     []lack    // what blocks them, as far as it is known
}

// lack is what somebody won't have, and why. What is only about to be done is none.
type lack struct{ What, Why string }

const (
	soon       = 30 * 24 * time.Hour // how far ahead joiners are shown
	justJoined = 7 * 24 * time.Hour  // how long after access began to be given
	lacksTold  = 100                 // joiners of whom policy is asked what they will have
)

// joining are they, the first one first.
func (s *Site) joining(o *engine.Outlook, programs []ProgramRow) (out []joiner) {
	came := map[string][]lack{}
	for i := range o.People {
		p := &o.People[i]
		start := began(p, o.At)
		switch {
		case p.State == engine.StateUpcoming && (start.IsZero() || start.Sub(o.At) <= soon):
			out = append(out, s.joiner(p, start))
		case p.State == engine.StateActive && !start.IsZero() && o.At.Sub(start) <= justJoined:
			came[p.Key] = nil
		}
	}
	lateGrants(o.Plan.Changes, came)
	for key, lacks := range came {
		if len(lacks) > 0 {
			p := o.Person(key)
			j := s.joiner(p, began(p, o.At))
			j.Lacks = lacks
			out = append(out, j)
		}
	}
	slices.SortFunc(out, func(a, b joiner) int {
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	for i := range out[:min(len(out), lacksTold)] {
		if p := o.Person(out[i].Key); p.State == engine.StateUpcoming {
			out[i].Lacks = foreseen(o, p, cmp.Or(out[i].Start, o.At), programs)
		}
	}
	return out
}

func (s *Site) joiner(p *engine.Person, start time.Time) joiner {
	j := joiner{Key: p.Key, Name: p.Name(), Start: start, First: start}
	if !start.IsZero() && s.Lead != nil {
		j.First = start.Add(s.Lead(p.Source))
	}
	return j
}

// began is when access of somebody who comes begins to be given, or when that of somebody who is there began: zero where a job has no
// beginning.
func began(p *engine.Person, now time.Time) (first time.Time) {
	for i := range p.Jobs {
		start := p.Jobs[i].Start
		if p.State == engine.StateUpcoming && !start.After(now) {
			continue
		}
		if start.IsZero() {
			return start
		}
		first = earlier(first, start)
	}
	return first
}

// lateGrants finds for some people the changes that should give something and don't: blocked, waiting, or failed before.
func lateGrants(changes []engine.Change, of map[string][]lack) {
	if len(of) == 0 {
		return
	}
	for i := range changes {
		c := &changes[i]
		if c.Person == "" || !c.Op.Gives() || c.Op == engine.OpAdopt || c.State == engine.Ready && c.Failures == 0 {
			continue
		}
		if _, is := of[c.Person]; !is {
			continue
		}
		why := rowOf(c).Says
		if why == "" {
			why = "failed " + plural(c.Failures, "time", "times")
		}
		of[c.Person] = append(of[c.Person], lack{rightOf(c.Program, c.Right()), why})
	}
}

// foreseen is what policy, and the seats there are now, will keep from somebody on a day, as they are in the directory now.
func foreseen(o *engine.Outlook, p *engine.Person, day time.Time, programs []ProgramRow) (out []lack) {
	then := *p
	then.State = engine.StateActive
	catalog, full, unseen, some := o.Policy.Entitlements(), map[string]bool{}, 0, false
	for _, v := range o.Policy.Decide(&then, day, nil, nil) {
		switch program := catalog[v.Entitlement].Program; v.Say {
		case engine.Undecided:
			unseen++
		case engine.Desired:
			some = true
			full[program] = slices.ContainsFunc(programs, func(r ProgramRow) bool { return r.Title() == program && r.Seen && r.Seats > 0 && r.Free <= 0 })
		}
	}
	for i := range programs {
		if name := programs[i].Title(); full[name] {
			out = append(out, lack{name, "no seat is free now"})
		}
	}
	switch {
	case unseen > 0:
		out = append(out, lack{"", fmt.Sprintf("what decides on %s could not be seen", plural(unseen, "right", "rights"))})
	case !some:
		out = append(out, lack{"", "policy gives them nothing"})
	}
	return out
}
