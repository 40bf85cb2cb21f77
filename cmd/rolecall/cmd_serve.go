package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
)

const (
	pollEvery = 5 * time.Second  // between two looks for a changed configuration
	stopGrace = 25 * time.Second // what a run under way is given when the daemon is stopped
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "The daemon: plan and apply on schedule", Args: args(cobra.NoArgs),
		Long: "Runs at the slots of `schedule:`, and at once if the last slot was missed. Runs never overlap. A changed configuration or\n" +
			"policy counts from the next run on, also on SIGHUP; a broken one is reported and the last good one stays in force.\n" +
			"SIGTERM and SIGINT end it once the calls under way are settled. `health:` serves /healthz, /readyz and /metrics, `listen:` a\n" +
			"page to look at in a browser: what is, what is about to change, people, programs, runs and the journal.\n" +
			"On a PostgreSQL store several machines may serve: each slot is run once, and all of them work.",
		Example: "  rolecall serve --config /etc/rolecall/rolecall.yaml",
		RunE:    func(c *cobra.Command, _ []string) error { return a.daemon(c.Context(), true) },
	}
}

func (a *app) workCommand() *cobra.Command {
	return &cobra.Command{
		Use: "work", Short: "A further worker on another machine", Args: args(cobra.NoArgs),
		Long: "Carries out what the daemons of `rolecall serve` decide, and decides nothing itself. It takes the same configuration as\n" +
			"they do, and needs their PostgreSQL store. Reloads, signals and `health:` are those of serve.",
		Example: "  rolecall work --config /etc/rolecall/rolecall.yaml",
		RunE:    func(c *cobra.Command, _ []string) error { return a.daemon(c.Context(), false) },
	}
}

// systemd is the notify protocol of sd_notify(3); nothing happens outside of it.
type systemd struct {
	say      func(state string)
	watchdog time.Duration // 0: none
}

func (a *app) systemd(log *slog.Logger) systemd {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog's settings can't be read", "error", err)
	}
	return systemd{watchdog: interval, say: func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn("systemd can't be told", "state", state, "error", err)
		}
	}}
}

// daemon is serve where plans, else work.
func (a *app) daemon(ctx context.Context, plans bool) (err error) {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if !plans && strings.HasPrefix(cfg.Store, "sqlite:") {
		return usage("with SQLite one machine does everything: run `rolecall serve` there, or use a store postgres://…",
			"%s: further workers need a PostgreSQL store", cfg.PlaceOf(&cfg.Store))
	}
	a.progress = nil // the log is what one watches
	log := a.loggerAt(slog.LevelInfo)
	watch := newWatch(cfg) // before the policies are read, so that no edit is missed
	s := &server{app: a, log: log, systemd: a.systemd(log), plans: plans}
	s.metrics = newMetrics(a.Now, s.journalLog)
	a.phases = s.metrics.phase
	if err := s.open(ctx, cfg, plans); err != nil {
		return err
	}
	defer func() { settle(&err, s.close) }()
	stop, err := s.show(ctx, cfg)
	if err != nil {
		return err
	}
	defer stop()
	log.Info("started", "configuration", cfg.Path, "schedule", cfg.Schedule, "plans", plans, "policy", s.system().policy.Hash())
	err = s.serve(ctx, watch)
	log.Info("stopped")
	return err
}

// show begins to listen for those who look: machines at health and metrics, people at the page.
func (s *server) show(ctx context.Context, cfg *config.File) (stop func(), err error) {
	health, err := s.listen(ctx, "health and metrics", cfg.Health, s.routes())
	if err != nil {
		return nil, failed("another process may use the address; choose another with health:", "%w", err)
	}
	page, err := s.page(ctx)
	if err != nil {
		return nil, errors.Join(err, stopped(health))
	}
	what := "page, without login, for this machine only, changes nothing"
	if cfg.Login != nil {
		what = "page, with login"
	}
	look, err := s.listen(ctx, what, cfg.Listen, page)
	if err != nil {
		return nil, errors.Join(failed("another process may use the address; choose another with listen:", "%w", err), stopped(health))
	}
	return func() { look(); health() }, nil
}

func stopped(stop func()) error {
	stop()
	return nil
}

// serve keeps the queue going and the configuration up to date until ctx ends or the queue fails.
func (s *server) serve(ctx context.Context, watch *watch) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		ended <- s.queue.Serve(ctx)
	}()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	s.alive()
	s.systemd.say(daemon.SdNotifyReady)
	s.follow(ctx, watch, hangup)
	s.systemd.say(daemon.SdNotifyStopping)
	s.log.Info("stopping; calls under way are settled", "at_most", stopGrace)
	return <-ended
}

// follow takes over changed files, and shows that the daemon lives, until ctx ends.
func (s *server) follow(ctx context.Context, watch *watch, hangup <-chan os.Signal) {
	tick := time.NewTicker(cmp.Or(s.app.Poll, pollEvery))
	defer tick.Stop()
	for {
		told := false
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			s.log.Info("told to reload")
			told = true
		case <-tick.C:
		}
		s.alive()
		s.exportNow(ctx)
		s.tellOld(ctx)
		if told || watch.changed() {
			watch.around(func() *config.File { return s.reload(ctx) })
			s.queue.Look()
		}
	}
}

// close ends the queue's connections, those of the programs and the journal.
func (s *server) close() error {
	s.former.Wait()
	return errors.Join(s.system().close(), s.closeQueue())
}
