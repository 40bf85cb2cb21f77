package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func TestManagementComesWithTheIntent(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.hire("bob")
	w.policy.rules["b"] = []string{"wiki"}
	w.roles("bob", "b")
	w.later()
	w.roles("bob", "a", "b")
	w.once(enginetest.LoseAfter)
	w.later()
	w.has("bob", "x", true)
	w.roles("bob", "b")
	w.pass(time.Hour)
	w.wants("bob", "revoke wiki/x ready") // nobody knows of a success, and still it is Rolecall's to take
}

func TestDiffIsAgainstExpected(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.targets["wiki"].Describes.Lag = time.Hour
	w.once(enginetest.LoseBefore)
	w.apply() // yan's account may be there, the list can't tell yet
	w.pass(10 * time.Minute)
	w.wants("yan", "grant wiki blocked: nobody knows yet", "grant wiki/x blocked: nobody knows yet")
	w.pass(2 * time.Hour)
	w.wants("yan", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
}

func (w *world) mustPlan() *engine.Plan {
	w.t.Helper()
	p, err := w.engine.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestClaimedIsOnlyReadBack(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.roles("zoe")
	w.pass(time.Hour)
	p, epoch := w.mustPlan(), w.lead()
	if _, err := w.engine.Commit(t.Context(), p, "test", epoch); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.roles("zoe", "a")
	w.pass(5 * time.Minute)
	w.wants("zoe", "grant wiki blocked: a suspend on this account", "grant wiki/x blocked: a ") // the lease lives: the opposite waits
	w.pass(20 * time.Minute)
	w.wants("zoe") // read back: nothing had happened, and nothing is to be done
	w.apply()
	if n := len(w.memory().Open); n != 0 {
		t.Errorf("%d intents are still open", n)
	}
}

// A process dies after it made an account. A read before its lease ends sees the account; it must not take it for one that
// was there before Rolecall.
func TestCreateIsReadBackAlthoughSeenMeanwhile(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.hire("bob", "a")
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.targets["wiki"].AddAccount("bob", engine.AccountInfo{}, engine.Exists, engine.Active)
	w.pass(time.Minute)
	w.apply()
	if !w.noted(engine.NoticeUnderWay) {
		t.Error("nobody is told that changes are under way")
	}
	w.pass(20 * time.Minute)
	w.apply()
	w.later()
	w.has("bob", "x", true)
	if !w.managed("bob", "x") || w.noted(engine.NoticeUnderWay) {
		t.Error("what the dead process made is not Rolecall's")
	}
}

func (w *world) lead() int64 {
	w.t.Helper()
	epoch, err := w.journal.Lead(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return epoch
}

func TestUnclaimedIsWithdrawn(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"desired again": func(w *world) { w.roles("zoe", "a") },
		"unknown":       func(w *world) { w.person("zoe").State = engine.StateUnknown },
		"in grace":      func(w *world) { w.policy.grace = 24 * time.Hour },
		"not listed":    func(w *world) { w.lists(enginetest.Unreachable) },
	} {
		w := company(t, map[string][]string{"a": {"wiki/x"}})
		w.apply()
		w.roles("zoe")
		w.pass(time.Hour)
		if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
			t.Fatal(err)
		}
		change(w)
		w.pass(time.Minute)
		w.apply()
		if w.has("zoe", "x", true); len(w.memory().Open) != 0 {
			t.Errorf("%s: the intent is still open", name)
		}
	}
}

func TestApprovalCoversWhatWasNotTakenYet(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Protected = []string{"zoe"}
	w.apply()
	w.roles("zoe")
	w.later()
	w.approve()
	w.pass(time.Minute)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil { // and the process dies
		t.Fatal(err)
	}
	w.later()
	w.has("zoe", "x", false)
}

func TestReleaseNeedsTwoReadsBeyondTheLag(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.targets["wiki"].Describes.Lag = 30 * time.Minute
	w.apply()
	w.later()
	w.roles("zoe", "b")
	w.later() // revoked
	w.pass(40 * time.Minute)
	w.apply() // first read that misses it
	if w.pass(10 * time.Minute); !w.managed("zoe", "x") {
		t.Fatal("one read released it")
	}
	if w.apply(); !w.managed("zoe", "x") {
		t.Fatal("two reads closer than the lag released it")
	}
	w.pass(30 * time.Minute)
	if w.apply(); w.managed("zoe", "x") {
		t.Error("two reads beyond the lag did not release it")
	}
}

func TestLagBlamesNobody(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.targets["wiki"].Describes.Lag = 30 * time.Minute
	w.apply()
	w.later()
	w.roles("zoe", "b")
	w.later() // revoked; the list still shows it
	w.pass(10 * time.Minute)
	w.applied("zoe")
	w.roles("zoe", "a", "b")
	w.pass(25 * time.Minute)
	w.applied("zoe", "grant wiki/x ready")
	w.pass(10 * time.Minute)
	w.applied("zoe") // given, and the list does not show it yet
	w.fire("zoe")
	w.later()
	w.pass(10 * time.Minute)
	w.applied("zoe")
	if f, _ := w.memory().Fact(engine.FactKey{Kind: engine.FactSuspended, Program: "wiki", Account: "zoe"}); f.Text != "rolecall" {
		t.Errorf("suspended by %q", f.Text)
	}
}

func TestLostSuspendOfAMoverDoesNotDelayTheCut(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.apply()
	w.roles("zoe")
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() && c.Entitlement == engine.Active {
			return enginetest.LoseBefore
		}
		return enginetest.NoFault
	}
	w.later()
	w.lists(enginetest.Unreachable)
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err != nil {
		t.Fatal(err)
	}
	w.has("zoe", engine.Active, false)
}

