package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// grant decides about something desired that is not expected to be there.
func (p *programPlan) grant(right, account uint32) {
	c := p.change(p.giveOp(right, account), right, account, CauseRule)
	class := ChargeGrant
	if right == p.exists && p.exists != none {
		class = "" // an account is counted with what it is made for
	}
	p.explainGrant(&c, account, class)
	if p.undo[pair(right, account)] {
		c.Cause, c.Why = CauseUndo, []string{"undoes an earlier run"}
	}
	if i, ok := p.owner[account]; ok && p.program.Describes.Keyed {
		p.link(int(i), account)
	}
	if _, busy := p.giving[account]; busy && c.Proposed && c.Op != OpCreate {
		p.add(block(c, "nobody knows yet whether its account was made"))
		return
	}
	if p.othersNow(account) {
		p.add(block(c, "an account of this name is being made for somebody else"))
		return
	}
	if op, busy := p.taking[account]; busy {
		p.add(block(c, "a "+string(op)+" on this account is not settled yet"))
		return
	}
	if reason := p.frozen(c.Op, right, account); reason != "" {
		p.add(block(c, reason))
		return
	}
	if right == p.active && p.active != none {
		p.resume(c, account)
		return
	}
	if p.sets.Managed.Has(right, account) && p.confirmed.Has(right, account) {
		p.removed(c, right, account)
		return
	}
	p.add(c)
}

func (p *programPlan) giveOp(right, account uint32) Op {
	switch right {
	case p.exists:
		return OpCreate
	case p.active:
		if f, ok := p.suspension(account); ok && f.Text == "rolecall" {
			return OpResume
		}
	}
	return OpGrant
}

func (p *programPlan) explainGrant(c *Change, account uint32, class Class) {
	c.basis = &basis{class: class}
	if s, ok := p.subjectOf(account); ok && s.person != nil {
		c.Rules, c.Why, c.basis = p.b.explain(s.person, ParseEntitlement(c.Entitlement), class)
	}
}

// explain names the rules that give an entitlement, or one that it implies, and why.
func (b *builder) explain(person *Person, e Entitlement, class Class) (rules, why []string, by *basis) {
	var names []string
	for _, f := range b.s.Policy.Explain(person, b.s.Now, e) {
		if f.Answer == "gives" && f.Rule != "" {
			names, why = append(names, f.Rule), append(why, f.Text)
		}
	}
	if len(names) == 0 && (e.Name == Active || e.Name == Exists) {
		why = b.needed[e.Program]
		if why == nil {
			why = []string{"what the person should have in " + e.Program + " needs it"}
			b.needed[e.Program] = why
		}
	}
	g := b.givenBy(names, class)
	return g.rules, slices.Clip(why), &g.basis
}

// givers are the rules that give one thing together: one copy for everybody.
type givers struct {
	rules []string
	basis basis
}

type giversKey struct {
	rules string
	class Class
}

func (b *builder) givenBy(names []string, class Class) *givers {
	key := giversKey{strings.Join(names, "\x1f"), class}
	g := b.givers[key]
	if g == nil {
		g = &givers{rules: names, basis: basis{class: class}}
		for _, name := range names {
			if r, ok := b.rule(name); ok {
				g.basis.decider += r.Hash
			}
		}
		b.givers[key] = g
	}
	return g
}

// resume gives an account back only if Rolecall suspended it.
func (p *programPlan) resume(c Change, account uint32) {
	f, known := p.suspension(account)
	switch {
	case known && f.Text == "rolecall":
		p.add(c)
	case known, p.confirmed.Has(p.active, account),
		p.exists != none && p.sets.Actual.Has(p.exists, account) && !p.sets.Managed.Has(p.active, account) && !p.sets.Managed.Has(p.exists, account):
		p.add(block(c, "suspended by somebody else in "+p.program.Name+"; resume it there if that was a mistake"))
		p.b.warn("suspended", p.program.Name, c.Person, fmt.Sprintf("the account %s of %s was suspended in %s by somebody else", quote(c.Account), c.Name, p.program.Name))
	default:
		p.add(c)
	}
}

// removed: somebody else took away what Rolecall gave.
func (p *programPlan) removed(c Change, right, account uint32) {
	if c.Cause != CauseUndo {
		c.Cause = CauseRestore
	}
	if p.doubted(&c) {
		p.add(block(c, "taken while the journal has a gap, nobody knows by whom; see: rolecall tasks list"))
		return
	}
	if p.program.Repair != "regrant" || right == p.exists {
		p.add(block(c, "removed by somebody else in "+p.program.Name+" (repair: report)"))
		p.b.warn("removed", p.program.Name, c.Person, fmt.Sprintf("%s of %s was removed in %s by somebody else", c.Entitlement, c.Name, p.program.Name))
		return
	}
	f, ok := p.fact(FactContested, right, account)
	if f.Count >= 2 && p.b.s.Now.Sub(f.Since) < 24*time.Hour {
		p.add(block(c, "contested: repaired twice within a day, and removed again; find out who does it, then: rolecall undo --release"))
		p.b.alarm("contested", p.program.Name, c.Person, fmt.Sprintf("%s of %s is removed in %s again and again", c.Entitlement, c.Name, p.program.Name))
		return
	}
	repaired := f.repaired(p.b.s.Now)
	if !ok {
		repaired.FactKey = p.key(FactContested, right, account)
	}
	c.note = &repaired // counted when it is really tried
	p.add(c)
}

