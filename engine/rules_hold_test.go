package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
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

// Who is gone from the directory is held all the same, by the key: whoever has a link can be put under a hold, and whoever is under
// one can be let out of it.
func TestLegalHoldOfSomebodyWhoIsGone(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.hire("ann") // without any account
	ctx := t.Context()
	if err := w.engine.Hold(ctx, "lawyer", "ann", "case 7/26"); err != nil {
		t.Fatal(err)
	}
	w.vanish("ann")
	w.vanish("zoe")
	w.engine.Programs = nil // of a program that is not looked after any more
	for _, step := range []struct {
		name string
		err  error
		ok   bool
	}{
		{"let out who has no link", w.engine.EndHold(ctx, "lawyer", "k-ann", "settled"), true},
		{"hold who has a link", w.engine.Hold(ctx, "lawyer", "k-zoe", "case 8/26"), true},
		{"hold nobody known", w.engine.Hold(ctx, "lawyer", "k-ann", "case 9/26"), false},
	} {
		if (step.err == nil) != step.ok {
			t.Errorf("%s: %v", step.name, step.err)
		}
	}
	if held := w.memory().Facts(engine.FactHold); len(held) != 1 || held[0].Person != "k-zoe" {
		t.Errorf("%+v", held)
	}
}

// refuses gives an error in the place of the first appends.
type refuses struct {
	*enginetest.Journal
	err   error
	times int
	asked int
}

func (r *refuses) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if r.asked++; r.asked <= r.times {
		return r.err
	}
	return r.Journal.Append(ctx, g, records)
}

// A hold that a worker was quicker than is tried again, not for ever; another error is nothing that a second try would mend.
func TestALegalHoldIsTriedAgain(t *testing.T) {
	full := errors.New("no space left on device")
	for _, c := range []struct {
		err, want    error
		times, asked int
	}{{engine.ErrStale, nil, 3, 4}, {engine.ErrStale, engine.ErrStale, 9, 4}, {full, full, 1, 1}} {
		w := company(t, nil)
		j := &refuses{w.journal, c.err, c.times, 0}
		w.engine.Journal = j
		if err := w.engine.Hold(t.Context(), "lawyer", "zoe", "case 7/26"); !errors.Is(err, c.want) || j.asked != c.asked {
			t.Errorf("%v %d times: %v after %d", c.err, c.times, err, j.asked)
		}
		if held := w.memory().Facts(engine.FactHold); (len(held) == 1) != (c.want == nil) {
			t.Errorf("%v %d times: %+v", c.err, c.times, held)
		}
	}
}
