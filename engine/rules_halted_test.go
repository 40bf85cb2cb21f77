package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// lost makes every write go wrong, so that nobody knows of its effect, until it is called with false.
func (w *world) lost(on bool) {
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if on && c.Writes() {
			return enginetest.LoseBefore
		}
		return enginetest.NoFault
	}
}

func TestWhoCameBackLosesNothingMore(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.lost(true)
	w.later() // nobody knows whether the account is suspended
	w.lists(enginetest.Unreachable)
	p := w.person("zoe")
	p.State, p.Marked = engine.StateActive, false
	w.later()
	w.later() // work, not only plan
	w.has("zoe", engine.Active, true)
	w.has("zoe", "x", true)
	w.lists(enginetest.NoFault)
	w.later()
	if n := len(w.memory().Open); n != 0 {
		t.Errorf("%d intents are open although the list was read", n)
	}
	w.fire("zoe")
	w.later()
	w.has("zoe", engine.Active, false)
}

func TestWhoLeavesAgainIsNotHeldUpByWhatWasHalted(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.lost(true)
	w.later()
	w.lists(enginetest.Unreachable)
	p := w.person("zoe")
	p.State, p.Marked = engine.StateActive, false
	w.later()
	w.fire("zoe")
	w.later()
	w.has("zoe", engine.Active, false)
	w.has("zoe", "x", false)
}

func TestLiftedCutIsNotRepeated(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.lost(true)
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stolen"); err != nil {
		t.Fatal(err)
	}
	w.lost(false)
	w.pass(time.Minute)
	if err := w.engine.Lift(t.Context(), "boss", "zoe", "found"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	if _, err := w.engine.Work(t.Context()); err != nil { // of a worker, before any plan
		t.Fatal(err)
	}
	w.has("zoe", engine.Active, true)
}

func TestLiftWithdrawsWhatNobodyBegan(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	if err := w.engine.Pause(t.Context(), "boss", "wiki", "works"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stolen"); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Lift(t.Context(), "boss", "zoe", "found"); err != nil {
		t.Fatal(err)
	}
	if n := len(w.memory().Open); n != 0 {
		t.Errorf("%d intents are open", n)
	}
}

// A leaver's account whose deletion was begun must not go once somebody cuts the person off: a cut never deletes.
func TestCutRepeatsNoDelete(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.lost(true)
	w.later() // deletion begun
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Op == "list" {
			return enginetest.Unreachable
		}
		return enginetest.NoFault
	}
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "legal hold"); err != nil {
		t.Fatal(err)
	}
	w.later()
	w.has("zoe", engine.Exists, true)
}

// A process stands still until its claim is over, and another one tries what may be repeated. When the first goes on, it has
// nothing to say of what it did not try: a failure would close what the other one has begun.
func TestAClaimThatIsOverClosesNothing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.pass(time.Hour)
	other := *w.engine
	other.Programs = slices.Clone(w.engine.Programs)
	n := 0
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() {
			return enginetest.NoFault
		}
		if n++; n > 1 {
			return enginetest.LoseBefore
		}
		w.pass(11 * time.Minute)
		if _, err := other.Work(t.Context()); err != nil {
			t.Error(err)
		}
		return enginetest.NoFault
	}
	w.apply()
	open := w.memory().Open
	if len(open) != 2 || !open[0].Unknown || !open[1].Unknown {
		t.Errorf("open: %+v", open)
	}
}
