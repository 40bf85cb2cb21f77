package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// signed is a crowd whose policy ann changed first, and bob then, so that p0 to p9 are to lose wiki/y.
func signed(t *testing.T) *world {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople.Floor = 3
	versions := []engine.PolicyChange{{Time: w.now, Hash: w.policy.Hash(), Authors: []string{"Eve <eve@example.com>"}}}
	w.engine.Changes = func(context.Context) ([]engine.PolicyChange, error) { return versions, nil }
	w.engine.SamePerson = func(names []string, author string) bool { return engine.SameAuthor(nil, names, author) }
	w.policy.rules["d"] = []string{"wiki/z"}
	versions = append(versions, engine.PolicyChange{Time: w.now, Hash: w.policy.Hash(), Authors: []string{"Ann A. <ann@example.com>"}})
	w.policy.rules["b"] = []string{"wiki"}
	versions = append(versions, engine.PolicyChange{Time: w.now, Hash: w.policy.Hash(), Authors: []string{"Bob <x@example.com>"}})
	w.later()
	return w
}

func (w *world) approveAs(actor string) error {
	_, err := w.engine.Approve(w.t.Context(), actor, []string{"all"}, "fine")
	return err
}

func TestNobodyApprovesTheirOwnChange(t *testing.T) {
	w := signed(t)
	if len(w.items()) == 0 {
		t.Fatal("nothing waits")
	}
	for _, actor := range []string{"bob", "ann", "ANN"} {
		if err := w.approveAs(actor); !errors.Is(err, engine.ErrOwnChange) {
			t.Errorf("%s approved what follows from their own change: %v", actor, err)
		}
	}
	refusals := 0
	err := w.journal.Records(t.Context(), engine.Query{Kind: engine.KindRefusal, Actor: "bob"}, func(engine.Record) error { refusals++; return nil })
	if err != nil || refusals != 1 {
		t.Errorf("%d refusals are recorded: %v", refusals, err)
	}
	if _, err := w.engine.Reject(t.Context(), "bob", []string{w.items()[0].ID}, "no"); err != nil {
		t.Errorf("bob may take his change back: %v", err)
	}
	if err := w.approveAs("eve"); err != nil { // whose version still gave it
		t.Error(err)
	}
	w.pass(time.Minute)
	w.apply()
	if w.targets["wiki"].Has("p1", "y") && w.targets["wiki"].Has("p2", "y") {
		t.Error("what somebody else approved did not happen")
	}
}

// What follows from a person's own entry is nobody's change of the policy.
func TestAuthorsApproveWhatIsNotTheirs(t *testing.T) {
	w := signed(t)
	w.reject()
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("yan", "b")
	w.later()
	if err := w.approveAs("bob"); err != nil {
		t.Error(err)
	}
}

func TestAuthorsDoNotApproveGrantsOfTheirRules(t *testing.T) {
	for age, want := range map[time.Duration]error{time.Hour: engine.ErrOwnChange, 30 * time.Hour: nil} {
		w := crowd(t)
		w.engine.Settings.Limits.Grant = tight(1)
		changed := w.now.Add(time.Hour - age)
		w.engine.Changes = func(context.Context) ([]engine.PolicyChange, error) {
			return []engine.PolicyChange{{Time: changed, Hash: "h", Authors: []string{"Bob <bob@example.com>"}}}, nil
		}
		w.engine.SamePerson = func(names []string, author string) bool { return engine.SameAuthor(nil, names, author) }
		w.policy.rules["a"] = []string{"wiki/x", "wiki/more"}
		w.later()
		if err := w.approveAs("bob"); !errors.Is(err, want) {
			t.Errorf("a change %s before: %v", age, err)
		}
	}
}

