package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// remember keeps every policy that was in force, as the store does.
func (w *world) remember() {
	kept := map[string]*rolePolicy{}
	keep := func() { c := *w.policy.clone(); kept[c.Hash()] = &c }
	keep()
	w.engine.Former = func(_ context.Context, hash string) (engine.Policy, error) {
		if p := kept[hash]; p != nil {
			return p, nil
		}
		return nil, errors.New("not kept")
	}
}

func (r *rolePolicy) clone() *rolePolicy {
	c := *r
	c.rules = map[string][]string{}
	for role, es := range r.rules {
		c.rules[role] = slices.Clone(es)
	}
	return &c
}

// narrow is a company of eight who hold wiki/x by rule b, and a floor of two.
func narrow(t *testing.T) *world {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/x"}, "c": {"wiki"}})
	for _, login := range []string{"p1", "p2", "p3", "p4"} {
		w.hire(login, "b", "c")
	}
	w.engine.Settings.Limits.RevokePeople.Floor, w.engine.Settings.Limits.RevokePeople.Percent = 2, 0
	w.remember()
	w.apply()
	w.later()
	return w
}

func waveOf(p *engine.Plan) (ready, held int) {
	for _, c := range p.Changes {
		switch {
		case !c.Op.Takes():
		case c.State == engine.Ready:
			ready++
		case c.State == engine.NeedsApproval && c.Cause == engine.CausePolicy:
			held++
		}
	}
	return ready, held
}

func TestPolicyWaveNeedsApproval(t *testing.T) {
	for name, before := range map[string]func(w *world){
		"at once": func(*world) {},
		"after a cut that saw the new policy": func(w *world) {
			if _, _, err := w.engine.Cut(w.t.Context(), "boss", "yan", "stop"); err != nil {
				w.t.Fatal(err)
			}
		},
		"after an incomplete read under the new policy": func(w *world) {
			w.readErr = errors.New("no route")
			w.later()
			w.readErr = nil
		},
		"after an incomplete list under the new policy": func(w *world) {
			w.lists(enginetest.Unreachable)
			w.later()
			w.lists(enginetest.NoFault)
		},
		"after a run in which nobody could be seen": func(w *world) {
			for i := range w.people {
				w.people[i].State = engine.StateUnknown
			}
			w.later()
			for i := range w.people {
				w.people[i].State = engine.StateActive
			}
		},
	} {
		w := narrow(t)
		w.engine.Settings.Limits.RevokePeople.Floor, w.engine.Settings.Limits.RevokePeople.Cap = 3, 1000
		w.engine.Settings.Limits.RevokePeople.Percent = 100 // only the wave holds it
		w.policy.rules["b"] = []string{"wiki"}
		before(w)
		w.pass(time.Hour)
		if ready, held := waveOf(w.mustPlan()); ready != 0 || held != 4 {
			t.Errorf("%s: %d ready, %d held, want 0 and 4: %v", name, ready, held, lines(w.mustPlan()))
		}
	}
}

func TestPolicyWaveCountsGraceAndUnknown(t *testing.T) {
	wide := func(w *world) {
		w.engine.Settings.Limits.RevokePeople = engine.Limit{Floor: 3, Percent: 100, Cap: 1000, Window: 24 * time.Hour}
	}
	t.Run("unknown", func(t *testing.T) {
		w := narrow(t)
		wide(w)
		w.policy.rules["b"] = []string{"wiki"}
		w.person("p1").State = engine.StateUnknown
		w.person("p2").State = engine.StateUnknown
		w.later()
		if ready, held := waveOf(w.later()); ready != 0 || held != 2 {
			t.Errorf("two who can be seen and two who can't are a wave of four: %d ready, %d held", ready, held)
		}
	})
	t.Run("grace", func(t *testing.T) {
		w := narrow(t)
		wide(w)
		w.policy.grace = 10 * time.Hour
		w.policy.rules["b"] = []string{"wiki"}
		w.later()
		w.pass(11 * time.Hour)
		if ready, held := waveOf(w.mustPlan()); ready != 0 || held != 4 {
			t.Errorf("%d ready, %d held after the grace", ready, held)
		}
	})
}

