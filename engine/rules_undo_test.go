package engine_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// undoneLine finds the one line of a preview about an operation on an account.
func (w *world) undoneLine(run string, op engine.Op, account, right string) engine.Undone {
	w.t.Helper()
	list, err := w.engine.UndoPreview(w.t.Context(), w.journal, run)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, u := range list {
		if u.Change.Op == op && u.Change.Account == account && u.Change.Right() == right {
			return u
		}
	}
	w.t.Fatalf("%s %s of %s is not in the list: %+v", op, right, account, list)
	return engine.Undone{}
}

// What can't be restored is in the list, with its reason, and Undo leaves it alone.
func TestUndoSaysWhatItCannotRestore(t *testing.T) {
	took := func(w *world) string { w.lose("p0"); w.pass(time.Hour); _, r := w.apply(); return r.Run }
	gave := func(w *world) string { w.hire("new", "a"); w.pass(time.Hour); _, r := w.apply(); return r.Run }
	for name, c := range map[string]struct {
		run     func(w *world) string
		since   func(w *world)
		op      engine.Op
		account string
		right   string
		inverse engine.Op
		cannot  string
		partly  string
	}{
		"a right":         {run: took, op: engine.OpRevoke, account: "p0", right: "y", inverse: engine.OpGrant, partly: "what the program dropped together with the right (shares, settings, data) stays dropped"},
		"a grant":         {run: gave, op: engine.OpGrant, account: "new", right: "x", inverse: engine.OpRevoke, partly: "what was done with it meanwhile"},
		"an account made": {run: gave, op: engine.OpCreate, account: "new", right: engine.Exists, cannot: "the account stays as it is"},
		"a leaver":        {run: func(w *world) string { w.fire("p0"); w.pass(time.Hour); _, r := w.apply(); return r.Run }, op: engine.OpSuspend, account: "p0", cannot: "nothing is given back to leavers"},
		"a cut":           {run: func(w *world) string { _, r, _ := w.engine.Cut(w.t.Context(), "boss", "p0", "stop"); return r.Run }, op: engine.OpSuspend, account: "p0", cannot: "nothing is given back to leavers and people who are cut off"},
		"somebody away": {run: func(w *world) string {
			w.program("wiki").Away = "suspend"
			w.person("p0").State = engine.StateAway
			w.pass(time.Hour)
			_, r := w.apply()
			return r.Run
		}, op: engine.OpSuspend, account: "p0", inverse: engine.OpResume, partly: "sessions and tokens that ended stay ended; the password is what the program has now"},
		"has left since": {run: took, since: func(w *world) { w.fire("p0") }, op: engine.OpRevoke, account: "p0", right: "y", cannot: "the person has left since"},
		"vanished since": {run: took, since: func(w *world) { w.vanish("p0") }, op: engine.OpRevoke, account: "p0", right: "y", cannot: "the person is in the directory no more"},
		"cut off since":  {run: took, since: func(w *world) { w.cutOff("p0") }, op: engine.OpRevoke, account: "p0", right: "y", cannot: "the person is cut off"},
		"blocked since":  {run: took, since: func(w *world) { w.policy.blocks = map[string]string{"k-p0": "wiki/y"} }, op: engine.OpRevoke, account: "p0", right: "y", cannot: "a block or a conflict forbids it now"},
		"blocked before the first day": {run: took, since: func(w *world) {
			w.policy.blocks = map[string]string{"k-p0": "wiki/y"}
			w.person("p0").State = engine.StateUpcoming
		}, op: engine.OpRevoke, account: "p0", right: "y", cannot: "a block or a conflict forbids it now"},
		"back already": {run: took, since: func(w *world) { w.roles("p0", "a", "b"); w.later() }, op: engine.OpRevoke, account: "p0", right: "y", cannot: "it is there again already"},
		"lost since":   {run: gave, since: func(w *world) { w.roles("new", "b"); w.later() }, op: engine.OpGrant, account: "new", right: "x", cannot: "it is gone already"},
		"deleted since": {run: took, since: func(w *world) {
			w.targets["wiki"].Set("p0", engine.Exists, false)
			w.targets["wiki"].Set("p0", engine.Active, false)
			w.later()
		}, op: engine.OpRevoke, account: "p0", right: "y", cannot: "the account is gone since, with its data, password and sessions"},
		"suspended since": {run: took, since: func(w *world) { w.targets["wiki"].Set("p0", engine.Active, false); w.later() }, op: engine.OpRevoke, account: "p0", right: "y", inverse: engine.OpGrant, partly: "the account is suspended"},
		"nobody can tell": {run: took, since: func(w *world) {
			w.vanish("p0")
			w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
		}, op: engine.OpRevoke, account: "p0", right: "y", inverse: engine.OpGrant, partly: "whether the person is still there can't be told now"},
		"adopted": {run: func(w *world) string {
			w.targets["wiki"].Set("p0", "z", true)
			w.policy.rules["a"] = []string{"wiki/x", "wiki/z"}
			w.pass(time.Hour)
			_, r := w.apply()
			return r.Run
		}, op: engine.OpAdopt, account: "p0", right: "z", cannot: "it was only adopted"},
		"refused": {run: func(w *world) string {
			w.lose("p0")
			w.once(enginetest.Refuse)
			w.pass(time.Hour)
			_, r := w.apply()
			return r.Run
		}, op: engine.OpRevoke, account: "p0", right: "y", cannot: "it changed nothing (refused)"},
		"not made yet": {run: func(w *world) string {
			w.lose("p0")
			_ = w.engine.Pause(w.t.Context(), "boss", "wiki", "x")
			w.pass(time.Hour)
			_, r := w.apply()
			return r.Run
		}, op: engine.OpRevoke, account: "p0", right: "y", inverse: engine.OpGrant, partly: "if it was not begun it is withdrawn"},
	} {
		w := crowd(t)
		run := c.run(w)
		if c.since != nil {
			c.since(w)
		}
		u := w.undoneLine(run, c.op, c.account, c.right)
		if u.Inverse != c.inverse || !strings.HasPrefix(u.Cannot, c.cannot) || (c.cannot == "") != (u.Cannot == "") || !strings.Contains(u.Partly, c.partly) {
			t.Errorf("%s: inverse %q, cannot %q, partly %q", name, u.Inverse, u.Cannot, u.Partly)
		}
		if _, err := w.engine.Undo(t.Context(), w.journal, "boss", run, "no"); err != nil {
			continue
		}
		for _, f := range w.memory().Facts(engine.FactUndone) {
			if c.cannot != "" && f.Account == c.account && f.Entitlement == c.right {
				t.Errorf("%s: what can't be undone is frozen", name)
			}
		}
	}
}

