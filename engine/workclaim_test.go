package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// overtaken is a world in which a leaver's suspend was claimed a second time in the middle of its first call, which ends with
// that fault. It gives the second claim.
func overtaken(t *testing.T, f enginetest.Fault) (w *world, again []engine.Intent) {
	w = company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	w.fire("zoe")
	w.pass(time.Hour)
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() || again != nil {
			return enginetest.NoFault
		}
		w.pass(11 * time.Minute)
		var err error
		if again, err = w.journal.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 10, Now: w.now, Lease: 10 * time.Minute}); err != nil {
			t.Error(err)
		}
		return f
	}
	w.apply()
	return w, again
}

// A call ends after its claim was over, when somebody else has the intent: its outcome is evidence, and ends nothing. The
// other call may still be under way, so the account stays his, and what is the opposite waits.
func TestAResultOfAnEarlierClaimEndsNoLaterOne(t *testing.T) {
	for name, f := range map[string]enginetest.Fault{"unknown": enginetest.LoseAfter, "failed": enginetest.FailBefore, "refused": enginetest.Refuse, "done": enginetest.NoFault} {
		t.Run(name, func(t *testing.T) {
			w, again := overtaken(t, f)
			open := w.memory().Open
			if len(open) != 1 || open[0].Attempts != 2 || !open[0].Lease.Equal(again[0].Lease) || open[0].Unknown {
				t.Fatalf("open: %+v", open)
			}
			p := w.person("zoe")
			p.State, p.Marked = engine.StateActive, false
			w.pass(time.Minute)
			w.wants("zoe", "grant wiki blocked: a suspend on this account is not settled yet")
		})
	}
}

// A plan read the program after a claim was over, and stood still before it was committed. Meanwhile the intent was claimed
// again: it must not be closed by what the program showed before.
func TestAPlanReadsBackOnlyTheClaimThatItKnew(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	w.fire("zoe")
	w.once(enginetest.LoseBefore)
	w.later()
	w.pass(time.Hour)
	p, epoch := w.mustPlan(), w.lead()
	w.claim()
	if _, err := w.engine.Commit(t.Context(), p, "test", epoch); !errors.Is(err, engine.ErrStale) {
		t.Errorf("the commit gives %v", err)
	}
	if open := w.memory().Open; len(open) != 1 || open[0].Attempts != 2 {
		t.Errorf("open: %+v", open)
	}
	w.apply() // it plans anew, and waits
	if open := w.memory().Open; len(open) != 1 {
		t.Errorf("open: %+v", open)
	}
	w.later()
	w.has("zoe", engine.Active, false)
}

// atOnce is a program that is asked to make one change at a time, and notes what it was asked, in order.
type atOnce struct {
	*enginetest.Program
	mu    sync.Mutex
	under int
	most  int
	calls []string
}

func (a *atOnce) call(what string, do func()) {
	a.mu.Lock()
	a.calls = append(a.calls, what)
	a.under++
	a.most = max(a.most, a.under)
	a.mu.Unlock()
	do()
	a.mu.Lock()
	a.under--
	a.mu.Unlock()
}

func (a *atOnce) Create(ctx context.Context, n engine.NewAccount) (id string, o engine.Outcome, err error) {
	a.call("create "+n.Name, func() { id, o, err = a.Program.Create(ctx, n) })
	return id, o, err
}

func (a *atOnce) Grant(ctx context.Context, account, right string) (o engine.Outcome, err error) {
	a.call("grant "+account+" "+right, func() { o, err = a.Program.Grant(ctx, account, right) })
	return o, err
}

