package engine_test

import (
	"context"
	"errors"
	"slices"
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
