package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
)

// limits shows what each limit allows in each scope, at the counts that a run would use now.
func (s *system) limits(snapshot *engine.Snapshot) []finding {
	var out []finding
	for _, b := range s.engine.MakePlan(snapshot).Budgets() {
		window := config.FormatDuration(b.Limit.Window)
		l := limit{Scope: b.Scope, Of: b.Of, Allowed: b.Allowed, Used: b.Used, Window: window, More: b.Announced}
		more := ""
		if b.Announced > 0 {
			more = fmt.Sprintf(", and %d more that are announced", b.Announced)
		}
		text := fmt.Sprintf("%s: at most %d of %d within %s without approval%s, %d used", b.Scope, b.Allowed, b.Of, window, more, b.Used)
		out = append(out, finding{Part: "limit", Name: b.Name, OK: true, Limit: &l, Text: text})
	}
	return out
}

// waves are those that the configuration announces, with what has become of them.
func (s *system) waves(now time.Time) (out []finding) {
	for i := range s.engine.Settings.Expected {
		x := &s.engine.Settings.Expected[i]
		state := "under way"
		switch {
		case now.Before(x.From):
			state = "still to come"
		case !now.Before(x.Until):
			state = "over: it raises no limit any more"
		}
		out = append(out, finding{Part: "expect", Name: s.cfg.PlaceOf(&s.cfg.Expect[i]).String(), OK: true, Note: true, Text: announced(x) + ": " + state})
	}
	return out
}

// announced is a wave in one sentence.
func announced(x *engine.Expected) string {
	last := x.Until.AddDate(0, 0, -1)
	return fmt.Sprintf("%s from %s until %s, approved by %s (%s)", x, x.From.Format(time.DateOnly), last.Format(time.DateOnly), x.Approver, x.Reason)
}

// neverRevoked are the programs in which nothing is ever taken away.
func (s *system) neverRevoked() (out []finding) {
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Programs)) {
		if s.cfg.Programs[name].Revoke == engine.RevokeNever {
			out = append(out, finding{Part: "program", Name: name, OK: true, Note: true, Text: "nothing is ever taken away there, not from leavers either (revoke: never)"})
		}
	}
	return out
}
