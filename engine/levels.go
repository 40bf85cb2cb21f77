package engine

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Level is how long changes of one program took from their decision, when the intent was recorded, until the program had done
// them. What it had already is left out.
type Level struct {
	Program string `json:"program"`
	Access  Spread `json:"access"`  // grants: creates, resumes and rights
	Removal Spread `json:"removal"` // what was taken from those who left or were cut off
}

// Spread is how durations are spread: half took at most Median, 99 of 100 at most P99.
type Spread struct {
	N      int             `json:"n"`
	Open   int             `json:"open"` // decided, and not done yet
	Median time.Duration   `json:"median"`
	P99    time.Duration   `json:"p99"`
	Days   []time.Duration `json:"days"` // median of what was done on each day since the beginning; -1: nothing was
}

// ServiceLevels reads the records from a day on, up to now, and gives a level for each program that something was decided
// for, sorted by name. Days begin at the hour of since.
func ServiceLevels(ctx context.Context, log Log, since, now time.Time) ([]Level, error) {
	l := levels{since: since, days: int(now.Sub(since)/(24*time.Hour)) + 1, open: map[wanted]time.Time{}, of: map[int64]wanted{}, done: map[measure][][]time.Duration{}}
	l.took = l.add
	if err := log.Records(ctx, Query{From: since}, l.take); err != nil {
		return nil, err
	}
	return l.sum(), nil
}

// measure is what durations are of.
type measure struct {
	program string
	removal bool
}

// wanted is one effect: that an account has a right, or that it has not.
type wanted struct {
	measure
	account, right string
}

type levels struct {
	since time.Time
	days  int
	open  map[wanted]time.Time          // since when it is decided: a second try is no second decision
	of    map[int64]wanted              // by intent
	done  map[measure][][]time.Duration // by day
	took  func(of measure, decided, done time.Time)
}

func (l *levels) take(r Record) error {
	switch r.Kind {
	case KindIntent:
		removal := r.Op.Takes() && (r.Cause == CauseMarked || r.Cause == CauseAbsent || r.Cause == CauseCut)
		if !removal && !r.Op.Gives() {
			return nil
		}
		w := wanted{measure{r.Program, removal}, r.Account, r.Entitlement}
		l.of[r.Seq] = w
		if _, known := l.open[w]; !known {
			l.open[w] = r.Time
		}
	case KindOutcome:
		w, known := l.of[r.Of]
		if !known || r.Outcome == Uncertain || r.Outcome == Halted {
			return nil
		}
		delete(l.of, r.Of)
		if r.Outcome == Failed || r.Outcome == Refused { // it is still wanted
			return nil
		}
		if since, open := l.open[w]; open && r.Outcome == Done {
			l.took(w.measure, since, r.Time)
		}
		delete(l.open, w)
	}
	return nil
}

func (l *levels) add(m measure, since, at time.Time) {
	if l.done[m] == nil {
		l.done[m] = make([][]time.Duration, l.days)
	}
	day := min(l.days-1, int(at.Sub(l.since)/(24*time.Hour)))
	l.done[m][day] = append(l.done[m][day], at.Sub(since))
}

func (l *levels) sum() []Level {
	waiting := map[measure]int{}
	programs := map[string]bool{}
	for w := range l.open {
		waiting[w.measure]++
		programs[w.program] = true
	}
	for m := range l.done {
		programs[m.program] = true
	}
	out := []Level{}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		access, removal := measure{program: name}, measure{name, true}
		out = append(out, Level{name, spread(l.done[access], waiting[access]), spread(l.done[removal], waiting[removal])})
	}
	return out
}

func spread(days [][]time.Duration, open int) Spread {
	all := slices.Concat(days...)
	s := Spread{N: len(all), Open: open, Median: quantile(all, 50), P99: quantile(all, 99)}
	for _, day := range days {
		median := time.Duration(-1)
		if len(day) > 0 {
			median = quantile(day, 50)
		}
		s.Days = append(s.Days, median)
	}
	return s
}

// quantile is the least duration that so many of a hundred are not longer than (nearest rank); 0 of none. The list is sorted.
func quantile(of []time.Duration, percent int) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[(len(of)*percent+99)/100-1]
}
