package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Records stay as long as anything looks back to them, or something that began with them is not over.
func TestOnlyWhatNothingLooksBackToIsPruned(t *testing.T) {
	now := time.Date(2027, 6, 1, 9, 0, 0, 0, time.UTC)
	days := func(n int) time.Time { return now.AddDate(0, 0, -n) }
	fact := func(kind string, since time.Time) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: kind, Key: "k"}, Since: since}
	}
	for what, c := range map[string]struct {
		before time.Time
		facts  []engine.Fact
		change func(e *engine.Engine, m *engine.Memory)
		want   string // "": it may go
	}{
		"old enough":                  {before: days(91)},
		"too new":                     {before: days(89), want: "look back 90 days"},
		"a limit looks further":       {before: days(100), change: func(e *engine.Engine, _ *engine.Memory) { e.Settings.Limits.Grant.Window = 120 * 24 * time.Hour }, want: "look back 120 days"},
		"leavers have a longer grace": {before: days(100), change: func(e *engine.Engine, _ *engine.Memory) { e.Settings.LeaverGrace = 120 * 24 * time.Hour }, want: "120 days"},
		"a deletion waits longer":     {before: days(100), change: func(e *engine.Engine, _ *engine.Memory) { e.Programs = []engine.Program{{Wait: 120 * 24 * time.Hour}} }, want: "120 days"},
		"movers have a longer grace": {before: days(100), change: func(e *engine.Engine, _ *engine.Memory) {
			e.Programs = []engine.Program{{Grace: 120 * 24 * time.Hour}}
		}, want: "120 days"},
		"an old change is open":   {before: days(100), change: func(_ *engine.Engine, m *engine.Memory) { m.Open = []engine.Intent{{Seq: 50}} }, want: "is open (record 50)"},
		"a newer change is open":  {before: days(100), change: func(_ *engine.Engine, m *engine.Memory) { m.Open = []engine.Intent{{Seq: 51}} }},
		"it came from a backup":   {before: days(100), facts: []engine.Fact{fact(engine.FactRestored, days(1))}, want: "came from a backup"},
		"a gap leaves a question": {before: days(100), facts: []engine.Fact{fact(engine.FactDoubt, days(1))}, want: "came from a backup"},
		"an approval waits":       {before: days(100), facts: []engine.Fact{fact(engine.FactItem, days(101))}, want: "an approval waits"},
		"a newer approval waits":  {before: days(100), facts: []engine.Fact{fact(engine.FactItem, days(99))}},
		"a review":                {before: days(100), facts: []engine.Fact{fact(engine.FactReview, days(101))}, want: "a review of access"},
		"a task":                  {before: days(100), facts: []engine.Fact{fact(engine.FactTask, days(101))}, want: "a task"},
		"a seat":                  {before: days(100), facts: []engine.Fact{fact(engine.FactSeat, days(101))}, want: "a seat"},
		"an attribute":            {before: days(100), facts: []engine.Fact{fact(engine.FactWaiting, days(101))}, want: "waits for something"},
		"a leaver":                {before: days(100), facts: []engine.Fact{fact(engine.FactLeaving, days(101))}, want: "could not be taken"},
		"the clock is ahead":      {before: days(400), change: func(_ *engine.Engine, m *engine.Memory) { m.Time = days(32) }, want: "if the clock is right, let a run be made first"},
		"old by the clock":        {before: days(110), change: func(_ *engine.Engine, m *engine.Memory) { m.Time = days(30) }, want: "only what is from before 2027-02-01"},
		"old by the journal":      {before: days(121), change: func(_ *engine.Engine, m *engine.Memory) { m.Time = days(30) }},
		"the clock is behind":     {before: days(100), change: func(_ *engine.Engine, m *engine.Memory) { m.Time = now.AddDate(1, 0, 0) }, want: "one of the clocks is wrong"},
	} {
		t.Run(what, func(t *testing.T) {
			e, m := &engine.Engine{Now: func() time.Time { return now }}, engine.NewMemory(c.facts)
			m.Time = now
			if c.change != nil {
				c.change(e, m)
			}
			err := e.Prunable(m, c.before, 50)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.Is(err, engine.ErrNotPruned) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("want %q: %v", c.want, err)
			}
		})
	}
}
