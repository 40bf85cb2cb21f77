package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// monthLine is what one value of the attribute came to in one program in a month.
type monthLine struct {
	Value   string  `json:"value"` // of the directory as it is now: the journal does not know what it was then; "" is not said, see Kind
	Kind    string  `json:"kind"`  // people, gone (not in the directory now), nobody (accounts of nobody known), free (seats that nobody took)
	Program string  `json:"program"`
	Seat    string  `json:"seat,omitempty"` // kind of seat, where there are several
	Seats   float64 `json:"seats"`          // on average over the month
	Cost    costing `json:"cost"`
}

// monthGap is a part of the month that is not counted, or not as it was.
type monthGap struct {
	Program string `json:"program"` // "": all
	Text    string `json:"text"`
}

// monthCost is what seats cost in one month.
type monthCost struct {
	month   string
	whole   [2]time.Time
	until   time.Time // of what is over
	configs []configSince
	people  map[string]*engine.Person
	lines   []monthLine
	index   map[monthLine]int // where the line with these names is, while they are added up
	gaps    []monthGap
}

// configSince is a configuration that was in force from a time on.
type configSince struct {
	from  time.Time
	seq   int64
	file  *config.File
	whole bool
}

// costOfMonth tells from the journal what the seats of a month cost, by who had them and by the prices of then.
func costOfMonth(month, by string) reporter {
	return func(ctx context.Context, s *system, now time.Time) (reported, error) {
		if err := isDeclared(s, by); err != nil {
			return reported{}, err
		}
		m, err := monthOf(month, now, zone(s.cfg))
		if err != nil {
			return reported{}, err
		}
		people, proof, err := s.engine.Everybody(ctx)
		if err != nil {
			return reported{}, err
		}
		m.people = map[string]*engine.Person{}
		for i := range people {
			m.people[people[i].Key] = &people[i]
		}
		if err := m.count(ctx, s, by); err != nil {
			return reported{}, err
		}
		return m.report(by, proof), nil
	}
}

// isDeclared refuses what is no attribute.
func isDeclared(s *system, by string) error {
	if names := declaredNames(s); !slices.Contains(names, by) {
		return usage(cmp.Or(engine.Suggest(by, names), "there are: "+strings.Join(names, ", ")), "--by %q is no declared attribute", by)
	}
	return nil
}

func monthOf(month string, now time.Time, in *time.Location) (*monthCost, error) {
	day, err := time.ParseInLocation("2006-01", month, in)
	if err != nil {
		return nil, usage("--month 2027-01", "--month %q is no month", month)
	}
	m := &monthCost{month: month, whole: [2]time.Time{day, day.AddDate(0, 1, 0)}, until: day.AddDate(0, 1, 0), lines: []monthLine{}, index: map[monthLine]int{}, gaps: []monthGap{}}
	if !day.Before(now) {
		return nil, usage("--month 2027-01, one that has begun", "--month %s has not begun", month)
	}
	if now.Before(m.until) {
		m.until = now
		m.gap("", "the month is not over: it is counted up to %s", stamp(now))
	}
	return m, nil
}

func (m *monthCost) gap(program, format string, args ...any) {
	m.gaps = append(m.gaps, monthGap{program, fmt.Sprintf(format, args...)})
}

