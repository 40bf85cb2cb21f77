package engine

import (
	"fmt"
	"slices"
	"time"
)

// none is no account, or nobody.
const none = ^uint32(0)

// programPlan is the part of a plan that concerns one program.
type programPlan struct {
	b        *builder
	program  *Program
	reading  *Reading
	mem      *ProgramMemory
	complete bool
	active   uint32 // number of Active, none if the program has no accounts
	exists   uint32

	links   []numberedLink // of memory, sorted as there
	account []uint32       // by subject: its account, none
	owner   map[uint32]int32
	needs   map[int32][]uint32 // subjects without account → rights they should have
	waits   map[int32]string   // subjects without account → why none can be proposed
	news    map[uint32]*NewAccount
	linked  map[int32]bool        // subjects whose link is in memory already
	others  map[otherAccount]bool // the same of accounts that are not personal

	entitlements []string // by right: full names
	from, to     int      // its changes in the plan, while that is made

	held      Set // what the list shows, but for what Rolecall itself changed within the lag of the list
	sets      Sets
	diff      Difference
	known     Set // memory: seen
	confirmed Set // memory
	undecided Set
	observed  Set
	denied    Set
	detail    map[uint64]HoldingRow
	giving    map[uint32]Op       // accounts with a grant whose outcome is not known
	taking    map[uint32]Op       // accounts with a revoke whose outcome is not known
	renaming  map[uint32]bool     // accounts with a rename whose outcome is not known
	madeFor   map[string]string   // names of accounts that may have been made by now → for whom
	queued    map[effectOn]Intent // open intents that nobody claimed
	settled   map[int64]bool      // intents this plan closes by reading back
	proposal  map[uint32]uint32   // accounts it reads back as made → what memory still knows them by
	undo      map[uint64]bool     // frozen by an undo
	take      map[uint64]Fact     // that reviews decided to take, and policy does not give
	would     map[uint32][]int32  // right → subjects whom observe rules would give it
	unchanged int
	scheduled Set            // of leaving: what is in grace
	leaving   Set            // what this plan takes away, or will once its time has come
	seating   *seating       // of a program with seats
	unsureOf  map[int32]bool // of such a one: subjects of whom nobody can tell all that they should have
	kept      map[string]int // holdings kept back without a line of their own, by reason
}

// effectOn is one kind of effect on one holding: at most one intent is open for each.
type effectOn struct {
	pair   uint64
	effect string
}

func pair(right, account uint32) uint64 { return uint64(right)<<32 | uint64(account) }

func (b *builder) openProgram(r *Reading) *programPlan {
	p := &programPlan{b: b, program: r.Program, reading: r, mem: b.s.Memory.Program(r.Program.Name), complete: r.Proof.Complete(),
		active: none, exists: none, owner: map[uint32]int32{}, needs: map[int32][]uint32{}, waits: map[int32]string{}, news: map[uint32]*NewAccount{},
		linked: map[int32]bool{}, others: map[otherAccount]bool{}, giving: map[uint32]Op{}, taking: map[uint32]Op{}, renaming: map[uint32]bool{}, madeFor: map[string]string{}, queued: map[effectOn]Intent{},
		settled: map[int64]bool{}, proposal: map[uint32]uint32{}, kept: map[string]int{}, undo: map[uint64]bool{}, take: map[uint64]Fact{}, would: map[uint32][]int32{}, unsureOf: map[int32]bool{}}
	p.reserved()
	for _, row := range p.mem.Rows {
		if row.Managed {
			p.sets.Managed.Add(row.Entitlement, row.Account)
		}
		if row.Confirmed {
			p.confirmed.Add(row.Entitlement, row.Account)
		}
		if row.Seen {
			p.known.Add(row.Entitlement, row.Account)
		}
	}
	p.held = p.withoutLag()
	p.sets.Actual = p.held
	if !p.complete {
		p.sets.Actual = p.held.Or(&p.known)
	}
	if !p.complete && b.s.Person == "" {
		b.warn("incomplete", p.program.Name, "", "the list of "+p.program.Name+" is not complete ("+reasonsText(r.Proof.Reasons)+"): nothing is granted there, only leavers and cuts are revoked")
	}
	p.openWork()
	p.resolveAccounts()
	return p
}

// reserved numbers Active and Exists. A program that can't be asked what it is has them if it ever showed them, or does so now for
// the first time: else a leaver's .exists would be taken for a right like any other, and revoking it deletes.
func (p *programPlan) reserved() {
	d := p.program.Describes
	unsaid := p.reading.undescribed && !d.Lifecycle && (p.showed(Active) || p.showed(Exists)) // maybe all are suspended: a leaver loses no more then
	if d.Accounts || p.remembers(Active) || unsaid {
		p.active = p.reading.rights.Number(Active)
	}
	if d.Lifecycle || p.showed(Exists) {
		p.exists = p.reading.rights.Number(Exists)
	}
}

func (p *programPlan) remembers(right string) bool { return slices.Contains(p.mem.Entitlements, right) }

func (p *programPlan) shows(right string) bool {
	n, known := p.reading.rights.Find(right)
	return known && p.reading.held.Holders(n) > 0
}

func (p *programPlan) showed(right string) bool { return p.remembers(right) || p.shows(right) }