// intends records intents about somebody.
func (w *world) intends(changes ...engine.Change) {
	w.t.Helper()
	for _, c := range changes {
		c.Person, c.Program, c.Cause = "k-ann", "wiki", engine.CauseRule
		if err := w.journal.Append(w.t.Context(), engine.Free, []engine.Record{engine.IntentRecord("r1", "test", "corp", c, engine.ChargeGrant)}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// returning is a program in which somebody's account is to be made, who has a former one.
func returning(t *testing.T) (*world, *atOnce) {
	w := newWorld(t, "wiki")
	p := &atOnce{Program: w.targets["wiki"]}
	p.ID = func(name string) string { return "id-" + name }
	p.Describes.Concurrency = 4
	w.program("wiki").Connector = p
	p.AddAccount("old", engine.AccountInfo{}, engine.Exists, engine.Active)
	w.intends(engine.Change{Op: engine.OpCreate, Account: "new:ann", Entitlement: "wiki/.exists", New: &engine.NewAccount{Name: "ann"}},
		engine.Change{Op: engine.OpGrant, Account: "new:ann", Entitlement: "wiki/y"})
	return w, p
}

func (w *world) work() {
	w.t.Helper()
	if _, err := w.engine.Work(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

// Somebody who came back has a former account, and one that is about to be made, perhaps under the same name. However many
// accounts are worked on at once, these two are one.
func TestTheAccountsOfOnePersonAreWorkedOnOneByOneWhileOneIsMade(t *testing.T) {
	for range 20 {
		w, p := returning(t)
		w.intends(engine.Change{Op: engine.OpGrant, Account: "old", Entitlement: "wiki/x"})
		w.work()
		if p.most != 1 || !slices.Equal(p.calls, []string{"create ann", "grant id-ann y", "grant old x"}) {
			t.Fatalf("%d calls at once: %q", p.most, p.calls)
		}
	}
}

// emptyClaims tells of each claim that gave nothing.
type emptyClaims struct {
	engine.Outbox
	told chan struct{}
}

func (e *emptyClaims) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	got, err := e.Outbox.Claim(ctx, r)
	if len(got) == 0 {
		e.told <- struct{}{}
	}
	return got, err
}

// Nor does another process work on one while the other is worked on. Whoever makes the account takes what waited for that,
// also if nothing was to be had meanwhile.
func TestNobodyWorksOnAnAccountWhileItsPersonGetsAnotherOne(t *testing.T) {
	w, p := returning(t)
	other := *w.engine
	other.Programs = slices.Clone(w.engine.Programs)
	empty := &emptyClaims{w.journal, make(chan struct{}, 10)}
	w.engine.Outbox = empty
	p.Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Op == "create" {
			w.intends(engine.Change{Op: engine.OpGrant, Account: "old", Entitlement: "wiki/x"})
			if r, err := other.Work(t.Context()); err != nil || len(r.Outcomes) > 0 {
				t.Errorf("the other process: %v, %v", r, err)
			}
			for range 2 { // that claimed ahead, and the next one
				<-empty.told
			}
		}
		return enginetest.NoFault
	}
	w.work()
	w.expect(p.calls, "create ann", "grant id-ann y", "grant old x")
}

// What was tried with an unknown effect, and fails when it is tried again, is not known to have failed.
func TestAFailureOfASecondTrySaysNothingOfTheFirst(t *testing.T) {
	for name, c := range map[string]struct{ first, second enginetest.Fault }{
		"lost after its effect, then refused": {enginetest.LoseAfter, enginetest.Refuse},
		"lost before its effect, then failed": {enginetest.LoseBefore, enginetest.FailBefore},
	} {
		t.Run(name, func(t *testing.T) {
			w := company(t, map[string][]string{"a": {"wiki"}})
			w.apply()
			w.fire("zoe")
			w.once(c.first)
			w.later()
			w.pass(time.Minute)
			w.once(c.second)
			w.work()
			open := w.memory().Open
			if len(open) != 1 || !open[0].Unknown || open[0].Attempts != 2 {
				t.Fatalf("open: %+v", open)
			}
			w.later()
			w.later()
			w.has("zoe", engine.Active, false)
			if n := len(w.memory().Open); n != 0 {
				t.Errorf("%d are open", n)
			}
		})
	}
}

// An account that is not deleted because of what it holds was looked at: no earlier try has deleted it.
func TestADeleteThatIsNotMadeIsKnownNotToBe(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.program("wiki").Delete, w.program("wiki").Wait = true, time.Hour
	w.apply()
	w.fire("zoe")
	w.later()
	w.once(enginetest.LoseBefore)
	w.pass(2 * time.Hour)
	w.apply()
	if open := w.memory().Open; len(open) != 1 || open[0].Change.Op != engine.OpDelete {
		t.Fatalf("open: %+v", open)
	}
	w.pass(time.Minute)
	w.targets["wiki"].Set("zoe", engine.Active, true)
	w.work()
	if open := w.memory().Open; len(open) != 0 {
		t.Errorf("open: %+v", open)
	}
}

// pausing is a company of five who are given accounts, one call after the other; do is called in the middle of the second call.
func pausing(t *testing.T, do func(w *world)) (*world, engine.Report, *[]string, error) {
	w := newWorld(t, "wiki", "crm")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	for _, login := range []string{"ann", "bob", "cid", "dan", "eve"} {
		w.hire(login, "a")
	}
	made := calls(w.targets["wiki"], func(n int) {
		if n == 2 {
			do(w)
		}
	})
	_, r, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test"})
	return w, r, made, err
}

// A pause stops what was claimed, too, but for the call under way; it is made once the pause ends. A look is believed for
// a moment.
func TestAPauseStopsWhatWasClaimed(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		passes  time.Duration
		want    int
	}{
		"at once":        {"wiki", 100 * time.Millisecond, 2},
		"of everything":  {"", time.Second, 2},
		"of another one": {"crm", time.Second, 10},
		"a moment later": {"wiki", 99 * time.Millisecond, 10},
		"clock set back": {"wiki", -time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w, r, made, err := pausing(t, func(w *world) {
				if err := w.engine.Pause(t.Context(), "boss", c.program, "stop"); err != nil {
					t.Error(err)
				}
				w.pass(c.passes)
			})
			if len(*made) != c.want || r.Outcomes[engine.Failed] != 10-c.want || err != nil {
				t.Fatalf("calls: %q, outcomes: %v, %v", *made, r.Outcomes, err)
			}
			if err := w.engine.Unpause(t.Context(), "boss", c.program); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Second)
			w.apply()
			w.expect([]string{w.truth("wiki")}, "ann= ann=.exists bob= bob=.exists cid= cid=.exists dan= dan=.exists eve= eve=.exists")
			if f := w.memory().Facts(engine.FactFailing); len(f) != 0 {
				t.Errorf("failing: %v", f)
			}
		})
	}
}

