package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// skewed is a company whose program lists an hour late, and whose engine and journal go by a clock of their own.
func skewed(t *testing.T) (w *world, skew *time.Duration) {
	w, skew = company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}}), new(time.Duration)
	clock := func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now.Add(*skew) }
	w.journal = enginetest.NewJournal(clock)
	w.engine.Journal, w.engine.Outbox, w.engine.Now = w.journal, w.journal, clock
	w.targets["wiki"].Describes.Lag = time.Hour
	w.hire("bob", "a")
	return w, skew
}

// aheadFacts are what is remembered because a clock was ahead.
func (w *world) aheadFacts() int { return len(w.memory().Facts(engine.FactAhead)) }

// What was changed while a clock was far ahead was changed before it was mended: once the list can show it, the list is believed.
func TestAListIsBelievedOnceAClockThatWasAheadIsMended(t *testing.T) {
	w, skew := skewed(t)
	*skew = year
	w.apply()
	*skew = 0
	w.pass(30 * time.Minute)
	if p, _ := w.apply(); !noticed(p, engine.NoticeAhead) {
		t.Error("nobody is told")
	}
	w.has("bob", "x", true)
	w.targets["wiki"].Set("bob", "x", false) // somebody takes it away
	for range 4 {
		w.later()
	}
	w.wants("bob", "grant wiki/x blocked: removed by somebody else")
	w.pass(year + 48*time.Hour)
	w.apply()
	w.pass(time.Minute)
	w.apply()
	if n := w.aheadFacts(); n != 0 {
		t.Errorf("%d facts are left although the clock has caught up", n)
	}
}

// What is changed after a clock was mended bears the journal's time, which is still that of the far ahead one. The list lags behind
// the moment at which it was really made, and nobody is blamed meanwhile.
func TestALaggingListBlamesNobodyAfterAClockWasAhead(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"granted":   func(w *world) { w.roles("bob", "a", "b"); w.apply() },
		"read back": func(w *world) { w.roles("bob", "a", "b"); w.once(enginetest.LoseAfter); w.apply() },
	} {
		w, skew := skewed(t)
		w.apply()
		w.pass(2 * time.Hour)
		w.apply()
		*skew = year
		w.hire("ann", "a")
		w.apply()
		*skew = 0
		for range 3 {
			w.later() // it is known for longer than the lag that a clock was ahead
		}
		change(w)
		for range 9 {
			w.pass(20 * time.Minute)
			p, _ := w.apply()
			if lines := about(p, "bob"); slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "grant wiki/y") }) {
				t.Errorf("%s: %v", name, lines)
			}
		}
		w.has("bob", "y", true)
		w.targets["wiki"].Set("bob", "y", false)
		for range 3 {
			w.later()
		}
		w.wants("bob", "grant wiki/y blocked: removed by somebody else")
	}
}

// An intent from before a clock was ahead is carried out after it was mended: only the record of its outcome shows that.
func TestAnIntentFromBeforeAClockWasAheadIsChangedNow(t *testing.T) {
	w, skew := skewed(t)
	w.apply()
	w.pass(2 * time.Hour)
	w.roles("bob", "a", "b")
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	*skew = year
	w.record(nil)
	*skew = 0
	if _, err := w.engine.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.aheadFacts(); n != 1 { // no run has seen it yet
		t.Errorf("%d facts, want that of the change", n)
	}
	w.has("bob", "y", true)
}

// standstill is what a call does to the clocks.
type standstill struct {
	*enginetest.Program
	during func()
}

func (s standstill) Create(ctx context.Context, n engine.NewAccount) (string, engine.Outcome, error) {
	s.during()
	return s.Program.Create(ctx, n)
}

// A clock that is set back makes no lease longer: by the uptime it has ended, and somebody else may act.
func TestAClockSetBackStretchesNoLease(t *testing.T) {
	for name, c := range map[string]struct {
		set, takes time.Duration
		begun      bool
	}{
		"set back":             {-time.Hour, 11 * time.Minute, false},
		"set back, soon over":  {-time.Hour, time.Minute, true},
		"suspended":            {11 * time.Minute, 0, false},
		"neither":              {time.Minute, time.Minute, true},
		"less than a call may": {0, 9*time.Minute + 40*time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "wiki")
			w.policy.rules = map[string][]string{"a": {"wiki"}}
			w.hire("ann", "a")
			w.hire("bob", "a")
			up := time.Duration(0)
			w.engine.Uptime = func() time.Duration { w.mu.Lock(); defer w.mu.Unlock(); return up }
			first := true
			w.program("wiki").Connector = standstill{w.targets["wiki"], func() {
				if first {
					w.pass(c.set)
					w.mu.Lock()
					up, first = up+c.takes, false
					w.mu.Unlock()
				}
			}}
			w.apply()
			if n := w.accounts(); n != map[bool]int{false: 1, true: 2}[c.begun] {
				t.Errorf("%d accounts were made", n)
			}
		})
	}
}

// accounts is how many there are.
func (w *world) accounts() (n int) {
	for _, h := range w.targets["wiki"].Truth() {
		if h.Entitlement == engine.Exists {
			n++
		}
	}
	return n
}

