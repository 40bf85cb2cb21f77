package main_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/lib/pq" // the driver

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/journal"
)

// people is a directory of so many people; the next person comes with each read.
type people struct{ reads atomic.Int32 }

func (d *people) People(_ context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	n := int(d.reads.Add(1))
	for i := range n {
		login := fmt.Sprintf("p%03d", i)
		err := yield(engine.Person{Key: login, Source: "corp", State: engine.StateActive, Jobs: []engine.Job{{}},
			Attributes: engine.Attributes{{Name: "login", Values: []string{login}}}})
		if err != nil {
			return engine.Proof{}, err
		}
	}
	return engine.Proof{Source: "corp", Count: n}, nil
}

// everybody is a policy: everybody has every program.
type everybody []engine.Entitlement

func (p everybody) Entitlements() []engine.Entitlement { return p }
func (p everybody) Rules() []engine.Rule {
	return []engine.Rule{{Name: "all", Hash: "1", Mode: "enforce"}}
}
func (p everybody) Hash() string { return "everybody" }
func (p everybody) Explain(*engine.Person, time.Time, engine.Entitlement) []engine.Finding {
	return nil
}
func (p everybody) Decide(_ *engine.Person, _ time.Time, _ func(int32) bool, out []engine.Verdict) []engine.Verdict {
	for i := range p {
		out = append(out, engine.Verdict{Entitlement: int32(i), Say: engine.Desired})
	}
	return out
}

// daemon is one process: engine, journal and queue on one PostgreSQL.
func daemon(t *testing.T, dsn string, now func() time.Time, d *people, programs []*enginetest.Program) {
	t.Helper()
	var queue *dispatch.River // set before anything is appended
	store, err := journal.Open(t.Context(), dsn, journal.Options{Now: now, Migrate: true,
		Enqueue: func(ctx context.Context, tx *sql.Tx, programs []string) error {
			return queue.Enqueue(ctx, tx, programs)
		}})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := dispatch.Migrate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	wide := engine.Limit{Floor: 1000, Percent: 100, Cap: 1000, Window: 24 * time.Hour}
	e := &engine.Engine{Directory: d, Journal: store, Outbox: store, Now: now, Settings: engine.Settings{Unmanaged: engine.UnmanagedSuspend, Absences: 2,
		Apart: time.Hour, Zone: time.UTC, Hash: "c", Limits: engine.Limits{RevokePeople: wide, RevokeHoldings: wide, Leavers: wide, Grant: wide}}}
	policy, names := everybody{}, []string(nil)
	for _, p := range programs {
		policy = append(policy, engine.Entitlement{Program: p.Name})
		names = append(names, p.Name)
		e.Programs = append(e.Programs, engine.Program{Name: p.Name, Kind: "memory", Connector: p, Revoke: engine.RevokeManaged,
			Create: func(p *engine.Person) (string, string) { return p.Login(), "" }})
	}
	e.Policy = policy
	jobs := dispatch.Jobs{Programs: func() []string { return names }}
	jobs.Run = func(ctx context.Context, slot time.Time) error {
		_, _, err := e.Apply(ctx, engine.ApplyOptions{Actor: "daemon", Slot: slot, Leave: true})
		return err
	}
	jobs.Work = func(ctx context.Context, program string) error {
		for i := range e.Programs {
			if e.Programs[i].Name == program {
				_, err := e.WorkProgram(ctx, &e.Programs[i])
				return err
			}
		}
		return fmt.Errorf("program %q is not configured", program)
	}
	jobs.Last = func(ctx context.Context) (time.Time, error) { return engine.LastSlot(ctx, store, time.Time{}) }
	slots, err := dispatch.ParseSchedule("* * * * *")
	if err != nil {
		t.Fatal(err)
	}
	if queue, err = dispatch.NewRiver(db, dispatch.Options{Jobs: jobs, Schedule: func() *dispatch.Schedule { return slots }, Now: now, Sweep: 300 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- queue.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		db.Close()
		store.Close()
	})
}

// TestTwoDaemonsShareOneDatabase lets two daemons run the schedule on a clock that is 60 times too fast: each slot is one
// run, and everybody gets every program exactly once.
func TestTwoDaemonsShareOneDatabase(t *testing.T) {
	dsn, began := servers.Postgres(t).NewDatabase(t), time.Now()
	now := func() time.Time {
		return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC).Add(60 * time.Since(began)).Truncate(time.Microsecond)
	}
	d := &people{}
	programs := []*enginetest.Program{enginetest.NewProgram("crm", now), enginetest.NewProgram("wiki", now)}
	var creates sync.Map // program/account → *atomic.Int32
	for _, p := range programs {
		p.Before = func(c enginetest.ProgramCall) enginetest.Fault {
			if c.Op == "create" {
				n, _ := creates.LoadOrStore(p.Name+"/"+c.Account, new(atomic.Int32))
				n.(*atomic.Int32).Add(1)
			}
			return enginetest.NoFault
		}
	}
	for range 2 {
		daemon(t, dsn, now, d, programs)
	}
	reader, err := journal.Open(t.Context(), dsn, journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	for end := time.Now().Add(40 * time.Second); len(slotsRun(t, reader)) < 5; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no slots are run")
		}
	}
	slots := slotsRun(t, reader)
	for i, slot := range slots[1:] {
		if !slot.After(slots[i]) {
			t.Errorf("slot %v was run after %v", slot, slots[i])
		}
	}
	for _, p := range programs {
		for end := time.Now().Add(20 * time.Second); !p.Has("p000", engine.Active); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("nobody got %s", p.Name)
			}
		}
	}
	creates.Range(func(account, n any) bool {
		if times := n.(*atomic.Int32).Load(); times != 1 {
			t.Errorf("%v was created %d times", account, times)
		}
		return true
	})
}

// slotsRun lists the slots of the journal's runs in their order.
func slotsRun(t *testing.T, log engine.Log) (slots []time.Time) {
	t.Helper()
	err := log.Records(t.Context(), engine.Query{Kind: engine.KindRun}, func(r engine.Record) error {
		for _, f := range r.Set {
			if f.Kind == engine.FactSlot {
				slots = append(slots, f.Since)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slots
}