func TestPolicyCauseStaysUntilDesiredAgain(t *testing.T) {
	w := narrow(t)
	w.policy.rules["b"] = []string{"wiki"}
	w.later()
	w.roles("p1", "c") // also lost the role since: still the policy's doing
	w.pass(time.Hour)
	for _, c := range w.mustPlan().Changes {
		if c.Person == "k-p2" && c.Cause != engine.CausePolicy {
			t.Errorf("cause of p2 is %s", c.Cause)
		}
	}
	w.policy.rules["b"] = []string{"wiki/x"}
	w.roles("p1", "b", "c")
	w.later()
	w.roles("p1", "c")
	w.pass(time.Hour)
	w.wants("p1", "revoke wiki/x ready")
	if c := w.mustPlan().Changes[0]; c.Cause != engine.CauseRule {
		t.Errorf("cause is %s", c.Cause)
	}
}

func TestMoverIsNoPolicyCause(t *testing.T) {
	w := narrow(t)
	w.policy.rules["d"] = []string{"wiki/z"} // the policy changed, but not for p1
	w.roles("p1", "c")
	w.pass(time.Hour)
	if c := w.mustPlan().Changes[0]; c.Cause != engine.CauseRule || c.State != engine.Ready {
		t.Errorf("%s %s", c.Cause, c.State)
	}
}

func TestBlockOverridesGraceAndCountsAsPolicy(t *testing.T) {
	w := narrow(t)
	w.policy.grace = 100 * time.Hour
	w.policy.blocks = map[string]string{"k-p1": "wiki/x"}
	w.pass(time.Hour)
	w.wants("p1", "revoke wiki/x ready")
	w.policy.blocks = map[string]string{"k-p1": "wiki/x", "k-p2": "wiki/x", "k-p3": "wiki/x", "k-p4": "wiki/x"}
	w.wants("p1", "revoke wiki/x needs-approval: the policy changed")
}

func TestGrace(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.policy.grace = 10 * time.Hour
	w.apply()
	w.roles("zoe")
	w.pass(time.Hour)
	w.applied("zoe", "revoke wiki/x scheduled: in grace until 2026-03-02 19:00")
	w.pass(9 * time.Hour)
	w.applied("zoe", "revoke wiki/x scheduled")
	w.roles("zoe", "a") // desired again: it begins anew
	w.later()
	w.roles("zoe")
	w.later()
	w.pass(9 * time.Hour)
	w.applied("zoe", "revoke wiki/x scheduled")
	w.pass(time.Hour)
	w.applied("zoe", "revoke wiki/x ready", "suspend wiki ready")
}

func TestLeaversHaveNoGraceUnlessSet(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.policy.grace = 10 * time.Hour
	w.apply()
	w.fire("zoe")
	w.wants("zoe", "suspend wiki ready", "revoke wiki/x ready")
	w.engine.Settings.LeaverGrace = 5 * time.Hour
	w.pass(time.Hour)
	w.applied("zoe", "suspend wiki scheduled", "revoke wiki/x scheduled")
	w.pass(6 * time.Hour)
	w.wants("zoe", "suspend wiki ready", "revoke wiki/x ready")
	if _, _, err := w.engine.Cut(t.Context(), "boss", "yan", "stop"); err != nil {
		t.Fatal(err)
	}
	w.has("yan", engine.Active, false)
}

func TestExpiryAfterAGapWaitsOneRun(t *testing.T) {
	for _, c := range []struct {
		name string
		gap  time.Duration
		want string
	}{
		{"after a gap", 10 * time.Hour, "revoke wiki/x blocked: first seen due after a gap"},
		{"without one", 2 * time.Hour, "revoke wiki/x ready"},
	} {
		w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/x"}, "c": {"wiki"}})
		w.engine.Settings.Slot = time.Hour
		w.policy.until = map[string]time.Time{"b": w.now.Add(90 * time.Minute)}
		w.hire("bob", "b", "c")
		w.apply()
		w.pass(c.gap)
		if err := w.engine.Pause(t.Context(), "boss", "", "a record, but no run"); err != nil {
			t.Fatal(err)
		}
		if err := w.engine.Unpause(t.Context(), "boss", ""); err != nil {
			t.Fatal(err)
		}
		w.applied("bob", c.want)
		w.pass(time.Minute)
		if c.gap > 3*time.Hour {
			w.applied("bob", "revoke wiki/x ready")
		}
	}
}

