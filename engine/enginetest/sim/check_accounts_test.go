package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// accountRules are those of the design section 3 about accounts, for one intent that takes something.
func (k *checker) accountRules(r *engine.Record, h engine.Held3) {
	leaver := r.Class == engine.ChargeLeaver
	if r.Cause == engine.CauseCut {
		return
	}
	switch r.Op {
	case engine.OpDelete:
		k.waited(r)
		k.keepsUnmanaged(r, leaver)
	case engine.OpSuspend:
		p := k.believed(r.Person)
		away := p != nil && p.State == engine.StateAway && k.program(r.Program).Away == "suspend"
		k.keepsUnmanaged(r, leaver || away || r.Cause == engine.CauseUndo)
	}
	k.grace(r, h, leaver)
	k.gap(r, h)
	if !leaver {
		k.policysDoing(r, h)
		k.keptByRule(r)
	}
}

// waited [I1]: an account is deleted only after the wait, which began with the recorded suspend and anew when it was wanted.
func (k *checker) waited(r *engine.Record) {
	k.ok(I1)
	s := k.suspends[account{r.Program, r.Account}]
	if s == nil {
		return
	}
	if wait := k.program(r.Program).Wait; s.wanted || k.m.now.Sub(s.at) < wait-5*time.Second {
		k.m.fail(I1, "the account %s of %s is to be deleted %s after it was suspended (wanted since: %v), not %s", r.Account, r.Program, k.m.now.Sub(s.at), s.wanted, wait)
	}
}

// keepsUnmanaged [I7]: while the account of somebody who is no leaver holds anything unmanaged, it stays active and there.
func (k *checker) keepsUnmanaged(r *engine.Record, may bool) {
	l := k.m.cur.seen.lists[r.Program]
	if may || l == nil || k.m.program(r.Program).Describes.Lag > 0 {
		return
	}
	k.ok(I7)
	for _, right := range []string{"x", "y", "z"} {
		if l.held[[2]string{r.Account, right}] && !k.managed[engine.Held3{Program: r.Program, Account: r.Account, Entitlement: right}] {
			k.m.fail(I7, "%s of the account %s of %s, which holds %s unmanaged", r.Op, r.Account, r.Program, right)
		}
	}
}

// grace [I1]: what has a grace is taken only when it is over.
func (k *checker) grace(r *engine.Record, h engine.Held3, leaver bool) {
	grace := time.Duration(0)
	switch {
	case leaver:
		grace = k.m.cur.engine.Settings.LeaverGrace
	case r.Cause == engine.CauseUndo || k.m.policyNow().blocks[r.Person] != "":
	default:
		for _, rule := range k.m.policyNow().rules {
			if slices.Contains(r.Rules, rule.Name) {
				grace = max(grace, rule.Grace)
			}
		}
	}
	f, ok := k.facts[factOf(engine.FactUndesired, h)]
	if grace == 0 || !ok {
		return
	}
	if k.ok(I1); k.m.now.Sub(f.Since) < grace-5*time.Second {
		k.m.fail(I1, "%s %s/%s of %s after %s of a grace of %s", r.Op, r.Program, r.Entitlement, r.Account, k.m.now.Sub(f.Since), grace)
	}
}

// gap [I1]: what only the clock makes due, after a gap in the runs, is seen due by two of them.
func (k *checker) gap(r *engine.Record, h engine.Held3) {
	slot := k.m.cur.engine.Settings.Slot
	if slot == 0 || r.Cause != engine.CauseExpiry && r.Op != engine.OpDelete || k.ran.IsZero() {
		return
	}
	k.ok(I1)
	if _, seen := k.known(factOf(engine.FactExpiry, h)); !seen && k.planTime().Sub(k.ran) > 3*slot+5*time.Second {
		k.m.fail(I1, "%s %s/%s of %s by the first run after a gap of %s", r.Op, r.Program, r.Entitlement, r.Account, k.planTime().Sub(k.ran))
	}
}

// policysDoing [I6]: a removal that the policy under which it was last desired would not make is the policy's, and what the
// policy takes beyond the floor was approved.
func (k *checker) policysDoing(r *engine.Record, h engine.Held3) {
	k.ok(I6)
	former, p := k.last[h], k.believed(r.Person)
	if former != nil && p != nil && (r.Cause == engine.CauseRule || r.Cause == engine.CauseBlock) && k.m.withExtras(former).says(p, k.planTime(), r.Program, r.Entitlement) == engine.Desired &&
		k.m.pol.hash != former.hash && !k.undos && p.State != engine.StateAway {
		k.m.fail(I6, "%s %s/%s of %s is said to be by %s, and is the policy's doing", r.Op, r.Program, r.Entitlement, r.Account, r.Cause)
	}
	if r.Cause != engine.CausePolicy || r.Approved {
		return
	}
	w := k.wave[r.Run]
	if w == nil {
		w = &taken{people: map[string]bool{}}
		k.wave[r.Run] = w
	}
	w.people[r.Person] = true
	w.holdings++
	if l := k.m.cur.engine.Settings.Limits; len(w.people) > l.RevokePeople.Floor || w.holdings > l.RevokeHoldings.Floor {
		k.m.fail(I6, "a change of the policy takes %d holdings from %d people without an approval", w.holdings, len(w.people))
	}
}

// keptByRule [I1]: what an additive rule gave stays.
func (k *checker) keptByRule(r *engine.Record) {
	k.ok(I1)
	for _, rule := range k.m.policyNow().rules {
		if rule.Mode == "additive" && slices.Contains(k.rules[held(r)], rule.Name) && r.Cause != engine.CauseUndo && r.Op == engine.OpRevoke {
			k.m.fail(I1, "revoke %s/%s of %s, which the additive rule %s gave", r.Program, r.Entitlement, r.Account, rule.Name)
		}
	}
}

