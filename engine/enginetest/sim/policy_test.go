package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// policy gives entitlements by role, with modes, a grace, blocks and extras. It is fixed once made.
type policy struct {
	rules        []engine.Rule // sorted by name
	gives        map[string][]string
	blocks       map[string]string // person's key → entitlement
	extras       []engine.Extra
	entitlements []engine.Entitlement
	givers       [][]int // by entitlement: rules
	hash         string
	last         *policy // that was made of it with extras
	checked      *policy // the same, with what the checker knows of
	given        int     // so many extras
}

func newPolicy(gives map[string][]string, mode map[string]string, grace time.Duration, blocks map[string]string) *policy {
	p := &policy{gives: gives, blocks: blocks}
	for role, list := range gives {
		p.rules = append(p.rules, engine.Rule{Name: role, Hash: fmt.Sprint(role, list, mode[role], grace), Mode: mode[role], Grace: grace})
	}
	slices.SortFunc(p.rules, func(a, b engine.Rule) int { return strings.Compare(a.Name, b.Name) })
	p.hash = fmt.Sprint(p.rules, blocks)
	p.index()
	return p
}

// prefer gives a rule a priority.
func (p *policy) prefer(rule string, priority int) {
	for i := range p.rules {
		if p.rules[i].Name == rule {
			p.rules[i].Priority = priority
		}
	}
	p.hash = fmt.Sprint(p.rules, p.blocks)
}

// index lists what there is to give, and which rules give it.
func (p *policy) index() {
	seen := map[string]bool{}
	for _, list := range p.gives {
		for _, e := range list {
			seen[e] = true
		}
	}
	for _, x := range p.extras {
		seen[x.Entitlement] = true
	}
	p.entitlements, p.givers = nil, nil
	for e := range seen {
		p.entitlements = append(p.entitlements, engine.ParseEntitlement(e))
	}
	slices.SortFunc(p.entitlements, func(a, b engine.Entitlement) int {
		return strings.Compare(a.Program+"\x00"+a.Name, b.Program+"\x00"+b.Name)
	})
	for _, e := range p.entitlements {
		var givers []int
		for i, r := range p.rules {
			if slices.Contains(p.gives[r.Name], e.String()) {
				givers = append(givers, i)
			}
		}
		p.givers = append(p.givers, givers)
	}
}

func (p *policy) Entitlements() []engine.Entitlement { return p.entitlements }
func (p *policy) Rules() []engine.Rule               { return p.rules }
func (p *policy) Hash() string                       { return p.hash }

// WithExtras implements engine.Extender.
func (p *policy) WithExtras(extras []engine.Extra) engine.Policy {
	extras = slices.SortedFunc(slices.Values(extras), func(a, b engine.Extra) int {
		return cmp.Or(compare(a.Person, b.Person), compare(a.Entitlement, b.Entitlement))
	})
	same := func(a, b engine.Extra) bool {
		return a.Person == b.Person && a.Entitlement == b.Entitlement && a.Until.Equal(b.Until) && a.Reason == b.Reason
	}
	if p.last != nil && slices.EqualFunc(p.last.extras, extras, same) {
		return p.last
	}
	with := &policy{gives: p.gives, blocks: p.blocks, rules: slices.Clone(p.rules), extras: extras, hash: p.hash + fmt.Sprint(extras)}
	for _, x := range extras {
		with.rules = append(with.rules, engine.Rule{Name: extraName(x), Hash: fmt.Sprint(x), Extra: true, Until: x.Until.Add(24 * time.Hour)})
	}
	slices.SortFunc(with.rules, func(a, b engine.Rule) int { return strings.Compare(a.Name, b.Name) })
	with.index()
	p.last = with
	return with
}

func extraName(x engine.Extra) string { return engine.ExtraPrefix + x.Person + " " + x.Entitlement }

// Decide implements engine.Policy.
func (p *policy) Decide(who *engine.Person, now time.Time, _ func(int32) bool, out []engine.Verdict) []engine.Verdict {
	if who.State == engine.StateLeft || who.State == engine.StateUpcoming {
		return out
	}
	for i := range p.entitlements {
		if say, ok := p.say(who, now, i); ok {
			out = append(out, engine.Verdict{Entitlement: int32(i), Say: say, Rule: -1})
		}
	}
	return out
}

