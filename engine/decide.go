package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// decide makes the changes. The list is made at its full size, since one that grows is there twice while it is copied.
func (b *builder) decide() {
	n := 0
	for _, p := range b.programs {
		p.compare()
		n += p.diff.Grant.Len() + p.diff.Adopt.Len() + p.diff.Revoke.Len()
		for _, rights := range p.needs {
			n += len(rights)
		}
	}
	b.plan.Changes = make([]Change, 0, n)
	for _, p := range b.programs {
		p.from = len(b.plan.Changes)
		p.decide()
		p.to = len(b.plan.Changes)
	}
}

// compare makes the difference of one program.
func (p *programPlan) compare() {
	if p.complete {
		p.diff = Diff(&p.sets)
	} else { // nothing is granted or adopted where the list is not complete
		d := Diff(&p.sets)
		p.diff = Difference{Expected: d.Expected, Revoke: d.Revoke}
		p.kept["grants wait for a complete list"] += d.Grant.Len()
	}
	same := p.diff.Expected.And(&p.sets.Desired)
	p.unchanged = same.Len()
}

// decide turns the difference of one program into changes, each with its reason and state. Limits come later.
func (p *programPlan) decide() {
	revoke := p.toRevoke()
	interesting := p.diff.Grant.Or(&revoke)
	p.detail = p.details(&interesting)
	p.diff.Adopt.Each(p.adopt)
	p.adoptAll()
	p.diff.Grant.Each(p.grant)
	p.waiting()
	p.cutsAndLeavers()
	p.revokes(&revoke)
	p.askByHand()
	p.renames()
	p.listUnmanaged()
	p.noteKept()
	p.noteObserved()
}

// revokes goes from rights to the active account to its existence, since what is kept decides what it implies.
func (p *programPlan) revokes(these *Set) {
	all := p.byName(these)
	for _, h := range all {
		if h.right != p.active && h.right != p.exists {
			p.revoke(h.right, h.account)
		}
	}
	for _, reserved := range []uint32{p.active, p.exists} {
		for _, h := range all {
			if h.right == reserved {
				p.revoke(h.right, h.account)
			}
		}
	}
}

// holding is one (entitlement, account) by number.
type holding struct{ right, account uint32 }

// byName lists a set by name, since numbers depend on the order in which things were read, and which of two admins goes
// first decides who stays.
func (p *programPlan) byName(s *Set) []holding {
	out := make([]holding, 0, s.Len())
	s.Each(func(right, account uint32) { out = append(out, holding{right, account}) })
	slices.SortFunc(out, func(x, y holding) int {
		return cmp.Or(strings.Compare(p.reading.rights.Name(x.right), p.reading.rights.Name(y.right)),
			strings.Compare(p.reading.accounts.Name(x.account), p.reading.accounts.Name(y.account)))
	})
	return out
}

func (p *programPlan) revoke(right, account uint32) {
	s, ok := p.subjectOf(account)
	switch {
	case !ok:
		p.kept["managed, but linked to nobody"]++
	case s.standing == unseen:
		p.keep(s, right, "unknown: "+p.unseenReason(s))
	case s.standing == cutOff || s.standing == leaver && right == p.active:
		// cutsAndLeavers decides, managed or not
	case s.standing == leaver:
		p.leaverRevoke(s, right, account)
	default:
		p.ordinaryRevoke(s, right, account)
	}
}

// keep counts what is not taken although it is not desired.
func (p *programPlan) keep(s *subject, right uint32, reason string) {
	p.kept[reason]++
	if s.key == p.b.s.ask {
		p.b.plan.asked.kept[p.entitlement(right)] = reason
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
		p.keep(s, right, reason)
		return
	}
	c := p.change(takeOp(p, right), right, account, CauseRule)
	c.Rules = p.rulesOf(p.detail[pair(right, account)])
	since := p.b.s.Now
	if f, reviewed := p.take[pair(right, account)]; reviewed && !p.denied.Has(right, account) {
		c.Cause, c.Why = CauseReview, []string{f.Text}
	} else {
		var former string
		since, former = p.undesiredSince(right, account)
		c.Cause, c.Why = p.causeOf(s, right, account, c.Rules, former)
	}
	c.basis = &basis{ChargeRevoke, p.b.hashOf(c.Rules)}
	c.away = p.suspendsAway(s, right)
	p.leaving.Add(right, account)
	if due := since.Add(p.grace(c.Rules)); due.After(p.b.s.Now) && !p.denied.Has(right, account) && c.Cause != CauseUndo && c.Cause != CauseReview {
		p.scheduled.Add(right, account)
		p.add(schedule(c, due, "in grace until "+day(due)))
		return
	}
	p.add(p.guardRevoke(c, right, account))
}

