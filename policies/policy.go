package policies

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

const extraPrefix = engine.ExtraPrefix

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
	givers    [][]int32          // entitlement → matchers that give it
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
	_ engine.Blocker  = (*Policy)(nil)
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

// Roles lists the roles that rules name, in canonical form, sorted: one that a directory does not show is unknown.
func (p *Policy) Roles() []string { return slices.Sorted(slices.Values(p.roleNames)) }

// Reminders implements engine.Reminder: a block never ends by itself, its date of review only says when to look again.
func (p *Policy) Reminders(now time.Time) (out []string) {
	today := dateOf(now.In(p.zones.company))
	for _, b := range p.defs.blocks {
		if b.review < today {
			out = append(out, fmt.Sprintf("%s: the block of %s for %s (%s) should have been reviewed by %s; it goes on until somebody removes it: remove it, or write the next date",
				b.place, b.pattern, b.person, b.reason, b.review))
		}
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

// WithBlocks is the policy with further blocks, of the same meaning as those of the files. One without person or entitlement is
// left out.
func (p *Policy) WithBlocks(blocks []engine.Block) engine.Policy {
	defs := p.defs
	defs.blocks = slices.Clone(defs.blocks)
	for _, b := range blocks {
		if b.Person != "" && b.Entitlement != "" {
			defs.blocks = append(defs.blocks, block{person: b.Person, pattern: b.Entitlement, review: dateOf(b.Review), reason: b.Reason, place: b.Place})
		}
	}
	return compile(defs, p.zones.company)
}
