package engine_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// heap is what is in use after a collection, in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkDiff compares 10 million holdings with as many: 300 entitlements, a million accounts, a thousandth of each side
// missing. The yardstick merges the same holdings as sorted slices of numbers in the same run.
func BenchmarkDiff(b *testing.B) {
	const accounts, rights, each = 1_000_000, 300, 10
	before := heap()
	rng := rand.New(rand.NewPCG(1, 2))
	var s engine.Sets
	actual, desired := make([]uint64, 0, accounts*each), make([]uint64, 0, accounts*each)
	for a := range uint32(accounts) {
		first := rng.Uint32N(rights)
		for k := range uint32(each) {
			right, lost := (first+k*29)%rights, rng.IntN(1000)
			if lost != 0 {
				s.Actual.Add(right, a)
				s.Managed.Add(right, a)
				actual = append(actual, uint64(right)<<32|uint64(a))
			}
			if lost != 1 {
				s.Desired.Add(right, a)
				desired = append(desired, uint64(right)<<32|uint64(a))
			}
		}
	}
	slices.Sort(actual)
	slices.Sort(desired)
	sets := heap() - before - float64(cap(actual)+cap(desired))*8/(1<<20)
	merged := timed(func() {
		grant, revoke := merge(actual, desired)
		if grant == 0 || revoke == 0 {
			b.Fatal("nothing differs")
		}
	})
	var took time.Duration
	for b.Loop() {
		took = timed(func() {
			d := engine.Diff(&s)
			if d.Grant.Len() == 0 || d.Revoke.Len() == 0 {
				b.Fatal("nothing differs")
			}
		})
	}
	b.ReportMetric(took.Seconds()/merged.Seconds(), "x-merge")
	b.ReportMetric(sets, "MiB-sets")
	b.ReportMetric(allocated(func() { engine.Diff(&s) }), "MiB-diff")
	runtime.KeepAlive(actual)
}

func timed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// merge counts what only one of two sorted slices has.
func merge(actual, desired []uint64) (grant, revoke int) {
	i, j := 0, 0
	for i < len(actual) && j < len(desired) {
		switch {
		case actual[i] == desired[j]:
			i, j = i+1, j+1
		case actual[i] < desired[j]:
			revoke, i = revoke+1, i+1
		default:
			grant, j = grant+1, j+1
		}
	}
	return grant + len(desired) - j, revoke + len(actual) - i
}

// benchPolicy gives one entitlement for each role, by index.
type benchPolicy struct {
	rules        []engine.Rule
	entitlements []engine.Entitlement
	index        map[string]int32
}

func (p *benchPolicy) Entitlements() []engine.Entitlement { return p.entitlements }
func (p *benchPolicy) Rules() []engine.Rule               { return p.rules }
func (p *benchPolicy) Hash() string                       { return "bench" }

func (p *benchPolicy) Decide(who *engine.Person, _ time.Time, _ func(int32) bool, out []engine.Verdict) []engine.Verdict {
	for _, r := range who.Roles {
		out = append(out, engine.Verdict{Entitlement: p.index[r], Rule: -1, Say: engine.Desired})
	}
	return out
}

func (p *benchPolicy) Explain(who *engine.Person, _ time.Time, e engine.Entitlement) []engine.Finding {
	role := strings.TrimPrefix(e.Name, "r")
	if !slices.Contains(who.Roles, "r:"+role) {
		return nil
	}
	return []engine.Finding{{Say: engine.Desired, Answer: "gives", Rule: role, Text: "has role " + role}}
}

