package engine

import (
	"fmt"
	"slices"
	"time"
)

// openWork decides every open intent anew. An unclaimed one is left out of what is expected: if the plan comes to the
// same change again it stays open, else it is withdrawn. A claimed one is read back, never retried: until a complete read
// can tell, it counts as pending and the opposite change on its account waits.
func (p *programPlan) openWork() {
	under, until := 0, time.Time{}
	for _, i := range p.b.s.Memory.Open {
		if i.Change.Program != p.program.Name || p.b.s.Person != "" && i.Change.Person != p.b.s.Person {
			continue
		}
		account, right := p.reading.accounts.Number(i.Change.Account), p.reading.rights.Number(i.Change.Right())
		switch {
		case i.Claimed.IsZero():
			p.queued[effectOn{pair(right, account), i.Change.Op.Effect()}] = i
		case p.readBack(i, right, account):
		case p.overtaken(i):
			p.settled[i.Seq] = true
			p.close(i, i.Change.Account, Failed, "nobody knows what became of it; the person is out, and it is made again without reading back")
		default:
			p.halt(i)
			p.pending(i, right, account)
			under++
			until = later(until, i.Lease)
		}
	}
	if under > 0 {
		p.b.warn(NoticeUnderWay, p.program.Name, "", fmt.Sprintf("%s in %s were begun and nobody knows yet how they ended; whoever makes them has until %s, and the first complete read after that tells",
			plural(under, "change", "changes"), p.program.Name, until.UTC().Format(time.RFC3339)))
	}
}

// NoticeUnderWay is the code of the notice that changes of a program were begun, by another process or one that is no
// more, and are not known to have ended.
const NoticeUnderWay = "under-way"

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func (p *programPlan) pending(i Intent, right, account uint32) {
	switch {
	case i.Change.Op.Gives():
		p.giving[account] = i.Change.Op
		p.sets.Giving.Add(right, account)
		p.beingMade(i)
	case i.Change.Op.Takes():
		p.taking[account] = i.Change.Op
		p.sets.Taking.Add(right, account)
	default:
		p.renaming[account] = true
	}
}

// beingMade: an account of the name that is being made may be the one that is made, whoever had it before.
func (p *programPlan) beingMade(i Intent) {
	name, proposed := ProposedName(i.Change.Account)
	if !proposed || i.Change.Op != OpCreate {
		return
	}
	p.madeFor[name] = i.Change.Person
	if account, ok := p.reading.accounts.Find(name); ok {
		p.giving[account] = i.Change.Op
	}
}

// othersNow: the account of that name may be one that is being made for another person, whose is known by the next run.
func (p *programPlan) othersNow(account uint32) bool {
	if len(p.madeFor) == 0 {
		return false
	}
	person, making := p.madeFor[p.reading.accounts.Name(account)]
	return making && person != p.personOf(account)
}

// madeForOther: the account may be a new one, which is being made for somebody else.
func (p *programPlan) madeForOther(s *subject, account uint32) bool {
	return slices.ContainsFunc(p.b.s.Memory.Open, func(i Intent) bool {
		name, proposed := ProposedName(i.Change.Account)
		return proposed && i.Change.Program == p.program.Name && i.Change.Op == OpCreate && !i.Claimed.IsZero() && !p.settled[i.Seq] &&
			i.Change.Person != s.key && name == p.reading.accounts.Name(account)
	})
}

// canReadBack: the call is certainly over, and what the program lists was read after it and after the lag of its lists.
func (p *programPlan) canReadBack(i Intent) bool {
	return p.complete && !p.reading.Proof.Started.Before(i.Lease.Add(p.program.Describes.Lag)) && p.reading.Proof.Started.After(i.Claimed)
}

func (p *programPlan) readBack(i Intent, right, account uint32) bool {
	if !p.canReadBack(i) {
		return false
	}
	outcome, at := Failed, i.Change.Account
	there := p.held.Has(right, account)
	switch {
	case i.Change.Op == OpCreate && i.Change.Proposed:
		if id, ok := p.createdAs(i); ok {
			outcome, at = Done, id
		}
	case i.Change.Op.Gives() && there, i.Change.Op.Takes() && !there:
		outcome = Done
	}
	p.settled[i.Seq] = true
	why := "read back: it had no effect"
	if outcome == Done {
		why = "read back: it had taken effect"
	}
	p.close(i, at, outcome, why)
	p.applyReadBack(i, outcome, at, right, account)
	return true
}

// overtaken: what was to be taken from a mover is now to be taken from a leaver or somebody cut off. That may be repeated,
// and must not wait until the program can be read.
func (p *programPlan) overtaken(i Intent) bool {
	who, ok := p.b.index[i.Change.Person]
	if !ok || !i.Change.Op.Takes() || i.Repeatable() || p.b.s.Now.Before(i.Lease) {
		return false
	}
	s := p.b.subjects[who].standing
	return s == leaver || s == cutOff
}

