package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// slotted runs the slot of the schedule in which it is now; false: it was run already.
func (w *world) slotted(slots map[time.Time]bool) bool {
	w.t.Helper()
	slot := w.now.Truncate(15 * time.Minute)
	_, _, err := w.engine.Apply(w.t.Context(), engine.ApplyOptions{Actor: "daemon", Slot: slot})
	if errors.Is(err, engine.ErrSlotDone) {
		return false
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if slots[slot] {
		w.t.Errorf("the slot %v ran twice", slot)
	}
	slots[slot] = true
	return true
}

// The clock of the machine jumps for one run and is mended: by a second or two as time servers do it, by an hour, a day, ten years,
// there and back. Nothing is taken because of it, no slot runs twice, no day goes by without a run, and what ends later ends.
func TestTheClockJumpsAndIsMended(t *testing.T) {
	const slot, day = 15 * time.Minute, 24 * time.Hour
	for _, jump := range []time.Duration{2 * time.Second, time.Hour, day, 10 * year, -2 * time.Second, -time.Hour, -day, -10 * year} {
		t.Run(jump.String(), func(t *testing.T) {
			w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/x"}, "c": {"wiki"}})
			w.engine.Settings.Slot = slot
			ends, slots := w.now.Add(jump.Abs()/2+2*slot), map[time.Time]bool{}
			w.policy.until = map[string]time.Time{"b": ends}
			w.hire("bob", "b", "c")
			if !w.slotted(slots) {
				t.Fatal("the first run was not made")
			}
			w.pass(jump)
			w.slotted(map[time.Time]bool{}) // what a clock says that is ahead is run again when it is so late
			w.has("bob", "x", true)
			w.pass(-jump)
			waited := time.Duration(0)
			for ran := false; !ran && waited < 2*day; waited += slot {
				w.pass(slot)
				ran = w.slotted(slots)
				if w.now.Before(ends) {
					w.has("bob", "x", true)
				}
			}
			if waited > day {
				t.Errorf("%s went by without a run", waited)
			}
			for w.now.Before(ends.Add(slot)) {
				w.pass(max(slot, ends.Sub(w.now)))
				w.slotted(slots)
			}
			for range 4 {
				w.pass(slot)
				w.slotted(slots)
			}
			w.has("bob", "x", false)
		})
	}
}
