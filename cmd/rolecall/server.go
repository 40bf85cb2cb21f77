package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/robfig/cron/v3"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
)

// server is the daemon: the configuration in force and what happens with it.
type server struct {
	app     *app
	log     *slog.Logger
	metrics *metrics
	systemd systemd

	mu      sync.Mutex
	current *system
	beat    time.Time // when the loop last looked
	broken  string    // why the newest configuration is not in force, "" if it is
	lastRun time.Time // when a run last ended without an error
}

// actorDaemon is who the journal says decided what the schedule did.
const actorDaemon = "serve"

func (s *server) system() *system {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

func (s *server) schedule() cron.Schedule {
	schedule, err := config.ParseSchedule(s.system().cfg.Schedule)
	if err != nil { // it was checked when it was loaded
		return cron.Every(15 * time.Minute)
	}
	return schedule
}

func (s *server) nextSlot(after time.Time) time.Time { return s.schedule().Next(after) }

// missedSlot is the last slot before now, zero if it was run.
func (s *server) missedSlot(ctx context.Context) time.Time {
	now := s.app.Now()
	schedule := s.schedule()
	slot := schedule.Next(now.Add(-2 * config.Slot(schedule, now)))
	if slot.After(now) {
		return time.Time{}
	}
	for next := schedule.Next(slot); !next.After(now); next = schedule.Next(next) {
		slot = next
	}
	memory, err := s.system().store.Memory(ctx, now)
	if err != nil {
		s.log.Error("the journal can't be read", "error", err)
		return time.Time{}
	}
	if done, ok := memory.Fact(engine.FactKey{Kind: engine.FactSlot}); ok && !done.Since.Before(slot) {
		return time.Time{}
	}
	return slot
}

// run is one slot: plan, apply, count. Its errors are logged and counted; the next slot tries again.
func (s *server) run(ctx context.Context, slot time.Time) {
	sys, began := s.system(), s.app.Now()
	p, r, err := sys.applyAs(ctx, engine.ApplyOptions{Actor: actorDaemon, Slot: slot})
	if errors.Is(err, engine.ErrSlotDone) {
		s.log.Info("another process ran this slot", "slot", slot)
		return
	}
	s.metrics.run(s.app.Now().Sub(began), p, r, err)
	if err != nil {
		s.log.Error("the run failed; the next slot tries again", "run", r.Run, "error", err)
		return
	}
	s.mu.Lock()
	s.lastRun = s.app.Now()
	s.mu.Unlock()
	if err := s.metrics.changes(ctx, sys, r.Run, p.Time); err != nil {
		s.log.Warn("the run's changes could not be counted", "run", r.Run, "error", err)
	}
	s.report(ctx, p, r)
}

// applyAs records the versions in force, then plans and applies.
func (s *system) applyAs(ctx context.Context, o engine.ApplyOptions) (*engine.Plan, engine.Report, error) {
	if err := s.remember(ctx, o.Actor); err != nil {
		return nil, engine.Report{}, fmt.Errorf("the policy could not be recorded, so nothing was changed: %w", err)
	}
	return s.engine.Apply(ctx, o)
}

func (s *server) report(ctx context.Context, p *engine.Plan, r engine.Report) {
	for _, n := range p.Notices {
		level := slog.LevelInfo
		switch n.Level {
		case "warning":
			level = slog.LevelWarn
		case "alarm":
			level = slog.LevelError
		}
		s.log.Log(ctx, level, n.Text, "code", n.Code, "program", n.Program, "person", n.Person)
	}
	for i := range p.Proofs {
		for _, reason := range p.Proofs[i].Reasons {
			s.log.Warn("not read completely", "source", p.Proofs[i].Source, "code", reason.Code, "detail", reason.Detail)
		}
	}
	for i := range r.Failures {
		f := &r.Failures[i]
		s.log.Warn("a change was not made", "outcome", f.Outcome, "op", f.Change.Op, "entitlement", f.Change.Entitlement, "account", f.Change.Account, "error", f.Error)
	}
	s.log.Info("run ended", "run", r.Run, "changes", p.Ready(), "approvals", p.Summary.Approval, "blocked", p.Summary.Blocked, "people", p.Summary.People)
}

// reload takes over the files as they are now, if all is right with them. It gives the configuration whose files are to be
// watched: the one in force.
func (s *server) reload(ctx context.Context) *config.File {
	s.systemd.say(daemon.SdNotifyReloading)
	defer s.systemd.say(daemon.SdNotifyReady)
	fresh, err := s.app.open(ctx, writing)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.broken = err.Error()
		s.metrics.configuration(false)
		s.log.Error("the new configuration is broken; the last good one stays in force", "error", err)
		return s.current.cfg
	}
	if fresh.cfg.Health != s.current.cfg.Health {
		s.log.Warn("health: changes with a restart only", "in_force", s.current.cfg.Health)
	}
	if err := s.current.close(); err != nil {
		s.log.Warn("closing the former journal", "error", err)
	}
	s.current, s.broken = fresh, ""
	s.metrics.configuration(true)
	s.log.Info("reloaded", "configuration", fresh.cfg.Path, "policy", fresh.policy.Hash())
	return fresh.cfg
}

// alive notes that the loop turns, and tells systemd.
func (s *server) alive() {
	s.mu.Lock()
	s.beat = s.app.Now()
	s.mu.Unlock()
	if s.systemd.watchdog > 0 {
		s.systemd.say(daemon.SdNotifyWatchdog)
	}
}