// givesRules are those about what is given.
func (k *checker) givesRules(r *engine.Record, h engine.Held3) {
	k.ok(I2)
	if k.m.policyNow().blocks[r.Person] == (engine.Entitlement{Program: r.Program, Name: r.Entitlement}).String() {
		k.m.fail(I2, "%s %s/%s to %s, who is blocked from it", r.Op, r.Program, r.Entitlement, r.Person)
	}
	k.rests(r)
	k.resumes(r)
	if r.Cause != engine.CauseRestore {
		return
	}
	k.ok(I12)
	if k.program(r.Program).Repair != "regrant" {
		k.m.fail(I12, "%s/%s of %s is repaired, where that is to be reported", r.Program, r.Entitlement, r.Account)
	}
	now := k.planTime() // the design 2: "Time is an input"; how long a run pauses before it commits, it can't know
	k.repairs[h] = append(slices.DeleteFunc(k.repairs[h], func(t time.Time) bool { return now.Sub(t) >= 24*time.Hour-10*time.Second }), now)
	if n := len(k.repairs[h]); n > 2 {
		k.m.fail(I12, "%s/%s of %s is repaired for the %d. time within a day", r.Program, r.Entitlement, r.Account, n)
	}
}

// rests [I2]: a right is granted where the active account is, or is given as well.
func (k *checker) rests(r *engine.Record) {
	l := k.m.cur.seen.lists[r.Program]
	if r.Program == "grp" || r.Entitlement == engine.Active || r.Entitlement == engine.Exists || l == nil || k.m.program(r.Program).Describes.Lag > 0 {
		return
	}
	rests := l.held[[2]string{r.Account, engine.Active}]
	for _, i := range k.open {
		rests = rests || i.Program == r.Program && i.Account == r.Account && i.Entitlement == engine.Active && i.Op.Gives()
	}
	// the design 3: it rests on what is "expected or granted in the same plan". An outcome makes no plan stale, so the account may have
	// been made between plan and commit, or not; what rested on it is then decided anew by the next run.
	made, since := k.made[account{r.Program, r.Account}]
	if k.ok(I2); !rests && !(since && !made.Before(k.planTime())) {
		k.m.fail(I2, "grant %s/%s of %s, whose account is neither active nor made so", r.Program, r.Entitlement, r.Account)
	}
}

// resumes [I7]: Rolecall resumes only what it suspended.
func (k *checker) resumes(r *engine.Record) {
	s := k.suspends[account{r.Program, r.Account}]
	if r.Entitlement != engine.Active || r.Program == "grp" || s == nil {
		return
	}
	k.ok(I7)
	if s.by == "hand" && r.Op == engine.OpResume {
		k.m.fail(I7, "the account %s of %s is resumed, which somebody else suspended", r.Account, r.Program)
	}
}

// released [I7]: management ends when two complete reads, further apart than the lag, miss the holding.
func (k *checker) released(r *engine.Record) {
	if _, proposed := engine.ProposedName(r.Account); proposed { // an account that was never made
		return
	}
	k.ok(I7)
	f, ok := k.known(factOf(engine.FactMissing, held(r)))
	if lag := k.m.program(r.Program).Describes.Lag; !ok || k.listTime(r.Program).Sub(f.Since) < lag-4*time.Second {
		k.m.fail(I7, "%s/%s of %s is released, and one read only has missed it", r.Program, r.Entitlement, r.Account)
	}
}

// held back [I6, I15]: what waits for approval does not happen before, whatever room there is.
func (k *checker) heldBack(r *engine.Record) {
	if r.Approved || r.Cause == engine.CauseCut {
		return
	}
	k.ok(I6)
	is, rules, now := line{r.Op, r.Program, r.Account, r.Entitlement, r.Person}, strings.Join(r.Rules, " "), k.m.policyNow().hash
	for id, l := range k.lines {
		if l.waits && l.line == is && l.cause == r.Cause && l.rules == rules && l.policy == now {
			k.m.fail(I6, "%s %s/%s of %s waits for an approval (item %s), and is made without one", r.Op, r.Program, r.Entitlement, r.Account, id)
		}
	}
}

// tripped [I6]: a trip sends everything of its class in its scope to approval, never a first few.
func (k *checker) tripped(p *engine.Plan) {
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.State != engine.NeedsApproval || !strings.HasPrefix(c.Reason, "limit ") || k.items[c.Item] != k.runs {
			continue
		}
		k.ok(I6)
		_, scope, _ := strings.Cut(c.Reason, " of ")
		scope, _, _ = strings.Cut(scope, ":")
		for n := range p.Changes {
			o := &p.Changes[n]
			inScope := scope != "program "+c.Program || o.Program == c.Program
			if o.State == engine.Ready && o.Item == "" && o.Queued == 0 && inScope && classOf(o) == classOf(c) && o.Cause != engine.CauseCut && o.Cause != engine.CauseMarked {
				k.m.fail(I6, "%s of %s tripped, and %s %s of %s passes", scope, c.Reason, o.Op, o.Entitlement, o.Account)
			}
		}
	}
}

func classOf(c *engine.Change) engine.Class {
	leaver := c.Cause == engine.CauseMarked || c.Cause == engine.CauseAbsent || c.Cause == engine.CauseCut
	switch {
	case c.Op.Takes() && leaver:
		return engine.ChargeLeaver
	case c.Op.Takes():
		return engine.ChargeRevoke
	case c.Op.Gives() && c.Op != engine.OpAdopt && c.Op != engine.OpCreate:
		return engine.ChargeGrant
	}
	return ""
}
