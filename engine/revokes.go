package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// grace is the longest of the program's and of the rules that gave it.
func (p *programPlan) grace(rules []string) time.Duration {
	grace := p.program.Grace
	for _, name := range rules {
		if r, ok := p.b.rule(name); ok {
			grace = max(grace, r.Grace)
		}
	}
	return grace
}

// causeOf says why something is not desired any more. A removal that the former policy would not make is the policy's.
func (p *programPlan) causeOf(s *subject, right, account uint32, rules []string, former string) (Cause, []string) {
	e := ParseEntitlement(p.entitlement(right))
	if p.suspendsAway(s, right) {
		return CauseRule, []string{"is away: " + s.person.StateWhy}
	}
	if p.undo[pair(right, account)] {
		return CauseUndo, []string{"undoes an earlier run"}
	}
	if p.denied.Has(right, account) {
		why := p.findings(s.person, e, Denied)
		if by, changed := p.changedPolicy(s.person, e, former); changed {
			return CausePolicy, append(why, "the policy changed: the former one ("+short(by)+") did not forbid it")
		}
		return CauseBlock, why
	}
	if p.expired(rules) {
		if by, changed := p.changedPolicy(s.person, e, former); changed && p.b.s.Former[by] != nil { // deleted before its time
			return CausePolicy, []string{"the extra " + spanOf(rules) + " is in the policy no more", "the policy changed: the former one (" + short(by) + ") would still give it"}
		} else if changed && !p.ended(rules) {
			return CausePolicy, []string{"the extra " + spanOf(rules) + " is in the policy no more", "the policy changed, and the former one (" + short(by) + ") can't be had: it may still give it"}
		}
		return CauseExpiry, []string{"the extra " + spanOf(rules) + " ended"}
	}
	why := []string{"no rule gives it any more" + was(rules)}
	if by, changed := p.changedPolicy(s.person, e, former); changed {
		return CausePolicy, append(why, "the policy changed: the former one ("+short(by)+") would still give it")
	}
	return CauseRule, why
}

// spanOf says how long extras were to last, as their names tell.
func spanOf(extras []string) string {
	spans := make([]string, len(extras))
	for i, name := range extras {
		spans[i] = name[max(0, strings.LastIndex(name, "until ")):]
	}
	return strings.Join(spans, " and ")
}

func was(rules []string) string {
	if len(rules) == 0 {
		return ""
	}
	return "; it was given by " + strings.Join(rules, ", ")
}

func short(hash string) string { return hash[:min(len(hash), 12)] }

func (p *programPlan) findings(person *Person, e Entitlement, say Say) []string {
	var out []string
	for _, f := range p.b.s.Policy.Explain(person, p.b.s.Now, e) {
		if f.Say == say && f.Answer != "does not match" {
			out = append(out, f.Text)
		}
	}
	return out
}

// expired: everything that gave it was a dated extra that is over, or that policy does not list any more.
func (p *programPlan) expired(rules []string) bool {
	if len(rules) == 0 {
		return false
	}
	return !slices.ContainsFunc(rules, func(name string) bool {
		r, ok := p.b.rule(name)
		if ok {
			return !r.Extra || r.Until.After(p.b.s.Now)
		}
		return !strings.HasPrefix(name, ExtraPrefix)
	})
}

// ended: extras are over for sure, as policy says or, of one that it does not list, the date in its name, wherever on earth the
// person is.
func (p *programPlan) ended(extras []string) bool {
	return !slices.ContainsFunc(extras, func(name string) bool {
		if _, listed := p.b.rule(name); listed {
			return false
		}
		_, date, _ := strings.Cut(name, "until ")
		last, err := time.Parse(time.DateOnly, date)
		return err != nil || p.b.s.Now.Before(last.Add(36*time.Hour))
	})
}

// ExtraPrefix begins the names under which extras are recorded as rules.
const ExtraPrefix = "extra:"

func compareEntitlements(a, b Entitlement) int {
	return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Name, b.Name))
}

// guardRevoke applies what holds a single removal back, budgets apart.
func (p *programPlan) guardRevoke(c Change, right, account uint32) Change {
	if op, busy := p.giving[account]; busy {
		return block(c, "a "+string(op)+" on this account is not settled yet")
	}
	if reason := p.frozen(c.Op, right, account); reason != "" {
		return block(c, reason)
	}
	if p.timed(&c) && p.gap() && !p.secondSight(right, account) {
		return block(c, "first seen due after a gap in the runs; it waits for one more run")
	}
	return p.protect(c, right, account)
}

// protect: the last admin and protected accounts are touched only by an approval or a cut.
func (p *programPlan) protect(c Change, right, account uint32) Change {
	reason := ""
	switch s, _ := p.subjectOf(account); {
	case slices.Contains(p.program.Protected, c.Account):
		reason = "the account is protected"
	case s != nil && p.b.protected(s):
		reason = "the person is protected"
	case p.lastAdmin(right, account):
		reason = "it would take the last " + p.program.Admin + " of " + p.program.Name
	}
	if reason != "" {
		c.held, c.Reason = true, reason
	}
	return c
}

