package journal

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// compareViews holds the tables against the fold of all records.
func (w *walk) compareViews() error {
	stored, err := readMemory(w.ctx, w.tx, time.Time{})
	if err != nil {
		return err
	}
	folded := w.fold.Memory(time.Time{})
	folded.Epoch = stored.Epoch
	want := lines(folded)
	for t := range w.allTenures() {
		want[tenureLine(t)] = true
	}
	have := lines(stored)
	if err := w.readTenures(have); err != nil {
		return err
	}
	for _, l := range slices.Sorted(maps.Keys(want)) {
		if !have[l] {
			w.wrong("the records say, but the tables do not: %s", l)
		}
	}
	for _, l := range slices.Sorted(maps.Keys(have)) {
		if !want[l] {
			w.wrong("the tables say, but the records do not: %s", l)
		}
	}
	return nil
}

// lines is what a memory says, one line for each thing, claims apart.
func lines(m *engine.Memory) map[string]bool {
	out := map[string]bool{}
	add := func(format string, args ...any) { out[fmt.Sprintf(format, args...)] = true }
	add("head: %d records, last control record %d, %d runs, %s", m.Seq, m.Control, m.Runs, m.Time)
	for _, i := range m.Open {
		change, _ := encode(i.Change) // strings only
		add("open intent %d of %s: %s, unknown %v, halted %v", i.Seq, i.Run, change, i.Unknown, i.Halted)
	}
	for _, kind := range m.FactKinds() {
		for _, f := range m.Facts(kind) {
			add("fact %+v", f)
		}
	}
	for name, p := range m.Programs {
		for _, r := range p.Rows {
			add("holding %s %q %q: managed %v, confirmed %v, seen %v, since %d, rules %q", name, p.Accounts[r.Account], p.Entitlements[r.Entitlement],
				r.Managed, r.Confirmed, r.Seen, r.Since, p.RuleSets[r.Rules])
		}
		for _, l := range p.Links {
			add("link %s: %+v", name, l)
		}
		if p.Baseline {
			add("baseline %s", name)
		}
	}
	return out
}

func (w *walk) allTenures() func(yield func(engine.Tenure) bool) {
	return func(yield func(engine.Tenure) bool) {
		for _, t := range w.tenures.Closed {
			if !yield(t) {
				return
			}
		}
		for _, t := range w.tenures.Open {
			if !yield(t) {
				return
			}
		}
	}
}

func tenureLine(t engine.Tenure) string {
	return fmt.Sprintf("tenure %s %q %q: managed %v, rules %q, from record %d at %s until record %d at %s", t.Program, t.Account, t.Entitlement,
		t.Managed, t.Rules, t.Record, t.From, t.Ended, t.Until)
}

func (w *walk) readTenures(into map[string]bool) error {
	const query = `SELECT a.program, a.name, e.name, t.managed, s.rules, t.from_seq, t.from_time, t.until_seq, t.until_time FROM tenure t
		JOIN account a ON a.id = t.account JOIN entitlement e ON e.id = t.entitlement JOIN ruleset s ON s.id = t.rules`
	return each(w.tx.QueryxContext(w.ctx, query))(func(r *sqlx.Rows) error {
		var t engine.Tenure
		var managed, from, until int64
		var rules string
		err := r.Scan(&t.Program, &t.Account, &t.Entitlement, &managed, &rules, &t.Record, &from, &t.Ended, &until)
		if err != nil {
			return err
		}
		t.Managed, t.From, t.Until = managed != 0, instant(from), instant(until)
		if t.Rules, err = parseRules(rules); err != nil {
			return err
		}
		into[tenureLine(t)] = true
		return nil
	})
}
