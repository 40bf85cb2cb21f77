package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"time"

	_ "github.com/lib/pq" // the driver of the queue's connections

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
	"github.com/rolecall/rolecall/engine/journal"
)

// queue decides when a run is due and what is worked: dispatch.Local on SQLite, dispatch.River on PostgreSQL.
type queue interface {
	Serve(ctx context.Context) error
	Look() // at the schedule, which may have changed
}

// open puts the first configuration together, with its journal and queue. The journal comes last, so that nothing is made
// while anything is wrong.
func (s *server) open(ctx context.Context, cfg *config.File, plans bool) error {
	sys, err := s.app.parts(ctx, cfg)
	if err != nil {
		return err
	}
	s.closeQueue = func() error { return nil }
	store, err := s.openStore(ctx, cfg, plans)
	if err != nil {
		return errors.Join(err, s.closeQueue(), hangUp(sys.engine.Programs))
	}
	if err := s.app.join(ctx, sys, store, writing); err != nil {
		return errors.Join(err, store.Close(), s.closeQueue(), hangUp(sys.engine.Programs))
	}
	s.take(sys)
	return nil
}

func (s *server) openStore(ctx context.Context, cfg *config.File, plans bool) (*journal.Store, error) {
	if strings.HasPrefix(cfg.Store, "sqlite:") {
		s.queue = dispatch.NewLocal(s.options(ctx, plans))
		return s.app.store(ctx, cfg, writing, nil)
	}
	address, err := s.app.address(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("postgres", address)
	if err != nil {
		return nil, failed("", "the queue's database: %w", err)
	}
	pool.SetMaxOpenConns(10 + 1 + len(cfg.Exports)) // as many as NewRiver says it uses, and those of server.alone: notices and exports
	s.closeQueue, s.pool = pool.Close, pool
	river, err := dispatch.NewRiver(pool, s.options(ctx, plans))
	if err != nil {
		return nil, failed("", "%w", err)
	}
	s.queue = river
	store, err := s.app.store(ctx, cfg, writing, river.Enqueue)
	if err != nil {
		return nil, err
	}
	if err := dispatch.Migrate(ctx, pool); err != nil {
		return nil, errors.Join(failed("", "%w", err), store.Close())
	}
	return store, nil
}

// options of the queue; its jobs always take the configuration in force. stopping is the context that ends when the daemon
// is told to.
func (s *server) options(stopping context.Context, plans bool) dispatch.Options {
	o := dispatch.Options{
		Now: s.app.Now, Log: s.log, Sweep: s.app.Sweep, Grace: stopGrace,
		Jobs: dispatch.Jobs{Run: s.run, Last: s.lastSlot, Then: func(program string) []string { return s.system().waitingFor(program) }, Programs: func() []string { return s.system().names() },
			Work: func(ctx context.Context, program string) error { return s.work(ctx, stopping, program) }},
	}
	if plans {
		o.Schedule = func() *dispatch.Schedule { return s.system().schedule }
	}
	return o
}

// lastSlot is the last slot that was run. Where none was ever, the one before the daemon's first start counts as missed.
func (s *server) lastSlot(ctx context.Context) (time.Time, error) {
	slot, err := engine.LastSlot(ctx, s.system().store, s.system().engine.Settings.LatestSlot(s.app.Now()))
	if err == nil && slot.IsZero() {
		slot = time.Unix(0, 0)
	}
	return slot, err
}

// run is one slot: read, plan, record. The work is then for whoever takes it.
func (s *server) run(ctx context.Context, slot time.Time) error {
	sys, done := s.use()
	defer done()
	began := s.app.Now()
	if err := s.trust(ctx, sys); err != nil {
		s.metrics.run(0, nil, engine.Report{}, err)
		return err
	}
	p, r, err := sys.applyAs(ctx, engine.ApplyOptions{Actor: actorDaemon, Slot: slot, Leave: true})
	switch {
	case errors.Is(err, engine.ErrSlotDone), dispatch.GaveWay(err):
		s.log.Info("a run was left", "slot", slot, "why", err)
		return err
	case err == nil:
		s.report(ctx, p, r)
		s.seal(ctx, sys)
		s.tell(ctx, p)
	}
	s.metrics.run(s.app.Now().Sub(began), p, r, err)
	return err
}

// work carries out what is open for one program. Once the daemon is being stopped no further call starts.
func (s *server) work(ctx, stopping context.Context, program string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(stopping, cancel)()
	sys, done := s.use()
	defer done()
	p := sys.program(program)
	if p == nil {
		s.log.Warn("there is work for a program that is not in the configuration here; it is left to other machines", "program", program)
		return nil
	}
	if err := s.trust(ctx, sys); err != nil {
		return err
	}
	r, err := sys.engine.WorkProgram(ctx, p)
	for i := range r.Failures {
		f := &r.Failures[i]
		s.log.Warn("a change was not made", "outcome", f.Outcome, "op", f.Change.Op, "entitlement", f.Change.Entitlement, "account", f.Change.Account, "error", f.Error)
	}
	if len(r.Outcomes) > 0 {
		s.log.Info("worked", "program", program, "outcomes", outcomes(r.Outcomes))
		s.seal(context.WithoutCancel(ctx), sys)
	}
	if stopping.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func outcomes(counts map[engine.Outcome]int) slog.Value {
	var all []slog.Attr
	for _, o := range []engine.Outcome{engine.Done, engine.Already, engine.Refused, engine.Failed, engine.Uncertain} {
		if n := counts[o]; n > 0 {
			all = append(all, slog.Int(string(o), n))
		}
	}
	return slog.GroupValue(all...)
}
