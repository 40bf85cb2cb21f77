package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// failingWorld has so many people who are to get an account of wiki, and counts the calls that change it; all go wrong as fault says.
func failingWorld(t *testing.T, people int, fault *enginetest.Fault) (*world, *int) {
	w, calls := newWorld(t, "wiki"), new(int)
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	for n := range people {
		w.hire(fmt.Sprintf("p%02d", n), "a")
	}
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() {
			return enginetest.NoFault
		}
		*calls++
		return *fault
	}
	return w, calls
}

func (w *world) fact(kind string) (engine.Fact, bool) {
	return w.memory().Fact(engine.FactKey{Kind: kind, Program: "wiki"})
}

// A program whose calls fail gets five, and no more before the next run; what else is to be done there stays open.
func TestAProgramWhoseCallsFailIsSetAside(t *testing.T) {
	for name, fault := range map[string]enginetest.Fault{"lost": enginetest.LoseBefore, "failed": enginetest.FailBefore} {
		t.Run(name, func(t *testing.T) {
			w, calls := failingWorld(t, 20, &fault)
			_, r := w.apply()
			if *calls != 5 || len(r.SetAside) != 1 || r.SetAside[0].Program != "wiki" || r.SetAside[0].Failed != 5 || r.SetAside[0].Error == "" {
				t.Fatalf("%d calls, set aside: %+v", *calls, r.SetAside)
			}
			if f, is := w.fact(engine.FactAside); !is || f.Count != 5 || strings.Contains(string(f.Data), "p00") {
				t.Errorf("the journal says %+v, %v", f, is)
			}
			unclaimed := slices.DeleteFunc(w.memory().Open, func(i engine.Intent) bool { return !i.Claimed.IsZero() })
			if len(unclaimed) != 31 { // an account and its use, of fifteen people, and the use of the last one that failed
				t.Errorf("%d intents are open and nobody's", len(unclaimed))
			}
			if n := r.Outcomes[engine.Failed] + r.Outcomes[engine.Uncertain]; n != 9 || len(r.Failures) != 9 { // the use of four needs their accounts
				t.Errorf("outcomes: %v", r.Outcomes)
			}
			for range 3 { // the sweeps of a daemon
				w.pass(time.Minute)
				if _, err := w.engine.Work(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if *calls != 5 {
				t.Errorf("%d calls before the next run", *calls)
			}
		})
	}
}

// The next run begins with one call, by whatever process; if that succeeds all of it is done.
func TestTheNextRunTriesAProgramThatWasSetAside(t *testing.T) {
	fault := enginetest.LoseBefore
	w, calls := failingWorld(t, 20, &fault)
	w.apply()
	since, _ := w.fact(engine.FactAside)
	if a, err := w.engine.Why(t.Context(), "p07", ""); err != nil || !slices.ContainsFunc(a.Notes, func(s string) bool { return strings.HasPrefix(s, "wiki is set aside since") }) {
		t.Errorf("why: %v, %v", a, err)
	}
	for n := 6; n < 9; n++ {
		w.pass(time.Hour)
		p, r := w.apply()
		if *calls != n || len(r.SetAside) != 1 || r.SetAside[0].Failed != n || !r.SetAside[0].Since.Equal(since.Since) {
			t.Errorf("%d calls, set aside: %+v", *calls, r.SetAside)
		}
		if !slices.ContainsFunc(p.Notices, func(n engine.Notice) bool {
			return n.Code == engine.NoticeAside && n.Level == "alarm" && n.Program == "wiki"
		}) {
			t.Errorf("no alarm: %v", p.Notices)
		}
	}
	fault = enginetest.NoFault
	w.pass(time.Hour)
	_, r := w.apply()
	if !slices.Equal(r.Again, []string{"wiki"}) || len(r.SetAside) > 0 {
		t.Errorf("works again: %v, set aside: %v", r.Again, r.SetAside)
	}
	if _, is := w.fact(engine.FactAside); is {
		t.Error("it stays set aside")
	}
	if f, is := w.fact(engine.FactBack); !is || !f.Until.Equal(since.Since) {
		t.Errorf("nobody is told that it works again: %+v", f)
	}
	w.pass(time.Hour)
	w.apply() // what was lost is read back, and made
	if n := strings.Count(w.truth("wiki"), ".exists"); n != 20 || len(w.memory().Open) > 0 {
		t.Errorf("%d accounts, %d intents open", n, len(w.memory().Open))
	}
	if !w.noted(engine.NoticeBack) {
		t.Error("no notice that it works again")
	}
	w.pass(25 * time.Hour)
	w.apply()
	if _, is := w.fact(engine.FactBack); is || w.noted(engine.NoticeBack) {
		t.Error("it is told for ever")
	}
}

// What one account's calls come to says nothing of the program, and a refusal is an answer.
func TestOneAccountOrRefusalsSetNothingAside(t *testing.T) {
	fault := enginetest.Refuse
	w, calls := failingWorld(t, 20, &fault)
	_, r := w.apply()
	if *calls != 20 || len(r.SetAside) > 0 {
		t.Errorf("refused: %d calls, set aside: %v", *calls, r.SetAside)
	}
	w = newWorld(t, "wiki")
	for n := range 12 {
		w.policy.rules["a"] = append(w.policy.rules["a"], fmt.Sprintf("wiki/r%02d", n))
	}
	w.hire("ann", "a")
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Op == "grant" {
			return enginetest.FailBefore
		}
		return enginetest.NoFault
	}
	if _, r := w.apply(); len(r.SetAside) > 0 || r.Outcomes[engine.Failed] < 12 {
		t.Errorf("one account: %v, set aside: %v", r.Outcomes, r.SetAside)
	}
}

// A batch is one call; what comes after one that failed is not sent.
func TestABatchThatFailsSetsAside(t *testing.T) {
	fault := enginetest.FailBefore
	w, _ := failingWorld(t, 20, &fault)
	b := &batching{Program: w.targets["wiki"], before: func() {}}
	w.program("wiki").Connector = b
	w.program("wiki").Rate = 6
	w.engine.Wait = func(_ context.Context, d time.Duration) error { w.pass(d); return nil }
	_, r := w.apply()
	if got := fmt.Sprint(b.sizes); got != "[6]" || len(r.SetAside) != 1 {
		t.Errorf("batches %s, set aside: %v", got, r.SetAside)
	}
	if r.Outcomes[engine.Failed] != 12 || len(w.memory().Open) != 28 { // the six accounts and their use
		t.Errorf("outcomes: %v, open: %d", r.Outcomes, len(w.memory().Open))
	}
	fault = enginetest.NoFault
	w.pass(time.Hour)
	w.apply()
	if got := fmt.Sprint(b.sizes[:3]); got != "[6 1 1]" { // one account, and its use
		t.Errorf("batches %v", b.sizes)
	}
	w.pass(time.Hour)
	w.apply()
	if n := strings.Count(w.truth("wiki"), ".exists"); n != 20 {
		t.Errorf("%d accounts", n)
	}
}

// Somebody is cut off also in a program that is set aside: that call is always made. Whoever has left waits, and is first in the next run.
func TestACutIsTriedInAProgramThatIsSetAside(t *testing.T) {
	fault := enginetest.NoFault
	w, calls := failingWorld(t, 12, &fault)
	w.apply()
	w.policy.rules["a"] = append(w.policy.rules["a"], "wiki/x")
	fault = enginetest.FailBefore
	w.pass(time.Hour)
	w.apply()
	before := *calls
	w.pass(time.Minute)
	if _, _, err := w.engine.Cut(t.Context(), "boss", "p03", "why"); err != nil {
		t.Fatal(err)
	}
	if *calls == before {
		t.Error("the cut was not tried")
	}
	if f, is := w.fact(engine.FactAside); !is || f.Count != 5 {
		t.Errorf("a cut that fails changes %+v", f)
	}
	fault = enginetest.NoFault
	w.pass(20 * time.Minute)
	if _, err := w.engine.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.fire("p05")
	first := ""
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() && first == "" {
			first = c.Op + " " + c.Account
		}
		return enginetest.NoFault
	}
	w.pass(time.Hour)
	w.apply()
	if first != "revoke p03" && first != "revoke p05" {
		t.Errorf("the first call of the next run was %s", first)
	}
	w.has("p03", engine.Active, false)
	w.has("p05", engine.Active, false)
}

