package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// A legal hold keeps what a leaver has: accounts are suspended as ever, and none is deleted until somebody ends the hold.
func TestLegalHoldDeletesNothing(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	if err := w.engine.Hold(t.Context(), "lawyer", "zoe", " "); !errors.Is(err, engine.ErrNoReason) {
		t.Errorf("without a reason: %v", err)
	}
	if err := w.engine.Hold(t.Context(), "lawyer", "zoe", "case 7/26"); err != nil {
		t.Fatal(err)
	}
	w.fire("zoe")
	w.pass(time.Hour)
	w.applied("zoe", "suspend wiki ready", "revoke wiki/x ready")
	w.later()
	w.pass(100 * time.Hour)
	w.applied("zoe")
	w.has("zoe", engine.Exists, true)
	if err := w.engine.EndHold(t.Context(), "lawyer", "zoe", "settled"); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.EndHold(t.Context(), "lawyer", "zoe", "settled"); err == nil {
		t.Error("a hold ended twice")
	}
	w.pass(time.Hour)
	w.applied("zoe", "delete wiki/.exists ready")
}

// A deletion that is recorded, but not made yet, is taken back by a hold.
func TestLegalHoldTakesBackDeletions(t *testing.T) {
	for name, begun := range map[string]bool{"begun, and nobody knows whether it was made": true, "only recorded": false} {
		t.Run(name, func(t *testing.T) {
			w := company(t, map[string][]string{"a": {"wiki/x"}})
			w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
			w.apply()
			w.fire("zoe")
			w.later()
			if begun {
				w.lost(true)
				w.later()
			} else {
				w.pass(2 * time.Hour)
				p, err := w.engine.Plan(t.Context())
				if err != nil || states(p, engine.OpDelete)[engine.Ready] != 1 {
					t.Fatal(err)
				}
				epoch, err := w.journal.Lead(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if _, err := w.engine.Commit(t.Context(), p, "daemon", epoch); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(w.memory().Open); n != 1 {
				t.Fatalf("%d intents are open", n)
			}
			if err := w.engine.Hold(t.Context(), "lawyer", "zoe", "case 7/26"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.engine.Work(t.Context()); err != nil { // of a worker, before any plan
				t.Fatal(err)
			}
			w.has("zoe", engine.Exists, true)
			w.later()
			w.later()
			w.has("zoe", engine.Exists, true)
		})
	}
}
