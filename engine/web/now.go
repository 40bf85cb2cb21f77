package web

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// nowView is the first page: does everybody have what they should, and what is about to change?
type nowView struct {
	Seen      *engine.Outlook // nil: this process has not looked yet
	Paused    []engine.Fact   // as of now, not of the last look
	Pausing   pausing
	CutSince  []eventRow // who was cut off since the last look
	Ending    []Credential
	Standing  engine.Standing
	Next      time.Time
	Level     string // good, attention, alarm
	Headline  string
	Notices   []engine.Notice // alarms and warnings, in this order
	Sources   []source
	Programs  []ProgramRow
	Approvals []changeRow // the first few that wait now
	Waits     int         // for an approval now
	Leavers   []personChanges
	Joiners   []joiner
	Cost      []Money // by month, by currency
	Runs      []runRow
	Levels    *Levels
	Took      []levelRow
}

// shownFirst is how many lines of a long list the first page shows.
const shownFirst = 10

func (s *Site) now(ctx context.Context, _ asked) (view, error) {
	v := nowView{Seen: s.Outlook(), Next: s.Next(), Levels: s.Levels()}
	if v.Levels != nil {
		v.Took = levelRows(v.Levels.List)
	}
	var err error
	if v.Runs, err = s.lastRuns(ctx, engine.Query{Limit: 5}); err != nil {
		return view{}, err
	}
	if v.Paused, err = s.Paused(ctx); err != nil {
		return view{}, err
	}
	v.Pausing = pausingOf("", v.Paused)
	if s.Ending != nil {
		if v.Ending, err = s.Ending(ctx); err != nil {
			return view{}, err
		}
	}
	if v.Seen == nil {
		if err := v.Standing.Look(ctx, s.Journal()); err != nil {
			return view{}, err
		}
		v.Level, v.Headline = "attention", "Looking for the first time since the daemon was started"
		return view{"now", "Now", v}, nil
	}
	if v.CutSince, err = s.events(ctx, engine.Query{Kind: engine.KindCut, From: v.Seen.At, Newest: true, Limit: shownFirst}); err != nil {
		return view{}, err
	}
	if err := s.stillCut(ctx, &v); err != nil {
		return view{}, err
	}
	p := v.Seen.Plan
	v.Notices, v.Programs = loud(p.Notices), s.programRows(v.Seen, v.Paused)
	if v.Sources, err = s.sourcesNow(ctx, p.Proofs); err != nil {
		return view{}, err
	}
	if v.Leavers, err = s.leaversNow(ctx, v.Seen); err != nil {
		return view{}, err
	}
	if err := s.awaited(ctx, &v); err != nil {
		return view{}, err
	}
	v.Joiners, v.Cost = s.joining(v.Seen, v.Programs), costs(v.Programs)
	if v.Level, v.Headline = headline(p, v.Waits); len(v.Paused) > 0 {
		v.Level, v.Headline = "alarm", "Work is paused: nothing is given or taken, not even from leavers"
	}
	return view{"now", "Now", v}, nil
}

// stillCut leaves out whose cut was lifted since.
func (s *Site) stillCut(ctx context.Context, v *nowView) (err error) {
	var still []eventRow
	for _, e := range v.CutSince {
		f, wrong := s.CutSince(ctx, e.Person)
		if err = cmp.Or(err, wrong); f != nil {
			still = append(still, e)
		}
	}
	v.CutSince = still
	return err
}

// loud are the notices that somebody should look at, alarms first.
func loud(all []engine.Notice) (out []engine.Notice) {
	for _, level := range []string{"alarm", "warning"} {
		for _, n := range all {
			if n.Level == level {
				out = append(out, n)
			}
		}
	}
	return out
}

// awaited is what waits for a decision now: much may have been decided since the last look.
func (s *Site) awaited(ctx context.Context, v *nowView) error {
	items, err := s.Items(ctx)
	for i := range items {
		if items[i].State != engine.Waiting {
			continue
		}
		if v.Waits++; v.Waits <= shownFirst {
			c := items[i].Change
			c.State, c.Reason = engine.NeedsApproval, items[i].Reason
			v.Approvals = append(v.Approvals, rowOf(&c))
		}
	}
	return err
}

// headline says it in a sentence; waits are the changes that wait for an approval now.
func headline(p *engine.Plan, waits int) (level, text string) {
	incomplete := slices.ContainsFunc(p.Proofs, func(r engine.Proof) bool { return !r.Complete() })
	alarm := slices.ContainsFunc(p.Notices, func(n engine.Notice) bool { return n.Level == "alarm" })
	switch n := p.Ready(); {
	case alarm:
		return "alarm", "Something needs somebody now"
	case incomplete:
		return "attention", "Not everything could be seen; what can't be seen is left as it is"
	case waits > 0:
		return "attention", plural(waits, "change waits", "changes wait") + " for an approval"
	case p.Summary.Blocked > 0:
		return "attention", plural(p.Summary.Blocked, "change", "changes") + " can't be made yet"
	case n > 0:
		return "good", plural(n, "change", "changes") + " decided in the last run"
	}
	return "good", "Everybody has what they should"
}

// costs sums by currency what the taken seats cost in a month.
func costs(rows []ProgramRow) (out []Money) {
	sum := map[string]float64{}
	for i := range rows {
		if m := rows[i].Monthly; m.Currency != "" {
			sum[m.Currency] += m.Amount * float64(rows[i].Active)
		}
	}
	for currency, amount := range sum {
		out = append(out, Money{amount, currency})
	}
	slices.SortFunc(out, func(a, b Money) int { return strings.Compare(a.Currency, b.Currency) })
	return out
}
