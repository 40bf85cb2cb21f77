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
		b.budget(s, ChargeRevoke, "revoke: people", l.RevokePeople, s.people, byPerson)
		b.budget(s, ChargeRevoke, "revoke: holdings", l.RevokeHoldings, s.holdings, byHolding)
		b.budget(s, ChargeLeaver, "leavers", l.Leavers, s.people, byPerson)
		b.budget(s, ChargeGrant, "grant", l.Grant, s.holdings, byHolding)
	}
}

func byPerson(program, account, entitlement, person string) string {
	if person == "" {
		return program + "\x1f" + account
	}
	return person
}

func byHolding(program, account, entitlement, person string) string {
	return strings.Join([]string{program, account, entitlement}, "\x1f")
}

// charged says whether a change counts against a budget: what was approved, and what is open already, does not count again.
func (c *Change) charged(class Class) bool {
	return c.State == Ready && c.class == class && c.Item == "" && c.Queued == 0
}

func (b *builder) budget(s scope, class Class, name string, l Limit, highest int, unit func(program, account, entitlement, person string) string) {
	counted, held := map[string]bool{}, []int{}
	for _, c := range b.s.Memory.Charges {
		if c.Class == class && !c.Approved && b.s.Now.Sub(c.Time) < l.Window && s.has(c.Program, c.Source) {
			counted[unit(c.Program, c.Account, c.Entitlement, c.Person)] = true
		}
	}
	before := len(counted)
	b.showBudget(s, name, l, highest, before)
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		if !c.charged(class) || !s.has(c.Program, b.plan.sources[c.Person]) {
			continue
		}
		counted[unit(c.Program, c.Account, ParseEntitlement(c.Entitlement).Name, c.Person)] = true
		if c.Cause != CauseCut && !(c.Cause == CauseMarked && c.Person == b.sole) {
			held = append(held, i)
		}
	}
	allowed := l.Allowed(highest)
	if len(counted) <= allowed || len(counted) == before {
		return
	}
	reason := fmt.Sprintf("limit %s of %s: %d within %s, %d allowed (floor %d, %g %% of %d, cap %d)", name, s, len(counted), hours(l.Window), allowed, l.Floor, l.Percent, highest, l.Cap)
	b.alarm("limit", programOf(s), "", reason)
	for _, i := range held {
		b.hold(&b.plan.Changes[i], reason)
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
	people, holdings, wave := map[string]bool{}, map[string]bool{}, []int{}
	count := func(program, account, right, person string) {
		people[byPerson(program, account, right, person)] = true
		holdings[byHolding(program, account, right, person)] = true
	}
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		if c.Cause == CausePolicy && (c.State == Ready || c.State == Scheduled || c.State == NeedsApproval) {
			count(c.Program, c.Account, c.Right(), c.Person)
			wave = append(wave, i)
		}
	}
	if len(wave) == 0 {
		return
	}
	b.earlierWave(count)
	l := b.s.Settings.Limits
	if len(people) <= l.RevokePeople.Floor && len(holdings) <= l.RevokeHoldings.Floor {
		return
	}
	reason := fmt.Sprintf("the policy changed: it takes %s from %s, more than the floor (%d holdings, %d people)", plural(len(holdings), "holding", "holdings"), plural(len(people), "person", "people"), l.RevokeHoldings.Floor, l.RevokePeople.Floor)
	b.alarm("policy", "", "", reason)
	for _, i := range wave {
		if c := &b.plan.Changes[i]; c.State == Ready && c.Item == "" {
			b.hold(c, reason)
		}
	}
}

// earlierWave counts what the policy's change touched before and what it may touch yet.
func (b *builder) earlierWave(count func(program, account, right, person string)) {
	for _, c := range b.s.Memory.Charges {
		if c.Cause == CausePolicy && !c.Approved && b.s.Now.Sub(c.Time) < b.s.Settings.Limits.RevokePeople.Window {
			count(c.Program, c.Account, c.Entitlement, c.Person)
		}
	}
	for _, p := range b.programs {
		for _, f := range p.formers() {
			if c := (&Change{Account: f.Account, Entitlement: Entitlement{f.Program, f.Entitlement}.String()}); f.Text != b.plan.Policy && p.unknown(c) {
				account, _ := p.reading.accounts.Find(f.Account)
				count(f.Program, f.Account, f.Entitlement, p.personOf(account))
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
	taking := map[string][]int{}
	for i := range b.plan.Changes {
		if c := &b.plan.Changes[i]; c.Op.Takes() && c.State == Ready {
			taking[c.Entitlement] = append(taking[c.Entitlement], i)
		}
	}
	for _, e := range sortedKeys(taking) {
		p := b.programNamed(ParseEntitlement(e).Program)
		right, ok := p.reading.rights.Find(ParseEntitlement(e).Name)
		if !ok || p.diff.Expected.Holders(right) > len(taking[e]) {
			continue
		}
		given := p.gives(e)
		for _, i := range taking[e] {
			switch c := &b.plan.Changes[i]; {
			case c.class != ChargeRevoke || c.Item != "":
			case given:
				c.replaced = true
			default:
				b.hold(c, "nobody would hold "+e+" any more")
			}
		}
	}
}

func (p *programPlan) gives(entitlement string) bool {
	return slices.ContainsFunc(p.b.plan.Changes, func(c Change) bool {
		return c.Op.Gives() && c.Op != OpAdopt && c.State == Ready && c.Entitlement == entitlement
	})
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