// say is what is said about one entitlement; ok is false for nothing.
func (p *policy) say(who *engine.Person, now time.Time, e int) (say engine.Say, ok bool) {
	if who.State == engine.StateUnknown {
		return engine.Undecided, true
	}
	if blocked, is := p.blocks[who.Key]; is && blocked == p.entitlements[e].String() {
		return engine.Denied, true
	}
	if p.extra(who, now, e) != nil {
		return engine.Desired, true
	}
	for _, i := range p.givers[e] {
		switch r := &p.rules[i]; who.HasRole(nil, r.Name) {
		case engine.Yes:
			if r.Mode != "observe" {
				return engine.Desired, true
			} else if !ok {
				say, ok = engine.Observed, true
			}
		case engine.Unknown:
			say, ok = engine.Undecided, true
		}
	}
	return say, ok
}

func (p *policy) extra(who *engine.Person, now time.Time, e int) *engine.Extra {
	for i := range p.extras {
		if x := &p.extras[i]; x.Person == who.Key && x.Entitlement == p.entitlements[e].String() && now.Before(x.Until.Add(24*time.Hour)) {
			return x
		}
	}
	return nil
}

// Explain implements engine.Policy.
func (p *policy) Explain(who *engine.Person, now time.Time, e engine.Entitlement) (out []engine.Finding) {
	i := slices.Index(p.entitlements, e)
	if p.blocks[who.Key] == e.String() {
		return []engine.Finding{{Say: engine.Denied, Answer: "forbids", Rule: "block", Text: "blocked"}}
	}
	if i < 0 {
		return nil
	}
	if x := p.extra(who, now, i); x != nil {
		out = append(out, engine.Finding{Say: engine.Desired, Answer: "gives", Rule: extraName(*x), Text: "an extra"})
	}
	for _, n := range p.givers[i] {
		if r := p.rules[n]; who.HasRole(nil, r.Name) == engine.Yes && r.Mode != "observe" {
			out = append(out, engine.Finding{Say: engine.Desired, Answer: "gives", Rule: r.Name, Text: "has role " + r.Name})
		}
	}
	return out
}

// now is the policy with the extras that the journal knows.
func (m *model) policyNow() *policy { return m.withExtras(m.pol) }

func (m *model) withExtras(p *policy) *policy {
	switch k := m.check; {
	case len(k.extras) == 0:
		return p
	case p.checked == nil || p.given != k.givenExtras:
		p.checked, p.given = p.WithExtras(slices.Collect(maps.Values(k.extras))).(*policy), k.givenExtras
	}
	return p.checked
}

// says is the strongest of what policy says about an entitlement and all that imply it; Denied where it says nothing.
func (p *policy) says(who *engine.Person, now time.Time, program, right string) engine.Say {
	best := engine.Denied
	var verdicts [32]engine.Verdict
	for _, v := range p.Decide(who, now, nil, verdicts[:0]) {
		e := p.entitlements[v.Entitlement]
		implies := e.Name == right || program != "grp" && (right == engine.Exists || right == engine.Active)
		if e.Program == program && implies {
			best = min(best, v.Say)
		}
	}
	return best
}

func (m *model) somePolicy() *policy {
	gives := map[string][]string{"r:a": {"app/x", "grp/x", "wiki"}, "r:b": {"app/y", "grp/y", "wiki/y"}, "h:c": {"app/x", "wiki/z", "grp/z", "app/z"}}
	mode, blocks := map[string]string{}, map[string]string{}
	mistake := func(kind string) {
		if m.number > 0 {
			m.count.fault("policy: " + kind)
		}
	}
	switch m.events.IntN(10) {
	case 0:
		gives = map[string][]string{}
		mistake("maps all to nothing")
	case 9:
		gives["r:a"], gives["r:b"] = []string{"app/x", "app/y", "app/z", "grp/x", "grp/y", "grp/z", "wiki/x", "wiki/y"}, []string{"app/x", "app/y", "app/z", "grp/z", "wiki/z"}
		mistake("gives nearly all to everybody")
	case 1:
		delete(gives, "r:a")
		mistake("maps a role to nothing")
	case 2:
		gives["r:a"] = append(gives["r:a"], "app/z", "grp/y")
	case 3:
		mode["r:b"] = "observe"
	case 4:
		mode["h:c"] = "additive"
	case 5:
		if len(m.people) > 0 {
			blocks[m.somebody().Key] = "app/x"
		}
	}
	grace := time.Duration(0)
	if m.events.IntN(3) == 0 {
		grace = 20 * time.Hour
	}
	p := newPolicy(gives, mode, grace, blocks)
	if m.seed%2 == 0 {
		p.prefer("r:b", seatPriority)
	}
	return p
}

func (m *model) setPolicy(p *policy) {
	m.pol, m.policies[p.hash] = p, p
	for _, d := range m.daemons {
		d.engine.Policy = p
		if m.ldap != nil {
			d.engine.Named = nil
			for _, r := range p.rules {
				d.engine.Named = append(d.engine.Named, r.Name)
			}
		}
	}
}
