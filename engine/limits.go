package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Allowed is the budget: max(floor, min(cap, percent of the highest count in the window)), rounded up so that small
// numbers are not rounded to nothing.
func (l Limit) Allowed(highest int) int {
	share := int(math.Ceil(l.Percent * float64(highest) / 100))
	return max(l.Floor, min(l.Cap, share))
}

// scope is what one budget counts over.
type scope struct {
	kind, name string // program, source, all
	people     int    // highest counts in the window
	holdings   int
}

func (s scope) String() string {
	if s.kind == "all" {
		return "all programs together"
	}
	return s.kind + " " + s.name
}

func (s scope) has(program, source string) bool {
	return s.kind == "all" || s.kind == "program" && s.name == program || s.kind == "source" && s.name == source
}

// limits keeps the rolling budgets. A trip sends everything of its class in its scope to approval, never a first few.
func (b *builder) limits() {
	b.policyWave()
	b.sole = b.soleLeaver()
	scopes := b.scopes()
	l := b.s.Settings.Limits
	for _, s := range scopes {
		b.budget(s, ChargeRevoke, "revoke: people", l.RevokePeople, s.people, people)
		b.budget(s, ChargeRevoke, "revoke: holdings", l.RevokeHoldings, s.holdings, holdings)
		b.budget(s, ChargeLeaver, "leavers", l.Leavers, s.people, people)
		b.budget(s, ChargeGrant, "grant", l.Grant, s.holdings, holdings)
	}
}

// charged says whether a change counts against a budget: what was approved, and what is open already, does not count again.
func (c *Change) charged(class Class) bool {
	return c.State == Ready && c.class() == class && c.Item == "" && c.Queued == 0
}

func (b *builder) budget(s scope, class Class, name string, l Limit, highest int, by counting) {
	counted := b.units(by)
	counted.past(l.Window, func(k *ChargeKind) bool { return k.Class == class && !k.Approved && s.has(k.Program, k.Source) })
	before := counted.len()
	b.showBudget(s, name, l, highest, before)
	b.eachCharged(s, class, counted.change)
	allowed, after := l.Allowed(highest), counted.len()
	if after <= allowed || after == before {
		return
	}
	reason := fmt.Sprintf("limit %s of %s: %d within %s, %d allowed (floor %d, %g %% of %d, cap %d)", name, s, after, hours(l.Window), allowed, l.Floor, l.Percent, highest, l.Cap)
	b.alarm("limit", programOf(s), "", reason)
	b.eachCharged(s, class, func(_ *programPlan, c *Change) {
		if c.Cause != CauseCut && !(c.Cause == CauseMarked && c.Person == b.sole) {
			b.hold(c, reason)
		}
	})
}

// eachCharged goes through the changes of the scope that count.
func (b *builder) eachCharged(s scope, class Class, do func(*programPlan, *Change)) {
	for _, p := range b.programs {
		for i := range p.changes() {
			if c := &p.changes()[i]; c.charged(class) && s.has(c.Program, b.plan.sources.of(c.Person)) {
				do(p, c)
			}
		}
	}
}

func programOf(s scope) string {
	if s.kind == "program" {
		return s.name
	}
	return ""
}

func hours(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// soleLeaver is the one person with an explicit mark in this run, "" if there are more: one alone is never held.
func (b *builder) soleLeaver() string {
	who := ""
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		if c.Cause != CauseMarked || c.State != Ready {
			continue
		}
		if who != "" && who != c.Person {
			return ""
		}
		who = c.Person
	}
	return who
}

// scopes lists the budgets' scopes with the highest counts seen within the window.
func (b *builder) scopes() []scope {
	all := scope{kind: "all", people: b.proofCount()}
	out := []scope{}
	for _, p := range b.programs {
		s := p.highest()
		all.holdings += s.holdings
		out = append(out, s)
	}
	sources := map[string]bool{}
	for i := range b.subjects {
		sources[b.subjects[i].source] = true
	}
	for name := range sources {
		out = append(out, scope{kind: "source", name: name, people: all.people, holdings: all.holdings})
	}
	slices.SortFunc(out, func(x, y scope) int { return strings.Compare(x.kind+x.name, y.kind+y.name) })
	return append(out, all)
}

func (b *builder) proofCount() int {
	n := len(b.s.People)
	if f, ok := b.s.Memory.Fact(FactKey{Kind: FactBaseline, Key: b.s.Proof.Source}); ok {
		var base Proof
		if json.Unmarshal(f.Data, &base) == nil {
			n = max(n, base.Count)
		}
	}
	return n
}

// counted is one point of a program's history of holder counts.
type counted struct {
	At       time.Time `json:"at"`
	People   int       `json:"people"`
	Holdings int       `json:"holdings"`
}

