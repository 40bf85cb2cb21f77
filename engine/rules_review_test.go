package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// A plan from before an adoption would make a second account for the person, and its link would take the place of the adopted
// one; two adoptions at once would give one account to two people.
func TestAdoptionMakesPlansStale(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	w.targets["wiki"].AddAccount("old", engine.AccountInfo{Name: "old"}, engine.Exists, engine.Active)
	w.hire("ann", "a")
	w.pass(time.Hour)
	p, epoch := w.mustPlan(), w.lead()
	if err := w.engine.Adopt(t.Context(), "boss", "wiki", "it is hers", []engine.Pairing{{Account: "old", Person: "k-ann"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.Commit(t.Context(), p, "test", epoch); !errors.Is(err, engine.ErrStale) {
		t.Errorf("commit gives %v", err)
	}
}

func TestLargePlanWithLinksIsCommitted(t *testing.T) {
	w := newWorld(t, "wiki")
	w.targets["wiki"].Describes = engine.Description{Keyed: true}
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.engine.Settings.Limits.Grant.Cap, w.engine.Settings.Limits.Grant.Floor = 9000, 9000
	for i := range 3000 { // a link and an intent for each: two transactions
		w.hire(fmt.Sprint(i), "a")
	}
	p, epoch := w.mustPlan(), w.lead()
	if _, err := w.engine.Commit(t.Context(), p, "test", epoch); err != nil {
		t.Fatal(err)
	}
}

func TestProgramsAfterEachOtherAreWorked(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki", "git"}}
	w.program("git").After, w.program("wiki").After = []string{"wiki"}, []string{"git"}
	w.hire("ann", "a")
	done := make(chan struct{})
	go func() { defer close(done); w.apply() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the programs wait for each other")
	}
}

func TestUndoGivesNothingThatIsBlocked(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.policy.blocks = map[string]string{"k-zoe": "wiki/x"}
	w.pass(time.Hour)
	_, r := w.apply()
	w.has("zoe", "x", false)
	if _, err := w.engine.Undo(t.Context(), w.journal, "boss", r.Run, "by mistake"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	w.wants("zoe", "resume wiki ready") // the account was suspended with its last right; x stays away
}

// An undo lasts while an entry can't be seen whole, since nobody knows whether it changed. A block that came since goes first.
func TestABlockGoesBeforeAnEarlierUndo(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.apply()
	w.roles("zoe", "b")
	w.pass(time.Hour)
	_, r := w.apply()
	if _, err := w.engine.Undo(t.Context(), w.journal, "boss", r.Run, "by mistake"); err != nil {
		t.Fatal(err)
	}
	w.person("zoe").Changed = ""
	w.wants("zoe", "grant wiki/x ready")
	w.policy.blocks = map[string]string{"k-zoe": "wiki/x"}
	w.wants("zoe")
}

func TestFormerPoliciesOfWhatWaitsAreFetched(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	var asked []string
	w.engine.Former = func(_ context.Context, hash string) (engine.Policy, error) {
		asked = append(asked, hash)
		return &w.policy, nil
	}
	f := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactFormer, Program: "wiki", Account: "zoe", Entitlement: "x"}, Text: "old"}
	if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Set: []engine.Fact{f}}}); err != nil {
		t.Fatal(err)
	}
	w.mustPlan()
	if !slices.Equal(asked, []string{"old"}) {
		t.Errorf("asked for %q", asked)
	}
}

func TestKeyedProgramMovesNoLink(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.targets["wiki"].Describes = engine.Description{Keyed: true}
	w.targets["wiki"].AddAccount("k-zoe", engine.AccountInfo{}, "y")
	if err := w.engine.Adopt(t.Context(), "boss", "wiki", "reviewed", []engine.Pairing{{Account: "k-zoe", Person: "k-yan"}}); err != nil {
		t.Fatal(err)
	}
	w.apply()
	var owners []string
	for _, l := range w.memory().Program("wiki").Links {
		if l.Account == "k-zoe" {
			owners = append(owners, l.Person)
		}
	}
	if !slices.Equal(owners, []string{"k-yan"}) {
		t.Errorf("k-zoe belongs to %v", owners)
	}
}