// blind is a journal in which nothing can be looked up any more.
type blind struct {
	*enginetest.Journal
	err error
}

func (b *blind) Fact(ctx context.Context, k engine.FactKey) (engine.Fact, bool, error) {
	f, ok, err := b.Journal.Fact(ctx, k)
	return f, ok, errors.Join(err, b.err)
}

func TestNoCallStartsWhileNobodyCanTellOfAPause(t *testing.T) {
	_, r, made, err := pausing(t, func(w *world) {
		w.engine.Journal = &blind{w.journal, errors.New("no route")}
		w.pass(time.Second)
	})
	if len(*made) != 2 || r.Outcomes[engine.Failed] != 8 || err == nil || !strings.Contains(err.Error(), "whether wiki is paused can't be read: no route") { // the journal fails, not the changes
		t.Fatalf("calls: %q, outcomes: %v, %v", *made, r.Outcomes, err)
	}
}

// A look that ends since all is to stop says nothing of the journal.
func TestAStopIsNoFaultOfTheJournal(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	ctx, stop := context.WithCancel(t.Context())
	w.engine.Journal = &stopping{w.journal, stop}
	_, r, err := w.engine.Apply(ctx, engine.ApplyOptions{Actor: "test"})
	if len(r.Failures) != 2 || !strings.Contains(r.Failures[1].Error, "stopped before this call started") || err != nil && strings.Contains(err.Error(), "can't be read") {
		t.Errorf("%+v, %v", r, err)
	}
}

