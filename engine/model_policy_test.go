package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// modelPolicy gives entitlements by role, with modes, a grace and blocks. It is fixed once made.
type modelPolicy struct {
	rules        []engine.Rule // sorted by name, which is the role
	gives        map[string][]string
	blocks       map[string]string // person's key → entitlement
	entitlements []engine.Entitlement
	hash         string
}

func newModelPolicy(gives map[string][]string, mode map[string]string, grace time.Duration, blocks map[string]string) *modelPolicy {
	p := &modelPolicy{gives: gives, blocks: blocks}
	seen := map[string]bool{}
	for role, list := range gives {
		p.rules = append(p.rules, engine.Rule{Name: role, Hash: fmt.Sprint(role, list, mode[role], grace), Mode: mode[role], Grace: grace})
		for _, e := range list {
			seen[e] = true
		}
	}
	slices.SortFunc(p.rules, func(a, b engine.Rule) int { return strings.Compare(a.Name, b.Name) })
	for e := range seen {
		p.entitlements = append(p.entitlements, engine.ParseEntitlement(e))
	}
	slices.SortFunc(p.entitlements, func(a, b engine.Entitlement) int { return strings.Compare(a.String(), b.String()) })
	p.hash = fmt.Sprint(p.rules, blocks)
	return p
}

func (p *modelPolicy) Entitlements() []engine.Entitlement { return p.entitlements }
func (p *modelPolicy) Rules() []engine.Rule               { return p.rules }
func (p *modelPolicy) Hash() string                       { return p.hash }

func (p *modelPolicy) Decide(who *engine.Person, _ time.Time, _ func(int32) bool, out []engine.Verdict) []engine.Verdict {
	if who.State == engine.StateLeft || who.State == engine.StateUpcoming {
		return out
	}
	for i, e := range p.entitlements {
		if say, ok := p.say(who, e.String()); ok {
			out = append(out, engine.Verdict{Entitlement: int32(i), Say: say, Rule: -1})
		}
	}
	return out
}

// say is what is said about one entitlement; ok is false for nothing.
func (p *modelPolicy) say(who *engine.Person, e string) (say engine.Say, ok bool) {
	if who.State == engine.StateUnknown {
		return engine.Undecided, true
	}
	if p.blocks[who.Key] == e {
		return engine.Denied, true
	}
	for _, r := range p.rules {
		if !slices.Contains(p.gives[r.Name], e) {
			continue
		}
		switch holds := who.HasRole(nil, "r:"+r.Name); {
		case holds == engine.Yes && r.Mode != "observe":
			return engine.Desired, true
		case holds == engine.Unknown:
			say, ok = engine.Undecided, true
		case holds == engine.Yes && !ok:
			say, ok = engine.Observed, true
		}
	}
	return say, ok
}

func (p *modelPolicy) Explain(who *engine.Person, _ time.Time, e engine.Entitlement) (out []engine.Finding) {
	if p.blocks[who.Key] == e.String() {
		return []engine.Finding{{Say: engine.Denied, Answer: "forbids", Rule: "block", Text: "blocked"}}
	}
	for _, r := range p.rules {
		if slices.Contains(p.gives[r.Name], e.String()) && who.HasRole(nil, "r:"+r.Name) == engine.Yes && r.Mode != "observe" {
			out = append(out, engine.Finding{Say: engine.Desired, Answer: "gives", Rule: r.Name, Text: "has role " + r.Name})
		}
	}
	return out
}
