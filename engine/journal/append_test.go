package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// waitFor lets n Appends gather behind the one that commits.
func waitFor(s *Store, n int) {
	for {
		s.group.mu.Lock()
		waiting := len(s.group.waiting)
		s.group.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

// gathering gives a store whose writer is held until release; the first Append is already on its way to it.
func gathering(t *testing.T) (s *Store, transactions *atomic.Int64, release func()) {
	transactions = &atomic.Int64{} // each reads the clock once
	s = openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), func() time.Time { transactions.Add(1); return time.Now() })
	s.writing <- struct{}{}
	done := make(chan error)
	go func() { done <- s.Append(context.Background(), engine.Free, []engine.Record{{Kind: engine.KindCut}}) }()
	for busy := false; !busy; runtime.Gosched() {
		s.group.mu.Lock()
		busy = s.group.busy && len(s.group.waiting) == 0
		s.group.mu.Unlock()
	}
	return s, transactions, func() {
		s.writing.end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAppendsShareACommit(t *testing.T) {
	s, transactions, release := gathering(t)
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		guard := engine.Free
		if i%5 == 0 {
			guard.Control = 0 // the cut is record 1
		}
		wg.Go(func() {
			errs[i] = s.Append(context.Background(), guard, []engine.Record{{Kind: engine.KindNote}, {Kind: engine.KindNote}})
		})
	}
	waitFor(s, len(errs))
	release()
	wg.Wait()
	for i, err := range errs {
		if errors.Is(err, engine.ErrStale) != (i%5 == 0) || err != nil && !errors.Is(err, engine.ErrStale) {
			t.Errorf("append %d: %v", i, err)
		}
	}
	if n := transactions.Load(); n != 2 {
		t.Errorf("%d transactions instead of 2", n)
	}
	if v := verify(t, s); !v.OK() || v.Records != 1+16*2 {
		t.Errorf("%+v", v)
	}
}

func TestACallerMayLeaveBeforeItsTurn(t *testing.T) {
	s, _, release := gathering(t)
	ctx, cancel := context.WithCancel(context.Background())
	left, stayed := make(chan error), make(chan error, 2)
	stay := func() {
		stayed <- s.Append(context.Background(), engine.Free, []engine.Record{{Kind: engine.KindNote}})
	}
	go stay()
	waitFor(s, 1)
	go func() { left <- s.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindNote, Run: "left"}}) }()
	waitFor(s, 2)
	go stay()
	waitFor(s, 3)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("left with %v", err)
	}
	release()
	if err := errors.Join(<-stayed, <-stayed); err != nil {
		t.Error(err)
	}
	if v := verify(t, s); !v.OK() || v.Records != 3 {
		t.Errorf("%+v", v)
	}
}

// Who was told to commit for all that wait stays: the others would wait for ever.
func TestWhoLeadsDoesNotLeave(t *testing.T) {
	g, q := &group{busy: true}, &request{lead: make(chan struct{}), done: make(chan struct{})}
	g.waiting = []*request{q}
	close(q.lead)
	if g.leave(q) || len(g.waiting) != 1 {
		t.Errorf("it left: %d wait", len(g.waiting))
	}
	if g.leave(&request{}) || len(g.waiting) != 1 {
		t.Error("who is taken already can't leave")
	}
}

// Whoever leaves while the records are being committed learns what becomes of them.
func TestWhoIsTakenWaitsForTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var transactions atomic.Int64
		hold, entered := make(chan struct{}), make(chan struct{})
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), func() time.Time {
			if transactions.Add(1) == 2 {
				close(entered)
				<-hold
			}
			return time.Now()
		})
		s.writing <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		for n, c := range []context.Context{t.Context(), t.Context(), ctx} {
			go func() { errs <- s.Append(c, engine.Free, []engine.Record{{Kind: engine.KindNote}}) }()
			for settled := false; !settled; runtime.Gosched() {
				s.group.mu.Lock()
				settled = s.group.busy && len(s.group.waiting) == n
				s.group.mu.Unlock()
			}
		}
		s.writing.end()
		<-entered // the second commits for the third
		cancel()
		synctest.Wait()
		close(hold)
		if err := errors.Join(<-errs, <-errs, <-errs); err != nil {
			t.Error(err)
		}
		if v := verify(t, s); !v.OK() || v.Records != 3 {
			t.Errorf("%+v", v)
		}
	})
}

func TestLargeAppendsAreNotCut(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	records := make([]engine.Record, mostRecords+500)
	for i := range records {
		records[i].Kind = engine.KindNote
	}
	if err := s.Append(context.Background(), engine.Free, records); err != nil || records[len(records)-1].Seq != int64(len(records)) {
		t.Error(err, records[len(records)-1].Seq)
	}
}

// What a connection keeps prepared must not grow with what is done.
func TestClaimsKeepToFewStatements(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	now, after := time.Now(), 0
	for n := range 5 {
		if err := s.Append(context.Background(), engine.Free, []engine.Record{engine.IntentRecord("r", "daemon", "corp", engine.Change{Op: engine.OpGrant,
			Person: "ann", Account: "ann", Program: "wiki", Entitlement: fmt.Sprint("wiki/", n)}, "")}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Hour)
		got, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: 1, Now: now, Lease: time.Minute, Since: now})
		if err != nil || len(got) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if n == 2 {
			after = len(s.statements)
		}
	}
	if len(s.statements) != after {
		t.Errorf("%d statements are prepared, after the third claim it were %d", len(s.statements), after)
	}
}

// An approval is measured by the journal's time, which does not run backwards, so that a clock that is a little behind uses none
// that has expired; but not by what a clock wrote that was far ahead.
func TestAClockThatWasAheadExpiresNoApproval(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		want  error
	}{
		"a little": {10 * time.Minute, engine.ErrStale},
		"a year":   {365 * 24 * time.Hour, nil},
	} {
		clock := enginetest.NewClock()
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), clock.Now)
		clock.Add(c.ahead)
		if err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindCut}}); err != nil {
			t.Fatal(err)
		}
		clock.Add(-c.ahead)
		g := engine.Guard{Control: -1, Until: clock.Now().Add(5 * time.Minute)}
		if err := s.Append(t.Context(), g, []engine.Record{{Kind: engine.KindNote}}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