// stopping is a journal that is looked at when all is to stop.
type stopping struct {
	*enginetest.Journal
	stop func()
}

func (s *stopping) Fact(ctx context.Context, _ engine.FactKey) (engine.Fact, bool, error) {
	s.stop()
	return engine.Fact{}, false, ctx.Err()
}

// counting counts looks.
type counting struct {
	*enginetest.Journal
	n int
}

func (c *counting) Fact(ctx context.Context, k engine.FactKey) (engine.Fact, bool, error) {
	c.n++
	return c.Journal.Fact(ctx, k)
}

func TestALookIsSharedByCalls(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x", "wiki/y"}}
	for _, login := range []string{"ann", "bob", "cid"} {
		w.hire(login, "a")
	}
	c := &counting{Journal: w.journal}
	w.engine.Journal = c
	made := calls(w.targets["wiki"], func(int) { w.pass(20 * time.Millisecond) })
	w.apply()
	if len(*made) != 12 || c.n != 2*3 { // in 240 ms, of the program and of everything
		t.Errorf("%d calls, %d looks", len(*made), c.n)
	}
}

// A batch is looked at before it starts, too.
func TestAPauseStopsTheNextBatch(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	b := &batching{Program: w.targets["wiki"]}
	b.before = func() {
		if err := w.engine.Pause(t.Context(), "boss", "wiki", "stop"); err != nil {
			t.Error(err)
		}
		w.pass(time.Second)
	}
	w.program("wiki").Connector = b
	w.apply()
	if len(b.sizes) != 1 {
		t.Errorf("batches of %v", b.sizes)
	}
}

// A cut that is lifted before its call starts is not carried out.
func TestALiftedCutIsNotCarriedOut(t *testing.T) {
	for _, batch := range []bool{false, true} {
		w := company(t, map[string][]string{"a": {"wiki"}})
		if batch {
			w.program("wiki").Connector = &batching{Program: w.targets["wiki"], before: func() {}}
		}
		w.apply()
		if err := w.engine.Pause(t.Context(), "boss", "wiki", "stop"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stolen"); err != nil {
			t.Fatal(err)
		}
		if err := w.engine.Unpause(t.Context(), "boss", "wiki"); err != nil {
			t.Fatal(err)
		}
		w.engine.Outbox = &lifting{w.engine.Outbox, func() {
			if err := w.engine.Lift(t.Context(), "boss", "zoe", "found"); err != nil {
				t.Error(err)
			}
		}}
		w.work()
		w.has("zoe", engine.Active, true)
		w.engine.Outbox = w.journal
		w.later()
		if n := len(w.memory().Open); n != 0 {
			t.Errorf("%d are open", n)
		}
	}
}

// lifting does something between the claim and the calls.
type lifting struct {
	engine.Outbox
	do func()
}

func (l *lifting) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	got, err := l.Outbox.Claim(ctx, r)
	if len(got) > 0 {
		l.do()
	}
	return got, err
}

// A revoke that may be repeated, of which nobody knows the first effect, backs off like any other: it is not tried with every
// sweep while the program's list can't be read.
func TestRepeatedTriesBackOff(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	w.fire("zoe")
	w.once(enginetest.LoseBefore)
	w.later()
	tries := 0
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() {
			tries++
			return enginetest.Refuse
		}
		return enginetest.PartialList
	}
	for range 60 {
		w.pass(time.Minute)
		w.work()
	}
	if tries < 4 || tries > 7 { // after 1, 2, 4, 8, 16 and 32 minutes
		t.Errorf("%d tries in an hour", tries)
	}
	w.targets["wiki"].Before = nil
	for range 30 {
		w.later()
	}
	w.has("zoe", engine.Active, false)
	if n := len(w.memory().Open); n != 0 {
		t.Errorf("%d are open", n)
	}
}
