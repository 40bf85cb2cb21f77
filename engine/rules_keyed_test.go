package engine_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// Where accounts bear the directory's own keys the account is another one: it is followed, and a leaver loses it.
func TestReKeyedPeopleAreFollowedIntoKeyedPrograms(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.targets["wiki"].Describes = engine.Description{Keyed: true}
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}, "c": {"git/z"}}
	w.hire("p5", "c") // who has nothing there yet
	for _, login := range []string{"p1", "p2", "p3", "p4"} {
		w.hire(login, "a", "b")
	}
	w.apply()
	w.later()
	w.anew()
	w.hire("late", "a")
	w.person("late").Key = "k-late" // not linked yet, and of a key that stays
	for _, login := range []string{"p1", "p2", "p3", "p4"} {
		for _, right := range []string{"x", "y"} {
			w.targets["wiki"].Set("k-"+login, right, false)
			w.targets["wiki"].Set("new-k-"+login, right, login != "p4")
		}
	}
	w.later()
	w.lists(enginetest.PartialList)
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed()[:5], nil); err == nil || !strings.Contains(err.Error(), "can't be read completely now") {
		t.Errorf("confirmed: %v", err)
	}
	w.lists(enginetest.NoFault)
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed()[:5], nil); err != nil {
		t.Fatal(err)
	}
	mem := w.memory().Program("wiki")
	for _, row := range mem.Rows {
		if row.Managed && strings.HasPrefix(mem.Accounts[row.Account], "k-p") {
			t.Errorf("managed still: %s", mem.Accounts[row.Account])
		}
	}
	w.wants("p1")
	w.roles("p2", "a")
	w.wants("p2", "revoke wiki/y ready") // it is managed
	w.roles("p5", "a", "c")
	w.fire("p3")
	for range 4 {
		w.later()
	}
	for account, want := range map[string]bool{"new-k-p1": true, "new-k-p2": false, "new-k-p3": false} {
		w.has(account, "y", want)
	}
	for account, want := range map[string]bool{"new-k-p1": true, "new-k-p2": true, "new-k-p3": false, "new-k-p4": true, "new-k-p5": true, "k-late": true} {
		w.has(account, "x", want)
	}
	for _, h := range w.targets["wiki"].Truth() {
		if strings.HasPrefix(h.Account, "k-p") {
			t.Errorf("%s is given to a key that is gone", h.Account)
		}
	}
	for _, l := range lines(w.mustPlan()) {
		t.Error(l)
	}
}

// An account that another person was linked to is nobody else's.
func TestReKeyTakesNobodysKeyedAccount(t *testing.T) {
	w := newWorld(t, "wiki")
	w.targets["wiki"].Describes = engine.Description{Keyed: true}
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.hire("p1", "a")
	w.hire("p2", "a")
	w.apply()
	w.later()
	if err := w.engine.Adopt(t.Context(), "boss", "wiki", "r", []engine.Pairing{{Account: "new-k-p1", Person: "k-other"}}); err != nil {
		t.Fatal(err)
	}
	w.anew()
	w.later()
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed(), []string{"k-other"}); err == nil || !strings.Contains(err.Error(), "belongs to person \"k-other\" already") {
		t.Errorf("confirmed: %v", err)
	}
}

// What policy and configuration say of somebody holds by the key of before and by the one of now.
func TestReKeyedPeopleAreCalledByBothKeys(t *testing.T) {
	for _, name := range []string{"k-p3", "new-k-p3", "p3"} {
		w := crowd(t)
		w.anew()
		w.later()
		if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed(), nil); err != nil {
			t.Fatal(err)
		}
		w.policy.blocks = map[string]string{name: "wiki/y"}
		w.later()
		w.has("p3", "y", false)
		w.has("p4", "y", true)
		w.policy.blocks = nil
		w.later()
		w.engine.Settings.ProtectedPeople = []string{name}
		w.fire("p3")
		w.wants("p3", "suspend wiki needs-approval: the person is protected", "revoke wiki/x needs-approval: the person is protected", "revoke wiki/y needs-approval: the person is protected")
		if name == "p3" {
			continue // who is absent has no login
		}
		w.vanish("p3")
		for range 3 {
			w.later()
		}
		w.wants("p3", "suspend wiki needs-approval: the person is protected", "revoke wiki/x needs-approval: the person is protected", "revoke wiki/y needs-approval: the person is protected")
	}
}

// A cut reaches an account that is linked under the key by which the directory knows somebody now, by either key.
func TestACutFollowsBothKeys(t *testing.T) {
	for _, called := range []string{"k-p1", "new-k-p1", "p1"} {
		w := newWorld(t, "git", "wiki")
		w.targets["wiki"].Describes = engine.Description{Keyed: true}
		w.policy.rules = map[string][]string{"c": {"git/z"}, "a": {"wiki/x"}}
		for _, login := range []string{"p1", "p2", "p3", "p4"} {
			w.hire(login, "c")
		}
		w.apply() // nobody has anything in the keyed program
		w.later()
		w.anew()
		w.targets["wiki"].Set("new-k-p1", "x", true) // so that it is linked to nobody but itself
		w.later()
		if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed()[:4], nil); err != nil {
			t.Fatal(err)
		}
		w.has("new-k-p1", "x", true)
		if _, _, err := w.engine.Cut(t.Context(), "boss", called, "stolen"); err != nil {
			t.Fatalf("%s: %v", called, err)
		}
		w.has("new-k-p1", "x", false)
	}
}
