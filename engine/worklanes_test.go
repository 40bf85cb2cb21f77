package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// slowJournal holds outcomes back until two more calls have begun than there are lanes.
type slowJournal struct {
	engine.Journal
	begun chan struct{}
}

func (j *slowJournal) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if records[0].Kind == engine.KindOutcome {
		<-j.begun
	}
	return j.Journal.Append(ctx, g, records)
}

// countingProgram closes begun at the call of that number.
type countingProgram struct {
	engine.Connector
	mu    sync.Mutex
	calls int
	at    int
	begun chan struct{}
}

func (p *countingProgram) Grant(context.Context, string, string) (engine.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls++; p.calls == p.at {
		close(p.begun)
	}
	return engine.Done, nil
}

// TestLanesDoNotWaitForOutcomes: while outcomes are written, the next calls are made; if lanes waited, this would hang.
func TestLanesDoNotWaitForOutcomes(t *testing.T) {
	memory := enginetest.NewJournal(func() time.Time { return time.Unix(1_800_000_000, 0) })
	begun := make(chan struct{})
	grants(t, memory, "r1", 8)
	e := &engine.Engine{Journal: &slowJournal{memory, begun}, Outbox: memory, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	p := &engine.Program{Name: "wiki", Connector: &countingProgram{at: 4, begun: begun}, Concurrency: 2}
	r, err := e.WorkProgram(t.Context(), p)
	if err != nil || r.Outcomes[engine.Done] != 8 {
		t.Error(err, r)
	}
}

// bulkProgram takes two changes at once; begins is told before each batch is made.
type bulkProgram struct {
	engine.Connector
	begins func(batch int)
	n      int
}

func (p *bulkProgram) Describe(context.Context) (engine.Description, error) {
	return engine.Description{Batch: 2}, nil
}

func (p *bulkProgram) Apply(_ context.Context, calls []engine.Call) []engine.Result {
	p.n++
	p.begins(p.n)
	return slices.Repeat([]engine.Result{{Outcome: engine.Done}}, len(calls))
}

// grants commits n intents for as many accounts.
func grants(t *testing.T, j engine.Journal, run string, n int) {
	t.Helper()
	var records []engine.Record
	for i := range n {
		records = append(records, engine.IntentRecord(run, "test", "corp",
			engine.Change{Op: engine.OpGrant, Program: "wiki", Account: fmt.Sprint(run, i), Entitlement: "wiki/x"}, engine.ChargeGrant))
	}
	if err := j.Append(t.Context(), engine.Free, records); err != nil {
		t.Fatal(err)
	}
}

// TestBatchesDoNotWaitForOutcomes: while the outcomes of a batch are written, the next one is made; else this would hang.
func TestBatchesDoNotWaitForOutcomes(t *testing.T) {
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	memory, begun := enginetest.NewJournal(now), make(chan struct{})
	grants(t, memory, "r1", 5)
	e := &engine.Engine{Journal: &slowJournal{memory, begun}, Outbox: memory, Now: now}
	p := &engine.Program{Name: "wiki", Describes: engine.Description{Batch: 2}, Connector: &bulkProgram{begins: func(n int) {
		if n == 2 {
			close(begun)
		}
	}}}
	if r, err := e.WorkProgram(t.Context(), p); err != nil || r.Outcomes[engine.Done] != 5 {
		t.Error(err, r)
	}
}

// outbox tells how many intents each claim has found.
type outbox struct {
	engine.Outbox
	found chan int
}

func (o *outbox) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	intents, err := o.Outbox.Claim(ctx, r)
	o.found <- len(intents)
	return intents, err
}

// TestTheNextAreClaimedMeanwhile: while a batch is made the next one is claimed; else this would hang. What comes after a claim
// ahead has found nothing is carried out as well.
func TestTheNextAreClaimedMeanwhile(t *testing.T) {
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	memory, found := enginetest.NewJournal(now), make(chan int, 10)
	grants(t, memory, "r1", 3)
	e := &engine.Engine{Journal: memory, Outbox: &outbox{memory, found}, Now: now}
	p := &engine.Program{Name: "wiki", Describes: engine.Description{Batch: 2}, Connector: &bulkProgram{begins: func(n int) {
		switch n {
		case 1:
			if own, next := <-found, <-found; own != 2 || next != 1 {
				t.Error(own, next)
			}
		case 2:
			if n := <-found; n != 0 {
				t.Error(n)
			}
			grants(t, memory, "r2", 1)
		}
	}}}
	if r, err := e.WorkProgram(t.Context(), p); err != nil || r.Outcomes[engine.Done] != 4 {
		t.Error(err, r)
	}
}

// TestStoppedWithAClaimAhead: what was claimed ahead is not left claimed when all is stopped, and not called either.
func TestStoppedWithAClaimAhead(t *testing.T) {
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	memory, found := enginetest.NewJournal(now), make(chan int, 10)
	grants(t, memory, "r1", 6)
	ctx, stop := context.WithCancel(t.Context())
	e := &engine.Engine{Journal: memory, Outbox: &outbox{memory, found}, Now: now}
	program := &bulkProgram{begins: func(int) {
		if own, next := <-found, <-found; own != 2 || next != 2 {
			t.Error(own, next)
		}
		stop()
	}}
	r, err := e.WorkProgram(ctx, &engine.Program{Name: "wiki", Describes: engine.Description{Batch: 2}, Connector: program})
	if !errors.Is(err, context.Canceled) || program.n != 1 || r.Outcomes[engine.Done] != 2 || r.Outcomes[engine.Failed] != 2 {
		t.Error(err, program.n, r)
	}
	m, err := memory.Memory(t.Context(), now())
	if err != nil || len(m.Open) != 2 || !m.Open[0].Claimed.IsZero() || !m.Open[1].Claimed.IsZero() {
		t.Error(err, m.Open)
	}
}
