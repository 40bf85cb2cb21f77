package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// full is a journal that has no room for records of some kinds.
type full struct {
	*enginetest.Journal
	kinds []engine.Kind
}

func (f full) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if slices.ContainsFunc(records, func(r engine.Record) bool { return slices.Contains(f.kinds, r.Kind) }) {
		return errors.New("no space left on device")
	}
	return f.Journal.Append(ctx, g, records)
}

// fullWorld has five people who are to have an account each.
func fullWorld(t *testing.T) *world {
	w := newWorld(t, "wiki")
	w.policy.rules["a"] = []string{"wiki"}
	for n := range 5 {
		w.hire(fmt.Sprintf("p%d", n), "a")
	}
	return w
}

// mended goes on when the journal has room again, and wants everybody to have one account.
func (w *world) mended() {
	w.t.Helper()
	w.engine.Journal = w.journal
	w.pass(time.Hour)
	w.apply()
	w.pass(time.Hour)
	w.expect(w.plan())
	if open := w.memory().Open; len(open) > 0 {
		w.t.Errorf("still open: %+v", open)
	}
	if got, want := w.truth("wiki"), "p0= p0=.exists p1= p1=.exists p2= p2=.exists p3= p3=.exists p4= p4=.exists"; got != want {
		w.t.Errorf("wiki has %s, want %s", got, want)
	}
}

// A journal that takes no intents lets nothing be done, and says so.
func TestNothingIsDoneThatTheJournalDoesNotTake(t *testing.T) {
	w := fullWorld(t)
	w.engine.Journal = full{w.journal, []engine.Kind{engine.KindIntent}}
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test"}); err == nil {
		t.Error("the journal took nothing, and all is said to be well")
	}
	if truth := w.truth("wiki"); truth != "" {
		t.Errorf("without a record: %s", truth)
	}
	w.mended()
}

// A journal that takes no outcomes lets no other call be made than the one whose outcome it did not take.
func TestTheJournalFailsBetweenACallAndItsOutcome(t *testing.T) {
	w := fullWorld(t)
	w.engine.Journal = full{w.journal, []engine.Kind{engine.KindOutcome}}
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test"}); err == nil {
		t.Error("the journal took no outcome, and all is said to be well")
	}
	if made := w.truth("wiki"); made != "p0= p0=.exists" {
		t.Errorf("%s was made, want the one account whose outcome could not be recorded", made)
	}
	w.mended()
}