// lastAdmin: the change takes an admin's right, or the account it is used with, and of those who can use it now nobody would
// be left once everything this plan takes is gone.
func (p *programPlan) lastAdmin(right, account uint32) bool {
	admin, ok := p.reading.rights.Find(p.program.Admin)
	if p.program.Admin == "" || !ok || !p.diff.Expected.Has(admin, account) || right != admin && right != p.active && right != p.exists {
		return false
	}
	left := p.certain(admin)
	left.Remove(account)
	if p.active != none {
		left.And(p.certain(p.active))
	}
	for _, r := range []uint32{admin, p.active} {
		if leaving := p.leaving.row(r); leaving != nil {
			left.AndNot(leaving)
		}
	}
	return left.IsEmpty()
}

// certain lists who holds a right already and keeps it, as far as others decide: what is only being given may never come.
func (p *programPlan) certain(right uint32) *roaring.Bitmap {
	expected, actual := p.diff.Expected.row(right), p.sets.Actual.row(right)
	if expected == nil || actual == nil {
		return roaring.New()
	}
	return roaring.And(expected, actual)
}

func (b *builder) protected(s *subject) bool {
	return slices.Contains(b.s.Settings.ProtectedPeople, s.key) || s.person != nil && slices.ContainsFunc(b.s.Settings.ProtectedPeople, s.person.Called)
}

// timed: only the clock makes the removal due: an extra ended, a grace or the wait before a delete is over.
func (p *programPlan) timed(c *Change) bool {
	return c.Cause == CauseExpiry || c.Op == OpDelete || p.grace(c.Rules) > 0
}

// gap: more than three slots of the schedule went by without a run; the clock may have jumped.
func (p *programPlan) gap() bool {
	slot := p.b.s.Settings.Slot
	f, ok := p.b.s.Memory.Fact(FactKey{Kind: FactRun})
	return slot > 0 && ok && p.b.s.Now.Sub(f.Since) > 3*slot
}

func (p *programPlan) secondSight(right, account uint32) bool {
	if _, ok := p.fact(FactExpiry, right, account); ok {
		return true
	}
	p.b.set(Fact{FactKey: p.key(FactExpiry, right, account), Since: p.b.s.Now})
	return false
}

// leaverRevoke takes a managed right, or in the end the existence, of somebody who has left.
func (p *programPlan) leaverRevoke(s *subject, right, account uint32) {
	if p.program.Revoke == RevokeNever {
		p.neverForLeaver(s)
		return
	}
	if right == p.exists {
		if reason := p.keepExists(s, account); reason != "" {
			p.keep(s, right, reason)
			return
		}
	}
	p.leave(s, right, account, true)
}

func (p *programPlan) neverForLeaver(s *subject) {
	text := fmt.Sprintf("%s has left but keeps access to %s, because revoke: never is set there; take it away by hand or with: rolecall cut", p.subjectName(s), p.program.Name)
	p.b.alarm(NoticeLeaverKept, p.program.Name, s.key, text)
	p.b.task(NoticeLeaverKept, p.program.Name, s.key, text)
}

func (p *programPlan) subjectName(s *subject) string {
	if s.person != nil {
		return s.person.Name()
	}
	return "the person " + quote(s.key)
}

// leave adds one removal of a leaver. Unmanaged ones follow the leavers' setting.
func (p *programPlan) leave(s *subject, right, account uint32, managed bool) {
	c := p.change(takeOp(p, right), right, account, s.cause, s.why)
	c.basis = &basis{ChargeLeaver, string(s.cause)}
	c.Rules = p.rulesOf(p.detail[pair(right, account)])
	p.leaving.Add(right, account)
	if grace := p.b.s.Settings.LeaverGrace; grace > 0 {
		since, _ := p.undesiredSince(right, account)
		if due := since.Add(grace); due.After(p.b.s.Now) {
			p.add(schedule(c, due, "leavers keep their access until "+day(due)))
			return
		}
	}
	if !managed {
		taken := p.taken(s, right, account)
		c.note = &taken
	}
	if !managed && p.b.s.Settings.Unmanaged == UnmanagedApprove {
		c.held, c.Reason = true, "a leaver's holding that Rolecall does not manage (leavers: unmanaged: approve)"
	}
	if op, busy := p.giving[account]; busy {
		p.add(block(c, "a "+string(op)+" on this account is not settled yet"))
		return
	}
	if reason := p.frozen(c.Op, right, account); reason != "" {
		p.add(block(c, reason))
		return
	}
	if c.Op == OpDelete && p.gap() && !p.secondSight(right, account) {
		p.add(block(c, "first seen due after a gap in the runs; it waits for one more run"))
		return
	}
	p.add(p.protect(c, right, account))
}

