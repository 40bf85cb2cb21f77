package engine

import (
	"fmt"
	"maps"
	"slices"
)

// decide turns the difference of one program into changes, each with its reason and state. Limits come later.
func (p *programPlan) decide() {
	if p.complete {
		p.diff = Diff(&p.sets)
	} else { // nothing is granted or adopted where the list is not complete
		d := Diff(&p.sets)
		p.diff = Difference{Expected: d.Expected, Revoke: d.Revoke}
		p.kept["grants wait for a complete list"] += d.Grant.Len()
	}
	same := p.diff.Expected.And(&p.sets.Desired)
	p.unchanged = same.Len()
	p.detail = p.details(p.interesting())
	p.diff.Adopt.Each(p.adopt)
	p.adoptAll()
	p.diff.Grant.Each(p.grant)
	p.waiting()
	p.revokes()
	p.cutsAndLeavers()
	p.renames()
	p.listUnmanaged()
	p.noteKept()
}

func (p *programPlan) interesting() *Set {
	all := p.diff.Grant.Or(&p.diff.Revoke)
	return &all
}

// revokes goes from rights to the active account to its existence, since what is kept decides what it implies.
func (p *programPlan) revokes() {
	p.diff.Revoke.Each(func(right, account uint32) {
		if right != p.active && right != p.exists {
			p.revoke(right, account)
		}
	})
	for _, reserved := range []uint32{p.active, p.exists} {
		if reserved == none {
			continue
		}
		p.diff.Revoke.Each(func(right, account uint32) {
			if right == reserved {
				p.revoke(right, account)
			}
		})
	}
}

func (p *programPlan) revoke(right, account uint32) {
	s, ok := p.subjectOf(account)
	switch {
	case !ok:
		p.kept["managed, but linked to nobody"]++
	case s.standing == unseen:
		p.kept["unknown: "+p.unseenReason(s)]++
	case s.standing == cutOff || s.standing == leaver && right == p.active:
		// cutsAndLeavers decides, managed or not
	case s.standing == leaver:
		p.leaverRevoke(s, right, account)
	default:
		p.ordinaryRevoke(s, right, account)
	}
}

func (p *programPlan) unseenReason(s *subject) string {
	if s.person == nil && !p.b.s.Proof.Complete() {
		return "the directory's read is not complete"
	}
	if s.person == nil {
		return "absent, not yet proven"
	}
	return "the person's state can't be seen"
}

// ordinaryRevoke: the policy denies it to somebody who is there, in a complete and fresh read.
func (p *programPlan) ordinaryRevoke(s *subject, right, account uint32) {
	if reason := p.keepReason(s, right, account); reason != "" {
		p.kept[reason]++
		return
	}
	c := p.change(takeOp(p, right), right, account, CauseRule)
	c.class = ChargeRevoke
	since, former := p.undesiredSince(right, account)
	row := p.detail[pair(right, account)]
	c.Rules = p.rulesOf(row)
	c.Cause, c.Why = p.causeOf(s, right, account, c.Rules, former)
	c.decider = former + p.b.plan.Policy
	p.leaving.Add(right, account)
	if due := since.Add(p.grace(c.Rules)); due.After(p.b.s.Now) && c.Cause != CauseBlock && c.Cause != CauseUndo {
		p.add(schedule(c, due, "in grace until "+day(due)))
		return
	}
	p.add(p.guardRevoke(c, right, account))
}

// keepReason says why something that is not desired is not taken either, "" if nothing holds it.
func (p *programPlan) keepReason(s *subject, right, account uint32) string {
	row := p.detail[pair(right, account)]
	switch {
	case !p.b.s.Proof.Complete():
		return "unknown: the directory's read is not complete"
	case !p.complete:
		return "unknown: the list of the program is not complete"
	case p.undecided.Has(right, account):
		return "unknown: what decides could not be seen"
	case p.observed.Has(right, account):
		return "observed"
	case p.program.Revoke == RevokeNever:
		return "revoke: never"
	case p.isAdditive(p.rulesOf(row)):
		return "an additive rule gave it"
	case right == p.active && p.isAway(s) && p.program.Away == "suspend":
		return ""
	case right == p.active:
		return p.holdsMore(account)
	case right == p.exists:
		return p.keepExists(account)
	}
	return ""
}

func (p *programPlan) isAway(s *subject) bool { return s.person != nil && s.person.State == StateAway }

// holdsMore: while the account of somebody who is no leaver holds anything that stays, it stays active.
func (p *programPlan) holdsMore(account uint32) string {
	for right := range uint32(p.reading.rights.Len()) {
		if right == p.active || right == p.exists || !p.diff.Expected.Has(right, account) || p.leaving.Has(right, account) {
			continue
		}
		if p.sets.Managed.Has(right, account) {
			return "the account holds what is kept"
		}
		return "unmanaged"
	}
	for right := range uint32(p.reading.rights.Len()) { // what is only scheduled is still there
		if right != p.active && right != p.exists && p.leaving.Has(right, account) && p.isScheduled(right, account) {
			return "the account holds what is in grace"
		}
	}
	return ""
}

func (p *programPlan) isScheduled(right, account uint32) bool {
	name, e := p.reading.accounts.Name(account), p.entitlement(right)
	for i := range p.b.plan.Changes {
		if c := &p.b.plan.Changes[i]; c.Program == p.program.Name && c.Account == name && c.Entitlement == e {
			return c.State == Scheduled
		}
	}
	return false
}

// noDelete keeps accounts for ever; as the configuration says so, it is no news.
const noDelete = "delete is not switched on"

// keepExists: an account is deleted only after it was suspended, and only by opt-in.
func (p *programPlan) keepExists(account uint32) string {
	if !p.program.Delete {
		return noDelete
	}
	if why := p.holdsMore(account); why != "" {
		return why
	}
	f, ok := p.b.s.Memory.Fact(p.accountKey(FactSuspended, account))
	if !ok || p.active != none && p.sets.Actual.Has(p.active, account) {
		return "wait: not suspended yet"
	}
	if f.Since.Add(p.program.Wait).After(p.b.s.Now) {
		return "wait"
	}
	return ""
}

func (p *programPlan) isAdditive(rules []string) bool {
	for _, name := range rules {
		if r, ok := p.b.rule(name); ok && r.Mode == "additive" {
			return true
		}
	}
	return false
}

func (b *builder) rule(name string) (Rule, bool) {
	i, ok := slices.BinarySearchFunc(b.rules, name, func(r Rule, n string) int {
		if r.Name < n {
			return -1
		}
		if r.Name > n {
			return 1
		}
		return 0
	})
	if !ok {
		return Rule{}, false
	}
	return b.rules[i], true
}

func takeOp(p *programPlan, right uint32) Op {
	switch right {
	case p.active:
		return OpSuspend
	case p.exists:
		return OpDelete
	}
	return OpRevoke
}

// noteKept tells, once per program and reason, how many holdings are kept back.
func (p *programPlan) noteKept() {
	if p.b.s.Person != "" { // a plan for one person has nothing to say about the others
		return
	}
	for _, reason := range slices.Sorted(maps.Keys(p.kept)) {
		n := p.kept[reason]
		if n == 0 || reason == noDelete {
			continue
		}
		level := "info"
		if len(reason) > 7 && reason[:7] == "unknown" || reason == "revoke: never" || reason == "managed, but linked to nobody" {
			level = "warning"
		}
		p.b.notice(level, "kept", p.program.Name, "", fmt.Sprintf("%s in %s kept as they are: %s", plural(n, "holding", "holdings"), p.program.Name, reason))
	}
}
