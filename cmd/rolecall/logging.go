package main

import (
	"log/slog"
	"slices"
	"time"

	"github.com/lmittmann/tint"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// logger writes to standard error: text for people on a terminal, one JSON object a line otherwise. Both forms escape
// control characters in values.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelInfo
	}
	return a.loggerAt(level)
}

// timings logs what each read brought and how long it took; -v shows it.
func timings(log *slog.Logger, p *engine.Plan) {
	for i := range p.Proofs {
		one := &p.Proofs[i]
		log.Info("read", "source", one.Source, "count", one.Count, "complete", one.Complete(), "took", one.Finished.Sub(one.Started).String())
	}
}

// unseen logs what was not seen, of roles and of partners too: whoever watches the log of a daemon learns of it with the first run.
func unseen(log *slog.Logger, proofs []engine.Proof) {
	for i := range proofs {
		p := &proofs[i]
		for _, r := range p.Reasons {
			log.Warn("not read completely", "source", p.Source, "code", r.Code, "detail", r.Detail)
		}
		unknown(log, p)
		unseen(log, p.Partners)
	}
}

// mostRoles are the reasons about roles of one source that the log has: a read that breaks may make all of them unknown.
const mostRoles = 10

// unknown logs the roles of which a source could not show who has them, but for reasons that were said of the whole.
func unknown(log *slog.Logger, p *engine.Proof) {
	n := 0
	for i := range p.Roles {
		for _, r := range p.Roles[i].Reasons {
			if slices.Contains(p.Reasons, r) {
				continue
			}
			if n++; n <= mostRoles {
				log.Warn("a role is unknown", "source", p.Source, "role", p.Roles[i].Role, "code", r.Code, "detail", r.Detail)
			}
		}
	}
	if n > mostRoles {
		log.Warn("more roles are unknown", "source", p.Source, "reasons", n-mostRoles)
	}
}

func (a *app) loggerAt(level slog.Level) *slog.Logger {
	if a.Watched { // where the log goes counts, and not where the output goes: a log in a file is for machines
		return slog.New(tint.NewTextHandler(render.Visible(a.Stderr), &tint.Options{Level: level, TimeFormat: "15:04:05", NoColor: a.noColor || a.Env("NO_COLOR") != ""}))
	}
	return slog.New(slog.NewJSONHandler(render.Visible(a.Stderr), &slog.HandlerOptions{Level: level}))
}

// timed says how long each phase of a run took: with -v, and to the metrics of the daemon.
func (a *app) timed() func(phase, what string, took time.Duration) {
	log := a.logger()
	return func(phase, what string, took time.Duration) {
		log.Info("phase", "phase", phase, "what", what, "seconds", took.Seconds())
		if a.phases != nil {
			a.phases(phase, what, took)
		}
	}
}
