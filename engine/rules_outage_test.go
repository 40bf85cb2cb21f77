package engine_test

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// What may be repeated without reading back is repeated by the next work, not at once and for ever: the program that does
// not answer would else never let the run end.
func TestUnknownRevokeOfALeaverEndsTheWork(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.pass(time.Hour)
	calls := 0
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() {
			return enginetest.NoFault
		}
		if calls++; calls > 20 {
			t.Fatal("the work goes on and on")
		}
		return enginetest.LoseBefore
	}
	if r := w.applied("zoe", "suspend wiki ready", "revoke wiki/x ready"); r.Outcomes[engine.Uncertain] != 2 {
		t.Errorf("outcomes %v", r.Outcomes)
	}
	w.targets["wiki"].Before = nil
	w.pass(time.Minute)
	if _, err := w.engine.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.has("zoe", engine.Active, false)
	w.has("zoe", "x", false)
}
