package main

import (
	"log/slog"
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