// benchSnapshot is a company in which everything is as it should be: people with an account and four rights each, six holdings.
func benchSnapshot(people, rights int, keyed bool) *engine.Snapshot {
	policy := &benchPolicy{index: map[string]int32{}}
	for r := range rights {
		name := fmt.Sprintf("%03d", r)
		policy.index["r:"+name] = int32(r)
		policy.rules = append(policy.rules, engine.Rule{Name: name, Hash: name})
		policy.entitlements = append(policy.entitlements, engine.Entitlement{Program: "pg", Name: "r" + name})
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	s := &engine.Snapshot{Now: now, Proof: engine.Proof{Source: "corp", Count: people}, Policy: policy, Settings: testSettings()}
	mem := engine.NewMemoryBuilder()
	var held []engine.Holding
	for n := range people {
		p := engine.Person{Key: fmt.Sprintf("key-%07d", n), Source: "corp", State: engine.StateActive, Jobs: []engine.Job{{}},
			Attributes: engine.Attributes{{Name: "login", Values: []string{fmt.Sprintf("p%07d", n)}}}}
		account := p.Login()
		if keyed {
			account = p.Key
		}
		names := []string{engine.Exists, engine.Active}
		for k := range 4 {
			r := fmt.Sprintf("%03d", (n*7+k*41)%rights)
			p.Roles, names = append(p.Roles, "r:"+r), append(names, "r"+r)
		}
		slices.Sort(p.Roles)
		for _, e := range names {
			mem.Add(account, e, engine.HoldingRow{Managed: true, Confirmed: true, Seen: true, Since: now.Unix() - 1e6}, nil)
			held = append(held, engine.Holding{Account: account, Entitlement: e, Info: &engine.AccountInfo{Name: p.Login()}})
		}
		mem.Link(engine.Link{Person: p.Key, Account: account, Kind: "personal"})
		s.People = append(s.People, p)
	}
	mem.SetBaseline()
	s.Memory = engine.NewMemory([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactPolicy}, Text: policy.Hash()}})
	s.Memory.Programs["pg"] = mem.Done()
	program := engine.Program{Name: "pg", Revoke: engine.RevokeManaged, Describes: engine.Description{Accounts: true, Lifecycle: true, Keyed: keyed},
		Create: func(p *engine.Person) (string, string) { return p.Login(), "" }}
	r := engine.NewReading(&program, s.Memory.Programs["pg"])
	for _, h := range held {
		r.Add(h)
	}
	r.Proof = engine.Proof{Source: "pg", Started: now, Finished: now}
	s.Readings = []*engine.Reading{r}
	return s
}

// BenchmarkMakePlanNothingToDo plans for 100,000 people with 600,000 holdings that are all as they should be.
func BenchmarkMakePlanNothingToDo(b *testing.B) {
	for _, keyed := range []bool{false, true} {
		b.Run(fmt.Sprintf("keyed=%v", keyed), func(b *testing.B) {
			before := heap()
			s := benchSnapshot(100_000, 300, keyed)
			snapshot := heap() - before
			b.ReportAllocs()
			for b.Loop() {
				p := engine.MakePlan(s)
				if len(p.Changes) != 0 || p.Summary.Unchanged != 600_000 {
					b.Fatalf("%d changes, %d unchanged", len(p.Changes), p.Summary.Unchanged)
				}
			}
			b.ReportMetric(allocated(func() { engine.MakePlan(s) }), "MiB-plan")
			b.ReportMetric(snapshot, "MiB-snapshot")
		})
	}
}

// allocated is all that f allocates, collected or not, in MiB: no peak above what was there before can be higher.
func allocated(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / (1 << 20)
}

// BenchmarkMakePlanEverythingNew plans the first provisioning of 20,000 people.
func BenchmarkMakePlanEverythingNew(b *testing.B) {
	s := benchSnapshot(20_000, 300, false)
	s.Memory = engine.NewMemory(nil)
	s.Settings.Limits.Grant = engine.Limit{Floor: 1 << 30, Window: time.Hour}
	for b.Loop() {
		b.StopTimer()
		r := engine.NewReading(s.Readings[0].Program, s.Memory.Program("pg"))
		r.Proof = s.Readings[0].Proof
		s.Readings = []*engine.Reading{r}
		b.StartTimer()
		if p := engine.MakePlan(s); p.Ready() != 120_000 {
			b.Fatalf("%d ready", p.Ready())
		}
	}
}
