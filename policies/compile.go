package policies

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// compile turns checked definitions into indexes; it can't fail.
func compile(defs definitions, company *time.Location) *Policy {
	p := &Policy{defs: defs, zones: newZones(company), roles: map[string]int32{}, bySource: map[string][]int32{}, people: map[string]dossier{}}
	p.catalogue()
	p.compileRules()
	p.compilePeople()
	p.compileConflicts()
	p.hash = p.contentHash()
	p.pool.New = func() any { return p.newScratch() }
	return p
}

// Empty is a policy that says nothing of anybody: for a cut, which needs none.
func Empty() *Policy { return compile(definitions{}, time.UTC) }

func (p *Policy) catalogue() {
	var all []engine.Entitlement
	for _, r := range p.defs.rules {
		all = append(all, r.grant...)
	}
	for _, e := range p.defs.extras {
		all = append(all, e.grant)
	}
	for _, c := range p.defs.conflicts {
		all = append(all, c.never...)
	}
	for _, b := range p.defs.blocks {
		if b.pattern != "" && !strings.Contains(b.pattern, "*") {
			all = append(all, engine.ParseEntitlement(b.pattern))
		}
	}
	slices.SortFunc(all, compareEntitlements)
	p.entitlements = slices.Compact(all)
	p.givers = make([][]int32, len(p.entitlements))
}

// compareEntitlements orders by program, then name: by their texts "wiki-x" would come between "wiki" and "wiki/edit".
func compareEntitlements(a, b engine.Entitlement) int {
	return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Name, b.Name))
}

// number finds an entitlement of the catalogue.
func (p *Policy) number(e engine.Entitlement) (int32, bool) {
	i, ok := sort.Find(len(p.entitlements), func(i int) int { return compareEntitlements(e, p.entitlements[i]) })
	return int32(i), ok
}

func (p *Policy) numbers(es []engine.Entitlement) []int32 {
	out := make([]int32, len(es))
	for i, e := range es {
		out[i], _ = p.number(e)
	}
	return out
}

func (p *Policy) compileRules() {
	byName := map[string]*rule{}
	for i := range p.defs.rules {
		r := &p.defs.rules[i]
		byName[r.name] = r
		p.rules = append(p.rules, engine.Rule{Name: r.name, Hash: r.hash(), Mode: r.mode, Grace: r.grace, Reason: r.reason, Place: r.place, Priority: r.priority})
		if r.when != nil {
			p.slots = max(p.slots, r.when.language.slots())
		}
	}
	for i := range p.defs.extras {
		e := &p.defs.extras[i]
		p.rules = append(p.rules, engine.Rule{Name: e.name(), Hash: e.hash(), Mode: modeEnforce, Reason: e.reason, Place: e.place,
			Extra: true, Until: e.until.time(time.UTC), Author: e.author})
	}
	slices.SortFunc(p.rules, func(a, b engine.Rule) int { return strings.Compare(a.Name, b.Name) })
	for i := range p.rules {
		if r := byName[p.rules[i].Name]; r != nil && !p.rules[i].Extra {
			p.addMatcher(int32(i), r)
		}
	}
}

func (p *Policy) addMatcher(number int32, r *rule) {
	ranks := map[string]rank{modeObserve: observed, modeAdditive: additive, modeEnforce: enforced}
	m := matcher{rule: number, rank: ranks[r.mode], any: p.roleNumbers(r.any), all: p.roleNumbers(r.all), none: p.roleNumbers(r.none),
		when: r.when, gives: p.numbers(r.grant), def: r}
	at := int32(len(p.matchers))
	p.matchers = append(p.matchers, m)
	for _, e := range m.gives {
		if of := p.givers[e]; len(of) == 0 || of[len(of)-1] != at { // a rule may list an entitlement twice
			p.givers[e] = append(of, at)
		}
	}
	switch {
	case len(m.any) > 0:
		for _, role := range m.any {
			p.triggers[role] = append(p.triggers[role], at)
		}
	case len(m.all) > 0:
		p.triggers[m.all[0]] = append(p.triggers[m.all[0]], at)
	case r.when != nil && r.when.need != nil:
		p.indexByValue(r.when.need).add(r.when.need, at)
	default:
		p.always = append(p.always, at)
	}
}

func (p *Policy) roleNumbers(names []string) []int32 {
	var out []int32
	for _, name := range names {
		i, ok := p.roles[name]
		if !ok {
			i = int32(len(p.roleNames))
			p.roles[name], p.roleNames, p.triggers = i, append(p.roleNames, name), append(p.triggers, nil)
			source, _, _ := strings.Cut(name, ":")
			p.bySource[source] = append(p.bySource[source], i)
		}
		out = append(out, i)
	}
	return out
}

func (p *Policy) compilePeople() {
	for _, e := range p.defs.extras {
		d := p.people[e.person]
		n, _ := p.number(e.grant)
		d.extras = append(d.extras, compiledExtra{p.ruleNumber(e.name()), n, e.from, e.until})
		p.people[e.person] = d
	}
	for _, b := range p.defs.blocks {
		d := p.people[b.person]
		for i, e := range p.entitlements {
			if covers(b.pattern, e) {
				d.blocks = append(d.blocks, int32(i))
			}
		}
		p.people[b.person] = d
	}
}

func (p *Policy) ruleNumber(name string) int32 {
	i, _ := sort.Find(len(p.rules), func(i int) int { return strings.Compare(name, p.rules[i].Name) })
	return int32(i)
}

func (p *Policy) compileConflicts() {
	for i := range p.defs.conflicts {
		c := &p.defs.conflicts[i]
		p.conflicts = append(p.conflicts, compiledConflict{c, p.numbers(c.never)})
	}
	// By name, not by place: moving text between files must not change an answer.
	slices.SortFunc(p.conflicts, func(a, b compiledConflict) int { return strings.Compare(a.def.name, b.def.name) })
}
