package engine_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// Whoever looks for the first time, as after a restart, sees what somebody sees who looked after each run.
func TestStandingOutlivesARestart(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	var along engine.Standing
	look := func() (fresh engine.Standing) {
		t.Helper()
		if err := errors.Join(along.Look(t.Context(), w.journal), fresh.Look(t.Context(), w.journal)); err != nil {
			t.Fatal(err)
		}
		if along.Known != fresh.Known || along.Approval != fresh.Approval || along.Blocked != fresh.Blocked || len(along.Read) != len(fresh.Read) || !along.Read["wiki"].Equal(fresh.Read["wiki"]) || !along.Read["corp"].Equal(fresh.Read["corp"]) {
			t.Errorf("%+v is not %+v", fresh, along)
		}
		return fresh
	}
	if look().Known {
		t.Error("there was no run yet")
	}
	w.readErr = errors.New("no route")
	w.apply()
	if s := look(); !s.Known || !s.Read["corp"].IsZero() || !s.Read["wiki"].Equal(w.now) {
		t.Errorf("the directory was never read: %+v", s)
	}
	w.readErr = nil
	w.later()
	at := w.now
	w.lists(enginetest.Unreachable)
	w.engine.Settings.Limits.Grant = engine.Limit{Window: 24 * time.Hour}
	w.hire("bob", "a")
	for range 25 { // more than one page back
		w.later()
	}
	if s := look(); !s.Read["corp"].Equal(w.now) || !s.Read["wiki"].Equal(at) {
		t.Errorf("wiki was read completely at %s: %+v", at, s)
	}
	w.lists(enginetest.NoFault)
	w.later()
	if s := look(); s.Approval == 0 {
		t.Errorf("what bob should have waits: %+v", s)
	}
	if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err != nil { // plans for one person only
		t.Fatal(err)
	}
	if s := look(); s.Approval == 0 || len(s.Read) != 2 {
		t.Errorf("a cut is no run of everything: %+v", s)
	}
}

// A read that shows far fewer people waits for somebody, too, although no change does.
func TestStandingCountsReadsThatWait(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	for n := range 20 {
		w.hire(fmt.Sprint("p", n), "a")
	}
	w.apply()
	all := w.people
	w.people = all[:len(all)/2]
	if p := w.later(); p.Summary.Approval != 0 {
		t.Fatalf("%d changes wait", p.Summary.Approval)
	}
	var s engine.Standing
	if err := s.Look(t.Context(), w.journal); err != nil || !s.Known || s.Approval != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	w.people = all
	w.later()
	if err := s.Look(t.Context(), w.journal); err != nil || s.Approval != 0 {
		t.Errorf("everybody is there again: %+v, %v", s, err)
	}
}
