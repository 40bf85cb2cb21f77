package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Fold is the meaning of the journal: what the records come to, one after the other. The stores keep the same views in
// tables, and the journal's suite compares the two. Not safe for concurrent use.
type Fold struct {
	seq, control int64
	runs         int
	time         time.Time
	holdings     map[Held3]*heldRow
	links        map[linkKey]Link
	open         map[int64]*Intent
	facts        map[FactKey]Fact
	charges      []Charge
	baseline     map[string]bool
}

// Held3 names one holding of one program.
type Held3 struct{ Program, Account, Entitlement string }

type heldRow struct {
	managed, confirmed, seen bool
	since                    time.Time
	rules                    []string
}

type linkKey struct{ person, program, kind string }

// NewFold starts from nothing.
func NewFold() *Fold {
	return &Fold{holdings: map[Held3]*heldRow{}, links: map[linkKey]Link{}, open: map[int64]*Intent{},
		facts: map[FactKey]Fact{}, baseline: map[string]bool{}}
}

// Apply folds the next record in. Records come in order of Seq, without gaps.
func (f *Fold) Apply(r Record) error {
	if r.Seq != f.seq+1 {
		return fmt.Errorf("journal: record %d follows %d", r.Seq, f.seq)
	}
	f.seq, f.time = r.Seq, r.Time
	if r.Kind.Control() {
		f.control = r.Seq
	}
	if err := f.byKind(r); err != nil {
		return fmt.Errorf("journal: record %d (%s): %w", r.Seq, r.Kind, err)
	}
	for _, k := range r.Clear {
		delete(f.facts, k)
	}
	for _, fact := range r.Set {
		f.facts[fact.FactKey] = fact
	}
	return nil
}

func (f *Fold) byKind(r Record) error {
	switch r.Kind {
	case KindRun:
		f.runs++
	case KindIntent:
		return f.intent(r)
	case KindOutcome:
		f.outcome(r)
	case KindAdopt:
		f.manage(r, true)
	case KindRelease:
		f.release(r)
	case KindLink:
		f.link(r)
	case KindSeen:
		return f.seen(r)
	}
	return nil
}

// Management is written with the intent, not with the result: a crash after the effect would else leave access behind
// that nobody takes away.
func (f *Fold) intent(r Record) error {
	i, source, err := IntentOf(r)
	if err != nil {
		return err
	}
	f.open[r.Seq] = &i
	if r.Op.Gives() {
		f.manage(r, false)
	}
	if r.Class != "" {
		f.charges = append(f.charges, Charge{Time: r.Time, Class: r.Class, Program: r.Program, Source: source, Person: r.Person,
			Account: r.Account, Entitlement: r.Entitlement, Approved: r.Approved, Cause: r.Cause})
	}
	return nil
}

func (f *Fold) manage(r Record, confirmed bool) {
	h := f.row(Held3{r.Program, r.Account, r.Entitlement})
	if !h.managed {
		h.managed, h.since, h.confirmed = true, r.Time, false
	}
	h.confirmed = h.confirmed || confirmed
	h.rules = r.Rules
}

// An outcome closes only the intent it names, and only once.
func (f *Fold) outcome(r Record) {
	i := f.open[r.Of]
	if i == nil {
		return
	}
	if r.Outcome == Uncertain {
		i.Unknown, i.Lease = true, r.Time // the call is over: a read that starts later can tell
		return
	}
	delete(f.open, r.Of)
	if r.Outcome != Done && r.Outcome != Already {
		return
	}
	if i.Change.Proposed && i.Change.Op == OpCreate && r.Account != i.Change.Account {
		f.move(r.Program, i.Change.Account, r.Account)
		f.put(Link{Person: r.Person, Account: r.Account, Kind: "personal", Since: r.Time}, r.Program)
	}
	key := Held3{r.Program, r.Account, r.Entitlement}
	switch {
	case i.Change.Op.Gives():
		h := f.row(key)
		h.seen, h.confirmed = true, h.managed
	case i.Change.Op.Takes():
		f.unsee(key, true)
	}
}

