package engine_test

import (
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// holders is how many people and holdings there were of each program, when they were looked at by a run or in between.
type holders struct {
	at               time.Time
	run              bool
	people, holdings map[string]int
}

// part is what a budget counts over: a program, a source, or all.
type part struct{ kind, name string }

func parts() []part {
	return []part{{"all", ""}, {"program", "wiki"}, {"program", "git"}, {"source", "corp"}, {"source", "hr"}}
}

func (p part) has(r *engine.Record) bool {
	switch p.kind {
	case "program":
		return r.Program == p.name
	case "source":
		source, err := engine.IntentSource(r)
		return err == nil && source == p.name
	}
	return true
}

// seeHolders notes who holds what now.
func (h *history) seeHolders(run bool) {
	now := holders{h.now, run, map[string]int{}, map[string]int{}}
	for name, program := range h.targets {
		accounts := map[string]bool{}
		for _, one := range program.Truth() {
			accounts[one.Account] = true
			now.holdings[name]++
		}
		now.people[name] = len(accounts)
	}
	h.holds, h.most = append(h.holds, now), max(h.most, len(h.people))
}

// highest is the largest count of a program in the window. What a run saw held until the next run at least.
func (h *history) highest(window time.Duration, count func(holders) int) (most int) {
	over := false
	for i := len(h.holds) - 1; i >= 0; i-- {
		if !over {
			most = max(most, count(h.holds[i]))
		}
		over = over || h.holds[i].run && !h.holds[i].at.After(h.now.Add(-window))
	}
	return most
}

func (h *history) highestPeople(over part, window time.Duration) int {
	if over.kind != "program" {
		return h.most
	}
	return h.highest(window, func(o holders) int { return o.people[over.name] })
}

// highestHoldings of several programs is the sum of theirs.
func (h *history) highestHoldings(over part, window time.Duration) (sum int) {
	for name := range h.targets {
		if over.kind != "program" || over.name == name {
			sum += h.highest(window, func(o holders) int { return o.holdings[name] })
		}
	}
	return sum
}

// shares: percents are taken of what was there, and a budget counts what was taken of its scope within its window. (Limits are
// the same for all scopes, so that nothing else than this shows the budget of a source: that of all together trips no later.)
func (h *history) shares(p *engine.Plan) {
	scopes := map[part]bool{}
	for _, b := range p.Budgets() {
		kind, name, _ := strings.Cut(b.Scope, " ")
		if kind == "all" {
			name = ""
		}
		over, class, unit := part{kind, name}, engine.ChargeRevoke, holdingOf
		scopes[over] = true
		switch b.Name {
		case "leavers":
			class = engine.ChargeLeaver
		case "grant":
			class = engine.ChargeGrant
		}
		highest := h.highestHoldings(over, b.Limit.Window)
		if b.Name == "leavers" || b.Name == "revoke: people" {
			highest, unit = h.highestPeople(over, b.Limit.Window), personOf
		}
		if used := h.used(h.all, class, b.Limit.Window, over, unit); b.Of > highest || b.Of == 0 || b.Used != len(used) {
			h.rt.Fatalf("%s, %s: %d of %d used, want %d of %d: %v", b.Scope, b.Name, b.Used, b.Of, len(used), highest, used)
		}
	}
	if len(scopes) < len(parts())-1 { // a source without anybody has none
		h.rt.Fatalf("budgets of %v", scopes)
	}
}
