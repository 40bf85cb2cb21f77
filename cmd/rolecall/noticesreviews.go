package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// remind adds to the letters of those who have something to decide in a review of access, at each stage of it once.
func (p *post) remind(ctx context.Context) error {
	all, err := engine.Reviews(ctx, p.store)
	if err != nil {
		return err
	}
	stages := map[string][]string{}
	by := map[string]*engine.Review{}
	for i := range all {
		if now := reached(&all[i], p.now, zone(p.cfg), &p.cfg.Notices.People); all[i].Closed.IsZero() && all[i].Open > 0 && len(now) > 0 {
			stages[all[i].Name], by[all[i].Name] = now, &all[i]
		}
	}
	if len(by) == 0 {
		return nil
	}
	facts, err := p.store.Facts(ctx, engine.FactLine)
	if err != nil {
		return err
	}
	waiting := openFor(facts)
	for _, name := range slices.Sorted(maps.Keys(by)) {
		for reviewer, open := range waiting[name] {
			p.reminder(reviewer, by[name], stages[name], open)
		}
	}
	return nil
}

// reached are the stages of a review that have come, for those who are reminded then.
func reached(r *engine.Review, now time.Time, zone *time.Location, n *config.PeopleNotices) (out []string) {
	ends := r.Ends(zone)
	at := map[string]time.Time{"start": r.Began, "half": r.Began.Add(ends.Sub(r.Began) / 2), "due": ends.Add(-n.Due)}
	for _, stage := range config.ReminderStages() {
		if n.Reminds(stage) && !now.Before(at[stage]) {
			out = append(out, stage)
		}
	}
	return out
}

// openFor counts by review and reviewer the lines that wait for them; nobody decides on their own access.
func openFor(facts []engine.Fact) map[string]map[string]int {
	out := map[string]map[string]int{}
	for _, f := range facts {
		if engine.LineState(f.Text) != engine.LineOpen {
			continue
		}
		l := engine.LineOf(f)
		for _, reviewer := range l.Reviewers {
			if reviewer == l.Person {
				continue
			}
			if out[f.Key] == nil {
				out[f.Key] = map[string]int{}
			}
			out[f.Key][reviewer]++
		}
	}
	return out
}

// reminder tells of the last stage; those before it, which nobody was told of while the daemon stood still, are over.
func (p *post) reminder(reviewer string, r *engine.Review, stages []string, open int) {
	to := p.o.Person(reviewer)
	if to == nil || !p.may(to) {
		return
	}
	ends := r.Ends(zone(p.cfg))
	var facts []engine.Fact
	for _, stage := range stages {
		key := p.itemKey(reviewer, "review", r.Name, r.Began.UTC().Format(time.RFC3339Nano), stage)
		if _, known := p.told[key]; !known {
			facts = append(facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Person: reviewer, Key: key}, Since: p.now.UTC(), Until: laterOf(ends, p.now).AddDate(1, 0, 0).UTC()})
		}
	}
	if len(facts) == 0 {
		return
	}
	l := p.letterTo(to)
	l.facts = append(l.facts, facts...)
	l.Reviews = append(l.Reviews, notify.Reminder{Name: r.Name, Stage: stages[len(stages)-1], Due: r.Due, Open: open})
}
