package web

import (
	"context"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// nowJSON is the first page: does everybody have what they should, and what is about to change?
type nowJSON struct {
	Level     string           `json:"level"`              // good, attention or alarm
	Headline  string           `json:"headline"`           // the same in a sentence
	LookedAt  time.Time        `json:"looked_at,omitzero"` // when people and programs were read last; absent before the first time since the daemon was started, and with it all that was seen
	Run       string           `json:"run,omitempty"`      // that saw it
	Next      time.Time        `json:"next,omitzero"`      // when the next run begins; absent where another machine or somebody begins it
	Paused    []factJSON       `json:"paused"`             // what is paused now
	Cuts      []factJSON       `json:"cuts,omitzero"`      // people who are cut off
	CutSince  []recordJSON     `json:"cut_since,omitzero"` // cuts since the last look
	Ending    []credentialJSON `json:"ending"`             // credentials that end soon or have ended, the first one first
	Summary   *summary         `json:"summary,omitempty"`  // of the last look
	Notices   []engine.Notice  `json:"notices,omitzero"`   // alarms, then warnings
	Sources   []sourceJSON     `json:"sources,omitzero"`   // as they were read
	Programs  []programRow     `json:"programs,omitzero"`  // that are configured
	Approvals []engine.Change  `json:"approvals,omitzero"` // the first of those that wait for an approval now
	Waiting   *int             `json:"waiting,omitempty"`  // how many wait for an approval now
	Leavers   []leaverJSON     `json:"leavers,omitzero"`   // who is losing access since they left or were cut off, the oldest first
	Joiners   []joinerJSON     `json:"joiners,omitzero"`   // who starts within 30 days, or did within 7 and lacks something; the first one first
	Cost      []moneyJSON      `json:"cost,omitzero"`      // what the taken seats cost in a month, by currency
	Money     []sumJSON        `json:"money,omitzero"`     // what is decided now costs and saves in a month, by currency
	Runs      []runRowJSON     `json:"runs"`               // the last ones
	Levels    *levelsJSON      `json:"levels,omitempty"`   // how long changes took; absent until they were counted
}

// levelsJSON are how long changes took from the decision to the program's word.
type levelsJSON struct {
	At       time.Time      `json:"at"`       // when they were counted
	Days     int            `json:"days"`     // before that, which they are of
	Programs []engine.Level `json:"programs"` // durations are nanoseconds
}

// credentialJSON is something that Rolecall, or somebody who asks it, is known by.
type credentialJSON struct {
	Name  string    `json:"name"`
	Ends  time.Time `json:"ends"` // the end, or the last day
	Ended bool      `json:"ended"`
}

// factJSON is something that holds until somebody ends it, or until its end.
type factJSON struct {
	Person      string    `json:"person,omitempty"`      // key
	Program     string    `json:"program,omitempty"`     // absent: everything
	Entitlement string    `json:"entitlement,omitempty"` // within the program
	Since       time.Time `json:"since"`                 //
	Until       time.Time `json:"until,omitzero"`        // of an extra: its last day
	Reason      string    `json:"reason"`                // in the words of whoever decided it
}

// sourceJSON is a directory or a program as it was read.
type sourceJSON struct {
	Name     string          `json:"name"`
	Complete bool            `json:"complete"`               // everything that the source holds was seen
	Count    int             `json:"count"`                  // people or holdings shown
	Finished time.Time       `json:"finished,omitzero"`      // when the read ended
	Whole    time.Time       `json:"last_complete,omitzero"` // when the last complete read ended, of a run: only if it was this one; absent: none is known
	Reasons  []engine.Reason `json:"reasons"`                // why it is not complete
}

// leaverJSON is somebody who is losing access.
type leaverJSON struct {
	Person  string    `json:"person"` // key
	Name    string    `json:"name"`
	Open    int       `json:"open"`           // changes that are still to be made
	Waiting int       `json:"waiting"`        // of those: blocked, or waiting for an approval
	Since   time.Time `json:"since,omitzero"` // when the first of them was begun, or since when it waits; absent: they were only decided by the last look
	Alarm   time.Time `json:"alarm,omitzero"` // from when on it is an alarm, or has been; absent: it becomes none
}

// joinerJSON is somebody who comes soon, or who came within 7 days and still lacks something.
type joinerJSON struct {
	Person string     `json:"person"` // key
	Name   string     `json:"name"`
	Start  time.Time  `json:"start,omitzero"` // when access begins to be given; absent: the directory does not say
	First  time.Time  `json:"first_day,omitzero"`
	Lacks  []lackJSON `json:"lacks"` // what blocks them, as far as it is known
}

// sumJSON is what the changes that are decided come to in a month, in one currency.
type sumJSON struct {
	Currency string  `json:"currency"` // ISO 4217
	Costs    float64 `json:"costs"`    // of the seats that are taken
	Saves    float64 `json:"saves"`    // of those that become free, whenever that counts
	Bill     float64 `json:"bill"`     // by how much more is paid at once: seats that are paid for anyway apart
}

func sumOf(m *engine.Money) sumJSON { return sumJSON(*m) }

// lackJSON is what somebody won't have, or still does not.
type lackJSON struct {
	What string `json:"what,omitempty"` // program or program/name; absent: whatever they should have
	Why  string `json:"why"`
}

// moneyJSON is an amount in a currency.
type moneyJSON struct {
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"` // ISO 4217
}

func nowOf(v *nowView) (nowJSON, error) {
	out := nowJSON{Level: v.Level, Headline: v.Headline, Next: v.Next.UTC(), Paused: each(v.Paused, factOf), Ending: each(v.Ending, func(c *Credential) credentialJSON { return credentialJSON{c.Name, c.Ends.UTC(), c.Ended} }), Runs: each(v.Runs, runRowOf)}
	if v.Levels != nil {
		out.Levels = &levelsJSON{v.Levels.At.UTC(), v.Levels.Days, each(v.Levels.List, levelOf)}
	}
	if v.Seen == nil {
		return out, nil
	}
	p := v.Seen.Plan
	out.LookedAt, out.Run, out.Cuts, out.CutSince = v.Seen.At.UTC(), v.Seen.Run, each(v.Seen.Cuts, factOf), each(v.CutSince, recordOf)
	out.Summary, out.Notices, out.Sources = summaryOf(p.Summary), each(v.Notices, same), each(v.Sources, sourceOf)
	out.Programs, out.Cost = each(v.Programs, programRowOf), each(v.Cost, moneyOf)
	out.Money = each(p.Money, sumOf)
	out.Approvals, out.Waiting = each(v.Approvals, changeOf), &v.Waits
	out.Leavers = each(v.Leavers, func(c *personChanges) leaverJSON {
		return leaverJSON{c.Key, c.Name, c.Open, c.Waiting, c.Since.UTC(), c.Alarm.UTC()}
	})
	out.Joiners = each(v.Joiners, func(j *joiner) joinerJSON {
		return joinerJSON{j.Key, j.Name, j.Start.UTC(), j.First.UTC(), each(j.Lacks, func(l *lack) lackJSON { return lackJSON{l.What, l.Why} })}
	})
	return out, nil
}

// each gives a list of the same length, never null.
func each[A, B any](list []A, form func(*A) B) []B {
	out := make([]B, len(list))
	for i := range list {
		out[i] = form(&list[i])
	}
	return out
}

// maybe is each of what there may be.
func maybe[A, B any](a *A, form func(*A) B) *B {
	if a == nil {
		return nil
	}
	b := form(a)
	return &b
}

func same[A any](a *A) A { return *a }

func summaryOf(s engine.Summary) *summary {
	return &summary{s.Ops[engine.OpGrant], s.Ops[engine.OpRevoke], s.Ops[engine.OpAdopt], s.Ops[engine.OpCreate], s.Ops[engine.OpUpdate], s.Ops[engine.OpRename], s.Ops[engine.OpSuspend],
		s.Ops[engine.OpResume], s.Ops[engine.OpDelete], s.Approval, s.Blocked, s.Scheduled, s.Unchanged, s.People}
}

func levelOf(l *engine.Level) engine.Level {
	out := *l
	out.Access.Days, out.Removal.Days = each(l.Access.Days, same), each(l.Removal.Days, same)
	return out
}

func factOf(f *engine.Fact) factJSON {
	return factJSON{f.Person, f.Program, f.Entitlement, f.Since.UTC(), f.Until.UTC(), f.Text}
}

func sourceOf(s *source) sourceJSON {
	return sourceJSON{s.Name, s.Complete, s.Count, s.Finished.UTC(), s.Whole.UTC(), each(s.Reasons, same)}
}

func moneyOf(m *Money) moneyJSON { return moneyJSON{m.Amount, m.Currency} }

// whole are changes of the form of `plan -o json`.
func whole(changes []engine.Change) []engine.Change {
	return each(changes, func(c *engine.Change) engine.Change { return changeOf(&changeRow{Change: *c}) })
}

func changeOf(r *changeRow) engine.Change {
	c := r.Change
	c.Why = each(c.Why, same)
	return c
}

// meJSON is who asks.
type meJSON struct {
	Actor      string `json:"actor,omitempty"`  // as the journal calls them; absent where no login is configured
	Name       string `json:"name,omitempty"`   // for people
	Person     string `json:"person,omitempty"` // key of the person of the directory who they are
	Permission string `json:"permission"`       // signed in, viewer, reviewer, approver or admin
}

func me(_ context.Context, r asked) (any, error) {
	return meJSON{r.User.Actor, r.User.Name, r.User.Person, r.User.Permission.String()}, nil
}
