package engine

import (
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

// limits keeps the rolling budgets. A trip sends everything of its class in its scope to approval, never a first few.
func (b *builder) limits() {
	b.policyWave()
	b.sole = b.soleLeaver()
	scopes := b.scopes()
	l := b.s.Settings.Limits
	b.plan.budgets = slices.Grow(b.plan.budgets, 4*len(scopes))
	for _, s := range scopes {
		b.budget(s, ChargeRevoke, "revoke: people", l.RevokePeople, people)
		b.budget(s, ChargeRevoke, "revoke: holdings", l.RevokeHoldings, holdings)
		b.budget(s, ChargeLeaver, "leavers", l.Leavers, people)
		b.budget(s, ChargeGrant, "grant", l.Grant, holdings)
	}
	b.noteExpected()
}

// charged says whether a change counts against a budget: what was approved, and what is open already, does not count again.
func (c *Change) charged(class Class) bool {
	return c.State == Ready && c.class() == class && c.Item == "" && c.Queued == 0
}

func (b *builder) budget(s scope, class Class, name string, l Limit, by counting) {
	counted, highest := b.units(by), s.highest(by, b.s.Now.Add(-l.Window))
	counted.past(l.Window, func(k *ChargeKind) bool { return k.Class == class && !k.Approved && s.has(k.Program, k.Source) })
	before := counted.len()
	b.eachCharged(s, class, counted.change)
	raised, announced := b.raise(s, class, l.Window, counted)
	b.plan.budgets = append(b.plan.budgets, Budget{Scope: s.String(), Name: name, Limit: l, Of: highest, Allowed: l.Allowed(highest), Used: before, Announced: announced})
	allowed, after := l.Allowed(highest)+raised, counted.len()
	if after <= allowed || after == before {
		return
	}
	reason := fmt.Sprintf("limit %s of %s: %d within %s, %d allowed (floor %d, %g %% of %d, cap %d)", name, s, after, hours(l.Window), allowed, l.Floor, l.Percent, highest, l.Cap)
	if raised > 0 {
		reason = strings.TrimSuffix(reason, ")") + fmt.Sprintf(", %d announced)", raised)
	}
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