// A grant that fails says nothing about a revoke.
func TestFailedGrantShieldsNoLeaver(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}, "b": {"wiki/x"}})
	w.roles("zoe", "a")
	w.apply()
	w.roles("zoe", "a", "b")
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Op == "grant" {
			return enginetest.FailBefore
		}
		return enginetest.NoFault
	}
	for range 12 {
		w.pass(25 * time.Hour)
		w.apply()
	}
	w.targets["wiki"].Before = nil
	w.targets["wiki"].AddAccount("zoe", engine.AccountInfo{Name: "zoe"}, engine.Exists, engine.Active, "x") // by hand
	w.fire("zoe")
	w.pass(time.Hour)
	w.wants("zoe", "suspend wiki ready", "revoke wiki/x ready")
}

func TestPauseIsAnAlarm(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	if err := w.engine.Pause(t.Context(), "boss", "wiki", "migration"); err != nil {
		t.Fatal(err)
	}
	if !w.noted("paused") {
		t.Error("nobody is told that a program is paused")
	}
}

// listed hides that a program can read one account singly.
type listed struct{ engine.Connector }

func (l listed) Describe(ctx context.Context) (engine.Description, error) {
	return l.Connector.(engine.Describer).Describe(ctx)
}

func TestDeleteLooksAtTheAccountFirst(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.pass(3 * time.Hour)
	w.wants("zoe", "delete wiki/.exists ready")
	p, epoch := w.mustPlan(), w.lead()
	if _, err := w.engine.Commit(t.Context(), p, "test", epoch); err != nil {
		t.Fatal(err)
	}
	w.targets["wiki"].AddAccount("zoe", engine.AccountInfo{Name: "zoe"}, engine.Exists, engine.Active) // by hand, meanwhile
	w.program("wiki").Connector = listed{w.targets["wiki"]}
	if _, err := w.engine.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.has("zoe", engine.Exists, true)
}

func TestCutWaitsForNoOtherProgram(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki", "git"}}
	w.program("wiki").After = []string{"git"}
	w.hire("ann", "a")
	w.apply()
	called := make(chan struct{})
	w.targets["git"].Before = func(enginetest.ProgramCall) enginetest.Fault {
		select {
		case <-called:
		case <-time.After(10 * time.Second):
			t.Error("the cut in wiki waits for git")
		}
		return enginetest.NoFault
	}
	w.targets["wiki"].Before = func(enginetest.ProgramCall) enginetest.Fault {
		close(called)
		return enginetest.NoFault
	}
	if _, _, err := w.engine.Cut(t.Context(), "boss", "ann", "stolen"); err != nil {
		t.Fatal(err)
	}
}

// What was reviewed is an account of that mail; made with another one it might be somebody else's.
func TestReviewedPlanMakesTheAccountThatWasShown(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.program("wiki").Attributes = map[string]engine.Template{"mail": func(p *engine.Person) (string, string) { return p.Changed, "" }}
	reviewed := w.mustPlan()
	w.person("zoe").Changed = "mallory@example.com"
	_, r, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test", Only: reviewed})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(r.Dropped, func(c engine.Change) bool { return c.Person == "k-zoe" && c.Op == engine.OpCreate }) {
		t.Errorf("dropped %v", r.Dropped)
	}
	w.has("zoe", engine.Exists, false)
	w.has("yan", engine.Exists, true)
}

// Whoever looked at a plan saw the last holder replaced; when the successor falls away meanwhile, the last holder stays.
// What a reviewed plan takes is taken, whether or not somebody else gets it.
func TestReviewedPlanTakes(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.apply()
	w.later()
	w.roles("zoe", "a")
	w.pass(time.Hour)
	reviewed := w.mustPlan()
	_, r, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test", Only: reviewed})
	if err != nil || r.Outcomes[engine.Done] != 1 || len(r.Dropped) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.has("zoe", "y", false)
}

func TestReviewedPlanKeepsTheLastHolder(t *testing.T) {
	w := newWorld(t, "app")
	w.policy.rules["b"], w.policy.rules["a"] = []string{"app/lead"}, []string{"app"}
	w.hire("ann", "a", "b")
	w.hire("bob", "a")
	w.apply()
	w.roles("ann", "a")
	w.roles("bob", "a", "b")
	reviewed, err := w.engine.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.roles("bob", "a")
	w.hire("cyd", "a", "b")
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test", Only: reviewed}); err != nil {
		t.Fatal(err)
	}
	if !w.targets["app"].Has("ann", "lead") {
		t.Error("ann was the last lead, and nobody follows her")
	}
	w.apply()
	if w.targets["app"].Has("ann", "lead") || !w.targets["app"].Has("cyd", "lead") {
		t.Error("cyd follows ann")
	}
}