// One account that always fails must not keep a program set aside: also while the program can't be read, so that its intent stays the oldest.
func TestABrokenAccountHoldsUpNoProgram(t *testing.T) {
	down := true
	w, _ := failingWorld(t, 12, new(enginetest.Fault))
	w.apply()
	w.fire("p00") // whose calls never come to anything
	for n := 1; n < 7; n++ {
		w.fire(fmt.Sprintf("p%02d", n))
	}
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		switch {
		case c.Op == "list":
			return enginetest.Unreachable
		case c.Writes() && (down || c.Account == "p00"):
			return enginetest.LoseBefore
		}
		return enginetest.NoFault
	}
	w.pass(time.Hour)
	w.apply()
	w.pass(time.Hour)
	if _, is := w.fact(engine.FactAside); !is {
		t.Fatal("it is not set aside")
	}
	down = false
	for range 3 {
		w.apply()
		w.pass(time.Hour)
	}
	if _, is := w.fact(engine.FactAside); is {
		t.Error("it is still set aside")
	}
	w.has("p01", engine.Active, false)
	w.has("p06", engine.Active, false)
	w.has("p00", engine.Active, true)
}

// Programs that come after one that is set aside do not wait for it.
func TestWhatIsSetAsideHoldsUpNoOtherProgram(t *testing.T) {
	fault := enginetest.FailBefore
	w, _ := failingWorld(t, 20, &fault)
	git := enginetest.NewProgram("git", w.engine.Now)
	w.targets["git"] = git
	w.engine.Programs = append(w.engine.Programs, engine.Program{Name: "git", Kind: "memory", Connector: git, Revoke: engine.RevokeManaged, After: []string{"wiki"}, Create: w.program("wiki").Create})
	w.policy.rules["a"] = append(w.policy.rules["a"], "git")
	w.apply()
	if n := strings.Count(w.truth("git"), ".exists"); n != 20 {
		t.Errorf("%d accounts of git", n)
	}
}

// Nobody who has left waits for a run that is a day away: after a quarter of an hour whoever works tries it with a single call.
func TestAProgramThatWasSetAsideIsTriedBetweenRuns(t *testing.T) {
	fault := enginetest.LoseBefore
	w, calls := failingWorld(t, 20, &fault)
	w.apply()
	for _, step := range []struct {
		pass  time.Duration
		calls int
	}{{14 * time.Minute, 5}, {2 * time.Minute, 6}, {14 * time.Minute, 6}, {2 * time.Minute, 7}} {
		w.pass(step.pass)
		if _, err := w.engine.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if *calls != step.calls {
			t.Errorf("after %s: %d calls, want %d", step.pass, *calls, step.calls)
		}
	}
}
