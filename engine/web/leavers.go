package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// personChanges is somebody and what a plan does to them.
type personChanges struct {
	Key, Name string
	Open      int       // changes that are still to be made
	Waiting   int       // of those: blocked, or waiting for an approval
	Since     time.Time // when the first of them was begun, or waits since; zero: only now
	Alarm     time.Time // from when on it is an alarm; zero: it is none, or does not become one
	items     []string  // approvals that are waited for
	cut       bool
}

// leaversNow are the people who are losing access since they leave or were cut off, with their clocks: the oldest first.
func (s *Site) leaversNow(ctx context.Context, o *engine.Outlook) ([]personChanges, error) {
	out := leaving(o.Plan.Changes)
	if len(out) == 0 {
		return nil, nil
	}
	if err := s.clocks(ctx, o, out); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b personChanges) int {
		return cmp.Or(boolOrder(a.Since.IsZero(), b.Since.IsZero()), a.Since.Compare(b.Since), cmp.Compare(b.Waiting, a.Waiting), strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	})
	return out, nil
}

// boolOrder has what is not so first.
func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// leaving are those people, in the order of the changes.
func leaving(changes []engine.Change) (out []personChanges) {
	at := map[string]int{}
	for i := range changes {
		c := &changes[i]
		if c.Cause != engine.CauseMarked && c.Cause != engine.CauseAbsent && c.Cause != engine.CauseCut || c.State == engine.Scheduled {
			continue
		}
		n, known := at[c.Person]
		if !known {
			n = len(out)
			at[c.Person] = n
			out = append(out, personChanges{Key: c.Person, Name: cmp.Or(c.Name, c.Login, c.Person)})
		}
		out[n].count(c)
	}
	return out
}

func (p *personChanges) count(c *engine.Change) {
	p.Open++
	if p.cut = p.cut || c.Cause == engine.CauseCut; c.State != engine.Ready {
		p.Waiting++
	}
	if c.State == engine.NeedsApproval && c.Item != "" {
		p.items = append(p.items, c.Item)
	}
}

// clocks go by what runs remember: since when access that is to be taken is still there, and since when an approval is waited for.
func (s *Site) clocks(ctx context.Context, o *engine.Outlook, all []personChanges) error {
	out, err := s.Journal().Facts(ctx, engine.FactLeaving)
	if err != nil {
		return err
	}
	begun := map[string]time.Time{}
	for i := range out {
		begun[out[i].Person] = earlier(begun[out[i].Person], out[i].Since)
	}
	waits := map[string]time.Time{}
	if slices.ContainsFunc(all, func(p personChanges) bool { return len(p.items) > 0 }) {
		items, err := s.Journal().Facts(ctx, engine.FactItem)
		if err != nil {
			return err
		}
		for i := range items {
			waits[items[i].Key] = items[i].Since
		}
	}
	for i := range all {
		all[i].clock(begun[all[i].Key], waits, o.Cuts, s.overdue())
	}
	return nil
}

func (p *personChanges) clock(begun time.Time, waits map[string]time.Time, cuts []engine.Fact, most time.Duration) {
	if p.Since = begun; !begun.IsZero() && most > 0 { // what waits for an approval is an alarm at once
		p.Alarm = begun.Add(most)
	}
	for _, item := range p.items {
		p.Since = earlier(p.Since, waits[item])
	}
	for i := range cuts {
		if p.cut && cuts[i].Person == p.Key {
			p.Since = earlier(p.Since, cuts[i].Since)
		}
	}
}

// overdue is how long a leaver may keep what is to be taken before that is an alarm; 0: for ever.
func (s *Site) overdue() time.Duration {
	if s.Overdue == nil {
		return 0
	}
	return s.Overdue()
}

// earlier is the first of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
