package engine

import (
	"math"
	"time"
)

// counting says what a budget counts: people, or holdings.
type counting bool

const (
	people   counting = false
	holdings counting = true
)

// units is what was counted, each once, by number: a wave has millions. What has no number here (somebody who is neither in
// the directory nor linked, a program that is configured no more) is counted by name.
type units struct {
	b      *builder
	by     counting
	people numbers // by subject
	held   map[*programPlan]*Set
	other  map[[4]string]bool
}

func (b *builder) units(by counting) *units {
	return &units{b: b, by: by}
}

func (u *units) len() int {
	n := u.people.len() + len(u.other)
	for _, s := range u.held {
		n += s.Len()
	}
	return n
}

// unit is one of what is counted: a number, in the row of a program's right where holdings are counted, or a name.
type unit struct {
	program       *programPlan
	right, number uint32 // number is none where there is but a name
	name          [4]string
}

func named(words ...string) (one unit) {
	one.number = none
	copy(one.name[:], words)
	return one
}

// change counts a change of a plan.
func (u *units) change(p *programPlan, c *Change) { u.add(u.ofChange(p, c)) }

// charge counts one charge by name.
func (u *units) charge(c *Charge) { u.add(u.ofCharge(c)) }

func (u *units) add(one unit) {
	switch {
	case one.number == none:
		if u.other == nil {
			u.other = map[[4]string]bool{}
		}
		u.other[one.name] = true
	case u.by == people:
		u.people.add(one.number)
	default:
		s := u.held[one.program]
		if s == nil {
			if u.held == nil {
				u.held = map[*programPlan]*Set{}
			}
			s = &Set{}
			u.held[one.program] = s
		}
		s.Add(one.right, one.number)
	}
}

func (u *units) has(one unit) bool {
	switch {
	case one.number == none:
		return u.other[one.name]
	case u.by == people:
		return u.people.has(one.number)
	}
	s := u.held[one.program]
	return s != nil && s.Has(one.right, one.number)
}

func (u *units) ofChange(p *programPlan, c *Change) unit {
	switch {
	case u.by == people:
		return u.person(c.Program, c.Account, c.Person)
	case c.account == none:
		return named(c.Program, c.Account, c.Right())
	}
	return unit{program: p, right: c.right, number: c.account}
}

func (c counting) word() string {
	if c == people {
		return "people"
	}
	return "holdings"
}

// past counts what earlier runs did within the window, of the kinds that match.
func (u *units) past(window time.Duration, match func(*ChargeKind) bool) {
	u.between(u.b.s.Now.Add(-window), time.UnixMicro(math.MaxInt64), match)
}

// between counts what was done after one time and before another.
func (u *units) between(from, to time.Time, match func(*ChargeKind) bool) {
	charges := &u.b.s.Memory.Charges
	if len(charges.rows) == 0 {
		return
	}
	kinds := make([]struct{ asked, matches bool }, len(charges.kinds))
	after, before := from.UnixMicro(), to.UnixMicro()
	for _, r := range charges.rows {
		if r.at <= after || r.at >= before {
			continue
		}
		k := &kinds[r.kind]
		if !k.asked {
			k.asked, k.matches = true, match(&charges.kinds[r.kind])
		}
		if k.matches {
			u.add(u.ofRow(charges, r))
		}
	}
}

// ofRow goes by the numbers that a charge's kind, account and person were found to have here, by name if it has none.
func (u *units) ofRow(charges *Charges, r chargeRow) unit {
	if u.b.s.wrongTime(r.at) {
		return u.longAgo(charges, r)
	}
	found := u.b.chargedAs()
	if u.by == people {
		if i := found.person(r.person); i != none {
			return unit{number: i}
		}
	} else if k := found.kind(r.kind); k.program != nil {
		if i := found.account(k.program, r.account); i != none {
			return unit{program: k.program, right: k.right, number: i}
		}
	}
	c := charges.charge(r)
	return u.ofCharge(&c)
}

// longAgo is what a charge counts as that bears the time of a clock that was far ahead. It counts until that time is out of the window,
// since nobody knows when it was; whoever lost something then is counted anew for whatever they are to lose now.
func (u *units) longAgo(charges *Charges, r chargeRow) unit {
	k, person, account := &charges.kinds[r.kind], charges.people[r.person], charges.accounts[r.account]
	switch {
	case u.by == holdings:
		return named("ahead", k.Program, account, k.Entitlement)
	case person != "":
		return named("ahead", person)
	}
	return named("ahead", "", k.Program, account)
}

func (u *units) ofCharge(c *Charge) unit {
	if u.by == people {
		return u.person(c.Program, c.Account, c.Person)
	}
	if p := u.b.programNamed(c.Program); p != nil {
		if account, right, ok := p.numbers(c.Account, c.Entitlement); ok {
			return unit{program: p, right: right, number: account}
		}
	}
	return named(c.Program, c.Account, c.Entitlement)
}

// person is somebody; an account of nobody known counts as a person of its own.
func (u *units) person(program, account, person string) unit {
	if person == "" {
		return named(program, account)
	} else if i, ok := u.b.index[person]; ok {
		return unit{number: uint32(i)}
	}
	return named(person)
}