func TestDeleteAfterAGapWaitsOneRun(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.engine.Settings.Slot = time.Hour
	w.program("wiki").Delete, w.program("wiki").Wait = true, 24*time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.pass(1000 * time.Hour) // the clock jumps
	w.applied("zoe", "delete wiki/.exists blocked: first seen due after a gap")
	w.pass(time.Minute)
	w.applied("zoe", "delete wiki/.exists ready")
}

func TestMoversDeleteAfterAGapWaitsOneRun(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.engine.Settings.Slot = time.Hour
	w.program("wiki").Delete, w.program("wiki").Wait = true, 24*time.Hour
	w.apply()
	w.roles("zoe")
	w.later()
	w.pass(1000 * time.Hour)
	w.applied("zoe", "delete wiki/.exists blocked: first seen due after a gap")
	w.pass(time.Minute)
	w.applied("zoe", "delete wiki/.exists ready")
}

func TestUnknownNeverGrantsAndNeverRevokes(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.apply()
	w.roles("zoe")
	w.person("zoe").Missing = []string{"a", "b"}
	w.pass(time.Hour)
	w.wants("zoe")
	w.person("zoe").Missing = []string{"b"}
	w.wants("zoe", "revoke wiki/x ready") // and wiki/y and the account stay
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
	w.wants("zoe")
	w.proof = engine.Proof{}
	w.hire("bob", "a")
	w.person("bob").State = engine.StateUnknown
	w.wants("bob")
}

func TestLeftWithoutAMarkIsUnknown(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.person("zoe").State = engine.StateLeft
	w.pass(time.Hour)
	w.wants("zoe")
}

func TestObserveAndAdditive(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}, "c": {"wiki"}})
	w.policy.mode = map[string]string{"b": "observe"}
	w.hire("bob", "b", "c")
	w.targets["wiki"].AddAccount("eve", engine.AccountInfo{}, engine.Exists, engine.Active, "y")
	w.applied("bob", "create wiki/.exists ready", "grant wiki ready")
	w.policy.mode = nil
	w.applied("bob", "grant wiki/y ready")
	w.policy.mode = map[string]string{"b": "observe"}
	w.pass(time.Hour)
	w.wants("bob") // observed: kept, though no rule gives it
	w.policy.mode = map[string]string{"b": "additive"}
	w.roles("bob", "c")
	w.wants("bob")
	w.policy.mode = nil
	w.wants("bob", "revoke wiki/y ready")
}

func TestAway(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.person("zoe").State = engine.StateAway
	w.pass(time.Hour)
	w.wants("zoe")
	w.program("wiki").Away = "suspend"
	w.applied("zoe", "suspend wiki ready")
	w.has("zoe", "x", true)
	w.pass(time.Hour)
	w.applied("zoe")
	w.person("zoe").State = engine.StateActive
	w.pass(time.Hour)
	w.applied("zoe", "resume wiki ready")
}

func TestRevokeNever(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Revoke = engine.RevokeNever
	w.apply()
	w.fire("zoe")
	w.roles("yan")
	w.pass(time.Hour)
	w.wants("yan")
	w.wants("zoe")
	if !w.noted("leaver-kept") {
		t.Error("no alarm for a leaver who keeps access")
	}
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err != nil {
		t.Fatal(err)
	}
	w.has("zoe", engine.Active, false)
}

