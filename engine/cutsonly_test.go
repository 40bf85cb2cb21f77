package engine_test

import (
	"context"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// outboxOf gives everything at once, and then no more.
type outboxOf []engine.Intent

func (o *outboxOf) Claim(context.Context, engine.ClaimRequest) ([]engine.Intent, error) {
	n := min(1, len(*o))
	some := (*o)[:n:n]
	*o = (*o)[n:]
	return some, nil
}

func TestOnlyCutsAreWorkedOnAnOldJournal(t *testing.T) {
	all := outboxOf{{Seq: 1, Change: engine.Change{Cause: engine.CauseRule}}, {Seq: 2, Change: engine.Change{Cause: engine.CauseCut}}, {Seq: 3}}
	c := engine.CutsOnly{Outbox: &all}
	if got, err := c.Claim(t.Context(), engine.ClaimRequest{}); err != nil || len(got) != 1 || got[0].Seq != 2 {
		t.Errorf("claimed %v %v", got, err)
	}
	if got, err := c.Claim(t.Context(), engine.ClaimRequest{}); err != nil || len(got) != 0 {
		t.Errorf("claimed %v %v", got, err)
	}
}

// Who has left by a journal that can't be trusted, and whose account waits to be suspended, is cut off nevertheless.
func TestACutDoesNotWaitForWhatALeaverWaitsFor(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test", Leave: true}); err != nil {
		t.Fatal(err)
	}
	w.engine.Outbox = engine.CutsOnly{Outbox: w.journal}
	w.cutOff("zoe")
	w.has("zoe", engine.Active, false)
}
