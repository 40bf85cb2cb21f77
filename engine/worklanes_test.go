package engine_test

import (
	"context"
	"fmt"
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
	var records []engine.Record
	for i := range 8 {
		records = append(records, engine.IntentRecord("r1", "test", "corp", engine.Change{Op: engine.OpGrant, Program: "wiki", Account: fmt.Sprint(i), Entitlement: "wiki/x"}, engine.ChargeGrant))
	}
	if err := memory.Append(t.Context(), engine.Free, records); err != nil {
		t.Fatal(err)
	}
	e := &engine.Engine{Journal: &slowJournal{memory, begun}, Outbox: memory, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }}
	p := &engine.Program{Name: "wiki", Connector: &countingProgram{at: 4, begun: begun}, Concurrency: 2}
	r, err := e.WorkProgram(t.Context(), p)
	if err != nil || r.Outcomes[engine.Done] != 8 {
		t.Error(err, r)
	}
}