// highest takes the largest counts of the window and, on a complete read, adds the present one to what is remembered.
func (p *programPlan) highest() scope {
	s := scope{kind: "program", name: p.program.Name}
	key := FactKey{Kind: FactHolders, Program: p.program.Name}
	var history []counted
	if f, ok := p.b.s.Memory.Fact(key); ok && json.Unmarshal(f.Data, &history) != nil {
		history = nil
	}
	window := p.b.s.Settings.Limits.RevokePeople.Window
	history = slices.DeleteFunc(history, func(c counted) bool { return p.b.s.Now.Sub(c.At) > window && c.At != last(history) })
	now := counted{At: p.b.s.Now.UTC(), People: len(p.sets.Actual.Accounts()), Holdings: p.sets.Actual.Len()}
	if n := len(history); p.complete && (n == 0 || history[n-1].People != now.People || history[n-1].Holdings != now.Holdings) {
		history = append(history, now)
		p.b.set(Fact{FactKey: key, Data: mustJSON(history)})
	}
	for _, c := range append(history, now) {
		s.people, s.holdings = max(s.people, c.People), max(s.holdings, c.Holdings)
	}
	return s
}

func last(history []counted) time.Time { return history[len(history)-1].At }

// policyWave: what a new, changed or deleted rule removes needs approval when it exceeds the floor. Everybody it touches
// counts: those in grace, those of whom nobody can tell yet, and those it touched within the window already.
func (b *builder) policyWave() {
	w := wave{b.units(people), b.units(holdings)}
	touched := func(c *Change) bool {
		return c.Cause == CausePolicy && (c.State == Ready || c.State == Scheduled || c.State == NeedsApproval)
	}
	found := false
	for _, p := range b.programs {
		for i := range p.changes() {
			if c := &p.changes()[i]; touched(c) {
				w.people.change(p, c)
				w.holdings.change(p, c)
				found = true
			}
		}
	}
	if !found {
		return
	}
	b.earlierWave(w)
	l := b.s.Settings.Limits
	if w.people.len() <= l.RevokePeople.Floor && w.holdings.len() <= l.RevokeHoldings.Floor {
		return
	}
	reason := fmt.Sprintf("the policy changed: it takes %s from %s, more than the floor (%d holdings, %d people)", plural(w.holdings.len(), "holding", "holdings"), plural(w.people.len(), "person", "people"), l.RevokeHoldings.Floor, l.RevokePeople.Floor)
	b.alarm("policy", "", "", reason)
	for i := range b.plan.Changes {
		if c := &b.plan.Changes[i]; touched(c) && c.State == Ready && c.Item == "" {
			b.hold(c, reason)
		}
	}
}

// wave is everybody and everything that a change of the policy touches.
type wave struct{ people, holdings *units }

func (w *wave) charge(c *Charge) {
	w.people.charge(c)
	w.holdings.charge(c)
}

// earlierWave counts what the policy's change touched before and what it may touch yet.
func (b *builder) earlierWave(w wave) {
	for _, u := range []*units{w.people, w.holdings} {
		u.past(b.s.Settings.Limits.RevokePeople.Window, func(k *ChargeKind) bool { return k.Cause == CausePolicy && !k.Approved })
	}
	for _, p := range b.programs {
		for _, f := range p.formers() {
			account, right, ok := p.numbers(f.Account, f.Entitlement)
			if f.Text != b.plan.Policy && ok && p.unknown(right, account) {
				w.charge(&Charge{Account: f.Account, Person: p.personOf(account), ChargeKind: ChargeKind{Program: f.Program, Entitlement: f.Entitlement}})
			}
		}
	}
}

// formers finds this program's holdings that wait to be judged under a new policy, in no order.
func (p *programPlan) formers() (out []Fact) {
	for _, f := range p.b.s.Memory.Facts(FactFormer) {
		if f.Program == p.program.Name {
			out = append(out, f)
		}
	}
	for key, f := range p.b.set_ {
		if key.Kind == FactFormer && key.Program == p.program.Name {
			out = append(out, f)
		}
	}
	return out
}

// neverEmpty: nothing but a leaver, a cut or an approval takes the last holder of a right.
func (b *builder) neverEmpty() {
	for _, p := range b.programs {
		taken, given := map[uint32]int{}, map[uint32]bool{} // by right
		for i := range p.changes() {
			switch c := &p.changes()[i]; {
			case c.State != Ready || c.Op == OpAdopt:
			case c.Op.Takes():
				taken[c.right]++
			case c.Op.Gives():
				given[c.right] = true
			}
		}
		for i := range p.changes() {
			c := &p.changes()[i]
			last := c.Op.Takes() && c.State == Ready && c.class() == ChargeRevoke && c.Item == "" && p.diff.Expected.Holders(c.right) <= taken[c.right]
			switch {
			case last && given[c.right]:
				c.replaced = true
			case last:
				b.hold(c, "nobody would hold "+c.Entitlement+" any more")
			}
		}
	}
}
