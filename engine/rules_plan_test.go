package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func (w *world) reviewed() *engine.Plan {
	w.t.Helper()
	text, err := json.Marshal(w.mustPlan())
	if err != nil {
		w.t.Fatal(err)
	}
	var p engine.Plan
	if err := json.Unmarshal(text, &p); err != nil {
		w.t.Fatal(err)
	}
	return &p
}

func (w *world) applyOnly(p *engine.Plan) (engine.Report, error) {
	_, r, err := w.engine.Apply(w.t.Context(), engine.ApplyOptions{Actor: "test", Only: p})
	return r, err
}

func TestReviewedPlan(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.apply()
	w.roles("zoe", "a")
	w.roles("yan", "a", "b")
	w.hire("bob", "b")
	w.pass(time.Hour)
	p := w.reviewed()
	w.roles("zoe", "a", "b") // does not hold any more
	w.hire("eve", "a")       // nobody has seen it
	w.pass(time.Hour)
	r, err := w.applyOnly(p)
	if err != nil || len(r.Dropped) != 1 || r.Dropped[0].Person != "k-zoe" {
		t.Fatalf("%v, dropped %v", err, r.Dropped)
	}
	w.has("bob", "y", true)
	w.has("eve", "x", false)
	w.has("zoe", "y", true)
	if _, err := w.applyOnly(p); !errors.Is(err, engine.ErrUsed) {
		t.Errorf("applied twice: %v", err)
	}
}

func TestReviewedPlanThatMustNotBeApplied(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *world, p *engine.Plan)
		want  error
	}{
		"edited":      {func(_ *world, p *engine.Plan) { p.Changes[0].Account = "root" }, engine.ErrEdited},
		"too old":     {func(w *world, _ *engine.Plan) { w.pass(25 * time.Hour) }, engine.ErrTooOld},
		"from later":  {func(w *world, _ *engine.Plan) { w.pass(-time.Hour) }, engine.ErrTooOld},
		"too new":     {func(_ *world, p *engine.Plan) { p.Version++ }, engine.ErrVersion},
		"line added":  {func(_ *world, p *engine.Plan) { p.Changes = append(p.Changes, p.Changes[0]) }, engine.ErrEdited},
		"other rules": {func(_ *world, p *engine.Plan) { p.Policy = "x" }, engine.ErrEdited},
	} {
		w := company(t, map[string][]string{"a": {"wiki/x"}})
		p := w.reviewed()
		c.spoil(w, p)
		if _, err := w.applyOnly(p); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if w.truth("wiki") != "" {
			t.Errorf("%s: something was changed", name)
		}
	}
}

func TestOrder(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	var calls []string
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() && (c.Account == "zoe" || c.Account == "") {
			calls = append(calls, strings.TrimRight(c.Op+" "+c.Entitlement, " "))
		}
		return enginetest.NoFault
	}
	w.program("wiki").Delete = true
	w.program("wiki").Wait = 0
	w.apply()
	w.roles("zoe")
	w.later()
	w.roles("zoe", "a")
	w.later()
	w.fire("zoe")
	w.later()
	w.later()
	want := []string{"create", "grant", "grant x", // exists, active, rights
		"revoke x", "revoke", // the other way round
		"grant", "grant x",
		"revoke", "revoke x", // a leaver's suspend goes first
		"revoke .exists"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
}

// backwards shows people and holdings in the opposite order.
type backwards struct{ engine.Connector }

func (b backwards) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	var all []engine.Holding
	proof, err := b.Connector.Holdings(ctx, func(h engine.Holding) error { all = append(all, h); return nil })
	slices.Reverse(all)
	for _, h := range all {
		if err := yield(h); err != nil {
			return proof, err
		}
	}
	return proof, err
}

func (b backwards) Describe(ctx context.Context) (engine.Description, error) {
	return b.Connector.(engine.Describer).Describe(ctx)
}

