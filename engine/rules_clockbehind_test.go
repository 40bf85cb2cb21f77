package engine_test

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// eachBehind lets something happen while the clock is behind by a day, or by ten years.
func eachBehind(t *testing.T, do func(t *testing.T, w *world, behind func(func()))) {
	for _, jump := range []time.Duration{24 * time.Hour, 10 * year} {
		t.Run(jump.String(), func(t *testing.T) {
			w := company(t, map[string][]string{"a": {"wiki/x"}})
			w.program("wiki").Delete, w.program("wiki").Wait = true, 72*time.Hour
			w.apply()
			w.later()
			do(t, w, func(do func()) {
				w.pass(-jump)
				do()
				w.pass(jump)
			})
		})
	}
}

// Who was missed first while a clock was behind is not absent for as long as it was behind.
func TestAnAbsenceFromAClockThatWasBehindBeginsWhenItIsMended(t *testing.T) {
	eachBehind(t, func(_ *testing.T, w *world, behind func(func())) {
		w.vanish("zoe")
		w.pass(10 * time.Hour) // the journal's time is that of its last record
		behind(func() {
			w.apply()
			w.pass(15 * time.Minute)
			w.apply()
		})
		for range 3 {
			w.pass(time.Minute)
			w.apply()
			w.has("zoe", engine.Active, true)
		}
		w.later()
		w.later()
		w.has("zoe", engine.Active, false)
	})
}

// An account that was suspended while a clock was behind is deleted after the whole wait, whether a run or work alone was of that clock.
func TestASuspensionFromAClockThatWasBehindBeginsWhenItIsMended(t *testing.T) {
	for name, suspends := range map[string]func(w *world, behind func(func())){
		"a run":      func(w *world, behind func(func())) { behind(func() { w.apply(); w.apply() }) },
		"work alone": (*world).worksBehind,
		"work alone, on what was decided long before": func(w *world, behind func(func())) {
			w.worksBehind(func(work func()) {
				w.pass(100 * time.Hour)
				w.record(nil) // so that the journal's time is known
				behind(work)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachBehind(t, func(_ *testing.T, w *world, behind func(func())) {
				w.fire("zoe")
				suspends(w, behind)
				w.has("zoe", engine.Active, false)
				for range 4 {
					w.later()
				}
				w.has("zoe", engine.Exists, true)
				w.pass(72 * time.Hour)
				for range 3 {
					w.later()
				}
				w.has("zoe", engine.Exists, false)
			})
		})
	}
}

// worksBehind carries out by a clock that is behind what a run decided by the right one.
func (w *world) worksBehind(behind func(func())) {
	w.t.Helper()
	if _, _, err := w.engine.Apply(w.t.Context(), engine.ApplyOptions{Actor: "test", Leave: true}); err != nil {
		w.t.Fatal(err)
	}
	behind(func() {
		if _, err := w.engine.Work(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	})
}
