package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// overtaken is a world in which a leaver's suspend was claimed a second time in the middle of its first call, which ends with
// that fault. It gives the second claim.
func overtaken(t *testing.T, f enginetest.Fault) (w *world, again []engine.Intent) {
	w = company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	w.fire("zoe")
	w.pass(time.Hour)
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() || again != nil {
			return enginetest.NoFault
		}
		w.pass(11 * time.Minute)
		var err error
		if again, err = w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
			t.Error(err)
		}
		return f
	}
	w.apply()
	return w, again
}

// A call ends after its claim was over, when somebody else has the intent: its outcome is evidence, and ends nothing. The
// other call may still be under way, so the account stays his, and what is the opposite waits.
func TestAResultOfAnEarlierClaimEndsNoLaterOne(t *testing.T) {
	for name, f := range map[string]enginetest.Fault{"unknown": enginetest.LoseAfter, "failed": enginetest.FailBefore, "refused": enginetest.Refuse, "done": enginetest.NoFault} {
		t.Run(name, func(t *testing.T) {
			w, again := overtaken(t, f)
			open := w.memory().Open
			if len(open) != 1 || open[0].Attempts != 2 || !open[0].Lease.Equal(again[0].Lease) || open[0].Unknown {
				t.Fatalf("open: %+v", open)
			}
			p := w.person("zoe")
			p.State, p.Marked = engine.StateActive, false
			w.pass(time.Minute)
			w.wants("zoe", "grant wiki blocked: a suspend on this account is not settled yet")
		})
	}
}

// A plan read the program after a claim was over, and stood still before it was committed. Meanwhile the intent was claimed
// again: it must not be closed by what the program showed before.
func TestAPlanReadsBackOnlyTheClaimThatItKnew(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	w.fire("zoe")
	w.once(enginetest.LoseBefore)
	w.later()
	w.pass(time.Hour)
	p, epoch := w.mustPlan(), w.lead()
	w.claim()
	if _, err := w.engine.Commit(t.Context(), p, "test", epoch); !errors.Is(err, engine.ErrStale) {
		t.Errorf("the commit gives %v", err)
	}
	if open := w.memory().Open; len(open) != 1 || open[0].Attempts != 2 {
		t.Errorf("open: %+v", open)
	}
	w.apply() // it plans anew, and waits
	if open := w.memory().Open; len(open) != 1 {
		t.Errorf("open: %+v", open)
	}
	w.later()
	w.has("zoe", engine.Active, false)
}