func TestPlanDependsOnNoOrder(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x", "wiki/admin"}, "b": {"wiki/y"}, "c": {"wiki"}})
	w.program("wiki").Admin, w.program("wiki").Match = "admin", "person"
	for _, login := range []string{"p0", "p1", "p2", "p3"} {
		w.hire(login, "a", "b")
		w.targets["wiki"].AddAccount("old-"+login, engine.AccountInfo{Attributes: map[string]string{"person": "k-" + login}}, engine.Exists, engine.Active, "x", "admin", "z")
	}
	var plans []string
	for range 2 { // before Rolecall, and with everything managed
		for range 2 {
			slices.Reverse(w.people)
			if b, ok := w.program("wiki").Connector.(backwards); ok {
				w.program("wiki").Connector = b.Connector
			} else {
				w.program("wiki").Connector = backwards{w.program("wiki").Connector}
			}
			text, err := json.Marshal(w.mustPlan())
			if err != nil {
				t.Fatal(err)
			}
			plans = append(plans, string(text))
		}
		w.apply()
		for _, login := range []string{"yan", "p0", "p1", "p2", "p3"} { // all admins at once: one must stay, always the same
			w.roles(login, "c")
		}
		w.fire("zoe")
		w.pass(time.Hour)
	}
	if plans[0] != plans[1] || plans[2] != plans[3] {
		t.Errorf("the plan depends on the order of what is read:\n%s\n%s", plans[2], plans[3])
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	w := crowd(t)
	w.fire("p0")
	w.roles("p1", "a")
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() {
			t.Errorf("a dry run calls %s %s", c.Op, c.Account)
		}
		return enginetest.NoFault
	}
	before := w.memory().Seq
	w.mustPlan()
	if w.memory().Seq != before {
		t.Error("a dry run wrote to the journal")
	}
}

// I12: what is wrong in one program changes nothing in the others.
func TestIsolation(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"git/x", "wiki/x"}, "b": {"git/y", "wiki/y"}}
	w.hire("yan", "a", "b")
	w.hire("zoe", "a", "b")
	w.apply()
	w.roles("zoe", "b")
	w.hire("bob", "a")
	w.pass(time.Hour)
	git := func() (out []string) {
		for _, l := range w.plan() {
			if strings.Contains(l, " git") {
				out = append(out, l)
			}
		}
		return out
	}
	want := git()
	for _, f := range []enginetest.Fault{enginetest.Unreachable, enginetest.PartialList, enginetest.BreakList} {
		w.lists(f)
		if got := git(); !slices.Equal(got, want) {
			t.Errorf("fault %d in wiki: git has %v, want %v", f, got, want)
		}
	}
	w.targets["wiki"].Before = func(enginetest.ProgramCall) enginetest.Fault { panic("a bad plug-in") }
	if got := git(); !slices.Equal(got, want) {
		t.Errorf("a panic in wiki: git has %v, want %v", got, want)
	}
}

func TestRenameOnceAtATime(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	r := &renamer{Program: w.targets["wiki"]}
	w.targets["wiki"].Describes.Rename = true
	w.program("wiki").Connector = r
	w.apply()
	w.person("zoe").Attributes[0].Values = []string{"zora"}
	w.pass(time.Hour)
	w.wants("zoe", "rename wiki/.exists ready")
	r.lost = true
	w.apply()
	w.pass(time.Minute)
	w.targets["wiki"].Describes.Lag = time.Hour // nobody can tell yet what became of it
	w.expect(w.plan())
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test"}); err != nil {
		t.Errorf("a rename under way stops the whole run: %v", err)
	}
}

type renamer struct {
	*enginetest.Program
	lost bool
}

func (r *renamer) Update(context.Context, string, engine.NewAccount) (engine.Outcome, error) {
	if r.lost {
		return engine.Uncertain, enginetest.ErrLost
	}
	return engine.Done, nil
}

