package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// doubtful makes the directory's read incomplete, but for the entries, or complete again.
func (w *world) doubtful(on bool) {
	if w.proof = (engine.Proof{}); on {
		w.proof.Add(engine.ReasonRefused, "not all may be seen")
	}
}

// under runs with a policy, which is kept.
func (w *world) under(kept map[string]engine.Policy, rules map[string][]string) {
	w.policy.rules = rules
	kept[w.policy.Hash()] = w.policy.clone()
	w.later()
}

// fourHolders is a company in which a wave of more than two needs an approval, and every policy is kept.
func fourHolders(t *testing.T) (*world, map[string]engine.Policy) {
	w, kept := company(t, map[string][]string{}), map[string]engine.Policy{}
	for _, login := range []string{"p1", "p2", "p3", "p4"} {
		w.hire(login, "c", "d")
	}
	w.engine.Settings.Limits.RevokePeople.Floor = 2
	w.engine.Former = func(_ context.Context, hash string) (engine.Policy, error) {
		if p := kept[hash]; p != nil {
			return p, nil
		}
		return nil, errors.New("not kept")
	}
	return w, kept
}

// What a run desires that does not see everybody was desired by its policy. Whoever changes that needs an approval as for any
// other, whether or not there was a run before that saw everybody.
func TestThePolicyOfARunThatDoesNotSeeEverybodyCounts(t *testing.T) {
	nothing := map[string][]string{"c": {}, "d": {}}
	for name, before := range map[string]func(w *world, kept map[string]engine.Policy){
		"the first runs of all": func(w *world, kept map[string]engine.Policy) {
			w.doubtful(true)
			w.under(kept, map[string][]string{"c": {"wiki/x"}})
		},
		"after one that saw everybody": func(w *world, kept map[string]engine.Policy) {
			w.under(kept, map[string][]string{"d": {"wiki/x"}})
			w.doubtful(true)
			w.under(kept, map[string][]string{"c": {"wiki/x"}})
			for _, login := range []string{"p1", "p2", "p3", "p4"} {
				w.roles(login, "c") // the first policy would give it no more, the second would
			}
		},
	} {
		w, kept := fourHolders(t)
		before(w, kept)
		w.has("p1", "x", true)
		w.doubtful(false)
		w.under(kept, nothing)
		for range 2 { // also when the new policy has been seen
			if ready, held := waveOf(w.later()); ready != 0 || held != 8 { // the right and the account
				t.Errorf("%s: %d ready, %d held", name, ready, held)
			}
		}
	}
}

// Policies that nobody could see the whole effect of are many where a directory is never read completely. Only the newest are
// fetched; what an older one may have given is taken after approval.
func TestManyPoliciesOfRunsThatDoNotSeeEverybody(t *testing.T) {
	w, kept := fourHolders(t)
	w.under(kept, map[string][]string{"d": {"wiki/x"}})
	w.doubtful(true)
	for n := range 40 {
		w.under(kept, map[string][]string{"c": {"wiki/x"}, fmt.Sprint("unused", n): {"wiki/y"}})
	}
	fetch, asked := w.engine.Former, map[string]bool{}
	w.engine.Former = func(ctx context.Context, hash string) (engine.Policy, error) {
		asked[hash] = true
		return fetch(ctx, hash)
	}
	w.doubtful(false)
	for _, login := range []string{"p1", "p2", "p3", "p4"} {
		w.roles(login)
	}
	w.policy.rules = map[string][]string{}
	w.pass(time.Hour)
	if ready, held := waveOf(w.mustPlan()); ready != 0 || held != 8 || len(asked) > 16 {
		t.Errorf("%d ready, %d held, %d policies fetched", ready, held, len(asked))
	}
}

// Somebody loses a right by a role, and before it is taken nobody can be seen for a while. What the policies of that while would have
// given is taken by whoever changed them, not by the loss of the role.
func TestThePoliciesWhileNobodyWasSeenCountForWhatWasLostBefore(t *testing.T) {
	lostBeforeUnseen(t, (*world).stuck)
}

// The same where nothing of it is under way: also when the policies of that while are not among those of the last run any more.
func TestThePoliciesWhileSomebodyWasUnseenCountForWhatTheyLostBefore(t *testing.T) {
	lostBeforeUnseen(t, func(w *world) { w.policy.grace = 1000 * time.Hour })
}

// lostBeforeUnseen says whose doing a removal is; keep keeps it from being made.
func lostBeforeUnseen(t *testing.T, keep func(*world)) {
	t.Helper()
	w, kept := fourHolders(t)
	w.under(kept, map[string][]string{"c": {"wiki/z"}, "d": {"wiki/x"}})
	keep(w)
	w.roles("p1", "c")
	w.later()
	by := func(when string, want engine.Cause) {
		t.Helper()
		got := engine.Cause("")
		for _, c := range w.mustPlan().Changes {
			if c.Person == "k-p1" && c.Right() == "x" && c.Op == engine.OpRevoke {
				got = c.Cause
			}
		}
		if got != want {
			t.Errorf("%s: by %q", when, got)
		}
	}
	by("before", engine.CauseRule)
	all := slices.Clone(w.people)
	w.proof.Add(engine.ReasonPartial, "cut")
	w.vanish("p1") // behind the cut, so that nothing is judged anew
	w.under(kept, map[string][]string{"c": {"wiki/x", "wiki/z"}, "d": {"wiki/x"}})
	w.proof, w.people = engine.Proof{}, all
	w.policy.rules = map[string][]string{"c": {"wiki/z"}, "d": {"wiki/x", "wiki/y"}}
	kept[w.policy.Hash()] = w.policy.clone()
	w.pass(time.Hour)
	by("in the plan that sees everybody again", engine.CausePolicy)
	w.later()
	by("later", engine.CausePolicy)
}
