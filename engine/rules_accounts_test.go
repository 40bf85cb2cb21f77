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

func TestSuspendWaitDelete(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, 48*time.Hour
	w.apply()
	w.later()
	w.fire("zoe")
	w.pass(time.Hour)
	w.applied("zoe", "suspend wiki ready", "revoke wiki/x ready")
	w.later()
	w.pass(40 * time.Hour)
	w.applied("zoe")
	w.targets["wiki"].Set("zoe", engine.Active, true) // somebody resumes it: the wait starts anew
	w.pass(time.Hour)
	w.applied("zoe", "suspend wiki ready")
	w.pass(40 * time.Hour)
	w.applied("zoe")
	w.pass(9 * time.Hour)
	w.applied("zoe", "delete wiki/.exists ready")
	if w.truth("wiki") != "yan= yan=.exists yan=x" {
		t.Errorf("wiki has %s", w.truth("wiki"))
	}
	w.person("zoe").State, w.person("zoe").Marked = engine.StateActive, false
	w.pass(time.Hour)
	w.wants("zoe", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready") // a new account, no repair
}

func TestWaitStartsAnewWhenThePersonIsBack(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, 48*time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.pass(40 * time.Hour)
	w.person("zoe").State, w.person("zoe").Marked = engine.StateActive, false
	w.once(enginetest.FailBefore) // the resume fails, so that the account was never seen active
	w.apply()
	w.fire("zoe")
	w.pass(10 * time.Hour)
	w.applied("zoe", "revoke wiki/x ready")
	w.pass(49 * time.Hour)
	w.applied("zoe", "delete wiki/.exists ready")
}

func TestDeleteReadsTheAccountFirst(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.pass(2 * time.Hour)
	w.targets["wiki"].Describes.Lag = 24 * time.Hour // the list will not show it
	w.targets["wiki"].Set("zoe", engine.Active, true)
	w.apply()
	w.has("zoe", engine.Exists, true)
}

func TestDeleteIsOptIn(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Wait = time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.pass(100 * 24 * time.Hour)
	w.wants("zoe")
}

func TestResumeOnlyWhatRolecallSuspended(t *testing.T) {
	back := func(w *world) { w.person("zoe").State, w.person("zoe").Marked = engine.StateActive, false }
	blocked := []string{"grant wiki blocked: suspended by somebody else", "grant wiki/x blocked: it needs wiki"}
	for _, c := range []struct {
		name string
		how  func(w *world)
		want []string
	}{
		{"done", func(w *world) { w.fire("zoe"); w.later() }, []string{"resume wiki ready", "grant wiki/x ready"}},
		{"done, and released since", func(w *world) { w.fire("zoe"); w.later(); w.later(); w.later() }, []string{"resume wiki ready", "grant wiki/x ready"}},
		{"already", func(w *world) {
			w.fire("zoe")
			w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
				if c.Writes() && c.Entitlement == engine.Active { // somebody is faster
					w.targets["wiki"].Before = nil
					w.targets["wiki"].Set("zoe", engine.Active, false)
				}
				return enginetest.NoFault
			}
			w.later()
		}, blocked},
		{"read back", func(w *world) {
			w.roles("zoe")
			w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
				if c.Writes() && c.Entitlement == engine.Active {
					w.targets["wiki"].Before = nil
					return enginetest.LoseAfter
				}
				return enginetest.NoFault
			}
			w.later()
			w.later()
			w.roles("zoe", "a")
		}, blocked},
		{"by somebody else", func(w *world) { w.targets["wiki"].Set("zoe", engine.Active, false); w.later() }, []string{"grant wiki blocked: suspended by somebody else"}},
		{"seen active since", func(w *world) {
			w.fire("zoe")
			w.later()
			back(w)
			w.later()
			w.later()
			w.targets["wiki"].Set("zoe", engine.Active, false)
			w.later()
		}, []string{"grant wiki blocked: suspended by somebody else"}},
		{"resumed, not seen active, suspended by hand", func(w *world) {
			w.fire("zoe")
			w.later()
			back(w)
			w.later()
			w.targets["wiki"].Set("zoe", engine.Active, false)
		}, []string{"grant wiki blocked: suspended by somebody else"}},
	} {
		w := company(t, map[string][]string{"a": {"wiki/x"}})
		w.apply()
		w.later()
		c.how(w)
		back(w)
		w.pass(time.Hour)
		t.Run(c.name, func(t *testing.T) { w.t = t; w.wants("zoe", c.want...) })
	}
}

func TestUnmanagedKeepsTheAccount(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	w.targets["wiki"].Set("zoe", "own", true)
	w.roles("zoe")
	w.pass(time.Hour)
	w.applied("zoe", "revoke wiki/x ready")
	w.pass(100 * time.Hour)
	w.applied("zoe")
	w.fire("zoe") // a leaver's account goes all the same
	w.pass(time.Hour)
	w.applied("zoe", "suspend wiki ready")
	w.pass(2 * time.Hour)
	w.applied("zoe", "delete wiki/.exists ready")
}