// keepReason says why something that is not desired is not taken either, "" if nothing holds it.
func (p *programPlan) keepReason(s *subject, right, account uint32) string {
	row := p.detail[pair(right, account)]
	reviewed := p.toTake(right, account)
	switch {
	case !p.b.s.Proof.Complete():
		return "unknown: the directory's read is not complete"
	case !p.complete:
		return "unknown: the list of the program is not complete"
	case p.undecided.Has(right, account):
		return "unknown: what decides could not be seen"
	case p.observed.Has(right, account) && !reviewed:
		return "observed"
	case p.program.Revoke == RevokeNever:
		return "revoke: never"
	case p.isAdditive(p.rulesOf(row)) && !reviewed:
		return "an additive rule gave it"
	case p.suspendsAway(s, right):
		return ""
	case right == p.active:
		return p.holdsMore(account)
	case right == p.exists:
		return p.keepExists(s, account)
	}
	return ""
}

// hashOf identifies the rules that decide a removal: those that gave it, as they are now. The whole policy's hash would let
// any edit anywhere undo a rejection.
func (b *builder) hashOf(rules []string) string {
	parts := make([]string, 0, 2*len(rules))
	for _, name := range rules {
		r, _ := b.rule(name)
		parts = append(parts, name, r.Hash)
	}
	return shortHash(parts...)
}

// suspendsAway: it is the account of somebody who is away, and the program is to suspend those.
func (p *programPlan) suspendsAway(s *subject, right uint32) bool {
	return right == p.active && s.person != nil && s.person.State == StateAway && p.program.Away == "suspend"
}

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
		if right != p.active && right != p.exists && p.scheduled.Has(right, account) {
			return "the account holds what is in grace"
		}
	}
	return ""
}

// noDelete keeps accounts for ever; as the configuration says so, it is no news.
const noDelete = "delete is not switched on"

// keepExists: an account is deleted only after it was suspended, and only by opt-in.
func (p *programPlan) keepExists(s *subject, account uint32) string {
	if !p.program.Delete {
		return noDelete
	}
	if p.b.held(s) {
		return LegalHold
	}
	if s.standing != leaver {
		if why := p.holdsMore(account); why != "" {
			return why
		}
	}
	f, ok := p.suspension(account)
	if !ok || p.active != none && p.sets.Actual.Has(p.active, account) {
		return "wait: not suspended yet"
	}
	if f.Count > 0 || f.Since.Add(p.program.Wait).After(p.b.s.Now) { // counted: the account was wanted again
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
	i, ok := slices.BinarySearchFunc(b.rules, name, func(r Rule, n string) int { return strings.Compare(r.Name, n) })
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

// noteObserved shows what rules that only observe would grant.
func (p *programPlan) noteObserved() {
	const most = 3
	for _, right := range slices.Sorted(maps.Keys(p.would)) {
		var names []string
		for _, i := range p.would[right] {
			if a := p.account[i]; a == none || !p.diff.Expected.Has(right, a) {
				names = append(names, p.b.subjects[i].person.Name())
			}
		}
		if len(names) == 0 {
			continue
		}
		slices.Sort(names)
		text := fmt.Sprintf("rules that only observe would grant %s to %s: %s", p.entitlement(right), plural(len(names), "person", "people"), strings.Join(names[:min(most, len(names))], ", "))
		if more := len(names) - most; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		p.b.notice("info", "observed", p.program.Name, "", text)
	}
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
		if strings.HasPrefix(reason, "unknown") || reason == "revoke: never" || reason == "managed, but linked to nobody" {
			level = "warning"
		}
		p.b.notice(level, "kept", p.program.Name, "", fmt.Sprintf("%s in %s kept as they are: %s", plural(n, "holding", "holdings"), p.program.Name, reason))
	}
}