// A block goes before an undo, also for people of whom policy says nothing now.
func TestABlockGoesBeforeAnUndo(t *testing.T) {
	for _, state := range []engine.State{engine.StateActive, engine.StateUpcoming, engine.StateUnknown} {
		for _, blocked := range []bool{false, true} {
			w := crowd(t)
			w.lose("p0")
			w.pass(time.Hour)
			_, r := w.apply()
			if _, err := w.engine.Undo(t.Context(), w.journal, "boss", r.Run, "no"); err != nil {
				t.Fatal(err)
			}
			w.person("p0").State = state
			w.person("p0").Changed = "" // else a new policy ends the undo
			if blocked {
				w.policy.blocks = map[string]string{"k-p0": "wiki/y"}
			}
			w.later()
			if got := w.targets["wiki"].Has("p0", "y"); got != (!blocked && state != engine.StateUnknown) {
				t.Errorf("%s, blocked %t: has it %t", state, blocked, got)
			}
		}
	}
}

// A deleted account is in the list of the run that deleted it.
func TestUndoOfADelete(t *testing.T) {
	w := crowd(t)
	p := w.program("wiki")
	p.Delete, p.Wait = true, time.Hour
	w.roles("p0")
	w.later()
	var run string
	for range 4 {
		w.pass(2 * time.Hour)
		if plan, r := w.apply(); states(plan, engine.OpDelete)[engine.Ready] == 1 {
			run = r.Run
		}
	}
	if u := w.undoneLine(run, engine.OpDelete, "p0", engine.Exists); !strings.HasPrefix(u.Cannot, "the account was deleted, with its data, password and sessions") || u.Inverse != "" {
		t.Errorf("%+v", u)
	}
}

// Undo converges: after the next runs nothing is left to do, and what was in the list with an inverse is as before the run.
func TestUndoConverges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := crowd(t)
		roles := func() []string {
			return rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b"}), 0, 2, rapid.ID[string]).Draw(rt, "roles")
		}
		for _, login := range []string{"p0", "p1", "p2"} {
			w.roles(login, roles()...)
		}
		w.later()
		w.later()
		before := w.targets["wiki"].Truth()
		for _, login := range []string{"p0", "p1", "p2", "p3"} {
			if what := rapid.SampledFrom([]string{"move", "leave", "stay"}).Draw(rt, "what"); what == "move" {
				w.roles(login, roles()...)
			} else if what == "leave" {
				w.fire(login)
			}
		}
		w.pass(time.Hour)
		_, r := w.apply()
		list, err := w.engine.Undo(t.Context(), w.journal, "boss", r.Run, "no")
		if len(list) == 0 || err != nil {
			return // nothing can be undone
		}
		w.later()
		w.later()
		if p := w.later(); p.Ready() != 0 {
			rt.Fatalf("it goes on and on: %v", lines(p))
		}
		for _, u := range list {
			held := false
			for _, h := range before {
				held = held || h.Account == u.Change.Account && h.Entitlement == u.Change.Right()
			}
			if now := w.targets["wiki"].Has(u.Change.Account, u.Change.Right()); u.Cannot == "" && now != held {
				rt.Fatalf("%s %s of %s: held before %v, after the undo %v", u.Change.Op, u.Change.Entitlement, u.Change.Account, held, now)
			}
		}
	})
}
