package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// MonthLevel is how long changes of one program took that were decided in one month, as a Level has it.
type MonthLevel struct {
	Month   time.Time // when it began
	Program string
	Access  Took // grants: creates, resumes and rights
	Removal Took // what was taken from those who left or were cut off
}

// Took is how long changes took that were decided in some time.
type Took struct {
	N           int           // that are done
	Open        int           // that are not done yet
	Median, P99 time.Duration // of those that are done; nothing where there are none
}

// MonthLevels reads the records from the beginning of a month on and gives a level for each month and program that something was
// decided in and for, sorted so. What was decided before counts in no month, and every change in that of its decision, so that what
// is still open has one. Months begin at midnight in the zone of since.
func MonthLevels(ctx context.Context, log Log, since time.Time) ([]MonthLevel, error) {
	in := since.Location()
	since = monthOf(since, in)
	m := monthLevels{done: map[monthly][]time.Duration{}}
	l := levels{open: map[wanted]time.Time{}, of: map[int64]wanted{}}
	l.took = func(of measure, decided, done time.Time) {
		key := monthly{monthOf(decided, in), of}
		m.done[key] = append(m.done[key], done.Sub(decided))
	}
	if err := log.Records(ctx, Query{From: since}, l.take); err != nil {
		return nil, err
	}
	m.open = map[monthly]int{}
	for w, decided := range l.open {
		m.open[monthly{monthOf(decided, in), w.measure}]++
	}
	return m.list(), nil
}

// monthOf is when the month of an instant began.
func monthOf(at time.Time, in *time.Location) time.Time {
	y, month, _ := at.In(in).Date()
	return time.Date(y, month, 1, 0, 0, 0, 0, in)
}

// monthly is a month, and what is measured in it.
type monthly struct {
	month time.Time
	measure
}

type monthLevels struct {
	done map[monthly][]time.Duration
	open map[monthly]int
}

func (m *monthLevels) list() []MonthLevel {
	type line struct {
		month   time.Time
		program string
	}
	lines := map[line]bool{}
	for key := range m.done {
		lines[line{key.month, key.program}] = true
	}
	for key := range m.open {
		lines[line{key.month, key.program}] = true
	}
	out := make([]MonthLevel, 0, len(lines))
	for l := range lines {
		out = append(out, MonthLevel{l.month, l.program, m.took(monthly{l.month, measure{program: l.program}}), m.took(monthly{l.month, measure{l.program, true}})})
	}
	slices.SortFunc(out, func(a, b MonthLevel) int {
		return cmp.Or(a.Month.Compare(b.Month), strings.Compare(a.Program, b.Program))
	})
	return out
}

func (m *monthLevels) took(key monthly) Took {
	all := m.done[key]
	return Took{N: len(all), Open: m.open[key], Median: quantile(all, 50), P99: quantile(all, 99)}
}
