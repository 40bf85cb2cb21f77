package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// Some accounts that always fail, among many, must not hold up the others, whatever becomes of their calls.
func TestSomeBrokenAccountsHoldUpNoProgram(t *testing.T) {
	for _, broken := range []int{5, 8} {
		for name, fault := range map[string]enginetest.Fault{"lost": enginetest.LoseBefore, "failed": enginetest.FailBefore} {
			t.Run(fmt.Sprint("leavers ", broken, name), func(t *testing.T) {
				w, _ := failingWorld(t, 60, new(enginetest.Fault))
				mended := false
				w.apply()
				for n := range 50 {
					w.fire(fmt.Sprintf("p%02d", n))
				}
				w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
					if c.Writes() && !mended && c.Account < fmt.Sprintf("p%02d", broken) {
						return fault
					}
					return enginetest.NoFault
				}
				for range 8 {
					w.pass(24 * time.Hour)
					w.apply()
				}
				if n := active(w); n != 10+broken {
					t.Errorf("%d are active", n)
				}
				mended = true
				w.soundAgain()
			})
			t.Run(fmt.Sprint("joiners ", broken, name), func(t *testing.T) {
				w, _ := failingWorld(t, 60, new(enginetest.Fault))
				mended := false
				w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
					if c.Writes() && !mended && strings.TrimPrefix(c.Account, engine.ProposedPrefix) < fmt.Sprintf("p%02d", broken) {
						return fault
					}
					return enginetest.NoFault
				}
				for range 8 {
					w.pass(24 * time.Hour)
					w.apply()
				}
				if n := strings.Count(w.truth("wiki"), ".exists"); n != 60-broken {
					t.Errorf("%d exist", n)
				}
				mended = true
				w.soundAgain()
			})
		}
	}
}

// Whoever is cut off after they have left does not wait for the program either: what is open for them is the cut's from then on.
func TestACutOfALeaverIsTriedInAProgramThatIsSetAside(t *testing.T) {
	fault := enginetest.NoFault
	w, _ := failingWorld(t, 12, &fault)
	w.apply()
	for n := range 9 {
		w.fire(fmt.Sprintf("p%02d", n))
	}
	fault = enginetest.LoseBefore
	w.pass(time.Hour)
	w.apply()
	if _, is := w.fact(engine.FactAside); !is {
		t.Fatal("it is not set aside")
	}
	fault = enginetest.NoFault
	w.pass(10 * time.Minute)
	for _, who := range []string{"p08", "p00"} { // not begun, and begun
		if _, _, err := w.engine.Cut(t.Context(), "boss", who, "why"); err != nil {
			t.Fatal(err)
		}
		w.has(who, engine.Active, false)
	}
	w.has("p07", engine.Active, true)
}

// active is how many accounts of wiki are in use.
func active(w *world) (n int) {
	for _, h := range w.targets["wiki"].Truth() {
		if h.Entitlement == engine.Active {
			n++
		}
	}
	return n
}

// soundAgain: an account that works is none any more of those that are known to fail.
func (w *world) soundAgain() {
	w.t.Helper()
	if _, is := w.fact(engine.FactBroken); !is {
		w.t.Error("nobody knows which accounts fail")
	}
	w.pass(25 * time.Hour) // the next tries are due
	w.apply()
	if f, is := w.fact(engine.FactBroken); is {
		w.t.Errorf("accounts that work are told from the program: %s", f.Data)
	}
}

// Accounts that fail in a batch in which others do not say nothing of the program: it was one call.
func TestSomeThatFailInABatchSetNothingAside(t *testing.T) {
	w, _ := failingWorld(t, 20, new(enginetest.Fault))
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() && strings.TrimPrefix(c.Account, engine.ProposedPrefix) < "p06" {
			return enginetest.FailBefore
		}
		return enginetest.NoFault
	}
	w.program("wiki").Connector = &batching{Program: w.targets["wiki"], before: func() {}}
	if _, r := w.apply(); len(r.SetAside) > 0 || strings.Count(w.truth("wiki"), ".exists") != 14 {
		t.Errorf("%v, set aside: %v", r.Outcomes, r.SetAside)
	}
}

// Which accounts fail is not known for ever, nor of a program that is not configured.
func TestBrokenAccountsAreForgotten(t *testing.T) {
	w := newWorld(t, "wiki")
	note := func(program string, ago time.Duration) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactBroken, Program: program}, Since: w.engine.Now().Add(-ago), Data: []byte(`["x"]`)}
	}
	for ago, kept := range map[time.Duration]bool{29 * 24 * time.Hour: true, 30 * 24 * time.Hour: false} {
		set := []engine.Fact{note("wiki", ago), note("gone", 0)}
		if err := w.engine.Journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Set: set}}); err != nil {
			t.Fatal(err)
		}
		w.apply()
		if _, is := w.fact(engine.FactBroken); is != kept {
			t.Errorf("after %v: known: %v", ago, is)
		}
		if _, is := w.memory().Fact(note("gone", 0).FactKey); is {
			t.Error("accounts of a program that is gone are known")
		}
	}
}

// A program that was set aside and where nothing is left to be tried is not told for ever, once it can be read.
func TestWhatHasNothingToBeTriedIsNotSetAside(t *testing.T) {
	for name, c := range map[string]struct {
		fault, reads enginetest.Fault
		after        time.Duration
	}{"it can't be read": {enginetest.FailBefore, enginetest.Unreachable, time.Hour}, "nobody knows what became of calls": {enginetest.LoseBefore, enginetest.NoFault, time.Minute}} {
		t.Run(name, func(t *testing.T) {
			w, _ := failingWorld(t, 20, &c.fault)
			w.targets["wiki"].Describes.Lag = 10 * time.Minute
			w.apply()
			w.policy.rules["a"] = nil
			w.targets["wiki"].Before = func(enginetest.ProgramCall) enginetest.Fault { return c.reads }
			w.pass(c.after)
			w.apply()
			if _, is := w.fact(engine.FactAside); !is || !w.noted(engine.NoticeAside) {
				t.Error("it is told no more")
			}
			w.targets["wiki"].Before = nil
			for range 2 {
				w.pass(time.Hour)
				w.apply()
			}
			if _, is := w.fact(engine.FactAside); is || w.noted(engine.NoticeAside) {
				t.Error("it is told for ever")
			}
		})
	}
}
