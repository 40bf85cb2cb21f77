package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestFleet runs several processes of the program on one PostgreSQL and looks at what they leave.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("kill tests run without the race detector")
	}
	binary, server := builtProgram(t), servers.Postgres(t)
	for name, test := range map[string]func(*testing.T, string, *servers.PostgresServer){
		"each slot once":              testEachSlotOnce,
		"a worker does not plan":      testWorkerDoesNotPlan,
		"killed in the middle":        testKilledInTheMiddle,
		"the next slot after a kill":  testNextSlotAfterKill,
		"paused beyond its lease":     testPausedBeyondItsLease,
		"paused in the middle":        testPausedInTheMiddle,
		"the database crashes":        testDatabaseCrashes,
		"decisions beside SQLite":     testDecisionsSQLite,
		"decisions beside PostgreSQL": testDecisionsPostgres,
		"a restore beside daemons":    testRestoreBesideDaemons,
	} {
		t.Run(name, func(t *testing.T) { test(t, binary, server) })
	}
}

// everySlot wants the slots of a schedule of every minute to be there once each, without a gap.
func (f *fleet) everySlot(slots []string) {
	f.t.Helper()
	for i, slot := range slots[1:] {
		last, _ := time.Parse("02 15:04", slots[i])
		if next, _ := time.Parse("02 15:04", slot); next.Sub(last) != time.Minute {
			f.t.Errorf("slots that were run: %v", slots)
			return
		}
	}
}

func (f *fleet) settled() {
	f.t.Helper()
	f.eventually("everybody has what policy says", func() bool { return f.crm() == served && strings.Count(f.wiki(), " yes") == 4 })
	if twice := f.twice(); twice != nil {
		f.t.Errorf("done twice: %v", twice)
	}
}

func testEachSlotOnce(t *testing.T, binary string, s *servers.PostgresServer) {
	f := newFleet(t, binary, s, "postgres", "* * * * *", "09:00:20", 20)
	a, b, c := f.start("a", "serve"), f.start("b", "serve"), f.start("c", "work")
	f.eventually("five slots are run", func() bool { return len(f.slots()) >= 5 })
	f.settled()
	for _, m := range []*machine{a, b, c} {
		m.stop()
	}
	f.everySlot(f.slots())
	crm, wiki := f.records(engine.Query{Kind: engine.KindOutcome, Program: "crm"}), f.records(engine.Query{Kind: engine.KindOutcome, Program: "wiki"})
	if crm[len(crm)-1].Seq > wiki[0].Seq {
		t.Error("wiki was worked before crm, which comes first")
	}
	if said := c.said(); strings.Contains(said, `"msg":"run ended"`) {
		t.Error("the worker made a run")
	}
}

func testWorkerDoesNotPlan(t *testing.T, binary string, s *servers.PostgresServer) {
	f := newFleet(t, binary, s, "postgres", "* * * * *", "09:00:20", 20)
	f.rolecall(0, "pause", "crm", "--reason", "later")
	a := f.start("a", "serve")
	f.eventually("a run leaves work for crm", func() bool { return len(f.records(engine.Query{Kind: engine.KindIntent, Program: "crm"})) > 0 })
	a.stop()
	before := f.slots()
	f.start("c", "work")
	f.rolecall(0, "resume", "crm")
	f.settled()
	if after := f.slots(); !slices.Equal(before, after) {
		t.Errorf("runs before %v, after %v", before, after)
	}
	if by := f.asks("SELECT string_agg(DISTINCT made_by, ' ') FROM account"); by != "c" {
		t.Errorf("accounts were made by %s", by)
	}
}

// testKilledInTheMiddle kills whoever makes the only run of the day.
func testKilledInTheMiddle(t *testing.T, binary string, s *servers.PostgresServer) {
	f := newFleet(t, binary, s, "postgres", "0 0 * * *", "23:56:00", 20) // twelve seconds before midnight
	machines := map[string]*machine{"a": f.start("a", "serve"), "b": f.start("b", "serve")}
	f.eventually("the slot before the start is made up", func() bool { return len(f.slots()) == 1 })
	f.settled()
	open := f.holdUp()
	f.eventually("one of them is in the middle of the run", func() bool { return f.heldUp() != "" })
	who := f.heldUp()
	machines[who].signal(syscall.SIGKILL)
	killed := time.Now()
	open()
	f.eventually("the other one makes the run", func() bool { return len(f.slots()) == 2 })
	t.Logf("%s was killed; the other one had made its run %v later", who, time.Since(killed).Round(10*time.Millisecond))
	machines[map[string]string{"a": "b", "b": "a"}[who]].stop()
	if slots := f.slots(); !slices.Equal(slots, []string{"04 00:00", "05 00:00"}) {
		t.Errorf("slots that were run: %v", slots)
	}
	f.settled()
}

