package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Memory is the fold as the planner wants it; since bounds the charges.
func (f *Fold) Memory(since time.Time) *Memory {
	m := NewMemory(slices.AppendSeq(make([]Fact, 0, len(f.facts)), maps.Values(f.facts)))
	m.Seq, m.Control, m.Runs, m.Time = f.seq, f.control, f.runs, f.time
	for _, seq := range slices.Sorted(maps.Keys(f.open)) {
		m.Open = append(m.Open, *f.open[seq])
	}
	for _, c := range f.charges {
		if !c.Time.Before(since) {
			m.Charges.Add(c)
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
		at(k.Program).Add(k.Account, k.Entitlement, HoldingRow{Managed: h.Managed, Confirmed: h.Confirmed, Seen: h.Seen, Since: unix(h.Since)}, h.Rules)
	}
	for k, l := range f.links {
		at(k.Program).Link(l)
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