func TestRevokeAll(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.targets["wiki"].Set("zoe", "old", true)
	w.targets["wiki"].Set("zoe", "keep", true)
	w.targets["wiki"].Set("yan", "old", true)
	w.targets["wiki"].AddAccount("root", engine.AccountInfo{}, engine.Exists, engine.Active, "old")
	w.program("wiki").Revoke, w.program("wiki").Patterns = engine.RevokeAll, []string{"o*"}
	w.pass(time.Hour)
	w.applied("zoe", "adopt wiki/old needs-approval: revoke: all adopts it")
	w.approve()
	w.pass(time.Minute)
	w.applied("zoe", "adopt wiki/old ready")
	w.pass(time.Minute)
	w.engine.Settings.Limits.RevokePeople.Floor = 1000
	w.applied("zoe", "revoke wiki/old ready")
	w.has("root", "old", true)
	w.has("zoe", "keep", true)
}

func TestLeaversUnmanaged(t *testing.T) {
	for mode, want := range map[engine.UnmanagedMode][]string{
		engine.UnmanagedSuspend: {"suspend wiki ready"},
		engine.UnmanagedApprove: {"suspend wiki needs-approval: a leaver's holding"},
		engine.UnmanagedReport:  nil,
	} {
		w := company(t, map[string][]string{"a": {"wiki/x"}})
		w.program("wiki").Match = "person"
		w.engine.Settings.Unmanaged = mode
		w.targets["wiki"].AddAccount("b", engine.AccountInfo{Attributes: map[string]string{"person": "k-bob"}}, engine.Exists, engine.Active, "old")
		w.hire("bob")
		w.apply()
		w.fire("bob")
		w.wants("bob", want...)
		if mode == engine.UnmanagedReport && !w.noted("leaver-unmanaged") {
			t.Error("not reported")
		}
	}
}

func TestLeaversUnmanagedWithoutAccounts(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.targets["wiki"].Describes = engine.Description{Keyed: true, Lifecycle: true}
	w.targets["wiki"].AddAccount("k-bob", engine.AccountInfo{}, engine.Exists, "old")
	w.hire("bob")
	w.apply()
	w.fire("bob")
	w.wants("bob", "revoke wiki/old ready") // and never the account itself
	if _, _, err := w.engine.Cut(t.Context(), "boss", "bob", "stop"); err != nil {
		t.Fatal(err)
	}
	w.has("k-bob", "old", false)
	w.has("k-bob", engine.Exists, true)
}

func TestRevokeAllAdoptsRightsNotAccounts(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Revoke, w.program("wiki").Match = engine.RevokeAll, "person"
	w.targets["wiki"].AddAccount("b", engine.AccountInfo{Attributes: map[string]string{"person": "k-bob"}}, engine.Exists, engine.Active, "old")
	w.hire("bob")
	w.wants("bob", "adopt wiki/old needs-approval")
}

// A process dies after it began a removal that is the policy's doing. Until that is read back the removal is under way, not
// done: what is made again is still the policy's.
func TestThePolicysDoingIsRememberedWhileItIsUnderWay(t *testing.T) {
	w := narrow(t)
	w.engine.Settings.Limits.RevokePeople.Floor = 100
	delete(w.policy.rules, "b")
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.pass(5 * time.Minute)
	w.apply()
	w.pass(20 * time.Minute)
	again := 0
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpRevoke {
			again++
			if c.Cause != engine.CausePolicy {
				t.Errorf("revoke %s of %s is by %s", c.Entitlement, c.Account, c.Cause)
			}
		}
	}
	if again != 4 {
		t.Errorf("%d removals are made again", again)
	}
}

// A policy that only incomplete reads have seen gives something, and the next one takes it: that is the policy's doing, too.
func TestAPolicyThatNoCompleteReadHasSeenIsRemembered(t *testing.T) {
	w := narrow(t)
	w.engine.Settings.Limits.RevokePeople.Floor = 100
	wide := w.policy.rules["c"]
	w.policy.rules["c"] = []string{"wiki", "wiki/y"}
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
	w.later()
	w.has("p1", "y", true)
	w.proof = engine.Proof{}
	w.policy.rules["c"] = wide
	w.pass(time.Hour)
	n := 0
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpRevoke {
			if n++; c.Cause != engine.CausePolicy {
				t.Errorf("revoke %s of %s is by %s", c.Entitlement, c.Account, c.Cause)
			}
		}
	}
	if n == 0 {
		t.Error("nothing is taken")
	}
}