func testNextSlotAfterKill(t *testing.T, binary string, s *servers.PostgresServer) {
	f := newFleet(t, binary, s, "postgres", "* * * * *", "09:00:20", 20)
	machines := map[string]*machine{"a": f.start("a", "serve"), "b": f.start("b", "serve")}
	f.eventually("a slot is run", func() bool { return len(f.slots()) >= 1 })
	f.settled()
	open := f.holdUp()
	f.eventually("one of them is in the middle of a run", func() bool { return f.heldUp() != "" })
	who := f.heldUp()
	machines[who].signal(syscall.SIGKILL)
	open()
	before := len(f.slots())
	f.eventually("three more slots are run", func() bool { return len(f.slots()) >= before+3 })
	f.settled()
	slots := f.slots()
	if unique := slices.Compact(slices.Sorted(slices.Values(slots))); !slices.Equal(unique, slots) {
		t.Errorf("slots that were run: %v", slots)
	}
	f.everySlot(slots[before:])
}

// testPausedBeyondItsLease stops a process between two calls until others act in its place, then lets it go on.
func testPausedBeyondItsLease(t *testing.T, binary string, s *servers.PostgresServer) {
	f := newFleet(t, binary, s, "postgres", "*/5 * * * *", "09:00:20", 60)
	replace(t, filepath.Join(f.dir, "rolecall.yaml"), "rate: 1\n", "rate: 0.05\n") // three calls a second by the test's clock
	a := f.start("a", "serve")
	f.eventually("a has made an account", func() bool {
		return len(f.records(engine.Query{Kind: engine.KindOutcome, Program: "crm", Outcome: engine.Done})) > 0
	})
	f.eventually("a is stopped between two calls", func() bool { return a.stopBetweenCalls(s) })
	ended := f.now().Add(10 * time.Minute) // its lease began before now
	made := f.asks("SELECT string_agg(account, ' ' ORDER BY account) FROM account")
	if made == "alice bob carol dave" {
		t.Fatal("it was too fast to be stopped in between")
	}
	f.start("b", "serve")
	f.eventually("the lease ends", func() bool { return f.now().After(ended) })
	f.eventually("b acts in its place", func() bool { return f.asks("SELECT count(*) FROM account WHERE made_by = 'b'") != "0" })
	a.signal(syscall.SIGCONT)
	f.eventually("a says what it did not try", func() bool { return strings.Contains(a.said(), "the work was stopped before this call started") })
	f.settled()
	for _, late := range f.records(engine.Query{Kind: engine.KindLate}) { // at most what a had made and not yet recorded
		if late.Outcome == engine.Done && !strings.Contains(made, late.Account) {
			t.Errorf("a result came late for what a had not made: %v", late)
		}
	}
	if by := f.asks("SELECT string_agg(account, ' ' ORDER BY account) FROM account WHERE made_by = 'a'"); by != made {
		t.Errorf("a had made %s, and made %s in all", made, by)
	}
}

// testPausedInTheMiddle stops a process in the middle of its run until another one has made it.
func testPausedInTheMiddle(t *testing.T, binary string, s *servers.PostgresServer) {
	f := newFleet(t, binary, s, "postgres", "0 0 * * *", "09:00:20", 20)
	open := f.holdUp()
	a := f.start("a", "serve")
	f.eventually("a is in the middle of its run", func() bool { return f.heldUp() == "a" })
	a.signal(syscall.SIGSTOP)
	open()
	f.start("b", "serve")
	f.eventually("b makes the run", func() bool { return len(f.slots()) == 1 })
	f.settled()
	f.eventually("b has recorded what it did", func() bool {
		return len(f.records(engine.Query{Kind: engine.KindOutcome})) == len(f.records(engine.Query{Kind: engine.KindIntent}))
	})
	before := f.records(engine.Query{})
	a.signal(syscall.SIGCONT)
	f.eventually("a gives way", func() bool { return strings.Contains(a.said(), `"msg":"a run was left"`) })
	a.stop()
	if after := f.records(engine.Query{}); len(after) != len(before) {
		t.Errorf("a wrote %v", after[len(before):])
	}
}

