package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// calls lists the writing calls to a program, in order; after each of them do is called.
func calls(p *enginetest.Program, do func(n int)) *[]string {
	var mu sync.Mutex
	out := &[]string{}
	p.Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() {
			return enginetest.NoFault
		}
		mu.Lock()
		*out = append(*out, c.Op+" "+c.Account)
		n := len(*out)
		mu.Unlock()
		do(n)
		return enginetest.NoFault
	}
	return out
}

// A process that stands still for as long as its lease, paused or with its machine, starts no further call when it goes on,
// and does not take that for the program's failure.
func TestNoCallStartsWithoutEnoughLease(t *testing.T) {
	for name, stop := range map[string]time.Duration{"the lease has ended": 11 * time.Minute, "less of it is left than a call may take": 9*time.Minute + 30*time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "wiki")
			w.policy.rules = map[string][]string{"a": {"wiki"}}
			w.hire("ann", "a")
			w.hire("bob", "a")
			made := calls(w.targets["wiki"], func(n int) {
				if n == 1 {
					w.pass(stop)
				}
			})
			_, r := w.apply()
			if !slices.Equal(*made, []string{"create ann"}) {
				t.Errorf("calls: %v", *made)
			}
			if r.Outcomes[engine.Done] != 1 || r.Outcomes[engine.Failed] != 3 {
				t.Errorf("outcomes: %v", r.Outcomes)
			}
			w.targets["wiki"].Before = nil
			w.apply() // at once: nothing failed, so nothing waits
			w.expect([]string{w.truth("wiki")}, "ann= ann=.exists bob= bob=.exists")
		})
	}
}

// The wait of a limited rate comes before the lease is looked at.
func TestNoCallStartsAfterWaitingTooLong(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	w.program("wiki").Rate = 1
	w.engine.Wait = func(context.Context, time.Duration) error { w.pass(11 * time.Minute); return nil }
	made := calls(w.targets["wiki"], func(int) {})
	w.apply()
	if !slices.Equal(*made, []string{"create ann"}) {
		t.Errorf("calls: %v", *made)
	}
}

// batching is a program that takes many calls at once, and notes how long it is given.
type batching struct {
	*enginetest.Program
	before func()
	given  []time.Duration
	sizes  []int
}

func (b *batching) Apply(ctx context.Context, calls []engine.Call) (out []engine.Result) {
	deadline, _ := ctx.Deadline()
	b.given = append(b.given, time.Until(deadline).Round(time.Second))
	b.sizes = append(b.sizes, len(calls))
	b.before()
	for _, c := range calls {
		if c.New != nil {
			id, o, err := b.Create(ctx, *c.New)
			out = append(out, engine.Result{ID: id, Outcome: o, Err: err})
			continue
		}
		do := b.Grant
		if !c.Grant {
			do = b.Revoke
		}
		o, err := do(ctx, c.Account, c.Entitlement)
		out = append(out, engine.Result{Outcome: o, Err: err})
	}
	return out
}

// A batch may take longer than a call, but not longer than the lease; each round is looked at anew.
func TestABatchEndsBeforeItsLease(t *testing.T) {
	for name, c := range map[string]struct {
		first  time.Duration // what the round of new accounts takes
		rounds []time.Duration
	}{
		"in time":        {0, []time.Duration{5 * time.Minute, 5 * time.Minute}},
		"late":           {8 * time.Minute, []time.Duration{5 * time.Minute, 115 * time.Second}},
		"later than all": {11 * time.Minute, []time.Duration{5 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "wiki")
			w.policy.rules = map[string][]string{"a": {"wiki"}}
			w.hire("ann", "a")
			b := &batching{Program: w.targets["wiki"], before: func() { w.pass(c.first); c.first = 0 }}
			w.program("wiki").Connector = b
			w.apply()
			if !slices.Equal(b.given, c.rounds) {
				t.Errorf("rounds of %v, want %v", b.given, c.rounds)
			}
		})
	}
}

// Whoever works asks the program itself how many calls it takes at once.
func TestAWorkerKnowsWhatTheProgramDeclares(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	for _, name := range []string{"ann", "bob", "cid"} {
		w.hire(name, "a")
	}
	w.targets["wiki"].Describes.Concurrency = 3
	together := sync.WaitGroup{}
	together.Add(3)
	calls(w.targets["wiki"], func(n int) {
		if n <= 3 { // ends only if three calls are under way at once
			together.Done()
			together.Wait()
		}
	})
	if _, r := w.apply(); r.Outcomes[engine.Done] != 3 {
		t.Errorf("outcomes: %v", r.Outcomes)
	}
}

func TestSettledIsToldEveryOutcome(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	var told []string
	w.engine.Settled = func(i engine.Intent, o engine.Outcome) {
		if i.Time.IsZero() {
			t.Error("when the intent was recorded is missing")
		}
		told = append(told, string(i.Change.Op)+" "+i.Change.Entitlement+" "+string(o))
	}
	w.apply()
	w.expect(told, "create wiki/.exists done", "grant wiki already")
}

// standing is a program whose caller stands still after an account was made, for as long as pause lasts.
type standing struct {
	*enginetest.Program
	pause func()
}

func (s *standing) Create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	id, outcome, err := s.Program.Create(ctx, a)
	s.pause()
	return id, outcome, err
}

// A process stands still after it made an account. When it goes on, another one has read that back and closed the intent: the
// account was made once, so it is reported once.
func TestAResultAfterTheReadBackCountsNoSecondTime(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	other := *w.engine
	other.Programs = slices.Clone(w.engine.Programs)
	told := 0
	w.engine.Settled = func(_ engine.Intent, o engine.Outcome) { told++ }
	w.program("wiki").Connector = &standing{w.targets["wiki"], func() {
		w.pass(11 * time.Minute)
		if _, _, err := other.Apply(t.Context(), engine.ApplyOptions{}); err != nil {
			t.Error(err)
		}
	}}
	w.apply()
	var got []string
	for _, kind := range []engine.Kind{engine.KindOutcome, engine.KindLate} {
		create := engine.Exists
		if err := w.journal.Records(t.Context(), engine.Query{Kind: kind, Entitlement: &create}, func(r engine.Record) error {
			got = append(got, string(r.Kind)+" "+string(r.Op)+" "+r.Account+" "+string(r.Outcome))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.expect(got, "outcome create ann done", "late create ann done")
	if told != 0 {
		t.Errorf("it was told of %d outcomes; all were settled by the other process", told)
	}
	w.expect([]string{w.truth("wiki")}, "ann= ann=.exists")
}