// heldLeavers tells, as long as it is so, of everybody who has left and whose access waits for an approval, for whatever
// reason: the alarm of the limit that tripped is heard once only.
func (b *builder) heldLeavers() {
	told := map[[2]string]bool{}
	for i := range b.plan.Changes {
		c := &b.plan.Changes[i]
		key := [2]string{c.Program, c.Person}
		if c.State != NeedsApproval || c.Cause != CauseMarked && c.Cause != CauseAbsent || told[key] {
			continue
		}
		told[key] = true
		p := b.programNamed(c.Program)
		text := fmt.Sprintf("%s has left and still has %s: %s", p.subjectName(&b.subjects[b.index[c.Person]]), c.Entitlement, c.Reason)
		b.alarm("leaver-held", c.Program, c.Person, text)
		b.task("leaver-held", c.Program, c.Person, text+"; decide with: rolecall approvals list")
	}
}

// cutsAndLeavers suspends accounts, managed or not, and takes what programs without accounts show instead.
func (p *programPlan) cutsAndLeavers() {
	for _, account := range p.outgoing() {
		s := &p.b.subjects[p.owner[account]]
		switch {
		case s.standing == cutOff:
			p.cut(s, account)
		case s.standing != leaver:
		case p.program.Revoke == RevokeNever:
			if p.holdsAnything(account) {
				p.neverForLeaver(s)
			}
		case p.active != none:
			p.leaverSuspend(s, account)
		default:
			p.leaverUnmanaged(s, account)
		}
	}
}

func (p *programPlan) leaverSuspend(s *subject, account uint32) {
	if !p.diff.Expected.Has(p.active, account) {
		return
	}
	managed := p.sets.Managed.Has(p.active, account) || p.toTake(p.active, account)
	if !managed && p.b.s.Settings.Unmanaged == UnmanagedReport {
		p.b.warn(NoticeLeaverUnmanaged, p.program.Name, s.key, fmt.Sprintf("%s has left; the account in %s is not managed and stays active (leavers: unmanaged: report)", p.subjectName(s), p.program.Name))
		return
	}
	p.leave(s, p.active, account, managed)
}

// leaverUnmanaged: where there is no account to suspend, what would be suspended is the holding itself.
func (p *programPlan) leaverUnmanaged(s *subject, account uint32) {
	for right := range uint32(p.reading.rights.Len()) {
		if right == p.exists || !p.diff.Expected.Has(right, account) || p.sets.Managed.Has(right, account) || p.toTake(right, account) {
			continue
		}
		if p.b.s.Settings.Unmanaged == UnmanagedReport {
			p.b.warn(NoticeLeaverUnmanaged, p.program.Name, s.key, fmt.Sprintf("%s has left and keeps %s, which is not managed (leavers: unmanaged: report)", p.subjectName(s), p.entitlement(right)))
			continue
		}
		p.leave(s, right, account, false)
	}
}

// cut suspends now, managed or not, whatever could or could not be read. It takes no rights where there is an account to
// suspend, and never deletes.
func (p *programPlan) cut(s *subject, account uint32) {
	if _, proposed := ProposedName(p.reading.accounts.Name(account)); proposed || p.sets.Taking.Has(p.active, account) {
		return // not there yet; on its way already
	}
	if p.madeForOther(s, account) {
		return // the next run knows whose it is
	}
	if p.active == none {
		for right := range uint32(p.reading.rights.Len()) {
			if right != p.exists && p.diff.Expected.Has(right, account) {
				p.addCut(s, OpRevoke, right, account)
			}
		}
		return
	}
	f, suspended := p.b.s.Memory.Fact(p.accountKey(FactSuspended, account))
	sure := p.complete && !p.diff.Expected.Has(p.active, account)
	if sure || suspended && f.Text == "rolecall" && !p.held.Has(p.active, account) {
		return
	}
	p.addCut(s, OpSuspend, p.active, account)
}

func (p *programPlan) addCut(s *subject, op Op, right, account uint32) {
	c := p.change(op, right, account, CauseCut, s.why)
	c.basis = &basis{class: ChargeLeaver}
	p.leaving.Add(right, account)
	p.add(c)
}

// outgoing lists the accounts of people who are cut off, then those of leavers, by name: nothing holds a cut, so what it
// takes counts when a leaver may be the last admin.
func (p *programPlan) outgoing() []uint32 {
	var out []uint32
	for account, i := range p.owner {
		if s := p.b.subjects[i].standing; s == leaver || s == cutOff {
			out = append(out, account)
		}
	}
	slices.SortFunc(out, func(x, y uint32) int {
		return cmp.Or(cmp.Compare(p.turnOf(x), p.turnOf(y)), strings.Compare(p.reading.accounts.Name(x), p.reading.accounts.Name(y)))
	})
	return out
}

func (p *programPlan) turnOf(account uint32) int {
	if p.b.subjects[p.owner[account]].standing == cutOff {
		return 0
	}
	return 1
}
