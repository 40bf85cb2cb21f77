package engine

import (
	"maps"
	"slices"
	"time"
)

// Memory is the fold as the planner wants it; since bounds the charges.
func (f *Fold) Memory(since time.Time) *Memory {
	m := &Memory{facts: f.facts, byKind: f.kinds(), lent: true, Programs: f.programs(), Charges: f.charges.since(since)}
	f.lent, m.items, m.proofs = true, f.shown.items, &f.shown.proofs
	m.Seq, m.Control, m.Runs, m.Time = f.seq, f.control, f.runs, f.time
	m.Open = slices.Grow(m.Open, len(f.open))
	for _, seq := range slices.Sorted(maps.Keys(f.open)) {
		m.Open = append(m.Open, *f.open[seq])
	}
	return m
}

// own makes the facts the fold's alone again, before one of them is set or cleared.
func (f *Fold) own() {
	if f.lent {
		f.facts, f.lent = maps.Clone(f.facts), false
	}
}

// shown is what Memory gave of those programs and kinds of facts that no record has touched since: nobody changes it.
type shown struct {
	programs map[string]*ProgramMemory
	stale    map[string]bool // programs; nil: all
	kinds    map[string][]*Fact
	changed  map[string]bool // kinds
	reader   itemReader
	items    func() map[string]readItem
	proofs   proofReader
}

func (s *shown) forget(r *Record, t *Touched) {
	if r.Kind == KindSeen { // perhaps only that there was a complete read
		s.outdate(r.Program)
	}
	for i := range t.Holdings {
		s.outdate(t.Holdings[i].Program)
	}
	for i := range t.Links {
		s.outdate(t.Links[i].Program)
	}
	for i := range t.Facts {
		if s.changed != nil {
			s.changed[t.Facts[i].Kind] = true
		}
	}
}

func (s *shown) outdate(program string) {
	if s.stale != nil {
		delete(s.programs, program)
		s.stale[program] = true
	}
}

// kinds are the facts by kind, sorted. Those of kinds that have not changed are the lists that were given before.
func (f *Fold) kinds() map[string][]*Fact {
	s := &f.shown
	if s.changed != nil && len(s.changed) == 0 {
		return s.kinds
	}
	all, fresh := s.changed == nil, map[string][]*Fact{}
	for key, fact := range f.facts {
		if all || s.changed[key.Kind] {
			fresh[key.Kind] = append(fresh[key.Kind], fact)
		}
	}
	for _, list := range fresh {
		sortFacts(list)
	}
	if all || s.changed[FactItem] {
		s.items = s.reader.of(fresh[FactItem])
	}
	for kind, list := range s.kinds {
		if !s.changed[kind] {
			fresh[kind] = list
		}
	}
	s.kinds, s.changed = fresh, map[string]bool{}
	return fresh
}

// FactsOf gives all facts of one kind, sorted by key.
func (f *Fold) FactsOf(kind string) (out []Fact) {
	for _, fact := range f.kinds()[kind] {
		out = append(out, *fact)
	}
	return out
}

func (f *Fold) programs() map[string]*ProgramMemory {
	if f.shown.stale != nil && len(f.shown.stale) == 0 {
		return maps.Clone(f.shown.programs)
	}
	builders := map[string]*MemoryBuilder{}
	at := func(program string) *MemoryBuilder {
		if builders[program] == nil {
			builders[program] = NewMemoryBuilder()
		}
		return builders[program]
	}
	var keys []Held3
	for k := range f.holdings {
		if f.shown.programs[k.Program] == nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, compareHeld)
	for _, k := range keys {
		h := f.holdings[k]
		at(k.Program).Add(k.Account, k.Entitlement, HoldingRow{Managed: h.Managed, Confirmed: h.Confirmed, Seen: h.Seen, Since: unix(h.Since)}, h.Rules)
	}
	for k, l := range f.links {
		if f.shown.programs[k.Program] == nil {
			at(k.Program).Link(l)
		}
	}
	for p := range f.baseline {
		if f.shown.programs[p] == nil {
			at(p).p.Baseline = true
		}
	}
	fresh := maps.Clone(f.shown.programs)
	if fresh == nil {
		fresh = map[string]*ProgramMemory{}
	}
	for p, b := range builders {
		fresh[p] = b.Done()
	}
	f.shown.programs, f.shown.stale = fresh, map[string]bool{}
	return maps.Clone(fresh)
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
