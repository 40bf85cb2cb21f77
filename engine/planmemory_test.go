package engine_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// A plan for many new people takes little more than its lines, while it is made as well as afterwards, also where all of them
// wait for approval. Each line has a text and an account of its own, so that the bounds are hundreds of bytes.
func TestMemoryOfNewPeople(t *testing.T) {
	for name, grant := range map[string]engine.Limit{
		"ready":          {Floor: 1 << 30, Window: time.Hour},
		"needs approval": {Floor: 10, Percent: 10, Cap: 100, Window: time.Hour},
	} {
		s := benchSnapshot(3000, 300, false)
		s.Memory = engine.NewMemory(nil)
		s.Settings.Limits.Grant = grant
		empty := engine.NewReading(s.Readings[0].Program, s.Memory.Program("pg"))
		empty.Proof = s.Readings[0].Proof
		s.Readings = []*engine.Reading{empty}
		var p *engine.Plan
		before := heap()
		passing := allocated(func() { p = engine.MakePlan(s) })
		kept := heap() - before
		lines := float64(len(p.Changes)) / (1 << 20)
		if len(p.Changes) != 18_000 {
			t.Fatalf("%s: %d changes", name, len(p.Changes))
		}
		t.Logf("%s: %.0f bytes a line are kept, %.0f allocated", name, kept/lines, passing/lines)
		if kept/lines > 600 {
			t.Errorf("%s: %.0f bytes are kept for each line", name, kept/lines)
		}
		if passing/lines > 3000 {
			t.Errorf("%s: %.0f bytes are allocated for each line", name, passing/lines)
		}
		runtime.KeepAlive(s)
	}
}

// On the day of a first provisioning there is a charge for every holding.
func TestMemoryOfCharges(t *testing.T) {
	const people, rights = 2000, 50
	names := make([]string, people)
	for i := range names {
		names[i] = "person-" + time.Duration(i).String()
	}
	before := heap()
	charges := engine.NewCharges(names, names)
	for i := range people * rights {
		charges.AddRow(int64(i), uint32(i%people), uint32(i%people), charges.Kind(engine.ChargeKind{Class: engine.ChargeGrant, Program: "pg", Entitlement: names[i%rights]}))
	}
	if each := (heap() - before) * (1 << 20) / (people * rights); each > 50 {
		t.Errorf("a charge takes %.0f bytes", each)
	}
	n := 0
	for c := range charges.All() {
		if c.Person != names[n%people] || c.Entitlement != names[n%rights] || !c.Time.Equal(time.UnixMicro(int64(n))) {
			t.Fatalf("charge %d is %+v", n, c)
		}
		n++
	}
	if n != people*rights {
		t.Errorf("%d charges", n)
	}
}
