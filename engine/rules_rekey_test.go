package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// anew gives everybody another key, as a directory does that was loaded anew.
func (w *world) anew() {
	for i := range w.people {
		w.people[i].Key = "new-" + w.people[i].Key
	}
}

func TestReKeyedPeopleKeepEverything(t *testing.T) {
	w := crowd(t)
	w.anew()
	w.later()
	found, err := w.engine.ReKeyed(t.Context(), w.journal)
	if err != nil || len(found.Lines) != 12 || len(found.Others) != 0 {
		t.Fatalf("%+v %v", found, err)
	}
	var pairs []engine.KeyPair
	for _, l := range found.Lines {
		if len(l.People) != 1 || l.People[0].Person != "new-"+l.Person || l.Sure != engine.Certain {
			t.Errorf("%+v", l)
		}
		pairs = append(pairs, engine.KeyPair{Person: l.Person, Key: "new-" + l.Person})
	}
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", pairs[:11], nil); !errors.Is(err, engine.ErrUnsettled) {
		t.Errorf("somebody is left out: %v", err)
	}
	if err := w.engine.ReKey(t.Context(), "boss", " ", pairs, nil); !errors.Is(err, engine.ErrNoReason) {
		t.Errorf("no reason: %v", err)
	}
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", pairs[:11], []string{pairs[11].Person}); err != nil {
		t.Fatal(err)
	}
	gone := map[string]bool{}
	for range 5 {
		for _, c := range w.later().Changes {
			if c.Op.Takes() {
				gone[c.Person] = true
			}
		}
	}
	if len(gone) != 1 || !gone[pairs[11].Person] || w.noted("rekeyed") {
		t.Errorf("only one has left: %v", gone)
	}
}

// Wrong pairs are refused whole.
func TestReKeyRefuses(t *testing.T) {
	w := crowd(t)
	w.people = w.people[1:] // one vanished
	w.hire("fresh", "a")
	w.later()
	gone, here, fresh := "k-yan", "k-p1", "k-fresh"
	for name, c := range map[string]struct {
		pairs []engine.KeyPair
		left  []string
		says  string
	}{
		"a link would move":  {[]engine.KeyPair{{Person: gone, Key: here}}, nil, "links never move"},
		"who is there":       {[]engine.KeyPair{{Person: here, Key: "k-x"}}, nil, "did not vanish"},
		"to nobody":          {[]engine.KeyPair{{Person: gone, Key: "k-x"}}, nil, "has no person"},
		"left and there":     {nil, []string{here}, "did not vanish"},
		"paired and left":    {[]engine.KeyPair{{Person: gone, Key: "k-x"}}, []string{gone}, "named twice"},
		"nobody":             {nil, nil, "nobody was named"},
		"fresh has accounts": {[]engine.KeyPair{{Person: gone, Key: fresh}}, nil, "has accounts already"},
	} {
		if err := w.engine.ReKey(t.Context(), "boss", "r", c.pairs, c.left); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A directory that shows both keys of a person says nothing about them, and is not complete.
func TestBothKeysAtOnceSayNothing(t *testing.T) {
	w := crowd(t)
	former := w.people[3]
	w.anew()
	w.later()
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed(), nil); err != nil {
		t.Fatal(err)
	}
	w.later()
	former.State, former.Marked, former.StateWhy = engine.StateLeft, true, "old entry"
	w.people = append(w.people, former)
	for range 5 {
		p := w.later()
		if p.Proofs[0].Complete() || p.Proofs[0].Reasons[0].Code != engine.ReasonDuplicate {
			t.Fatalf("%+v", p.Proofs[0].Reasons)
		}
		for _, c := range p.Changes {
			if c.Op.Takes() {
				t.Fatalf("something is taken: %v", lines(p))
			}
		}
	}
}

// What was decided under the new key meanwhile is not lifted by the confirmation.
func TestACutUnderTheNewKeyStays(t *testing.T) {
	w := crowd(t)
	w.anew()
	w.later()
	if _, _, err := w.engine.Cut(t.Context(), "boss", "new-k-p3", "stop"); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.ReKey(t.Context(), "boss", "loaded anew", w.renamed(), nil); err != nil {
		t.Fatal(err)
	}
	w.later()
	w.has("p3", engine.Active, false)
	w.has("p4", engine.Active, true)
}

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

func (w *world) renamed() (pairs []engine.KeyPair) {
	for i := range w.people {
		pairs = append(pairs, engine.KeyPair{Person: strings.TrimPrefix(w.people[i].Key, "new-"), Key: w.people[i].Key})
	}
	return pairs
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
