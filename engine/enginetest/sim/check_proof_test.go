package sim

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (k *checker) adopt(r *engine.Record) {
	k.ok(I7)
	h := held(r)
	k.managed[h], k.sure[h] = true, true
	k.rules[h] = r.Rules
	k.onlyReviewed(r)
	k.heldBack(r)
	p := k.believed(r.Person)
	here := p != nil && (p.State == engine.StateActive || p.State == engine.StateAway)
	if p == nil || !here && !r.Approved && !k.undone(h) {
		k.m.fail(I7, "%s/%s of %s was adopted for %+v, who is not there", r.Program, r.Entitlement, r.Account, p)
	} else if k.m.policyNow().says(p, k.planTime(), r.Program, r.Entitlement) != engine.Desired && !r.Approved && !k.undone(h) {
		k.m.fail(I7, "%s/%s of %s was adopted although nobody wants it", r.Program, r.Entitlement, r.Account)
	}
	k.used(r)
}

// believed is somebody's entry as the daemon that works now was shown it, nil if it was shown none that may be believed.
func (k *checker) believed(key string) *engine.Person {
	r := k.m.cur.seen.read
	if r == nil || !r.entries {
		return nil
	}
	return r.people[key]
}

func (k *checker) intent(r *engine.Record) {
	k.intents++
	var d struct{ Item string }
	_ = json.Unmarshal(r.Data, &d)
	k.open[r.Seq] = &openIntent{Record: *r, item: d.Item}
	h := held(r)
	k.waits(r)
	k.heldBack(r)
	switch {
	case r.Op.Takes():
		k.takes(r, h)
		k.accountRules(r, h)
		if k.m.policyNow().blocks[r.Person] == (engine.Entitlement{Program: r.Program, Name: r.Entitlement}).String() {
			k.forbade, k.forbids = r.Run, k.m.pol
		}
	case r.Op.Gives():
		k.gives(r)
		k.seatTaken(r)
		k.givesRules(r, h)
		k.managed[h] = true
		k.rules[h] = r.Rules
		k.last[h] = k.m.pol
	}
	k.onlyReviewed(r)
	k.used(r)
	k.backOff(r)
	k.charge(r)
	k.guardedAccounts(r)
}

// takes [I1, I7]: every revoke has its proof, and takes what is Rolecall's to take.
func (k *checker) takes(r *engine.Record, h engine.Held3) {
	k.ok(I1)
	k.ok(I7)
	if r.Cause == engine.CauseCut {
		if !k.cut[r.Person] || r.Entitlement == engine.Exists {
			k.m.fail(I1, "a cut of %s that nobody ordered, or that deletes", r.Person)
		}
		return
	}
	read, p := k.m.cur.seen.read, k.believed(r.Person)
	if r.Cause == engine.CauseMarked && read != nil && read.marks {
		p = read.people[r.Person]
	}
	switch {
	case read == nil || k.cut[r.Person]:
		k.m.fail(I1, "a revoke without a read, or beside a cut: %s %s", r.Op, r.Person)
	case r.Cause == engine.CauseMarked && (p == nil || !p.Marked):
		k.m.fail(I1, "%s is revoked as a leaver without a mark that may be believed", r.Person)
	case r.Cause == engine.CauseAbsent && !k.longAbsent(r.Person, read):
		k.m.fail(I1, "%s is revoked as absent without proof", r.Person)
	}
	leaver := r.Cause == engine.CauseMarked || r.Cause == engine.CauseAbsent
	if !k.managed[h] && !(leaver && (r.Op == engine.OpSuspend || r.Program == "grp") && k.unmanagedMay(r)) {
		k.m.fail(I7, "%s %s/%s of %s, which Rolecall does not manage", r.Op, r.Program, r.Entitlement, r.Account)
	}
	if k.program(r.Program).Revoke == engine.RevokeNever {
		k.m.fail(I1, "%s %s/%s of %s, where nothing is to be revoked", r.Op, r.Program, r.Entitlement, r.Account)
	}
	if !leaver {
		k.takesFromMover(r, p)
	}
}

// unmanagedMay: what a leaver holds unmanaged is Rolecall's to take.
func (k *checker) unmanagedMay(r *engine.Record) bool {
	s := k.m.cur.engine.Settings.Unmanaged
	return s == engine.UnmanagedSuspend || s == engine.UnmanagedApprove && r.Approved
}

