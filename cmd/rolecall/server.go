package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// server is the daemon: the configuration in force and what happens with it.
type server struct {
	app        *app
	log        *slog.Logger
	metrics    *metrics
	systemd    systemd
	queue      queue
	closeQueue func() error
	plans      bool                           // it decides; otherwise it only works
	outlook    atomic.Pointer[engine.Outlook] // what the last run here saw; nil before it
	reports    kept                           // reports for the page
	levels     atomic.Pointer[web.Levels]     // nil before they were read
	measuring  sync.Mutex                     // held while levels are read
	looking    sync.Mutex                     // held while a look for the page is made
	telling    sync.Mutex                     // held while people are told what a run found
	pool       *sql.DB                        // of the queue, on PostgreSQL; else nil

	kept time.Time // when it was last looked for records that are older than they are to be kept

	exporting    sync.Map // names of the exports that are under way
	exportErrors sync.Map // by name of the export: why it failed last, "" if it did not

	mu      sync.Mutex
	current *system
	former  sync.WaitGroup // configurations that are still to be closed
	beat    time.Time      // when the daemon last looked around
	doubt   error          // why the journal can't be acted on, nil if it can
}

// actorDaemon is who the journal says decided what the schedule did.
const actorDaemon = "serve"

func (s *server) system() *system {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// journalLog is the journal to read, nil while it is not open.
func (s *server) journalLog() engine.ReviewLog {
	if sys := s.system(); sys != nil {
		return sys.store
	}
	return nil
}

// use gives the configuration in force to somebody who calls its programs, until done.
func (s *server) use() (sys *system, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.using.Add(1)
	return s.current, s.current.using.Done
}

// take puts a configuration in force. What is under way ends with the former one, whose connections end then.
func (s *server) take(fresh *system) {
	fresh.engine.Settled, fresh.engine.Looked = s.metrics.settled, s.looked
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.current; old != nil {
		s.former.Go(func() {
			old.using.Wait()
			if err := hangUp(old.engine.Programs); err != nil {
				s.log.Warn("connections of the former configuration can't be ended", "error", err)
			}
		})
	}
	s.current = fresh
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
	unseen(s.log, p.Proofs)
	s.log.Info("run ended", "run", r.Run, "changes", p.Ready(), "approvals", s.metrics.standing.look().Approval, "blocked", p.Summary.Blocked, "people", p.Summary.People)
}

// reload takes over the files as they are now, if all is right with them. It gives the configuration whose files are to be
// watched: the one in force.
func (s *server) reload(ctx context.Context) *config.File {
	s.systemd.say(daemon.SdNotifyReloading)
	defer s.systemd.say(daemon.SdNotifyReady)
	old := s.system()
	fresh, err := s.reopen(ctx, old)
	s.metrics.configuration(err == nil)
	if err != nil {
		s.log.Error("the new configuration is broken; the last good one stays in force", "error", err)
		return old.cfg
	}
	if fresh.cfg.Health != old.cfg.Health {
		s.log.Warn("health: changes with a restart only", "in_force", old.cfg.Health)
	}
	if fresh.cfg.Listen != old.cfg.Listen {
		s.log.Warn("listen: changes with a restart only", "in_force", old.cfg.Listen)
	}
	if !sameLogin(fresh.cfg.Login, old.cfg.Login) {
		s.log.Warn("login: changes with a restart only, but for its permissions")
	}
	if fresh.cfg.Store != old.cfg.Store || fresh.cfg.StorePassword != old.cfg.StorePassword {
		s.log.Warn("store: and store_password: change with a restart only", "in_force", old.cfg.Store)
	}
	s.take(fresh)
	s.log.Info("reloaded", "configuration", fresh.cfg.Path, "policy", fresh.policy.Hash())
	return fresh.cfg
}

// sameLogin compares all but the permissions, which are those in force.
func sameLogin(a, b *config.Login) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Permissions, y.Permissions = config.Permissions{}, config.Permissions{}
	return reflect.DeepEqual(x, y)
}

// reopen puts the files together anew, on the journal that is open.
func (s *server) reopen(ctx context.Context, old *system) (*system, error) {
	cfg, err := s.app.config()
	if err != nil {
		return nil, err
	}
	fresh, err := s.app.parts(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := s.app.join(ctx, fresh, old.store, writing); err != nil {
		return nil, errors.Join(err, hangUp(fresh.engine.Programs))
	}
	return fresh, nil
}

// alive notes that the daemon looks around, and tells systemd.
func (s *server) alive() {
	s.mu.Lock()
	s.beat = s.app.Now()
	s.mu.Unlock()
	if s.systemd.watchdog > 0 {
		s.systemd.say(daemon.SdNotifyWatchdog)
	}
}
