package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// shortened is a journal of which records were pruned.
type shortened struct {
	*enginetest.Journal
	at *engine.Pruned
}

// Pruned says what was.
func (s shortened) Pruned(context.Context) (*engine.Pruned, error) { return s.at, nil }

func prunedAt(before time.Time) *engine.Pruned {
	return &engine.Pruned{Pruning: engine.Pruning{Before: before, UpTo: 9}, By: "dpo", Reason: "too old", Time: before, Record: 99}
}

// A review that began before what was pruned is not shown as if it were whole, and one that is not there may have been.
func TestAReviewOfWhichPartWasPrunedSaysSo(t *testing.T) {
	w, lines := campaign(t)
	w.judged(true, "confirmed", line(t, lines, "ann", "wiki/x"))
	w.pass(time.Hour)
	if _, err := w.engine.CloseReview(t.Context(), "auditor", "q1", "done"); err != nil {
		t.Fatal(err)
	}
	r, _, err := engine.ReadReview(t.Context(), w.journal, "q1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		before time.Time
		name   string
		pruned bool
		none   bool
	}{{r.Began, "q1", false, false}, {r.Began.Add(time.Minute), "q1", true, false}, {r.Began, "q9", true, true}} {
		_, left, err := engine.ReadReview(t.Context(), shortened{w.journal, prunedAt(c.before)}, c.name)
		if errors.Is(err, engine.ErrPruned) != c.pruned || errors.Is(err, engine.ErrNoReview) != c.none || len(left) == 0 != c.none || c.pruned && !strings.Contains(err.Error(), `by "dpo" on`) {
			t.Errorf("%+v: %d lines, %v", c, len(left), err)
		}
	}
}

// emptied is a journal of which the records up to one were emptied.
type emptied struct{ shortened }

func (l emptied) Records(ctx context.Context, q engine.Query, yield func(engine.Record) error) error {
	q.After = max(q.After, l.at.UpTo)
	return l.shortened.Records(ctx, q, yield)
}

// A review that was closed behind what was pruned shows the lines of which there are records, although its beginning is gone.
func TestAReviewWhoseBeginningWasPrunedShowsItsLines(t *testing.T) {
	w, lines := campaign(t)
	w.pass(time.Hour)
	w.judged(true, "confirmed", line(t, lines, "ann", "wiki/x"))
	w.pass(time.Hour)
	if _, err := w.engine.CloseReview(t.Context(), "auditor", "q1", "done"); err != nil {
		t.Fatal(err)
	}
	var began int64
	if err := w.journal.Records(t.Context(), engine.Query{Kind: engine.KindReview, Limit: 1}, func(r engine.Record) error { began = r.Seq; return nil }); err != nil {
		t.Fatal(err)
	}
	at := prunedAt(w.engine.Now().Add(-90 * time.Minute))
	at.UpTo = began
	r, shown, err := engine.ReadReview(t.Context(), emptied{shortened{w.journal, at}}, "q1")
	if !errors.Is(err, engine.ErrPruned) || r.Closed.IsZero() || len(shown) == 0 || !slices.ContainsFunc(shown, func(l engine.ReviewLine) bool { return l.State == engine.LineKept }) {
		t.Errorf("%+v: %+v, %v", r, shown, err)
	}
}

// Nobody is blanked as if nothing had been recorded of them for long, where that was pruned.
func TestWhoeverWasPrunedIsWaitedFor(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.engine.Journal = &blanker{Journal: w.journal, accounts: [][2]string{{"wiki", "zoe"}}}
	w.apply()
	w.fire("zoe")
	w.apply()
	for range 5 {
		w.later()
	}
	w.pass(30 * 24 * time.Hour)
	blank := func(pruned time.Duration, after time.Duration) error {
		log := shortened{w.journal, prunedAt(w.engine.Now().Add(-pruned))}
		_, _, err := w.engine.Blank(t.Context(), log, engine.BlankOrder{Actor: "dpo", Person: "k-zoe", Reason: "asked for", After: after})
		return err
	}
	const day = 24 * time.Hour
	if err := blank(10*day, 20*day); !errors.Is(err, engine.ErrNotBlanked) || !strings.Contains(err.Error(), `"too old"`) {
		t.Error(err)
	}
	for _, c := range [][2]time.Duration{{20 * day, 20 * day}, {10 * day, 0}, {40 * day, 20 * day}} {
		if err := blank(c[0], c[1]); err != nil {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// Limits are proposed from the time of which all records are there.
func TestUsageBeginsBehindWhatWasPruned(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	first, upTo := w.engine.Now(), w.memory().Seq
	w.pass(40 * 24 * time.Hour)
	w.hire("eve", "a")
	w.apply()
	for pruned, days := range map[int64]int{0: 41, upTo: 1} {
		log := shortened{w.journal, nil}
		if pruned > 0 {
			log.at = prunedAt(first.Add(time.Hour))
			log.at.UpTo = pruned
		}
		if u, err := w.engine.Usage(t.Context(), log, engine.Limits{}); err != nil || u.Days != days {
			t.Errorf("%d are pruned: %+v, %v", pruned, u, err)
		}
	}
}

// A window that is made longer later finds all that it counts: none may be longer than what is kept in any case.
func TestWhatLimitsMayEverCountIsKept(t *testing.T) {
	if engine.LongestWindow > engine.LeastKept || (&engine.Engine{}).LooksBack() < engine.LongestWindow {
		t.Errorf("windows may be %v, and %v is kept", engine.LongestWindow, engine.LeastKept)
	}
}
