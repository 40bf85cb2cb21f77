package engine_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// crowd is a company of twelve holders of wiki/x and wiki/y, two of whom are yan and zoe.
func crowd(t *testing.T) *world {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	for _, login := range []string{"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"} {
		w.hire(login, "a", "b")
	}
	w.apply()
	w.later()
	return w
}

func tight(floor int) engine.Limit { return engine.Limit{Floor: floor, Window: 24 * time.Hour} }

func states(p *engine.Plan, ops ...engine.Op) map[engine.ChangeState]int {
	out := map[engine.ChangeState]int{}
	for _, c := range p.Changes {
		if slices.Contains(ops, c.Op) {
			out[c.State]++
		}
	}
	return out
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		l       engine.Limit
		highest int
		want    int
	}{{engine.Limit{Floor: 3, Percent: 10, Cap: 100}, 0, 3}, {engine.Limit{Floor: 3, Percent: 10, Cap: 100}, 200, 20}, {engine.Limit{Floor: 3, Percent: 10, Cap: 100}, 5000, 100},
		{engine.Limit{Floor: 3, Percent: 10, Cap: 100}, 31, 4}, {engine.Limit{Floor: 200, Percent: 10, Cap: 100}, 5000, 200}} {
		if got := c.l.Allowed(c.highest); got != c.want {
			t.Errorf("%+v of %d allows %d, want %d", c.l, c.highest, got, c.want)
		}
	}
}

func TestTripHoldsAllOfTheScopeAndGrantsGoOn(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(2)
	for _, login := range []string{"p0", "p1", "p2"} {
		w.roles(login, "a")
	}
	w.hire("new", "a")
	w.pass(time.Hour)
	p := w.mustPlan()
	if s := states(p, engine.OpRevoke); s[engine.NeedsApproval] != 3 || s[engine.Ready] != 0 {
		t.Errorf("%v", lines(p))
	}
	if s := states(p, engine.OpGrant, engine.OpCreate); s[engine.Ready] != 3 {
		t.Errorf("grants were held: %v", lines(p))
	}
	w.roles("p2", "a", "b")
	w.wants("p0", "revoke wiki/y ready") // two are within the limit
}

func TestBudgetOfHoldings(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokeHoldings = tight(1)
	w.policy.rules["c"] = []string{"wiki"}
	w.later()
	w.roles("p0", "c")
	w.pass(time.Hour)
	w.wants("p0", "revoke wiki/x needs-approval: limit revoke: holdings", "revoke wiki/y needs-approval: limit revoke: holdings")
}

func TestWindowRolls(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(2)
	for i, login := range []string{"p0", "p1"} {
		w.roles(login, "a")
		w.pass(time.Duration(i) * time.Hour)
		w.applied(login, "revoke wiki/y ready")
	}
	w.pass(20 * time.Hour)
	w.roles("p2", "a")
	w.wants("p2", "revoke wiki/y needs-approval: limit revoke: people")
	w.pass(4 * time.Hour)
	w.wants("p2", "revoke wiki/y ready") // it was never held by a run, so there is no item
}

func TestGrantBudgetHoldsAccountsToo(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.Grant = tight(1)
	w.hire("n1", "a")
	w.pass(100 * time.Hour)
	w.wants("n1", "create wiki/.exists blocked: what the account is for", "grant wiki needs-approval: limit grant", "grant wiki/x needs-approval")
	w.roles("p0", "a")
	w.wants("p0", "revoke wiki/y ready") // never removals
	w.apply()
	w.wants("n1", "create wiki/.exists blocked: what the account is for", "grant wiki needs-approval: limit grant", "grant wiki/x needs-approval")
	w.approve()
	w.wants("n1", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
}

func TestLeaversBudget(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.Leavers = tight(0)
	w.fire("p0")
	w.pass(time.Hour)
	w.wants("p0", "suspend wiki ready", "revoke wiki/x ready", "revoke wiki/y ready") // alone in its run
	if !w.noted("limit") {
		t.Error("no alarm")
	}
	w.fire("p1")
	w.wants("p0", "suspend wiki needs-approval: limit leavers", "revoke wiki/x needs-approval", "revoke wiki/y needs-approval")
	if _, _, err := w.engine.Cut(t.Context(), "boss", "p1", "stop"); err != nil { // never held
		t.Fatal(err)
	}
	w.has("p1", engine.Active, false)
}

func TestEachLimitHasItsOwnWindow(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = engine.Limit{Floor: 1, Window: 2 * time.Hour}
	w.roles("p0", "a")
	w.later()
	w.roles("p1", "a")
	w.pass(time.Hour)
	w.wants("p1", "revoke wiki/y needs-approval: limit revoke: people")
	w.pass(time.Hour)
	w.wants("p1", "revoke wiki/y ready")
}

func TestAloneInOneProgramIsNotAlone(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"git/x"}, "b": {"wiki/x"}}
	for _, login := range []string{"p0", "p1", "p2"} {
		w.hire(login, "a")
	}
	w.roles("p0", "a", "b")
	w.hire("yan", "a", "b")
	w.apply()
	w.engine.Settings.Limits.Leavers = tight(0)
	w.fire("p0")
	w.fire("p1")
	w.pass(time.Hour)
	if s := states(w.mustPlan(), engine.OpSuspend); s[engine.Ready] != 0 {
		t.Errorf("a wave of two passed in the program where only one of them is: %v", lines(w.mustPlan()))
	}
}