// halt ends the repeating of what was begun on a leaver or somebody cut off and would not be made again: whoever is back
// would else lose it long after, while the program can't be read.
func (p *programPlan) halt(i Intent) {
	if i.Repeatable() && !p.stillTaken(i) {
		p.close(i, i.Change.Account, Halted, "this run would not make the change again; it is only read back")
	}
}

// stillTaken says whether the person still loses what the intent takes. A cut takes no existence.
func (p *programPlan) stillTaken(i Intent) bool {
	who, ok := p.b.index[i.Change.Person]
	if !ok {
		return false
	}
	deletes := i.Change.Right() == Exists
	switch s := &p.b.subjects[who]; s.standing {
	case cutOff:
		return !deletes
	case leaver:
		account, known := p.reading.accounts.Find(i.Change.Account)
		return p.program.Revoke != RevokeNever && (!deletes || known && p.keepExists(s, account) == "")
	}
	return false
}

// close records what became of an intent, as of the claim that this plan knows.
func (p *programPlan) close(i Intent, account string, outcome Outcome, why string) {
	r := outcomeOf(&i, outcome, why)
	r.Account, r.Claim = account, i.Attempts
	p.b.records = append(p.b.records, r)
}

func outcomeOf(i *Intent, o Outcome, why string) Record {
	return Record{Kind: KindOutcome, Of: i.Seq, Person: i.Change.Person, Program: i.Change.Program, Account: i.Change.Account,
		Entitlement: i.Change.Right(), Op: i.Change.Op, Outcome: o, Why: []string{why}}
}

// applyReadBack makes memory, as this plan sees it, what it will be once the outcome is recorded.
func (p *programPlan) applyReadBack(i Intent, outcome Outcome, at string, right, account uint32) {
	if outcome != Done {
		return
	}
	number := p.reading.accounts.Number(at)
	switch {
	case i.Change.Op.Gives():
		p.sets.Managed.Add(right, number)
		p.confirmed.Add(right, number)
		p.known.Add(right, number)
	case i.Change.Op.Takes():
		p.known.Remove(right, account)
		p.confirmed.Remove(right, account)
		if right == p.active { // merely read back: somebody else may have done it, so Rolecall will not resume it
			p.b.set(Fact{FactKey: p.accountKey(FactSuspended, account), Since: p.b.s.Now, Text: "read back"})
		}
	}
	if number == account {
		return
	}
	p.proposal[number] = account
	for e := range uint32(p.reading.rights.Len()) { // what was recorded under the proposed account moves with it
		if p.sets.Managed.Has(e, account) {
			p.sets.Managed.Remove(e, account)
			p.sets.Managed.Add(e, number)
		}
	}
}

// createdAs finds the account that a create with unknown outcome made: one that carries the person's key, or, in a program
// whose accounts are known by their names, one of that name that was not there before.
func (p *programPlan) createdAs(i Intent) (string, bool) {
	if id, ok := p.matching(i.Change.Person); ok {
		return id, true
	}
	name, _ := ProposedName(i.Change.Account)
	n, ok := p.reading.accounts.Find(name)
	if !ok || p.exists == none || !p.held.Has(p.exists, n) || p.known.Has(p.exists, n) {
		return "", false
	}
	return name, true
}

// matching finds the one personal account whose match: attribute is the person's key.
func (p *programPlan) matching(person string) (string, bool) {
	if p.program.Match == "" {
		return "", false
	}
	found := ""
	for n := range uint32(p.reading.accounts.Len()) {
		if info := p.reading.info(n); info != nil && p.reading.kind(n) == PersonalAccount && info.Attributes[p.program.Match] == person {
			if found != "" {
				return "", false
			}
			found = p.reading.accounts.Name(n)
		}
	}
	return found, found != ""
}

// withdraw closes a queued intent that this plan would not make again.
func (p *programPlan) withdraw(i Intent) {
	p.close(i, i.Change.Account, Withdrawn, "this run would not make the change again")
}

// waitingIntent finds the open, unclaimed intent that does what the change does, and is charged to the same budget: what was
// begun because somebody had left, and is wanted because of a role now, is another change.
func (p *programPlan) waitingIntent(c *Change) (Intent, bool) {
	if len(p.queued) == 0 || c.account == none {
		return Intent{}, false
	}
	i, open := p.queued[effectOn{pair(c.right, c.account), c.Op.Effect()}]
	return i, open && i.Change.Op == c.Op && i.Class == c.class()
}

func unixTime(s int64) time.Time { return time.Unix(s, 0).UTC() }
