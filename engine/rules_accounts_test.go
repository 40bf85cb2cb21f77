package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

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

// The suspend of somebody who moved waits with the right that is kept back; a leaver's does not.
func TestTheSuspendOfAMoverWaitsForItsRights(t *testing.T) {
	w := crowd(t)
	w.roles("p1", "a")
	w.once(enginetest.FailBefore)
	w.later()
	w.roles("p1")
	w.wants("p1", "revoke wiki/x ready", "revoke wiki/y blocked: failed 1 time", "suspend wiki blocked: the account goes last, and wiki/y is blocked")
	w.roles("p2")
	w.wants("p2", "revoke wiki/x ready", "revoke wiki/y ready", "suspend wiki ready")
	w.fire("p1")
	w.wants("p1", "suspend wiki ready", "revoke wiki/x ready", "revoke wiki/y blocked: failed 1 time")
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
	w.wants("bob", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
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

// One list that silently lacks a linked account of which nothing is managed gives its owner no second one.
func TestAnAccountOfWhichNothingIsManagedIsLostTwice(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.targets["wiki"].Describes.Lag = 30 * time.Minute
	bobs := engine.AccountInfo{Attributes: map[string]string{"person": "k-bob"}}
	w.targets["wiki"].AddAccount("b", bobs, engine.Exists, engine.Active)
	w.hire("bob")
	w.pass(time.Hour)
	w.apply() // links it, since a read showed whose it is
	w.roles("bob", "a")
	for _, round := range []string{"lacks it once", "lacks it again"} {
		w.targets["wiki"].Set("b", engine.Exists, false)
		for _, pass := range []time.Duration{time.Hour, 20 * time.Minute} {
			w.pass(pass)
			w.applied("bob", "grant wiki/x blocked")
		}
		if round == "lacks it once" {
			w.targets["wiki"].AddAccount("b", bobs, engine.Exists, engine.Active)
			w.roles("bob")
			w.pass(time.Hour)
			w.applied("bob")
			w.roles("bob", "a")
		}
	}
	w.targets["wiki"].AddAccount("b", bobs, engine.Exists, engine.Active)
	w.pass(11 * time.Minute) // nobody can tell from lists that are behind by half an hour
	w.targets["wiki"].Set("b", engine.Exists, false)
	w.pass(20 * time.Minute)
	w.lists(enginetest.PartialList)
	w.apply() // its list shows it
	w.lists(enginetest.NoFault)
	w.pass(time.Hour)
	w.applied("bob", "grant wiki/x blocked") // the first that lacks it since
	w.pass(31 * time.Minute)
	w.applied("bob", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
	if facts := w.memory().Facts(engine.FactLost); len(facts) != 0 {
		t.Errorf("%v", facts)
	}
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

func TestUnmanagedKeepsASuspendedAccountToo(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	w.targets["wiki"].Set("zoe", "own", true)
	w.targets["wiki"].Set("zoe", engine.Active, false)
	w.roles("zoe")
	w.later()
	w.pass(100 * time.Hour)
	w.wants("zoe")
}

func TestActiveAgainAtTheEndOfTheWait(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, 48*time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.pass(50 * time.Hour)
	w.targets["wiki"].Set("zoe", engine.Active, true)
	w.wants("zoe", "suspend wiki ready")
}

// A newcomer gets the login, and so the account's id, of somebody who left and whose account was deleted.
func TestReusedNameInheritsNothing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.hire("bob", "a")
	w.apply()
	w.fire("bob")
	w.later()
	w.later()
	w.later()
	w.later()
	w.has("bob", engine.Exists, false)
	w.person("bob").Key = "a-new-bob" // sorts before the old key
	w.people = append(w.people, *w.person("bob"))
	old := &w.people[len(w.people)-1]
	old.Key, old.Attributes = "k-bob", nil
	newcomer := w.person("bob")
	newcomer.State, newcomer.Marked = engine.StateActive, false
	w.later()
	w.later()
	w.has("bob", engine.Active, true)
	w.expect(w.plan())
	if _, _, err := w.engine.Cut(t.Context(), "boss", "k-bob", "to be sure"); err != nil {
		t.Fatal(err)
	}
	w.has("bob", engine.Active, true) // it is the newcomer's
}

func TestCutOfAnAccountThatIsNotThereYet(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.hire("bob", "a")
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	w.claim()
	p, _, err := w.engine.Cut(t.Context(), "boss", "bob", "stop")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "bob", about(p, "bob"), nil)
}

// A suspend is under way, by whomever: a second intent for it would be refused, and the whole run with it.
func TestCutWhileTheSuspendIsUnderWay(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	w.claim()
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err != nil {
		t.Error(err)
	}
}

// claim takes what is open and does nothing with it, as a worker that dies.
func (w *world) claim() {
	w.t.Helper()
	if _, err := w.journal.Claim(w.t.Context(), engine.ClaimRequest{Program: "wiki", Max: 100, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		w.t.Fatal(err)
	}
}

func TestAccountDeletedByHandIsReported(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.later()
	w.targets["wiki"].Set("zoe", engine.Exists, false)
	w.pass(time.Hour)
	p := w.mustPlan()
	if s := states(p, engine.OpCreate, engine.OpGrant); s[engine.Ready] != 0 || s[engine.Blocked] != 3 {
		t.Errorf("%v", about(p, "zoe"))
	}
}

func TestAbsenceNeedsItsCountAndNewContent(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.engine.Settings.Absences = 3
	w.apply()
	gone := w.people[1]
	w.vanish("zoe")
	w.proof.Digest = "file 1"
	w.later()
	w.pass(2 * time.Hour)
	w.applied("zoe") // the same file again
	if p := w.mustPlan(); len(noticesOf(p, engine.NoticeSameFile)) != 1 {
		t.Errorf("%+v", p.Notices)
	}
	w.pass(time.Hour)
	w.applied("zoe") // and again
	w.pass(time.Hour)
	w.applied("zoe")
	w.proof.Digest = "file 2"
	w.pass(2 * time.Hour)
	if p := w.mustPlan(); noticed(p, engine.NoticeSameFile) {
		t.Errorf("a new file: %+v", p.Notices)
	}
	w.applied("zoe") // the second of three
	w.people = append(w.people, gone)
	w.later()
	w.vanish("zoe")
	w.proof.Digest = "file 3"
	w.pass(2 * time.Hour)
	w.applied("zoe") // it counts anew since zoe was there again
	w.proof.Digest = "file 4"
	w.later()
	w.proof.Digest = "file 5"
	w.pass(2 * time.Hour)
	w.wants("zoe", "suspend wiki ready", "revoke wiki/x ready")
}

// Somebody whose account was deleted comes back, the process dies while it makes another one, and the person leaves: the run
// that finds out what became of the account suspends it.
func TestALeaversAccountThatIsJustReadBackIsSuspended(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait, w.program("wiki").Match = true, time.Hour, "person"
	w.targets["wiki"].ID = func(name string) string { return name + "-" + w.now.Format("150405") }
	w.apply()
	w.fire("zoe")
	for range 4 {
		w.later()
	}
	p := w.person("zoe")
	p.State, p.Marked = engine.StateActive, false
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.targets["wiki"].AddAccount("again", engine.AccountInfo{Name: "zoe", Attributes: map[string]string{"person": "k-zoe"}}, engine.Exists, engine.Active)
	w.fire("zoe")
	w.pass(20 * time.Minute)
	w.wants("zoe", "suspend wiki ready")
}

// A process dies while it makes an account with all that goes with it. What the next run reads back as made is still what the
// rules gave, and what the policy took meanwhile is still the policy's doing.
func TestWhatIsReadBackAsMadeIsRememberedByItsProposal(t *testing.T) {
	setup := func() *world {
		w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}, "c": {"wiki"}})
		w.policy.mode = map[string]string{"b": "additive"}
		w.remember()
		w.apply()
		w.hire("bob", "b")
		if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
			t.Fatal(err)
		}
		w.targets["wiki"].AddAccount("bob", engine.AccountInfo{Name: "bob"}, engine.Exists, engine.Active, "y")
		return w
	}
	w := setup()
	w.roles("bob", "c")
	w.pass(time.Hour)
	w.wants("bob") // an additive rule gave it
	w = setup()
	delete(w.policy.rules, "b")
	w.pass(time.Minute)
	w.apply() // sees the new policy, and can't tell yet
	w.pass(time.Hour)
	taken := 0
	for _, c := range w.mustPlan().Changes {
		if c.Account == "bob" {
			if taken++; c.Cause != engine.CausePolicy {
				t.Errorf("%s %s is by %s", c.Op, c.Entitlement, c.Cause)
			}
		}
	}
	if taken == 0 {
		t.Error("nothing is taken")
	}
}