// What was charged bears the journal's time, so that budgets count it until that is over. Whoever lost something in between is no free
// choice for the next time: who was charged once is else not counted twice.
func TestBudgetsCountAnewWhoLostSomethingWhileTheJournalWasAhead(t *testing.T) {
	for name, wait := range map[string]time.Duration{"while it is": 48 * time.Hour, "once it is not": 400*24*time.Hour + time.Hour} {
		w, skew := skewed(t)
		for _, login := range []string{"p1", "p2", "p3"} {
			w.hire(login, "a")
		}
		w.apply()
		w.later()
		w.later()
		*skew = 400 * 24 * time.Hour
		w.record(nil)
		*skew = 0
		w.later()
		for _, login := range []string{"p1", "p2", "p3"} {
			w.roles(login)
			w.later()
			w.later()
			w.has(login, "x", false)
			w.roles(login, "a")
			w.later()
			w.later()
			w.has(login, "x", true)
		}
		w.pass(wait - 12*time.Hour)
		w.apply()
		w.pass(2 * time.Hour)
		w.engine.Settings.Limits.RevokePeople = tight(3)
		for _, login := range []string{"p1", "p2", "p3"} {
			w.roles(login)
		}
		if p, _ := w.apply(); states(p, engine.OpRevoke)[engine.NeedsApproval] != 3 {
			t.Errorf("%s: %v", name, lines(p))
		}
	}
}

// holdingTwo is a company in which somebody holds two rights, and budgets that begin once all is settled.
func holdingTwo(t *testing.T) (w *world, skew *time.Duration) {
	w, skew = skewed(t)
	w.hire("p1", "a", "b")
	w.apply()
	w.later()
	w.later()
	return w, skew
}

// runAhead lets the journal's time be that of a clock that was far ahead, and a run see it.
func (w *world) runAhead(skew *time.Duration, far time.Duration) {
	*skew = far
	w.record(nil)
	*skew = 0
	w.later()
}

func (w *world) move(login string, roles ...string) {
	w.roles(login, roles...)
	w.later()
	w.later()
}

// Charges bear a wrong time from when a clock was seen to be far ahead up to the time that it showed, and no others do: who was charged
// before or after counts once.
func TestOnlyChargesOfAClockThatWasAheadAreCountedAnew(t *testing.T) {
	for name, charge := range map[string]func(w *world, skew *time.Duration){
		"before": func(w *world, skew *time.Duration) {
			w.move("p1", "b")
			w.runAhead(skew, 400*24*time.Hour)
		},
		"after": func(w *world, skew *time.Duration) {
			w.runAhead(skew, 400*24*time.Hour)
			w.pass(400 * 24 * time.Hour)
			w.later()
			w.move("p1", "b")
		},
	} {
		w, skew := holdingTwo(t)
		charge(w, skew)
		w.has("p1", "x", false)
		w.engine.Settings.Limits.RevokePeople = tight(1)
		w.roles("p1")
		if p, _ := w.apply(); states(p, engine.OpRevoke)[engine.Ready] != 1 {
			t.Errorf("%s: %v", name, lines(p))
		}
	}
}

// Budgets of people count whoever lost several holdings at such a time as one, those of holdings count each.
func TestWhatWasLostAtAWrongTimeIsCountedAsTheBudgetCounts(t *testing.T) {
	for state, limit := range map[engine.ChangeState]func(*engine.Limits){
		engine.Ready:         func(l *engine.Limits) { l.RevokePeople = tight(2) },
		engine.NeedsApproval: func(l *engine.Limits) { l.RevokeHoldings = tight(2) },
	} {
		w, skew := holdingTwo(t)
		w.runAhead(skew, 400*24*time.Hour)
		w.move("p1")
		w.move("p1", "a", "b")
		w.has("p1", "y", true)
		limit(&w.engine.Settings.Limits)
		w.roles("p1", "b")
		if p, _ := w.apply(); states(p, engine.OpRevoke)[state] != 1 {
			t.Errorf("%s: %v", state, lines(p))
		}
	}
}

// What is remembered of a change ends once any list shows it, in its own program alone; since when a program's list is believed stays.
func TestWhatAListShowsIsRememberedNoMore(t *testing.T) {
	w, skew := holdingTwo(t)
	*skew = year
	w.hire("ann", "a")
	w.apply()
	*skew = 0
	w.later()
	w.roles("bob", "a", "b")
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactAhead, Program: "elsewhere", Account: "x"}, Since: w.now}})
	w.apply()
	changes := func() (out []string, since time.Time) {
		for _, f := range w.memory().Facts(engine.FactAhead) {
			if f.Account != "" {
				out = append(out, f.Program+"/"+f.Account)
			} else if f.Program != "" {
				since = f.Since
			}
		}
		return out, since
	}
	got, _ := changes()
	w.expect(got, "elsewhere/x", "wiki/bob")
	w.later()
	_, before := changes()
	for range 4 {
		w.later()
	}
	got, since := changes()
	w.expect(got, "elsewhere/x")
	if before.IsZero() || !since.Equal(before) {
		t.Errorf("the list is believed since %v, not %v", since, before)
	}
}

// Whose an account is that was deleted and made anew for somebody else is known also while the journal's time is that of a clock that
// was far ahead.
func TestTheNewerLinkCountsWhileAClockIsBehind(t *testing.T) {
	w, skew := skewed(t)
	p := w.program("wiki")
	p.Delete, p.Wait = true, time.Hour
	w.hire("zed", "a")
	*skew = year
	w.apply()
	*skew = 0
	w.fire("zed")
	for range 6 {
		w.pass(2 * time.Hour)
		w.apply()
	}
	w.has("zed", engine.Exists, false)
	w.hire("ada", "a")
	w.called("ada", "zed")
	for range 2 {
		w.pass(2 * time.Hour)
		w.apply()
		w.has("zed", engine.Active, true)
		w.has("zed", "x", true)
	}
}

// The journal's time goes on meanwhile, which no run has to note.
func TestNothingIsNotedWhileAClockIsBehind(t *testing.T) {
	w, skew := skewed(t)
	*skew = year
	w.apply()
	*skew = 0
	for range 4 {
		w.later()
	}
	before := w.memory().Seq
	w.later()
	if n := w.memory().Seq - before; n != 1 {
		t.Errorf("a run that has nothing to do writes %d records", n)
	}
}