func TestBackOff(t *testing.T) {
	w := crowd(t)
	w.roles("p0", "a")
	fails := func() { w.once(enginetest.FailBefore) }
	w.pass(time.Hour)
	fails()
	w.applied("p0", "revoke wiki/y ready")
	w.pass(30 * time.Second)
	w.applied("p0", "revoke wiki/y blocked: failed ")
	w.pass(24 * time.Hour)
	w.applied("p0", "revoke wiki/y ready")
	w.later()
	w.wants("p0")
	w.roles("p0", "a", "b")
	fails()
	w.applied("p0", "grant wiki/y ready")
	w.wants("p0", "grant wiki/y blocked: failed 1 time, next try ")
	w.pass(24 * time.Hour)
	w.applied("p0", "grant wiki/y ready")
	if f := w.memory().Facts(engine.FactFailing); len(f) != 0 {
		t.Errorf("a success left %v", f)
	}
}

// What failed and came about by another change has failed no more: else it would be held back when it is wanted again.
func TestWhatCameByItselfFailsNoMore(t *testing.T) {
	fails := func(w *world) int { return len(w.memory().Facts(engine.FactFailing)) }
	revoked := func() *world {
		w := crowd(t)
		w.roles("p0", "a")
		w.pass(time.Hour)
		w.once(enginetest.FailBefore)
		w.applied("p0", "revoke wiki/y ready")
		return w
	}
	for name, c := range map[string]struct {
		do   func(w *world)
		want int
	}{
		"taken by hand":            {func(w *world) { w.targets["wiki"].Set("p0", "y", false) }, 0},
		"the account is gone":      {func(w *world) { w.targets["wiki"].Set("p0", engine.Exists, false) }, 0},
		"not yet":                  {func(*world) {}, 1},
		"the list is not complete": {func(w *world) { w.targets["wiki"].Set("p0", "y", false); w.lists(enginetest.PartialList) }, 1},
	} {
		w := revoked()
		c.do(w)
		w.pass(30 * time.Second)
		w.apply()
		if n := fails(w); n != c.want {
			t.Errorf("%s: %d are remembered as failing, want %d", name, n, c.want)
		}
	}
}

func TestAGrantThatCameByItselfFailsNoMore(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.hire("bob", "a")
	w.once(enginetest.Refuse)
	w.apply()
	if len(w.memory().Facts(engine.FactFailing)) != 1 {
		t.Fatal("nothing failed")
	}
	w.targets["wiki"].AddAccount("bob", engine.AccountInfo{}, engine.Exists, engine.Active)
	w.pass(time.Minute)
	w.apply()
	if f := w.memory().Facts(engine.FactFailing); len(f) != 0 {
		t.Errorf("the account is there, and %v", f)
	}
	w.pass(time.Hour)
	w.roles("zoe", "a")
	w.targets["wiki"].Set("zoe", "x", false)
	w.program("wiki").Repair = "regrant"
	w.once(enginetest.FailBefore)
	w.apply()
	if len(w.memory().Facts(engine.FactFailing)) != 1 {
		t.Fatal("nothing failed")
	}
	w.targets["wiki"].Set("zoe", "x", true)
	w.pass(time.Second)
	w.apply()
	if f := w.memory().Facts(engine.FactFailing); len(f) != 0 {
		t.Errorf("the right is there, and %v", f)
	}
}

// A list that lags shows what was so before the failure. Of a rename the name tells.
func TestAFailureIsForgottenByALaterList(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.targets["wiki"].Describes.Lag = time.Hour
	w.pass(2 * time.Hour)
	fact := func(account, right, effect string) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactFailing, Program: "wiki", Account: account, Entitlement: right, Key: effect}, Since: w.now, Count: 1, Until: w.now}
	}
	w.append(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{fact("zoe", "x", "gives")}})
	for _, want := range []int{1, 0} {
		w.pass(50 * time.Minute)
		w.apply()
		if f := w.memory().Facts(engine.FactFailing); len(f) != want {
			t.Errorf("failing: %v, want %d", f, want)
		}
	}
	w.append(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{fact("zoe", engine.Exists, "rename")}})
	w.apply()
	if f := w.memory().Facts(engine.FactFailing); len(f) != 0 {
		t.Errorf("the account has the right name, and %v", f)
	}
}