// repaired adds one repair to what is remembered of the last two: they must not be within the same 24 hours as a third one.
func (f Fact) repaired(now time.Time) Fact {
	switch {
	case f.Count == 0:
		f.Since = now
	case f.Count == 1:
		f.Until = now
	default:
		f.Since, f.Until = f.Until, now
	}
	f.Count = min(f.Count+1, 2)
	return f
}

// frozen says why a change must not be made now although it is wanted, "" if nothing speaks against it.
func (p *programPlan) frozen(op Op, right, account uint32) string {
	if f, ok := p.failing(op, right, account); ok && f.Until.After(p.b.s.Now) {
		return fmt.Sprintf("failed %s, next try %s: %s", plural(f.Count, "time", "times"), day(f.Until), f.Text)
	}
	return ""
}

func (p *programPlan) frozenBy(account uint32) string {
	entry := ""
	if s, ok := p.subjectOf(account); ok && s.person != nil {
		entry = s.person.Changed
	}
	return shortHash(p.b.plan.Policy, entry)
}

// adopt makes managed what is there and desired: a record, no call.
func (p *programPlan) adopt(right, account uint32) {
	s, ok := p.subjectOf(account)
	if !ok || s.standing != present || p.othersNow(account) {
		return
	}
	c := p.change(OpAdopt, right, account, CauseAdopt)
	p.explainGrant(&c, account, "")
	p.add(c)
	p.link(int(p.owner[account]), account)
}

// adoptAll offers, for revoke: all, what linked accounts hold beyond policy. It needs approval, once.
func (p *programPlan) adoptAll() {
	if p.program.Revoke != RevokeAll || !p.complete || !p.b.s.Proof.Complete() {
		return
	}
	beyond := p.sets.Actual.Minus(&p.sets.Managed)
	beyond = beyond.Minus(&p.sets.Desired)
	beyond.Each(func(right, account uint32) {
		s, ok := p.subjectOf(account)
		if !ok || s.standing != present || p.othersNow(account) || p.account[p.owner[account]] != account || right == p.active || right == p.exists || p.undecided.Has(right, account) || p.toTake(right, account) || p.observed.Has(right, account) || !p.inPatterns(right) {
			return
		}
		c := p.change(OpAdopt, right, account, CauseAdopt, "it was there before Rolecall, and no rule gives it")
		c.held, c.Reason = true, "revoke: all adopts it, to take it away"
		p.add(c)
	})
}

func (p *programPlan) inPatterns(right uint32) bool {
	if len(p.program.Patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(p.program.Patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, p.reading.rights.Name(right))
		return err == nil && ok
	})
}

// waiting shows who should have something and can't get an account yet.
func (p *programPlan) waiting() {
	for _, i := range slices.Sorted(maps.Keys(p.needs)) {
		s := &p.b.subjects[i]
		for _, right := range p.needs[i] {
			c := Change{Op: OpGrant, Program: p.program.Name, Entitlement: p.entitlement(right), Person: s.key, Login: s.person.Login(),
				Name: s.person.Name(), Cause: CauseRule, State: Blocked, Reason: p.waits[i], right: right, account: none}
			c.Rules, c.Why, _ = p.b.explain(s.person, ParseEntitlement(c.Entitlement), "")
			p.add(c)
		}
	}
}

// renames brings the names of managed accounts up to date where the program can, else reports them.
func (p *programPlan) renames() {
	if p.program.Create == nil || !p.complete || p.exists == none {
		return
	}
	for i := range p.b.subjects {
		s, account := &p.b.subjects[i], p.account[i]
		if s.standing != present || account == none || !p.sets.Managed.Has(p.exists, account) || p.reading.info(account) == nil || p.renaming[account] || p.othersNow(account) {
			continue
		}
		name, missing := p.program.Create(s.person)
		have := p.reading.info(account).Name
		if f, failing := p.failing(OpRename, p.exists, account); failing && have == name {
			p.b.clear(f.FactKey)
		}
		if missing != "" || name == "" || have == "" || have == name {
			continue
		}
		c := p.change(OpRename, p.exists, account, CauseRule, fmt.Sprintf("the directory's entry says %s, the account %s", quote(name), quote(have)))
		c.New = &NewAccount{Name: name, Person: s.key, Attributes: p.fill(s.person)}
		if !p.program.Describes.Rename {
			p.b.warn("rename", p.program.Name, s.key, fmt.Sprintf("the account %s of %s should be called %s; %s can't rename, do it there", quote(have), s.person.Name(), quote(name), p.program.Name))
			continue
		}
		if reason := p.frozen(OpRename, p.exists, account); reason != "" {
			c = block(c, reason)
		}
		p.add(c)
	}
}

func (p *programPlan) listUnmanaged() {
	rest := p.sets.Actual.Minus(&p.sets.Managed)
	rest = rest.Minus(&p.diff.Adopt)
	rest.Each(func(right, account uint32) {
		u := Unmanaged{Program: p.program.Name, Account: p.reading.accounts.Name(account), Entitlement: p.entitlement(right)}
		if info := p.reading.info(account); info != nil {
			u.Name, u.Kind = cmp.Or(info.Display, info.Name), info.Kind
		}
		u.Kind = cmp.Or(p.program.declared(u.Account, p.reading.info(account)).Kind, u.Kind)
		if s, ok := p.subjectOf(account); ok {
			u.Person = s.key
			if s.person != nil {
				u.Login = s.person.Login()
			}
		}
		p.b.plan.Unmanaged = append(p.b.plan.Unmanaged, u)
	})
}

func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic("engine: plain data can't fail to marshal: " + err.Error())
	}
	return text
}