// count adds up program by program.
func (m *monthCost) count(ctx context.Context, s *system, by string) error {
	if err := m.readConfigs(ctx, s); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range m.configs {
		for name := range m.configs[i].file.Programs {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := m.program(ctx, s, name, by); err != nil {
			return err
		}
	}
	slices.SortFunc(m.lines, func(a, b monthLine) int {
		return cmp.Or(-strings.Compare(a.Kind, b.Kind), strings.Compare(a.Value, b.Value), strings.Compare(a.Program, b.Program), strings.Compare(a.Seat, b.Seat), strings.Compare(a.Cost.Currency, b.Cost.Currency))
	})
	return nil
}

// readConfigs finds the configurations that were in force in the month.
func (m *monthCost) readConfigs(ctx context.Context, s *system) error {
	err := s.store.Records(ctx, engine.Query{Kind: engine.KindConfig}, func(r engine.Record) error {
		if !r.Time.Before(m.until) {
			return nil
		}
		var v configVersion
		if err := json.Unmarshal(r.Data, &v); err != nil {
			return fmt.Errorf("record %d: the configuration can't be read: %w", r.Seq, err)
		}
		file, whole := config.Recorded(v.Text)
		if one := (configSince{r.Time, r.Seq, file, whole}); r.Time.After(m.whole[0]) {
			m.configs = append(m.configs, one)
		} else {
			m.configs = []configSince{one}
		}
		return nil
	})
	for _, c := range m.configs {
		if !c.whole {
			m.gap("", "the configuration of record %d is not one that this version reads whole: prices in it may be missing", c.seq)
		}
	}
	switch {
	case err != nil:
	case len(m.configs) == 0:
		m.gap("", "no configuration was recorded by then, so no price is known")
	case m.configs[0].from.After(m.whole[0]):
		m.gap("", "prices are known from %s on, when a configuration was first recorded; nothing is counted before", stamp(m.configs[0].from))
	}
	return err
}

// rules are the seats and prices that a program had in the month.
func (m *monthCost) rules(name string) (out []engine.RulesSince, priced bool) {
	for _, c := range m.configs {
		one := engine.RulesSince{From: c.from}
		if p := c.file.Programs[name]; p != nil {
			one.Rules = seatRules(c.file, p)
		}
		priced = priced || one.Rules != nil && slices.ContainsFunc(one.Rules.Kinds, func(k engine.SeatKind) bool { return k.Price.Currency != "" })
		out = append(out, one)
	}
	return out, priced
}

func (m *monthCost) program(ctx context.Context, s *system, name, by string) error {
	rules, priced := m.rules(name)
	if !priced {
		return nil
	}
	spans, first, err := s.store.SeatSpans(ctx, name, m.whole[0], m.until)
	if err != nil {
		return err
	}
	if first.IsZero() || !first.Before(m.until) {
		m.gap(name, "nothing was seen in it by then, so nothing is counted")
		return nil
	}
	known := [2]time.Time{m.whole[0], m.until}
	if priced := rules[0].From; priced.After(known[0]) { // said already
		known[0] = priced
	}
	if first.After(known[0]) {
		known[0] = first
		m.gap(name, "it was first read on %s; nothing is counted before", stamp(first))
	}
	tells, err := s.store.TellsActive(ctx, name)
	if err != nil {
		return err
	}
	for _, u := range engine.SeatBill(spans, rules, tells, known, m.whole) {
		if u.Person == "" && m.people[u.Account] != nil { // of a program that knows people by their keys
			u.Person = u.Account
		}
		m.add(name, by, &u)
	}
	return nil
}

// add splits what an account came to among the jobs of its person.
func (m *monthCost) add(program, by string, u *engine.SeatUse) {
	put := func(kind, value string, share float64) {
		m.put(monthLine{Value: value, Kind: kind, Program: program, Seat: u.Kind, Seats: u.Seats * share, Cost: costing{u.Cost * share, u.Currency}})
	}
	p := m.people[u.Person]
	switch {
	case u.Account == "":
		put("free", "", 1)
	case u.Person == "":
		put("nobody", "", 1)
	case p == nil:
		put("gone", "", 1)
	default:
		split := engine.SeatShares(p, by)
		for _, value := range slices.Sorted(maps.Keys(split)) { // in one order: sums of parts depend on it
			put("people", value, split[value])
		}
	}
}

func (m *monthCost) put(l monthLine) {
	key := l
	key.Seats, key.Cost.Amount = 0, 0
	i, known := m.index[key]
	if !known {
		m.index[key], m.lines = len(m.lines), append(m.lines, l)
		return
	}
	m.lines[i].Seats += l.Seats
	m.lines[i].Cost.Amount += l.Cost.Amount
}

func (l *monthLine) called() string {
	if l.Kind == "gone" {
		return "(not in the directory now)"
	}
	return (&costLine{Value: l.Value, Kind: l.Kind}).called()
}

// report shows the lines. What the month can't be told of stands in a line of its own, so that no spreadsheet lacks it.
func (m *monthCost) report(by string, proof engine.Proof) reported {
	t := render.Table{Header: []string{"month", by + " now", "program", "seats", "cost", "currency", "kind", "not counted"}}
	for i := range m.lines {
		l := &m.lines[i]
		l.Seats, l.Cost.Amount = float64(int(l.Seats*1000+.5))/1000, float64(int64(l.Cost.Amount*100+.5))/100
		t.Add(render.Plain, m.month, l.called(), l.Program, strconv.FormatFloat(l.Seats, 'f', -1, 64), strconv.FormatFloat(l.Cost.Amount, 'f', 2, 64), l.Cost.Currency, l.Seat, "")
	}
	for _, g := range m.gaps {
		t.Add(render.Amber, m.month, "", g.Program, "", "", "", "", g.Text)
	}
	proofs := []engine.Proof{proof}
	return reported{table: t, proofs: proofs, charts: monthCharts(m.lines), form: struct {
		Version int                `json:"version"`
		Month   string             `json:"month"`
		By      string             `json:"by"`
		Lines   []monthLine        `json:"lines"`
		Missing []monthGap         `json:"not_counted"`
		Proofs  []render.ProofJSON `json:"proofs"`
	}{1, m.month, by, m.lines, m.gaps, render.Proofs(proofs)}}
}
