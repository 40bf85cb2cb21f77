package policies

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

const extraPrefix = "extra:"

// Policy is a compiled policy. It implements engine.Policy and engine.Extender; it is pure and safe for concurrent use.
type Policy struct {
	defs         definitions
	zones        *zones
	entitlements []engine.Entitlement // sorted
	rules        []engine.Rule        // sorted by name, extras among them
	hash         string

	matchers  []matcher          // of rules without extras, in order of rules
	roles     map[string]int32   // canonical role → number, for those that any rule names
	roleNames []string           // the inverse
	bySource  map[string][]int32 // source → numbers of its roles
	triggers  [][]int32          // role → matchers that can only match with it, or with another of their any: list
	byValue   []valueIndex       // matchers without such a role whose condition needs a value of an attribute
	always    []int32            // all other matchers
	people    map[string]dossier // by key or login
	conflicts []compiledConflict // by name
	slots     int                // attributes that conditions may look at
	pool      sync.Pool          // of *scratch
}

var (
	_ engine.Policy   = (*Policy)(nil)
	_ engine.Extender = (*Policy)(nil)
)

// matcher is a rule by numbers.
type matcher struct {
	rule           int32
	rank           rank
	any, all, none []int32
	when           *condition
	gives          []int32
	def            *rule
}

// dossier is what policy says about one person by name.
type dossier struct {
	extras []compiledExtra
	blocks []int32 // entitlements
}

type compiledExtra struct {
	rule, entitlement int32
	from, until       date
}

type compiledConflict struct {
	def   *conflict
	never []int32
}

// rank orders what can be said for an entitlement, before conflicts and blocks; the higher wins.
type rank uint8

const (
	nothing rank = iota
	observed
	undecided
	enforced
	additive // before enforced: what it gave stays when it stops matching, whoever else gave it too
	given    // by an extra
	denied
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
}

func compareEntitlements(a, b engine.Entitlement) int { return strings.Compare(a.String(), b.String()) }

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
		p.rules = append(p.rules, engine.Rule{Name: r.name, Hash: r.hash(), Mode: r.mode, Grace: r.grace, Reason: r.reason, Place: r.place})
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

// covers says whether a block's pattern forbids an entitlement. * stands for any text. Without its account nobody can use
// a right, and with nothing but rights forbidden an account would stay: so "erp" and "erp/*" both cover all of erp.
func covers(pattern string, e engine.Entitlement) bool {
	program, name, narrow := strings.Cut(pattern, "/")
	return glob(program, e.Program) && (!narrow || name == "*" || e.Name != engine.Active && glob(name, e.Name))
}

// glob matches a whole text against a pattern whose only sign is *, in time proportional to their product at worst.
func glob(pattern, s string) bool {
	star, back := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, back = i, j
			i++
		case i < len(pattern) && pattern[i] == s[j]:
			i, j = i+1, j+1
		case star >= 0:
			back++
			i, j = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// Entitlements is the catalogue: whatever a rule, an extra, a conflict or a block without pattern names, sorted.
func (p *Policy) Entitlements() []engine.Entitlement { return p.entitlements }

// Rules are the rules and the extras, sorted by name.
func (p *Policy) Rules() []engine.Rule { return p.rules }

// Hash is of everything that can change an answer; comments, layout, order and names of the files don't count.
func (p *Policy) Hash() string { return p.hash }

// Protected is who and what only an approval or a cut may touch.
func (p *Policy) Protected() Protected { return p.defs.protected }

// Mention is a person that the files name.
type Mention struct {
	Person string // key or login, as written
	Place  string // file:line, "" for an extra given elsewhere
}

// Mentions lists the people that extras and blocks name, so that the caller can say which are unknown or ambiguous.
func (p *Policy) Mentions() []Mention {
	var out []Mention
	for _, e := range p.defs.extras {
		out = append(out, Mention{e.person, e.place})
	}
	for _, b := range p.defs.blocks {
		out = append(out, Mention{b.person, b.place})
	}
	return out
}

// WithExtras is the policy with further extras, of the same meaning and order as those of the files.
func (p *Policy) WithExtras(extras []engine.Extra) engine.Policy {
	defs := p.defs
	defs.extras = slices.Clone(defs.extras)
	seen := map[string]bool{}
	for _, e := range defs.extras {
		seen[e.name()] = true
	}
	for _, e := range extras {
		x := extra{person: e.Person, grant: engine.ParseEntitlement(e.Entitlement), until: dateOf(e.Until), reason: e.Reason, author: e.Author}
		if !e.From.IsZero() {
			x.from = dateOf(e.From)
		}
		if e.Person == "" || e.Entitlement == "" || e.Until.IsZero() || seen[x.name()] {
			continue
		}
		seen[x.name()] = true
		defs.extras = append(defs.extras, x)
	}
	return compile(defs, p.zones.company)
}