func TestAbsenceHasNoException(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.Leavers = tight(0)
	w.vanish("p0")
	w.later()
	w.pass(2 * time.Hour)
	w.wants("p0", "suspend wiki needs-approval: limit leavers", "revoke wiki/x needs-approval", "revoke wiki/y needs-approval")
}

func TestNeverEmpty(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}, "c": {"wiki"}})
	w.roles("yan", "a", "b", "c")
	w.roles("zoe", "a", "c")
	w.apply()
	w.roles("yan", "a", "c")
	w.pass(time.Hour)
	w.wants("yan", "revoke wiki/y needs-approval: nobody would hold wiki/y")
	w.roles("zoe", "a", "b", "c") // somebody gets it in the same plan
	w.wants("yan", "revoke wiki/y ready")
	w.engine.Settings.Limits.Grant = tight(0) // but the grant is held
	w.pass(100 * time.Hour)
	w.wants("yan", "revoke wiki/y needs-approval: nobody would hold wiki/y")
	w.roles("zoe", "a", "c")
	w.fire("yan") // a leaver may empty a set
	w.wants("yan", "suspend wiki ready", "revoke wiki/x ready", "revoke wiki/y ready")
}

func TestLastAdmin(t *testing.T) {
	setup := func() *world {
		w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/admin"}, "c": {"wiki"}})
		w.program("wiki").Admin = "admin"
		w.roles("yan", "a", "b")
		w.roles("zoe", "a", "b")
		w.hire("bob", "a")
		w.apply()
		w.pass(time.Hour)
		return w
	}
	w := setup()
	w.fire("yan")
	w.wants("yan", "suspend wiki ready", "revoke wiki/admin ready", "revoke wiki/x ready")
	w.apply()
	w.pass(time.Hour)
	w.fire("zoe")
	w.wants("zoe", "suspend wiki needs-approval: it would take the last admin", "revoke wiki/admin needs-approval: it would take the last admin", "revoke wiki/x ready")
	if !w.noted("leaver-held") {
		t.Error("no alarm")
	}
	w = setup() // both at once: one of them stays
	w.fire("yan")
	w.fire("zoe")
	if s := states(w.mustPlan(), engine.OpSuspend); s[engine.Ready] != 1 {
		t.Errorf("%v", lines(w.mustPlan()))
	}
	w = setup() // a cut goes before, as nothing holds it
	w.fire("yan")
	if err := w.engine.Journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindCut, Person: "k-zoe", Actor: "boss", Why: []string{"stop"},
		Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "k-zoe"}, Since: w.now, Text: "stop"}}}}); err != nil {
		t.Fatal(err)
	}
	w.wants("yan", "suspend wiki needs-approval: it would take the last admin", "revoke wiki/admin needs-approval: it would take the last admin", "revoke wiki/x ready")
	w = setup() // an admin who is suspended is none
	w.targets["wiki"].Set("yan", engine.Active, false)
	w.apply()
	w.roles("zoe", "a")
	w.pass(time.Hour)
	w.wants("zoe", "revoke wiki/admin needs-approval: it would take the last admin")
	w = setup() // neither is one whose right is being given, and may never come
	w.targets["wiki"].Set("yan", "admin", false)
	w.engine.Programs[0].Repair = "regrant"
	w.once(enginetest.LoseBefore)
	w.apply()
	w.roles("zoe", "a")
	w.wants("zoe", "revoke wiki/admin needs-approval: it would take the last admin")
}