func TestCutWhileOneIsUnderWayAndTheListIsBroken(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.once(enginetest.LoseBefore)
	w.later()
	w.lists(enginetest.BreakList) // half a list, in which zoe's account is still active
	w.pass(time.Second)
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test"}); err != nil {
		t.Errorf("a suspend under way stops the whole run: %v", err)
	}
}

func TestApprovedWhilePendingKeepsBothFlights(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}, "c": {"wiki"}})
	w.targets["wiki"].Describes.Lag = time.Hour
	w.hire("bob", "a", "c")
	w.apply()
	w.pass(2 * time.Hour)
	w.roles("bob", "b", "c")
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() {
			return enginetest.LoseBefore
		}
		return enginetest.NoFault
	}
	w.applied("bob", "grant wiki/y ready", "revoke wiki/x ready")
	w.targets["wiki"].Before = nil
	w.roles("bob", "a", "c") // both the other way round, while neither is known
	w.pass(10 * time.Minute)
	w.wants("bob", "grant wiki/x blocked: a revoke on this account", "revoke wiki/y blocked: a grant on this account")
}

func TestIncompleteListReadsNothingBack(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.apply()
	w.roles("zoe", "b")
	w.once(enginetest.LoseBefore)
	w.later()
	w.lists(enginetest.PartialList) // half of the list: zoe is not on it
	w.later()
	if n := len(w.memory().Open); n != 1 {
		t.Errorf("%d intents are open: half a list was believed", n)
	}
}

func TestPlanFromBeforeADecision(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	epoch, p := w.lead(), w.mustPlan()
	if err := w.engine.Pause(t.Context(), "boss", "wiki", "stop"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.Commit(t.Context(), p, "test", epoch); !errors.Is(err, engine.ErrStale) {
		t.Errorf("a plan from before the decision was committed: %v", err)
	}
}

func TestPartialDirectoryReleasesNothing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.apply()
	w.targets["wiki"].Set("zoe", "x", false)
	w.roles("zoe", "b")
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
	w.later()
	w.later()
	if !w.managed("zoe", "x") {
		t.Error("released on the word of an incomplete directory")
	}
}

