package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// testSplitBrain stops a daemon (SIGSTOP) at each step between its look at the world and its last record. While it stands
// still, another one takes over and the world changes; when it goes on, all its leases have ended and its epoch is old. It
// must write nothing that it decided before, and call nothing.
func testSplitBrain(t *testing.T, lab *crashLab) {
	points := []string{"plan.after 1", "commit.before 1", "transaction.torn 3", "claim.after 1", "call.after 1", "outcome.before 1"}
	if soaking() {
		points = append(points, "plan.torn 1", "save.torn 12", "enqueue.before 1", "commit.after 1", "claim.torn 1", "outcome.after 1")
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			standsStill(t, newFleet(t, lab.binary, lab.server, "postgres", "*/5 * * * *", "09:00:20", 100), point)
		})
	}
	survived(t, "a daemon stopped (SIGSTOP) beyond its lease, and gone on (SIGCONT)", len(points))
}

const fleetEffects = `CREATE TABLE effect (n serial, what text, by text DEFAULT session_user);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO effect (what) VALUES (TG_OP || ' ' || TG_TABLE_NAME || ' ' || coalesce(to_jsonb(NEW), to_jsonb(OLD))::text); RETURN NULL; END $$;
	CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON account FOR EACH ROW EXECUTE FUNCTION note();
	CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON held FOR EACH ROW EXECUTE FUNCTION note()`

func standsStill(t *testing.T, f *fleet, point string) {
	f.must(fleetEffects)
	replace(t, filepath.Join(f.dir, "rolecall.yaml"), f.address, f.address+"&idle_in_transaction_session_timeout=2s") // else b waits half a minute for the head
	if !strings.HasPrefix(point, "call.") && !strings.HasPrefix(point, "outcome.") {                                  // nobody has called anything: a has two rights to grant
		f.people("alice,Clerk", "bob,Clerk", "carol,Clerk", "dave,Clerk")
		f.rolecall(0, "apply")
		f.people("alice,Engineer", "bob,Clerk", "carol,Clerk", "dave,Engineer")
	}
	f.env = []string{"ROLECALL_FAILPOINT=" + point + " stop"}
	a := f.start("a", "serve")
	f.env = nil
	f.eventually("a stands still", func() bool { return stands(a.cmd.Process.Pid) })
	ended := f.now().Add(10 * time.Minute)
	did := f.asks("SELECT count(*) FROM effect WHERE by = 'a'")
	b := f.start("b", "serve")
	f.people("alice,Engineer", "bob,Engineer", "carol,Clerk", "dave,Clerk") // what a wanted is wrong now
	const want = "alice+build bob+build carol+ dave+"
	f.eventually("b does everything in its place", func() bool { return f.crm() == want && strings.Count(f.wiki(), " yes") == 4 })
	f.eventually("every lease of a has ended", func() bool { return f.now().After(ended) })
	b.stop()
	before := f.records(engine.Query{})
	a.signal(syscall.SIGCONT)
	f.eventually("a lives and plans again", func() bool {
		return len(f.records(engine.Query{Kind: engine.KindRun, After: before[len(before)-1].Seq})) > 0
	})
	if now := f.asks("SELECT count(*) FROM effect WHERE by = 'a'"); now != did {
		t.Errorf("a made %s calls before it stood still, and %s in all", did, now)
	}
	for _, r := range f.records(engine.Query{After: before[len(before)-1].Seq}) {
		switch r.Kind {
		case engine.KindIntent, engine.KindAdopt, engine.KindOutcome:
			t.Errorf("a wrote what it had decided before: %+v", r)
		}
	}
	if now := f.crm(); now != want {
		t.Errorf("in the end crm is %s", now)
	}
	f.uniqueSlots()
	f.rolecall(0, "audit", "verify")
}

// uniqueSlots wants each slot to have been run once.
func (f *fleet) uniqueSlots() {
	f.t.Helper()
	seen := map[string]bool{}
	for _, slot := range f.slots() {
		if seen[slot] {
			f.t.Errorf("slot %s was run twice: %v", slot, f.slots())
		}
		seen[slot] = true
	}
}