func TestProtected(t *testing.T) {
	w := crowd(t)
	w.program("wiki").Protected = []string{"p0"}
	w.engine.Settings.ProtectedPeople = []string{"p1", "k-p2"}
	w.fire("p0")
	w.fire("p1")
	w.roles("p2", "a")
	w.pass(time.Hour)
	w.wants("p0", "suspend wiki needs-approval: the account is protected", "revoke wiki/x needs-approval", "revoke wiki/y needs-approval")
	w.wants("p1", "suspend wiki needs-approval: the person is protected", "revoke wiki/x needs-approval", "revoke wiki/y needs-approval")
	w.wants("p2", "revoke wiki/y needs-approval: the person is protected")
	if _, _, err := w.engine.Cut(t.Context(), "boss", "p0", "stop"); err != nil {
		t.Fatal(err)
	}
	w.has("p0", engine.Active, false)
}

func TestRemovedBySomebodyElse(t *testing.T) {
	w := crowd(t)
	take := func() { w.targets["wiki"].Set("p0", "x", false); w.pass(time.Hour) }
	take()
	w.applied("p0", "grant wiki/x blocked: removed by somebody else")
	w.program("wiki").Repair = "regrant"
	w.applied("p0", "grant wiki/x ready")
	take()
	w.pass(-50 * time.Minute)
	w.applied("p0", "grant wiki/x ready")
	take()
	w.applied("p0", "grant wiki/x blocked: contested")
	if !w.noted("contested") {
		t.Error("no alarm")
	}
	if _, err := w.engine.Release(t.Context(), "boss", "found him"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	w.wants("p0", "grant wiki/x ready")
}

func TestRepairsAreCountedWhenTried(t *testing.T) {
	w := crowd(t)
	w.program("wiki").Repair = "regrant"
	w.targets["wiki"].Set("p0", "x", false)
	w.engine.Settings.Limits.Grant = tight(0)
	for range 4 {
		w.pass(time.Hour)
		w.applied("p0", "grant wiki/x needs-approval")
	}
}

func TestWhatWentWithOurSuspendIsNotBlamedOnOthers(t *testing.T) {
	w := crowd(t)
	w.person("p0").State = engine.StateAway
	w.program("wiki").Away = "suspend"
	w.later()
	w.targets["wiki"].Set("p0", "x", false) // the program drops rights of suspended accounts
	w.later()
	w.person("p0").State = engine.StateActive
	w.pass(time.Hour)
	w.wants("p0", "resume wiki ready", "grant wiki/x ready")
}

func TestReKeying(t *testing.T) {
	w := crowd(t)
	for i := range w.people {
		w.people[i].Key = "new-" + w.people[i].Key
	}
	for range 5 {
		if p := w.later(); len(p.Changes) != 0 {
			t.Fatalf("keys changed, and something moves: %v", lines(p))
		}
	}
	if !w.noted("rekeyed") {
		t.Fatal("no alarm")
	}
	w.people = w.people[:6] // they really left, and others came
	w.later()
	w.approve()
	w.pass(time.Hour)
	if s := states(w.mustPlan(), engine.OpSuspend); s[engine.Ready] != 12 {
		t.Errorf("%v", lines(w.mustPlan()))
	}
	w.apply()
	if items := w.items(); len(items) > 0 {
		t.Errorf("an approval is used once: %+v", items)
	}
}

func TestIncompleteList(t *testing.T) {
	for name, f := range map[string]enginetest.Fault{"unreachable": enginetest.Unreachable, "partial": enginetest.PartialList, "broken": enginetest.BreakList} {
		w := crowd(t)
		w.roles("p0", "a")
		w.roles("p1", "a")
		w.hire("new", "a")
		w.fire("p2")
		w.targets["wiki"].Set("p3", "z", true) // policy would adopt nothing of it
		w.lists(f)
		w.pass(time.Hour)
		w.wants("p0")
		w.wants("new")
		w.applied("p2", "suspend wiki ready", "revoke wiki/x ready", "revoke wiki/y ready")
		w.has("p2", "x", false)
		if _, err := w.engine.Plan(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEpochs(t *testing.T) {
	w := crowd(t)
	old, p := w.lead(), w.mustPlan()
	w.lead()
	if _, err := w.engine.Commit(t.Context(), p, "test", old); !errors.Is(err, engine.ErrDeposed) {
		t.Errorf("a deposed daemon committed: %v", err)
	}
}

// A limit that trips holds leavers until somebody decides. The alarm lasts as long, not for the run that trips only.
func TestHeldLeaversAlarmUntilSomebodyDecides(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	for _, login := range []string{"ann", "bob", "cid", "dan"} {
		w.hire(login, "a")
	}
	w.apply()
	w.engine.Settings.Limits.Leavers = engine.Limit{Floor: 1, Percent: 1, Cap: 1, Window: 24 * time.Hour}
	w.fire("ann")
	w.fire("bob")
	for n := range 3 {
		p := w.later()
		if !noticed(p, "leaver-held") {
			t.Errorf("run %d: nobody hears that leavers wait", n+1)
		}
	}
	if len(w.memory().Tasks()) != 2 {
		t.Errorf("tasks %v", w.memory().Tasks())
	}
	w.approve()
	w.later()
	if p := w.later(); noticed(p, "leaver-held") || len(w.memory().Tasks()) != 0 {
		t.Error("still told although it was approved")
	}
}

// Two repairs within any 24 hours, not within those that the first of them began.
func TestRepairsAreCountedOverAnyDay(t *testing.T) {
	w := crowd(t)
	w.program("wiki").Repair = "regrant"
	for _, after := range []time.Duration{time.Hour, 23 * time.Hour, 90 * time.Minute} {
		w.targets["wiki"].Set("p0", "x", false)
		w.pass(after)
		w.applied("p0", "grant wiki/x ready")
	}
	w.targets["wiki"].Set("p0", "x", false)
	w.pass(time.Hour)
	w.applied("p0", "grant wiki/x blocked: contested")
}

// Charges of people whom nobody knows any more count, each of them.
func TestChargesOfUnknownPeopleCountEach(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(3)
	for _, gone := range []string{"g1", "g2"} {
		seq := w.memory().Seq
		c := engine.Change{Op: engine.OpRevoke, Program: "wiki", Account: gone, Person: "k-" + gone, Entitlement: "wiki/y"}
		done := engine.Record{Kind: engine.KindOutcome, Of: seq + 1, Outcome: engine.Done, Program: "wiki", Account: gone, Person: "k-" + gone, Entitlement: "y", Op: engine.OpRevoke}
		for _, r := range []engine.Record{engine.IntentRecord("r", "d", "corp", c, engine.ChargeRevoke), done} {
			if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.pass(time.Minute)
	w.roles("p0", "a")
	w.wants("p0", "revoke wiki/y ready") // the third
	w.roles("p1", "a")
	w.wants("p0", "revoke wiki/y needs-approval: limit revoke: people")
}

// A call that failed is tried again later, and shown until then, for leavers too.
func TestBackOffOfLeavers(t *testing.T) {
	w := crowd(t)
	w.fire("p0")
	w.pass(time.Hour)
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Entitlement == "x" {
			return enginetest.Refuse
		}
		return enginetest.NoFault
	}
	w.apply()
	w.wants("p0", "revoke wiki/x blocked: failed 1 time, next try ")
}

// A cut sees one person only: it ends nothing that waits for others, and none of their tasks.
func TestACutEndsNothingOfOthers(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople, w.engine.Settings.Limits.Leavers = tight(0), tight(0)
	w.roles("p0", "a")
	w.fire("p1")
	w.vanish("p2")
	for range 3 {
		w.later()
	}
	items, tasks := len(w.items()), len(w.memory().Tasks())
	if items == 0 || tasks == 0 {
		t.Fatalf("%d items, %d tasks", items, tasks)
	}
	for _, login := range []string{"p7", "p8", "p9"} {
		w.pass(time.Hour)
		if _, _, err := w.engine.Cut(t.Context(), "boss", login, "stop"); err != nil {
			t.Fatal(err)
		}
	}
	if i, n := len(w.items()), len(w.memory().Tasks()); i != items || n != tasks {
		t.Errorf("%d items and %d tasks are left of %d and %d", i, n, items, tasks)
	}
}
