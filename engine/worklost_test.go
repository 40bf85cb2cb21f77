package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// deaf is a program that heeds no context: calls for some accounts end only when it is let go.
type deaf struct {
	*enginetest.Program
	hangs func(account string) bool
	gone  chan struct{} // closed: they return
	calls atomic.Int32
}

func (d *deaf) Create(_ context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	d.calls.Add(1)
	if d.hangs(a.Name) {
		<-d.gone
		return "", engine.Failed, context.Canceled
	}
	return d.Program.Create(context.Background(), a)
}

// deafWorld has so many people who are to get an account of the deaf program.
func deafWorld(t *testing.T, people int, hangs func(string) bool) (*world, *deaf) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	for n := range people {
		w.hire(fmt.Sprintf("p%02d", n), "a")
	}
	d := &deaf{Program: w.targets["wiki"], hangs: hangs, gone: make(chan struct{})}
	w.engine.CallTime = 20 * time.Millisecond
	w.program("wiki").Connector, w.program("wiki").Lost = d, &atomic.Int32{}
	return w, d
}

func TestACallThatNeverReturnsHoldsUpNoOther(t *testing.T) {
	w, d := deafWorld(t, 3, func(account string) bool { return account == "p01" })
	_, r := w.apply()
	if r.Outcomes[engine.Uncertain] != 1 || r.Outcomes[engine.Done] != 2 {
		t.Errorf("outcomes: %v", r.Outcomes)
	}
	w.expect([]string{w.truth("wiki")}, "p00= p00=.exists p02= p02=.exists")
	close(d.gone)
	for w.program("wiki").Lost.Load() > 0 { // ends once the call has returned
		time.Sleep(time.Millisecond)
	}
}

// A program of which nothing comes back is not called for ever: each lost call holds memory.
func TestAProgramThatLosesCallsIsSetAside(t *testing.T) {
	var well atomic.Bool
	w, d := deafWorld(t, 20, func(string) bool { return !well.Load() })
	_, r, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test"})
	if err == nil || !strings.Contains(err.Error(), "set aside") {
		t.Errorf("nobody is told: %v", err)
	}
	if n := d.calls.Load(); n != 8 {
		t.Errorf("%d calls", n)
	}
	if r.Outcomes[engine.Uncertain] != 8 || r.Outcomes[engine.Failed] != 32 { // each account has two intents
		t.Errorf("outcomes: %v", r.Outcomes)
	}
	w.pass(time.Hour)
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test"}); err == nil {
		t.Error("the next run does not say it")
	}
	if n := d.calls.Load(); n != 8 {
		t.Errorf("%d calls after the next run", n)
	}
	well.Store(true)
	close(d.gone)
	for w.program("wiki").Lost.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	w.pass(time.Hour)
	w.apply()
	if n := strings.Count(w.truth("wiki"), ".exists"); n != 20 {
		t.Errorf("%d accounts once the program answers again", n)
	}
}

// A limited rate holds for the changes of a program that takes many at once.
func TestRateHoldsForBatches(t *testing.T) {
	for name, c := range map[string]struct {
		rate    float64
		batches string
		takes   time.Duration // all of it
	}{
		"four a second":    {4, "4 4 2 4 4 2", 4500 * time.Millisecond}, // ten accounts, then ten grants
		"one in two":       {0.5, "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", 38 * time.Second},
		"without a limit":  {0, "10 10", 0},
		"more than enough": {100, "10 10", 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "wiki")
			w.policy.rules = map[string][]string{"a": {"wiki"}}
			for n := range 10 {
				w.hire(fmt.Sprintf("p%02d", n), "a")
			}
			b := &batching{Program: w.targets["wiki"], before: func() {}}
			w.program("wiki").Connector, w.program("wiki").Rate = b, c.rate
			w.engine.Wait = func(_ context.Context, d time.Duration) error { w.pass(d); return nil }
			began := w.now
			w.apply()
			if got := strings.Trim(fmt.Sprint(b.sizes), "[]"); got != c.batches {
				t.Errorf("batches of %s, want %s", got, c.batches)
			}
			if took := w.now.Sub(began); took != c.takes {
				t.Errorf("it took %v, want %v", took, c.takes)
			}
		})
	}
}
