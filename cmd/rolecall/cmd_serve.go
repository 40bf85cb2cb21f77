package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "The daemon: plan and apply on schedule", Args: args(cobra.NoArgs),
		Long: "Runs at the slots of `schedule:`, and at once if the last slot was missed. Runs never overlap. A changed configuration or\n" +
			"policy is taken over between runs, also on SIGHUP; a broken one is reported and the last good one stays in force.\n" +
			"SIGTERM and SIGINT end it once the calls under way are settled. `health:` serves /healthz, /readyz and /metrics.",
		Example: "  rolecall serve --config /etc/rolecall/rolecall.yaml",
		RunE:    func(c *cobra.Command, _ []string) error { return a.serve(c.Context()) },
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

func (a *app) serve(ctx context.Context) (err error) {
	a.progress = nil // the log is what one watches
	log := a.loggerAt(slog.LevelInfo)
	cfg, err := a.config()
	if err != nil {
		return err
	}
	watch := newWatch(cfg) // before the policies are read, so that no edit is missed
	first, err := a.assemble(ctx, cfg, writing)
	if err != nil {
		return err
	}
	s := &server{app: a, log: log, metrics: newMetrics(a.Now), current: first, systemd: a.systemd(log)}
	defer func() { settle(&err, s.system().close) }()
	stop, err := s.listen(ctx, first.cfg.Health)
	if err != nil {
		return failed("another process may use the address; choose another with health:", "%w", err)
	}
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	l := &loop{
		now: a.Now, poll: cmp.Or(a.Poll, pollEvery), next: s.nextSlot, missed: s.missedSlot, run: s.run, hangup: hangup,
		changed: watch.changed, reload: func() { watch.around(func() *config.File { return s.reload(ctx) }) }, alive: s.alive, log: log,
	}
	s.systemd.say(daemon.SdNotifyReady)
	log.Info("started", "configuration", first.cfg.Path, "schedule", first.cfg.Schedule, "policy", first.policy.Hash())
	err = l.serve(ctx)
	s.systemd.say(daemon.SdNotifyStopping)
	log.Info("stopped")
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