// Somebody who has left had an account of a name that is being made for somebody else: while nobody knows what became of that,
// the account that is there may be the new one.
func TestAnAccountThatIsBeingMadeIsNotTakenFromWhoHadItBefore(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.hire("bob", "a")
	w.apply()
	w.targets["wiki"].Set("bob", engine.Exists, false)
	w.fire("bob")
	w.later()
	w.later()
	next := *w.person("zoe")
	next.Key, next.Attributes = "k-next", slices.Clone(next.Attributes).With(engine.Attribute{Name: "login", Values: []string{"bob"}})
	old := w.person("bob")
	old.Attributes = slices.Clone(old.Attributes).With(engine.Attribute{Name: "login", Values: []string{"rob"}})
	w.people = append(w.people, next)
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	if got, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil || len(got) == 0 {
		t.Fatal(got, err)
	}
	w.targets["wiki"].AddAccount("bob", engine.AccountInfo{Name: "bob"}, engine.Exists, engine.Active)
	w.pass(time.Minute)
	taken := func() {
		t.Helper()
		for _, c := range w.mustPlan().Changes {
			if c.Op.Takes() && c.State == engine.Ready {
				t.Errorf("%s %s of %s", c.Op, c.Entitlement, c.Account)
			}
		}
	}
	taken()
	w.cutOff("k-bob")
	taken()
	if !w.targets["wiki"].Has("bob", engine.Active) {
		t.Error("the new account is suspended by a cut of whoever had one of that name")
	}
}