// move renames a proposed account to the id that the program gave it.
func (f *Fold) move(program, from, to string) {
	for key, h := range f.holdings {
		if key.Program == program && key.Account == from {
			delete(f.holdings, key)
			key.Account = to
			t := f.row(key)
			t.managed, t.confirmed, t.seen = t.managed || h.managed, t.confirmed || h.confirmed, t.seen || h.seen
			t.since, t.rules = h.since, h.rules
		}
	}
	for _, i := range f.open {
		if i.Change.Program == program && i.Change.Account == from {
			i.Change.Account, i.Change.Proposed = to, false
		}
	}
	for key, fact := range f.facts {
		if key.Program == program && key.Account == from {
			delete(f.facts, key)
			fact.Account = to
			f.facts[fact.FactKey] = fact
		}
	}
}

func (f *Fold) release(r Record) {
	key := Held3{r.Program, r.Account, r.Entitlement}
	if h := f.holdings[key]; h != nil {
		h.managed, h.confirmed, h.rules = false, false, nil
		f.drop(key)
	}
}

func (f *Fold) link(r Record) {
	f.put(Link{Person: r.Person, Account: r.Account, Kind: cmp.Or(r.Entitlement, "personal"), Since: r.Time}, r.Program)
}

func (f *Fold) put(l Link, program string) { f.links[linkKey{l.Person, program, l.Kind}] = l }

func (f *Fold) seen(r Record) error {
	var s Seen
	if err := json.Unmarshal(r.Data, &s); err != nil {
		return err
	}
	f.baseline[r.Program] = true
	for _, a := range s.Appeared {
		h := f.row(Held3{r.Program, a[0], a[1]})
		h.seen, h.confirmed = true, h.managed
	}
	for _, d := range s.Disappeared {
		f.unsee(Held3{r.Program, d[0], d[1]}, false)
	}
	for _, d := range s.Vanished {
		f.unsee(Held3{r.Program, d[0], d[1]}, true)
	}
	return nil
}

// unsee ends what is known to exist. ours: Rolecall took it away, so that nobody else is blamed when it is wanted again.
func (f *Fold) unsee(key Held3, ours bool) {
	if h := f.holdings[key]; h != nil {
		h.seen, h.confirmed = false, h.confirmed && !ours
		f.drop(key)
	}
}

func (f *Fold) row(key Held3) *heldRow {
	h := f.holdings[key]
	if h == nil {
		h = &heldRow{}
		f.holdings[key] = h
	}
	return h
}

func (f *Fold) drop(key Held3) {
	if h := f.holdings[key]; !h.managed && !h.seen {
		delete(f.holdings, key)
	}
}

// Memory is the fold as the planner wants it; since bounds the charges.
func (f *Fold) Memory(since time.Time) *Memory {
	m := NewMemory(slices.Collect(maps.Values(f.facts)))
	m.Seq, m.Control, m.Runs, m.Time = f.seq, f.control, f.runs, f.time
	for _, seq := range slices.Sorted(maps.Keys(f.open)) {
		m.Open = append(m.Open, *f.open[seq])
	}
	for _, c := range f.charges {
		if !c.Time.Before(since) {
			m.Charges = append(m.Charges, c)
		}
	}
	f.programs(m)
	return m
}

func (f *Fold) programs(m *Memory) {
	builders := map[string]*MemoryBuilder{}
	at := func(program string) *MemoryBuilder {
		if builders[program] == nil {
			builders[program] = NewMemoryBuilder()
		}
		return builders[program]
	}
	keys := slices.SortedFunc(maps.Keys(f.holdings), func(a, b Held3) int {
		return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Account, b.Account), strings.Compare(a.Entitlement, b.Entitlement))
	})
	for _, k := range keys {
		h := f.holdings[k]
		at(k.Program).Add(k.Account, k.Entitlement, HoldingRow{Managed: h.managed, Confirmed: h.confirmed, Seen: h.seen, Since: unix(h.since)}, h.rules)
	}
	for k, l := range f.links {
		at(k.program).Link(l)
	}
	for p := range f.baseline {
		at(p).p.Baseline = true
	}
	for p, b := range builders {
		m.Programs[p] = b.Done()
	}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
