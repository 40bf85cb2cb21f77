package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

const year = 365 * 24 * time.Hour

// ahead lets something happen while the clock is a year ahead.
func (w *world) ahead(do func()) {
	w.pass(year)
	do()
	w.pass(-year)
}

func TestASlotFromAClockThatWasAheadStopsNoSchedule(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.engine.Settings.Slot = 15 * time.Minute
	w.ahead(func() {
		if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "daemon", Slot: w.now}); err != nil {
			t.Fatal(err)
		}
	})
	latest := func() time.Time { return w.engine.Settings.LatestSlot(w.now) }
	if got, err := engine.LastSlot(t.Context(), w.journal, latest()); err != nil || !got.IsZero() {
		t.Errorf("the last slot is %v, %v", got, err)
	}
	for range 2 {
		w.pass(15 * time.Minute)
		slot := engine.ApplyOptions{Actor: "daemon", Slot: w.now}
		if p, _, err := w.engine.Apply(t.Context(), slot); err != nil {
			t.Fatal(err)
		} else if !noticed(p, engine.NoticeAhead) {
			t.Error("nobody is told")
		}
		if got, err := engine.LastSlot(t.Context(), w.journal, latest()); err != nil || !got.Equal(w.now) {
			t.Errorf("the last slot is %v, %v", got, err)
		}
		if _, _, err := w.engine.Apply(t.Context(), slot); !errors.Is(err, engine.ErrSlotDone) {
			t.Errorf("a slot ran twice: %v", err)
		}
	}
}

func noticed(p *engine.Plan, code string) bool {
	for _, n := range p.Notices {
		if n.Code == code {
			return true
		}
	}
	return false
}

func TestABackOffFromAClockThatWasAheadEnds(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.hire("bob", "a")
	w.ahead(func() {
		w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
			if c.Writes() {
				return enginetest.FailBefore
			}
			return enginetest.NoFault
		}
		w.apply()
	})
	w.targets["wiki"].Before = nil
	w.later()
	w.has("bob", "x", true)
}

func TestALeaseFromAClockThatWasAheadEnds(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.apply()
	w.roles("zoe", "b")
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	w.ahead(func() { // and the process dies
		if _, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
			t.Fatal(err)
		}
	})
	w.applied("zoe")
	if w.pass(5 * time.Minute); len(w.memory().Open) != 1 {
		t.Error("read back before any call that began then was surely over")
	}
	w.applied("zoe")
	w.pass(6 * time.Minute)
	w.apply() // reads back, and makes it again
	w.has("zoe", "x", false)
	w.pass(time.Minute)
	w.apply()
	if len(w.memory().Facts(engine.FactAhead)) > 0 {
		t.Error("remembered although no lease lies in the future")
	}
}

// Each lease from a clock that was ahead ends ten minutes after it was seen first, not after another one was.
func TestALaterLeaseFromAClockThatWasAheadEndsLater(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki"}})
	w.hire("bob", "a")
	w.apply()
	w.roles("yan", "b")
	w.roles("zoe", "b")
	w.pass(time.Hour)
	plan := func() {
		if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
			t.Fatal(err)
		}
	}
	claim := func() { // and the process dies
		w.ahead(func() {
			if got, err := w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 1, Now: w.now, Lease: 10 * time.Minute}); err != nil || len(got) != 1 {
				t.Fatal(got, err)
			}
		})
	}
	plan()
	claim()
	plan() // sees the first one
	w.pass(9 * time.Minute)
	claim()
	w.pass(2 * time.Minute)
	plan()
	claimed := 0
	for _, i := range w.memory().Open {
		if !i.Claimed.IsZero() {
			claimed++
		}
	}
	if claimed != 1 {
		t.Errorf("%d of two leases have not ended, when the first is 11 minutes old and the second two", claimed)
	}
	w.pass(11 * time.Minute)
	if w.apply(); len(w.memory().Facts(engine.FactAhead)) != 0 {
		w.pass(time.Minute)
		w.apply()
	}
	if n := len(w.memory().Facts(engine.FactAhead)); n > 0 {
		t.Errorf("%d are remembered although no lease lies in the future", n)
	}
}

func TestAnAbsenceFromAClockThatWasAheadCounts(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.vanish("zoe")
	w.ahead(func() { w.apply() })
	w.later()
	w.later()
	w.later()
	w.has("zoe", engine.Active, false)
}

func TestAnApprovalFromAClockThatWasAheadExpires(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Protected = []string{"zoe"}
	w.apply()
	w.roles("zoe")
	w.later()
	w.ahead(w.approve)
	w.later()
	w.has("zoe", "x", true)
}

// The clock of one machine is behind that of the journal, which another one wrote to.
func TestAnApprovalThatExpiredByTheJournalsClockStopsNoRun(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Protected = []string{"zoe"}
	w.apply()
	w.roles("zoe")
	w.hire("bob", "a")
	w.later()
	w.approve()
	w.pass(engine.ApprovalLife + time.Second)
	now := w.now
	w.engine.Now = func() time.Time { return now.Add(-time.Minute) }
	w.hire("ann", "a")
	p, _ := w.apply()
	same(t, "zoe", about(p, "zoe"), []string{"revoke wiki/x needs-approval", "suspend wiki needs-approval"})
	w.has("ann", "x", true)
	if !p.Time.Equal(w.engine.Now()) { // what is due after a wait or a grace is so by this clock only
		t.Errorf("planned at %s, at %s", p.Time, w.engine.Now())
	}
}