func TestAccountGoesLast(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x", "wiki/y"}})
	w.apply()
	w.policy.rules["a"] = []string{"wiki/x"}
	w.roles("zoe")
	w.pass(time.Hour)
	w.engine.Former = nil
	w.apply() // wiki/y of both and all of zoe need approval or not, by cause
	w.reject()
	w.pass(time.Hour)
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpSuspend && c.State == engine.Ready {
			t.Errorf("an account is suspended while a right of it is kept by a rejection: %v", about(w.mustPlan(), "zoe"))
		}
	}
}

func TestNoAccountOfNameAndNothing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.hire("bob", "a")
	w.person("bob").Attributes = nil
	w.apply()
	p := w.later()
	same(t, "bob", about(p, "bob"), []string{"grant wiki/x blocked: waiting for login since 2026-03-02 08:00"})
}

func TestOneNameForTwo(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.hire("bob", "a")
	w.hire("bob2", "a")
	create := w.program("wiki").Create
	w.program("wiki").Create = func(p *engine.Person) (string, string) {
		if p.Login() == "bob2" {
			return "bob", ""
		}
		return create(p)
	}
	w.wants("bob", "grant wiki/x blocked: 2 people would get")
	w.wants("bob2", "grant wiki/x blocked: 2 people would get")
	w.person("bob2").State = engine.StateUpcoming
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil { // bob's is promised, nobody made it yet
		t.Fatal(err)
	}
	w.person("bob2").State = engine.StateActive
	w.pass(time.Minute)
	w.wants("bob2", "grant wiki/x blocked: the account \"bob\" is being made for somebody else")
}

func TestNameThatIsTaken(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.targets["wiki"].AddAccount("bob", engine.AccountInfo{}, engine.Exists, engine.Active)
	w.hire("bob", "a")
	w.wants("bob", "grant wiki/x blocked: an account \"bob\" is there already")
}

func TestAmbiguousMatchDelaysNoRevoke(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.hire("bob", "a")
	w.apply()
	info := engine.AccountInfo{Attributes: map[string]string{"person": "k-eve"}}
	w.targets["wiki"].AddAccount("e1", info, engine.Exists, engine.Active)
	w.targets["wiki"].AddAccount("e2", info, engine.Exists, engine.Active)
	w.targets["wiki"].AddAccount("b2", engine.AccountInfo{Attributes: map[string]string{"person": "k-bob"}}, engine.Exists, engine.Active)
	w.hire("eve", "a")
	w.pass(time.Hour)
	w.wants("eve", "grant wiki/x blocked: person of wiki names the person in 2 accounts")
	w.fire("bob")
	w.wants("bob", "suspend wiki ready", "revoke wiki/x ready")
}

func TestServiceAccountsAreNobodys(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.targets["wiki"].AddAccount("bot", engine.AccountInfo{Kind: "service", Attributes: map[string]string{"person": "k-bob"}}, engine.Exists, engine.Active)
	w.hire("bob", "a")
	w.wants("bob", "grant wiki/x blocked: person of wiki names")
}

func TestMatchLinksInAnyRead(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.targets["wiki"].AddAccount("b", engine.AccountInfo{Attributes: map[string]string{"person": "k-bob"}}, engine.Exists, engine.Active)
	w.hire("bob") // policy wants nothing for bob
	w.apply()
	if _, _, err := w.engine.Cut(t.Context(), "boss", "bob", "stop"); err != nil {
		t.Fatal(err)
	}
	w.has("b", engine.Active, false)
}

// A cut knows programs only by what the configuration and the journal say of them.
func TestCutSuspendsAndNeverDeletes(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.readErr = errors.New("no route")
	w.lists(enginetest.Unreachable)
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err != nil {
		t.Fatal(err)
	}
	w.has("zoe", engine.Active, false)
	w.has("zoe", "x", true)
	w.has("zoe", engine.Exists, true)
	w.readErr = nil
	w.lists(enginetest.NoFault)
	w.pass(time.Hour)
	w.applied("zoe")
	if err := w.engine.Lift(t.Context(), "boss", "k-zoe", "over"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	w.wants("zoe", "resume wiki ready")
}

func TestLeaverOfAProgramThatCantDescribeItself(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.program("wiki").Connector = struct{ engine.Connector }{w.targets["wiki"]} // no Describe, as if it had failed
	w.lists(enginetest.Unreachable)
	w.pass(time.Hour)
	w.applied("zoe", "suspend wiki ready", "revoke wiki/x ready")
	w.has("zoe", engine.Exists, true)
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