func (k *checker) takesFromMover(r *engine.Record, p *engine.Person) {
	switch {
	case !k.m.cur.seen.read.whole || !k.listed(r.Program) || p == nil:
		k.m.fail(I1, "%s %s/%s of %s from an incomplete read", r.Op, r.Program, r.Entitlement, r.Person)
		return
	case p.State == engine.StateUnknown || p.State == engine.StateLeft:
		k.m.fail(I1, "%s %s/%s of %s, whose state can't be seen", r.Op, r.Program, r.Entitlement, r.Person)
		return
	case r.Cause == engine.CauseUndo:
		return
	case r.Op == engine.OpSuspend && p.State == engine.StateAway && k.program(r.Program).Away == "suspend":
		return
	}
	switch k.m.policyNow().says(p, k.planTime(), r.Program, r.Entitlement) {
	case engine.Desired, engine.Undecided, engine.Observed:
		k.m.fail(I1, "%s %s/%s of %s, which policy does not deny", r.Op, r.Program, r.Entitlement, r.Person)
	}
}

// gives [I2]: every grant has a complete entry and a rule that gives it again.
func (k *checker) gives(r *engine.Record) {
	k.ok(I2)
	p := k.believed(r.Person)
	switch {
	case p == nil || k.cut[r.Person]:
		k.m.fail(I2, "%s %s/%s to %s, who is not there or cut off", r.Op, r.Program, r.Entitlement, r.Person)
	case p.State != engine.StateActive && p.State != engine.StateAway && r.Cause != engine.CauseUndo:
		k.m.fail(I2, "%s %s/%s to %s, who is %s", r.Op, r.Program, r.Entitlement, r.Person, p.State)
	case r.Cause != engine.CauseUndo && k.m.policyNow().says(p, k.planTime(), r.Program, r.Entitlement) != engine.Desired:
		k.m.fail(I2, "%s %s/%s to %s, which no rule gives", r.Op, r.Program, r.Entitlement, r.Person)
	case !k.listed(r.Program):
		k.m.fail(I2, "%s %s/%s to %s from an incomplete list", r.Op, r.Program, r.Entitlement, r.Person)
	}
}

func (k *checker) listed(program string) bool {
	l := k.m.cur.seen.lists[program]
	return l != nil && l.complete
}

func (k *checker) program(name string) *engine.Program {
	all := k.m.cur.engine.Programs
	return &all[slices.IndexFunc(all, func(p engine.Program) bool { return p.Name == name })]
}

// guardedAccounts [I6]: protected accounts and people are touched only by an approval or a cut.
func (k *checker) guardedAccounts(r *engine.Record) {
	if !r.Op.Takes() {
		return
	}
	k.ok(I6)
	protected := slices.Contains(k.program(r.Program).Protected, r.Account) || slices.Contains(k.m.cur.engine.Settings.ProtectedPeople, r.Person)
	if protected && !r.Approved && r.Cause != engine.CauseCut {
		k.m.fail(I6, "%s %s/%s of %s, which is protected", r.Op, r.Program, r.Entitlement, r.Account)
	}
}

// used [I15]: whatever calls itself approved was approved, by somebody, for this, not too long ago, and only once.
func (k *checker) used(r *engine.Record) {
	if !r.Approved {
		return
	}
	k.ok(I15)
	var d struct{ Item string }
	_ = json.Unmarshal(r.Data, &d)
	k.covers(r, d.Item)
	until, ok := k.approved[d.Item]
	if delete(k.approved, d.Item); !ok || !until.After(k.m.now.Add(-5*time.Second)) {
		k.m.fail(I15, "%s %s/%s of %s says that it was approved, and was not (item %s)", r.Op, r.Program, r.Entitlement, r.Account, d.Item)
	}
}

// linesOf is what a reviewed plan lets happen.
func linesOf(p *engine.Plan) map[line]bool {
	out := map[line]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.State == engine.Ready {
			out[line{c.Op, c.Program, c.Account, c.Right(), c.Person}] = true
		}
	}
	return out
}

// onlyReviewed [I10]: a reviewed plan is applied, and nothing else.
func (k *checker) onlyReviewed(r *engine.Record) {
	if k.only == nil || k.m.depth > 0 {
		return
	}
	k.ok(I10)
	if !k.only[line{r.Op, r.Program, r.Account, r.Entitlement, r.Person}] {
		k.m.fail(I10, "%s %s/%s of %s was not in the reviewed plan", r.Op, r.Program, r.Entitlement, r.Account)
	}
}