// A removal is under way while the policy changes twice; it turns out to have had no effect. The first of those policies
// desired the holding again, so the second one takes it.
func TestThePolicyIsRememberedForWhatIsBeingTaken(t *testing.T) {
	w := narrow(t)
	w.engine.Settings.Limits.RevokePeople.Floor = 100
	given, kept := w.policy.rules["b"], map[string]engine.Policy{}
	keep := func() { c := w.policy.clone(); kept[c.Hash()] = c }
	w.engine.Former = func(_ context.Context, hash string) (engine.Policy, error) { return kept[hash], nil }
	keep()
	w.roles("p1", "c")
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.roles("p1", "b", "c")
	w.pass(time.Minute)
	w.apply() // desired again
	delete(w.policy.rules, "b")
	w.policy.rules["d"] = given
	keep()
	w.pass(time.Minute)
	w.apply() // the policy takes it
	w.policy.rules["e"] = given
	w.pass(20 * time.Minute)
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpRevoke && c.Account == "p1" && c.Cause != engine.CausePolicy {
			t.Errorf("revoke %s of %s is by %s", c.Entitlement, c.Account, c.Cause)
		}
	}
	w.wants("p1", "revoke wiki/x ready")
}

// Somebody else suspends an account and wakes it again; what a new policy takes meanwhile is still that policy's doing.
func TestThePolicyIsRememberedForWhatSomebodyElseTook(t *testing.T) {
	w := narrow(t)
	w.engine.Settings.Limits.RevokePeople.Floor = 100
	w.targets["wiki"].Set("p1", engine.Active, false)
	w.later()
	delete(w.policy.rules, "b")
	delete(w.policy.rules, "c")
	w.pass(time.Hour)
	w.apply()
	w.targets["wiki"].Set("p1", engine.Active, true)
	w.pass(time.Second)
	suspended := false
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpSuspend && c.Account == "p1" {
			if suspended = true; c.Cause != engine.CausePolicy {
				t.Errorf("the suspend is by %s", c.Cause)
			}
		}
	}
	if !suspended {
		t.Error("the account stays")
	}
}

// An account is made, active, and its grants are not tried; the policy changes while the list can't be read. What the list
// shows later is that policy's doing.
func TestThePolicyIsRememberedForWhatNobodyCouldSee(t *testing.T) {
	w := narrow(t)
	w.engine.Settings.Limits.RevokePeople.Floor = 100
	w.hire("bob", "c")
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Op == "grant" {
			return enginetest.FailBefore
		}
		return enginetest.NoFault
	}
	w.later()
	delete(w.policy.rules, "b")
	delete(w.policy.rules, "c")
	w.lists(enginetest.Unreachable)
	w.later()
	w.lists(enginetest.NoFault)
	w.targets["wiki"].Set("bob", engine.Active, true)
	w.pass(time.Second)
	suspended := false
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpSuspend && c.Account == "bob" {
			if suspended = true; c.Cause != engine.CausePolicy {
				t.Errorf("the suspend is by %s", c.Cause)
			}
		}
	}
	if !suspended {
		t.Error("the account stays")
	}
}