// A rule is its author's as long as it gives, however late its grants are kept back; so is what came while they wait.
func TestGrantsBelongToWhoBroughtInTheirRules(t *testing.T) {
	for actor, want := range map[string]error{"eve": nil, "bob": engine.ErrOwnChange, "carl": nil, "dan": engine.ErrOwnChange, "fay": engine.ErrOwnChange} {
		w := crowd(t)
		w.engine.Settings.Limits.Grant = tight(1)
		w.engine.SamePerson = func(names []string, author string) bool { return engine.SameAuthor(nil, names, author) }
		version := func(who string, at time.Time) engine.PolicyChange {
			v := engine.PolicyChange{Time: at, Hash: w.policy.Hash(), Authors: []string{who + " <" + who + "@example.com>"}, Rules: map[string]string{}}
			for _, r := range w.policy.Rules() {
				v.Rules[r.Name] = r.Hash
			}
			return v
		}
		begun := w.now
		var versions []engine.PolicyChange
		for n, who := range []string{"eve", "bob", "carl", "bob", "carl"} {
			switch n {
			case 1: // in between it was another rule
				w.policy.rules["a"] = []string{"wiki/x", "wiki/most"}
			case 3:
				w.policy.rules["a"] = []string{"wiki/x", "wiki/more"}
			default:
				w.policy.rules["d"] = []string{"wiki/" + who}
			}
			versions = append(versions, version(who, begun.Add(time.Duration(n)*time.Minute)))
		}
		w.engine.Changes = func(context.Context) ([]engine.PolicyChange, error) { return versions, nil }
		w.pass(50 * time.Hour)
		versions = append(versions, version("fay", w.now.Add(-23*time.Hour))) // took a block away, perhaps
		w.apply()
		w.pass(time.Hour)
		versions = append(versions, version("dan", w.now))
		if err := w.approveAs(actor); !errors.Is(err, want) {
			t.Errorf("%s: %v", actor, err)
		}
		versions[1].Rules = nil
		if err := w.approveAs("carl"); !errors.Is(err, engine.ErrOwnChange) && actor != "carl" && actor != "eve" {
			t.Errorf("nobody can tell what carl's version changed, and yet: %v", err)
		}
	}
}

// Where nobody knows which version still gave what is to be taken, it may follow from each.
func TestRemovalsOfNoKnownVersionFollowFromAll(t *testing.T) {
	w := signed(t)
	all, _ := w.engine.Changes(t.Context())
	for i := range all {
		all[i].Hash = fmt.Sprint(i)
	}
	for _, actor := range []string{"eve", "ann", "bob"} {
		if err := w.approveAs(actor); !errors.Is(err, engine.ErrOwnChange) {
			t.Errorf("%s: %v", actor, err)
		}
	}
}

// Where it can't be told who changed the policy, or that can't be read, nothing is approved.
func TestUnknownAuthorsApproveNothing(t *testing.T) {
	w := signed(t)
	all, _ := w.engine.Changes(t.Context())
	all[2].Authors, all[2].Unknown = nil, "the files are not committed"
	if err := w.approveAs("zed"); !errors.Is(err, engine.ErrUnknownAuthor) {
		t.Errorf("%v", err)
	}
	broken := errors.New("no disk")
	w.engine.Changes = func(context.Context) ([]engine.PolicyChange, error) { return nil, broken }
	if err := w.approveAs("zed"); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	w.engine.Changes = nil
	if err := w.approveAs("bob"); err != nil {
		t.Error(err)
	}
}

func TestSameAuthor(t *testing.T) {
	known := map[string][]string{"alice": {"a.adler@example.com", "Ali"}, "root": {}}
	for _, c := range []struct {
		login, author string
		want          bool
	}{
		{"bob", "Robert <bob@example.com>", true}, {"bob", "Robert <BOB@x>", true}, {"bob", "bob <r@x>", true}, {"bob", "Bobby <bobby@x>", false},
		{"alice", "A <A.Adler@example.com>", true}, {"alice", "Ali <x@y>", true}, {"alice", "Alice <alice@elsewhere.org>", true},
		{"a.adler", "A <a.adler@example.com>", false}, {"root", "root <root@host>", true}, {"bob", "", false}, {"ali", "Ali <ali@y>", false}, {"", " <@>", true},
	} {
		if got := engine.SameAuthor(known, []string{c.login}, c.author); got != c.want {
			t.Errorf("%q and %q: %v", c.login, c.author, got)
		}
	}
	for _, c := range []struct {
		names  []string
		author string
		want   bool
	}{ // whoever signs in on the page is known by several
		{[]string{"ann.smith@corp.com", "Alice", "alice"}, "Ann Smith <a.adler@example.com>", true}, {[]string{"oidc:1", "ALICE"}, "x <a.adler@example.com>", true},
		{[]string{"ann.smith@corp.com", "A. Adler"}, "A. Adler <a.adler@example.com>", false}, {[]string{"oidc:1", "bob@corp.com", "bob"}, "Robert <bob@home.org>", true},
	} {
		if got := engine.SameAuthor(known, c.names, c.author); got != c.want {
			t.Errorf("%q and %q: %v", c.names, c.author, got)
		}
	}
}
