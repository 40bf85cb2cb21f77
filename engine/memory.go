package engine

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"
)

// Memory is what the journal's records fold to, as of one record: all that is carried from run to run.
// It is not changed by those who read it.
type Memory struct {
	Seq      int64     // of the last record folded
	Control  int64     // of the last control record
	Epoch    int64     // of the leader
	Runs     int       // number of runs begun
	Time     time.Time // of the last record
	Programs map[string]*ProgramMemory
	Open     []Intent           // sorted by Seq
	Charges  Charges            // within the window that was asked for, sorted by time
	facts    map[FactKey]*Fact  // none is changed, as others may share it
	byKind   map[string][]*Fact // sorted; the same goes for the lists
	lent     bool               // both are a fold's
	items    func() map[string]readItem
	proofs   *proofReader // of the fold, nil: none
}

// ProgramMemory is what is remembered of one program's holdings. Numbers index Accounts and Entitlements.
type ProgramMemory struct {
	Accounts     []string
	Entitlements []string
	RuleSets     [][]string // distinct lists of rules
	Rows         []HoldingRow
	Links        []Link // sorted by person, then kind
	Baseline     bool   // a complete read was recorded once
}

// HoldingRow is one holding that is managed, or that is known to exist, or both.
type HoldingRow struct {
	Account, Entitlement uint32
	Rules                uint32 // index into RuleSets: what gave it
	Managed              bool   // granted or adopted by Rolecall
	Confirmed            bool   // it was in effect, and Rolecall has not taken it away since
	Seen                 bool   // exists, as far as reads and outcomes tell
	Since                int64  // Unix seconds at which it became managed, or was last changed by Rolecall
}

// Link says what a program knows a person by. It never moves to another person.
type Link struct {
	Person  string
	Account string
	Kind    string // personal, admin, test
	Since   time.Time
}

// Intent is an open intent.
type Intent struct {
	Seq      int64
	Run      string
	Time     time.Time
	Change   Change
	Class    Class
	Claimed  time.Time // when a worker took it, zero: never
	Lease    time.Time // until when the worker may call
	Attempts int       // how often it was claimed: the number of the last claim
	Unknown  bool      // the worker could not tell what became of it; Lease is then the time of that outcome
	Halted   bool      // a later run would not make it again
}

// Repeatable says that the change may be tried again without reading back: revokes of leavers and cuts, unless halted.
func (i *Intent) Repeatable() bool {
	return !i.Halted && i.Change.Op.Takes() && (i.Class == ChargeLeaver || i.Change.Cause == CauseCut)
}

// claimedSince says whether the intent was handed out again after that claim, whose end then ends nothing. A claim that the
// journal has lost, or that nobody names (0), is taken for the last one.
func (i *Intent) claimedSince(claim int) bool { return claim > 0 && claim < i.Attempts }

// NewMemory makes an empty memory holding the given facts.
func NewMemory(facts []Fact) *Memory {
	m := &Memory{Programs: map[string]*ProgramMemory{}, facts: make(map[FactKey]*Fact, len(facts)), byKind: map[string][]*Fact{}}
	for i := range facts {
		f := &facts[i]
		m.facts[f.FactKey] = f
		m.byKind[f.Kind] = append(m.byKind[f.Kind], f)
	}
	for _, list := range m.byKind {
		sortFacts(list)
	}
	m.items = (&itemReader{}).of(m.byKind[FactItem])
	return m
}

func sortFacts(list []*Fact) {
	slices.SortFunc(list, func(a, b *Fact) int { return compareKeys(a.FactKey, b.FactKey) })
}

// put sets one fact, in a memory that nobody else has yet.
func (m *Memory) put(f Fact) {
	if m.lent {
		m.facts, m.byKind, m.lent = maps.Clone(m.facts), maps.Clone(m.byKind), false
	}
	list := slices.Clone(m.byKind[f.Kind])
	n, found := slices.BinarySearchFunc(list, f.FactKey, func(old *Fact, k FactKey) int { return compareKeys(old.FactKey, k) })
	if found {
		list[n] = &f
	} else {
		list = slices.Insert(list, n, &f)
	}
	m.facts[f.FactKey], m.byKind[f.Kind] = &f, list
	if f.Kind == FactItem {
		m.items = (&itemReader{}).of(list)
	}
}

// Fact finds one fact.
func (m *Memory) Fact(k FactKey) (Fact, bool) {
	if len(m.byKind[k.Kind]) == 0 { // asked of everybody, and there are none: to hash a long key is dear
		return Fact{}, false
	}
	if f := m.facts[k]; f != nil {
		return *f, true
	}
	return Fact{}, false
}

// Facts gives all facts of one kind, sorted by key.
func (m *Memory) Facts(kind string) []Fact {
	out := make([]Fact, 0, len(m.byKind[kind]))
	for _, f := range m.byKind[kind] {
		out = append(out, *f)
	}
	return out
}

// each goes through them without a list of its own.
func (m *Memory) each(kind string) iter.Seq[Fact] {
	return func(yield func(Fact) bool) {
		for _, f := range m.byKind[kind] {
			if !yield(*f) {
				return
			}
		}
	}
}

// FactKinds lists the kinds of which there are facts, sorted.
func (m *Memory) FactKinds() []string { return slices.Sorted(maps.Keys(m.byKind)) }

// Program is the memory of one program, an empty one if nothing is known of it.
func (m *Memory) Program(name string) *ProgramMemory {
	if p := m.Programs[name]; p != nil {
		return p
	}
	return &ProgramMemory{}
}

func compareKeys(a, b FactKey) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Account, b.Account),
		cmp.Compare(a.Entitlement, b.Entitlement), cmp.Compare(a.Person, b.Person), cmp.Compare(a.Key, b.Key))
}