// withoutLag is what the list shows, corrected by what Rolecall knows to have changed so lately that the list may not show
// it yet: else it would blame others for what it did itself.
func (p *programPlan) withoutLag() Set {
	lag := p.program.Describes.Lag
	since := p.reading.Proof.Started.Add(-lag)
	p.forgetAhead(since)
	if lag <= 0 {
		return p.reading.held
	}
	held := p.reading.held.Clone()
	for i := range p.mem.Rows {
		row := &p.mem.Rows[i]
		if !row.Managed || p.changedAt(row).Before(since) {
			continue
		}
		if row.Seen {
			held.Add(row.Entitlement, row.Account)
		} else {
			held.Remove(row.Entitlement, row.Account)
		}
	}
	for f := range p.b.s.Memory.each(FactSuspended) {
		if account, ok := p.reading.accounts.Find(f.Account); ok && f.Program == p.program.Name && f.Text == "rolecall" && p.active != none && !f.Since.Before(since) {
			held.Remove(p.active, account)
		}
	}
	return held
}

func reasonsText(rs []Reason) string {
	text := ""
	for i, r := range rs {
		if i == 3 {
			return text + fmt.Sprintf(" and %d more reasons", len(rs)-3)
		}
		if i > 0 {
			text += "; "
		}
		text += r.Code + ": " + r.Detail
	}
	return text
}

// key names one holding in the journal.
func (p *programPlan) key(kind string, right, account uint32) FactKey {
	return FactKey{Kind: kind, Program: p.program.Name, Account: p.reading.accounts.Name(account), Entitlement: p.reading.rights.Name(right)}
}

func (p *programPlan) fact(kind string, right, account uint32) (Fact, bool) {
	f, ok := p.b.s.Memory.Fact(p.key(kind, right, account))
	if proposed, made := p.proposal[account]; made && !ok {
		return p.b.s.Memory.Fact(p.key(kind, right, proposed))
	}
	return f, ok
}

func (p *programPlan) accountKey(kind string, account uint32) FactKey {
	return FactKey{Kind: kind, Program: p.program.Name, Account: p.reading.accounts.Name(account)}
}

// entitlement is the full name of a right, one text for all of its holders.
func (p *programPlan) entitlement(right uint32) string {
	for n := len(p.entitlements); n < p.reading.rights.Len(); n++ {
		p.entitlements = append(p.entitlements, Entitlement{p.program.Name, p.reading.rights.Name(uint32(n))}.String())
	}
	return p.entitlements[right]
}

// subjectOf is who an account belongs to; ok is false for nobody.
func (p *programPlan) subjectOf(account uint32) (*subject, bool) {
	if i, ok := p.owner[account]; ok {
		return &p.b.subjects[i], true
	}
	return nil, false
}

// change starts a change of one holding.
func (p *programPlan) change(op Op, right, account uint32, cause Cause, why ...string) Change {
	name := p.reading.accounts.Name(account)
	c := Change{Op: op, Account: name, Program: p.program.Name, Entitlement: p.entitlement(right), Why: why, Cause: cause, State: Ready, right: right, account: account}
	if _, ok := ProposedName(name); ok {
		c.Proposed, c.New = true, p.news[account]
	}
	if f, ok := p.failing(op, right, account); ok {
		c.Failures = f.Count
	}
	if s, ok := p.subjectOf(account); ok {
		c.Person = s.key
		if s.person != nil {
			c.Login, c.Name = s.person.Login(), s.person.Name()
		}
		p.b.plan.sources.note(s.key, s.source)
	}
	return c
}

// failing is what is known of earlier tries of such a change. A grant that fails says nothing about a revoke.
func (p *programPlan) failing(op Op, right, account uint32) (Fact, bool) {
	key := p.key(FactFailing, right, account)
	key.Key = op.Effect()
	return p.b.s.Memory.Fact(key)
}

func (p *programPlan) add(c Change) { p.b.plan.Changes = append(p.b.plan.Changes, c) }

// changes are those of this program, once all are decided and until the plan is sorted.
func (p *programPlan) changes() []Change { return p.b.plan.Changes[p.from:p.to] }

func block(c Change, reason string) Change {
	c.State, c.Reason = Blocked, reason
	return c
}

func schedule(c Change, due time.Time, reason string) Change {
	due = due.UTC()
	c.State, c.Reason, c.Due = Scheduled, reason, &due
	return c
}

// details finds the rows of a few holdings in one pass over memory.
func (p *programPlan) details(of *Set) map[uint64]HoldingRow {
	out := map[uint64]HoldingRow{}
	if of.Len() == 0 {
		return out
	}
	made := make(map[uint32]uint32, len(p.proposal))
	for account, proposed := range p.proposal {
		made[proposed] = account
	}
	for _, row := range p.mem.Rows {
		if account, ok := made[row.Account]; ok {
			row.Account = account
		}
		if of.Has(row.Entitlement, row.Account) {
			out[pair(row.Entitlement, row.Account)] = row
		}
	}
	return out
}

func (p *programPlan) rulesOf(row HoldingRow) []string {
	if int(row.Rules) < len(p.mem.RuleSets) {
		return p.mem.RuleSets[row.Rules]
	}
	return nil
}