func testDatabaseCrashes(t *testing.T, binary string, _ *servers.PostgresServer) {
	s := servers.Postgres(t)
	f := newFleet(t, binary, s, "postgres", "* * * * *", "09:00:20", 20)
	machines := []*machine{f.start("a", "serve"), f.start("b", "serve"), f.start("c", "work")}
	f.settled()
	for range 2 {
		s.StopImmediate()
		s.Start(t)
		back, before := time.Now(), len(f.slots())
		f.eventually("two more slots are run", func() bool { return len(f.slots()) >= before+2 })
		t.Logf("two more slots were run %v after the server was back", time.Since(back).Round(10*time.Millisecond))
	}
	f.eventually("everybody has what policy says", func() bool { return f.crm() == served && strings.Count(f.wiki(), " yes") == 4 })
	for _, m := range machines {
		m.stop()
	}
	slots := f.slots()
	if unique := slices.Compact(slices.Sorted(slices.Values(slots))); !slices.Equal(unique, slots) {
		t.Errorf("slots that were run: %v", slots)
	}
	f.rolecall(0, "audit", "verify")
}

func testDecisionsSQLite(t *testing.T, binary string, s *servers.PostgresServer) {
	testDecisions(t, newFleet(t, binary, s, "sqlite", "* * * * *", "09:00:20", 20))
}

func testDecisionsPostgres(t *testing.T, binary string, s *servers.PostgresServer) {
	testDecisions(t, newFleet(t, binary, s, "postgres", "* * * * *", "09:00:20", 20))
}

// testDecisions makes decisions on the command line while a daemon plans and works each minute.
func testDecisions(t *testing.T, f *fleet) {
	a := f.start("a", "serve")
	f.settled()
	t.Run("a cut in the middle of a run", func(t *testing.T) {
		open := f.holdUp()
		f.people("alice,Engineer", "bob,Engineer", "carol,Clerk", "dave,Engineer") // the run would grant bob something
		f.eventually("the run is in the middle", func() bool { return f.heldUp() == "a" })
		f.rolecall(0, "cut", "bob", "--reason", "laptop stolen")
		if now := f.crm(); now != strings.Replace(served, "bob+", "bob-", 1) || !strings.Contains(f.wiki(), "bob no") {
			t.Errorf("after the cut: crm %s; wiki %s", now, f.wiki())
		}
		open()
		f.staysCut("bob")
	})
	t.Run("a cut withdraws what waits", func(t *testing.T) {
		f.rolecall(0, "pause", "crm", "--reason", "maintenance")
		f.people("alice,Engineer", "bob,Engineer", "carol,Engineer", "dave,Engineer")
		f.eventually("the daemon wants to grant carol crm/build", func() bool {
			right := "build"
			return len(f.records(engine.Query{Kind: engine.KindIntent, Person: "k-carol", Program: "crm", Entitlement: &right})) > 0
		})
		f.rolecall(0, "cut", "carol", "--reason", "dismissed")
		f.rolecall(0, "resume", "crm")
		f.staysCut("carol")
		if n := len(f.records(engine.Query{Kind: engine.KindOutcome, Person: "k-carol", Program: "crm", Outcome: engine.Withdrawn})); n == 0 {
			t.Error("the grant was not withdrawn")
		}
	})
	t.Run("apply and approvals", func(t *testing.T) {
		f.rolecall(0, "apply")
		if list := f.rolecall(0, "approvals", "list"); !strings.Contains(list, "Nothing waits") {
			t.Error(list)
		}
		f.rolecall(0, "cut", "carol", "--lift", "--reason", "a mistake")
		f.eventually("carol is let in again", func() bool {
			return strings.Contains(f.crm(), "carol+build") && strings.Contains(f.wiki(), "carol yes")
		})
	})
	a.stop()
	f.rolecall(0, "audit", "verify")
}

// staysCut wants somebody's accounts to be suspended after two more slots.
func (f *fleet) staysCut(login string) {
	f.t.Helper()
	before := len(f.slots())
	f.eventually("two more slots are run", func() bool { return len(f.slots()) >= before+2 })
	f.eventually(login+" is suspended", func() bool { return strings.Contains(f.crm(), login+"-") && strings.Contains(f.wiki(), login+" no") })
	if strings.Contains(f.crm(), fmt.Sprintf("%s-build", login)) {
		f.t.Errorf("%s was granted something: %s", login, f.crm())
	}
}

// testRestoreBesideDaemons: a backup takes no journal away from under who acts on it; who was killed is not there.
func testRestoreBesideDaemons(t *testing.T, binary string, s *servers.PostgresServer) {
	f := newFleet(t, binary, s, "postgres", "* * * * *", "09:00:20", 20)
	a, b := f.start("a", "serve"), f.start("b", "work")
	f.settled()
	f.rolecall(0, "backup", "b.db")
	for _, m := range []*machine{b, a} {
		if said := f.rolecall(1, "restore", "b.db", "--discard"); !strings.Contains(said, "stop it first") || !strings.Contains(said, "backend") {
			t.Errorf("%s", said)
		}
		m.signal(syscall.SIGKILL)
		<-m.done
	}
	f.rolecall(0, "restore", "b.db", "--discard")
}
