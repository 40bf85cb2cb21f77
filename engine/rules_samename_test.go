package engine_test

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// called gives somebody the login of another person, so that an account for both would have the same name.
func (w *world) called(login, other string) {
	w.person(login).Attributes = engine.Attributes{{Name: "login", Values: []string{other}}}
}

// An account that somebody removed by hand is still the one that its person is linked to: whoever has no link and would get one
// of that name waits, until it is clear that the person has left.
func TestALinkWinsWhileItsAccountIsMissing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.targets["wiki"].Set("zoe", engine.Exists, false)
	w.hire("bob", "a")
	w.called("bob", "zoe")
	w.later()
	w.wants("bob", `grant wiki/x blocked: the account "zoe" may belong to somebody else: it is linked to ZOE, and missing`)
	w.fire("zoe")
	for range 3 {
		w.later()
	}
	w.has("zoe", "x", true)
	w.wants("bob")
}

// nameTaken is a company in which an account is being made for bob, which is called like the one that zoe had until Rolecall
// deleted it; it is there, and nobody knows yet whose it is.
func nameTaken(t *testing.T) *world {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	wiki := w.program("wiki")
	wiki.Delete, wiki.Wait = true, time.Hour
	w.apply()
	w.roles("zoe")
	for n := 0; w.targets["wiki"].Has("zoe", engine.Exists) && n < 5; n++ {
		w.later()
	}
	w.hire("bob", "a")
	w.called("bob", "zoe")
	w.pass(time.Minute)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.targets["wiki"].AddAccount("zoe", engine.AccountInfo{Name: "zoe"}, engine.Exists, engine.Active, "x", "y")
	w.pass(time.Minute)
	return w
}

func TestAnAccountThatIsBeingMadeIsNotTheFormerOwners(t *testing.T) {
	t.Run("grant and adopt", func(t *testing.T) {
		w := nameTaken(t)
		w.targets["wiki"].Set("zoe", "y", false)
		w.roles("zoe", "a", "b")
		w.wants("zoe", "grant wiki/y blocked: an account of this name is being made for somebody else")
	})
	t.Run("adopt what policy does not give", func(t *testing.T) {
		w := nameTaken(t)
		w.program("wiki").Revoke = engine.RevokeAll
		w.roles("zoe", "a")
		w.wants("zoe")
	})
	t.Run("rename", func(t *testing.T) {
		w := nameTaken(t)
		w.targets["wiki"].Describes.Rename = true
		w.roles("zoe", "a", "b")
		w.person("zoe").Attributes = engine.Attributes{{Name: "login", Values: []string{"zoe2"}}}
		w.wants("zoe")
	})
}

// The run that reads back whose the account is goes by that already.
func TestAnAccountThatIsReadBackIsItsNewOwners(t *testing.T) {
	w := nameTaken(t)
	w.targets["wiki"].Set("zoe", "y", false)
	w.roles("zoe", "a", "b")
	w.pass(time.Hour)
	there := `blocked: an account "zoe" is there already`
	w.wants("zoe", "grant wiki/x "+there, "grant wiki/y "+there)
	w.apply()
	w.later()
	w.has("zoe", "y", false)
}

// Rolecall resumes what it suspended itself; that it once suspended another account of that name says nothing.
func TestASuspensionEndsWithItsAccount(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	wiki := w.program("wiki")
	wiki.Delete, wiki.Wait = true, time.Hour
	w.apply()
	w.roles("zoe")
	for n := 0; w.targets["wiki"].Has("zoe", engine.Exists) && n < 5; n++ {
		w.later()
	}
	w.hire("bob", "a")
	w.called("bob", "zoe")
	w.later()
	w.has("zoe", "x", true)
	w.targets["wiki"].Set("zoe", engine.Active, false)
	w.pass(time.Hour)
	w.wants("bob", "grant wiki blocked: suspended by somebody else")
}

// While a call to the former account of a name may be under way, no other account of that name is made.
func TestNoAccountIsMadeWhileAChangeOfTheFormerOneIsUnderWay(t *testing.T) {
	for _, claimed := range []bool{true, false} {
		w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
		w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
		w.apply()
		w.intends(engine.Change{Op: engine.OpGrant, Account: "ben", Entitlement: "wiki/y"})
		if claimed {
			w.claim()
		}
		w.hire("ben", "a")
		w.pass(time.Minute)
		want := []string{"create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready"}
		if claimed {
			want = []string{`grant wiki/x blocked: a change of a former account "ben" is not over yet`}
		}
		w.wants("ben", want...)
	}
}