// An extra was deleted, and the policy from before can't be had: only its name tells whether it had ended. If not, or if nobody
// can tell, its end is the policy's doing.
func TestAnExtraIsDeletedAndTheFormerPolicyIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		extra string
		want  engine.Cause
	}{
		"before its end":              {"until 2026-03-20", engine.CausePolicy},
		"on its last day":             {"until 2026-03-02", engine.CausePolicy},
		"perhaps not over everywhere": {"until 2026-03-01", engine.CausePolicy},
		"after its end":               {"until 2026-02-27", engine.CauseExpiry},
		"with a name of no date":      {"of old", engine.CausePolicy},
		"one of two has not ended":    {"until 2026-02-27|until 2026-03-20", engine.CausePolicy},
	} {
		w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
		w.apply()
		w.later()
		var rules []string
		for _, end := range strings.Split(c.extra, "|") {
			rules = append(rules, engine.ExtraPrefix+" k-zoe wiki/x "+end)
		}
		w.append(engine.Record{Kind: engine.KindAdopt, Program: "wiki", Account: "zoe", Person: "k-zoe", Entitlement: "x", Rules: rules})
		w.policy.rules = map[string][]string{"b": {"wiki"}, "c": {"wiki/x"}}
		w.roles("yan", "b", "c")
		i := slices.IndexFunc(w.mustPlan().Changes, func(c engine.Change) bool { return c.Op == engine.OpRevoke && c.Person == "k-zoe" })
		if i < 0 {
			t.Fatalf("%s: it is not taken", name)
		}
		if got := w.mustPlan().Changes[i]; got.Cause != c.want {
			t.Errorf("%s: cause %s: %q, want %s", name, got.Cause, got.Why, c.want)
		}
	}
}

// An extra that the policy no longer lists, and the former one did, was deleted before its time: by whoever changed the policy.
func TestAnExtraThatWasDeletedIsThePolicysDoing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.remember()
	w.apply()
	w.later()
	rule := engine.ExtraPrefix + " k-zoe wiki/x until 2026-02-27" // as the former policy could not be had, this would have ended
	w.append(engine.Record{Kind: engine.KindAdopt, Program: "wiki", Account: "zoe", Person: "k-zoe", Entitlement: "x", Rules: []string{rule}})
	w.policy.rules = map[string][]string{"b": {"wiki"}, "c": {"wiki/x"}}
	w.roles("yan", "b", "c")
	w.person("zoe").Roles = []string{"a", "b"}
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpRevoke && (c.Cause != engine.CausePolicy || !strings.Contains(strings.Join(c.Why, "; "), "would still give it")) {
			t.Errorf("%s of %s by %s: %q", c.Entitlement, c.Person, c.Cause, c.Why)
		}
	}
}

// What policy lists and is over has ended, whatever is known of the policy from before.
func TestAnExtraThatEndedAsListedHasEnded(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.apply()
	w.policy.until = map[string]time.Time{"a": w.now.Add(time.Hour)}
	w.policy.rules["c"] = []string{"wiki/y"}
	w.pass(2 * time.Hour)
	for _, c := range w.mustPlan().Changes {
		if c.Op == engine.OpRevoke && c.Cause != engine.CauseExpiry {
			t.Errorf("%s of %s by %s: %q", c.Entitlement, c.Person, c.Cause, c.Why)
		}
	}
}

// A doubt about what neither the list nor the journal names is over: it is gone, and not managed.
func TestADoubtAboutWhatNobodyNamesIsOver(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	for _, key := range []engine.FactKey{{Account: "ghost", Entitlement: engine.Active}, {Account: "yan", Entitlement: "ghost"}, {Account: "yan", Entitlement: "x"}} {
		key.Kind, key.Program = engine.FactDoubt, "wiki"
		w.append(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: key, Since: w.now, Text: "missing"}}})
	}
	w.targets["wiki"].Set("yan", "x", false)
	w.later()
	if f := w.memory().Facts(engine.FactDoubt); len(f) != 1 || f[0].Entitlement != "x" || f[0].Account != "yan" {
		t.Errorf("in doubt: %+v", f)
	}
}

// An account goes with the policy only if the former policy gave something in that program, not in another one.
func TestAnAccountGoesByTheFormerPolicyOfItsProgram(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}, "c": {"git/y"}}
	for _, login := range []string{"ann", "yan", "zoe"} {
		w.hire(login, "a", "c")
	}
	w.remember()
	w.apply()
	w.later()
	w.policy.rules["d"] = []string{"git/z"} // another policy
	w.roles("ann", "c")
	w.pass(time.Hour)
	p := w.mustPlan()
	if len(p.Changes) != 1 || p.Changes[0].Op != engine.OpSuspend || p.Changes[0].Cause != engine.CauseRule {
		t.Errorf("%v %+v", lines(p), p.Changes)
	}
}