// A process dies between making an account and recording it, and another run lists the account before the lease ends: it is
// still found to be ours once the lease is over.
func TestACreateWhoseOutcomeWasLostIsReadBackAfterALook(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	s, err := w.engine.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.Commit(t.Context(), engine.MakePlan(s), "test", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.targets["wiki"].AddAccount("ann", engine.AccountInfo{Name: "ann"}, engine.Exists) // the call's effect
	w.pass(time.Minute)
	w.apply() // another run looks
	w.pass(time.Hour)
	w.apply()
	w.pass(time.Hour)
	w.apply()
	if got := w.truth("wiki"); got != "ann= ann=.exists" {
		t.Errorf("wiki holds %s", got)
	}
	w.expect(w.plan())
	if missing := w.memory().Facts(engine.FactMissing); len(missing) > 0 {
		t.Errorf("what was proposed is missed: %v", missing)
	}
}

// What a backup has open may have been made since, or withdrawn: it is not made on the word of the backup.
func TestUnmadeClosesAllButCuts(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.once(enginetest.LoseBefore)
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err != nil {
		t.Fatal(err)
	}
	w.hire("bob", "a")
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	open := w.memory().Open
	if len(open) < 2 {
		t.Fatalf("open: %+v", open)
	}
	if err := w.journal.Append(t.Context(), engine.Free, w.memory().Unmade("lost")); err != nil {
		t.Fatal(err)
	}
	for _, i := range w.memory().Open {
		if i.Change.Person != "k-zoe" || i.Halted {
			t.Errorf("still open: %+v", i.Change)
		}
	}
	if len(w.memory().Open) == 0 {
		t.Error("the cut was closed as well")
	}
}

// Somebody leaves, comes back in another role, and what was to be taken from a leaver is to be taken because of the role now:
// another change, with another budget.
func TestWhatWasWantedOfALeaverIsAnotherChange(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.apply()
	w.fire("zoe")
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	p := w.person("zoe")
	p.State, p.Marked = engine.StateActive, false
	w.roles("zoe", "b")
	w.pass(time.Minute)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	open := w.memory().Open
	if len(open) != 1 || open[0].Class != engine.ChargeRevoke || open[0].Repeatable() {
		t.Errorf("%+v", open)
	}
}

// secondSuspend is a company in which the account of yan, whom Rolecall suspended long ago, was active again; a second suspend was
// begun, nobody knows how it ended, and the account is suspended.
func secondSuspend(t *testing.T) *world {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	wiki := w.program("wiki")
	wiki.Delete, wiki.Wait = true, 72*time.Hour
	w.apply()
	w.roles("yan")
	w.later()
	w.later()
	w.targets["wiki"].Set("yan", engine.Active, true)
	w.pass(100 * time.Hour)
	w.fire("yan")
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() {
			return enginetest.LoseAfter
		}
		return enginetest.PartialList // which ends no suspension
	}
	w.apply()
	w.targets["wiki"].Before = nil
	w.has("yan", engine.Active, false)
	w.pass(time.Hour)
	return w
}

// The run that reads it back knows as much as those after it: the wait before a delete begins anew, and Rolecall did not suspend it.
func TestAReadBackSuspendIsANewOne(t *testing.T) {
	w := secondSuspend(t)
	w.wants("yan")
	w = secondSuspend(t)
	p := w.person("yan")
	p.State, p.Marked = engine.StateActive, false
	w.roles("yan", "a")
	w.applied("yan", "grant wiki blocked: suspended by somebody else", "grant wiki/x blocked")
	w.later()
	w.wants("yan", "grant wiki blocked: suspended by somebody else", "grant wiki/x blocked")
}

// Somebody who is back when a suspend is read back was away when it was made: the wait before a delete begins when they go again.
func TestTheWaitBeginsAnewForWhoIsBackWhenASuspendIsReadBack(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	wiki := w.program("wiki")
	wiki.Delete, wiki.Wait = true, 72*time.Hour
	w.apply()
	w.fire("zoe")
	w.once(enginetest.LoseAfter)
	w.apply()
	p := w.person("zoe")
	p.State, p.Marked = engine.StateActive, false
	w.later()
	w.roles("zoe")
	w.pass(100 * time.Hour)
	w.apply()
	w.pass(time.Hour)
	w.wants("zoe")
	w.pass(80 * time.Hour)
	w.wants("zoe", "delete wiki/.exists ready")
}