// An account that was made for somebody whom nobody knows any more is nobody else's.
func TestAnAccountOfSomebodyUnknownIsNobodysElse(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.hire("zed", "a")
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	w.claim()
	w.vanish("zed")
	w.hire("aaa", "a") // before all others
	w.people = append(w.people[len(w.people)-1:], w.people[:len(w.people)-1]...)
	w.person("aaa").Key = "a-aaa"
	w.pass(time.Hour)
	w.expect(w.plan(), "create wiki/.exists new:aaa ready", "grant wiki new:aaa ready", "grant wiki/x new:aaa ready")
}

// A new account bears the person's key where it is to be found by it, unless what it is found by is something else.
func TestANewAccountBearsTheKeyItIsFoundBy(t *testing.T) {
	for name, c := range map[string]struct {
		with func(*engine.Person) (string, string)
		want string
	}{
		"the key":        {nil, "k-ann"},
		"something else": {func(p *engine.Person) (string, string) { return p.Login(), "" }, ""},
	} {
		w := newWorld(t, "wiki")
		w.policy.rules = map[string][]string{"a": {"wiki/x"}}
		w.program("wiki").Match, w.program("wiki").MatchWith = "externalId", c.with
		w.hire("ann", "a")
		p := w.mustPlan()
		if n := p.Changes[0].New; n == nil || n.Attributes["externalId"] != c.want {
			t.Errorf("%s: %+v", name, n)
		}
	}
}

// Whose account was given to somebody else is linked anew, to the account that is certainly theirs.
func TestWhoLostAnIdIsLinkedAnew(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "person"
	w.targets["wiki"].ID = func(name string) string { return map[string]string{"ann": "7", "bob": "7"}[name] }
	w.hire("ann", "a")
	w.targets["wiki"].AddAccount("yan", engine.AccountInfo{Attributes: map[string]string{"person": "k-yan"}}, engine.Exists, engine.Active, "x")
	w.targets["wiki"].AddAccount("zoe", engine.AccountInfo{Attributes: map[string]string{"person": "k-zoe"}}, engine.Exists, engine.Active, "x")
	w.apply()
	w.roles("ann")
	w.later()
	w.targets["wiki"].Set("7", engine.Exists, false)
	for range 3 {
		w.later()
	}
	w.hire("bob", "a")
	w.later()
	w.later()
	w.account("9", engine.PersonalAccount, "k-ann")
	w.later()
	links := map[string]string{}
	for _, l := range w.memory().Program("wiki").Links {
		links[l.Account] += l.Person
	}
	if links["7"] != "k-annk-bob" && links["7"] != "k-bob" || links["9"] != "k-ann" {
		t.Errorf("%v", links)
	}
}

// A login that looks like a proposed account makes no account: the program's list could not be believed any more.
func TestNoAccountIsCalledLikeAProposal(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.hire("new:admin", "a")
	w.apply()
	for _, h := range w.targets["wiki"].Truth() {
		if strings.Contains(h.Account, "new:") {
			t.Errorf("%s was made", h.Account)
		}
	}
	p := w.mustPlan()
	if !slices.ContainsFunc(p.Changes, func(c engine.Change) bool {
		return c.Login == "new:admin" && c.State == engine.Blocked && strings.Contains(c.Reason, "only proposed")
	}) {
		t.Errorf("%q", lines(p))
	}
}
