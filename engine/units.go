package engine

import (
	"math"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
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
	people roaring.Bitmap // by subject
	held   map[*programPlan]*Set
	other  map[[3]string]bool
}

func (b *builder) units(by counting) *units {
	return &units{b: b, by: by, held: map[*programPlan]*Set{}, other: map[[3]string]bool{}}
}

func (u *units) len() int {
	n := int(u.people.GetCardinality()) + len(u.other)
	for _, s := range u.held {
		n += s.Len()
	}
	return n
}

// change counts a change of a plan.
func (u *units) change(p *programPlan, c *Change) {
	switch {
	case u.by == people:
		u.person(c.Program, c.Account, c.Person)
	case c.account == none:
		u.other[[3]string{c.Program, c.Account, c.Right()}] = true
	default:
		u.hold(p, c.right, c.account)
	}
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
	matches := make([]bool, len(charges.kinds))
	for n := range matches {
		matches[n] = match(&charges.kinds[n])
	}
	after, before := from.UnixMicro(), to.UnixMicro()
	for _, r := range charges.rows {
		if matches[r.kind] && r.at > after && r.at < before && !u.quick(r) {
			c := charges.charge(r)
			u.charge(&c)
		}
	}
}

// quick counts a charge by the numbers that its kind, account and person were found to have here; false: it has none.
func (u *units) quick(r chargeRow) bool {
	found := u.b.chargedAs()
	if u.by == people {
		i := found.person(r.person)
		if i != none {
			u.people.Add(i)
		}
		return i != none
	}
	k := &found.kinds[r.kind]
	if k.program == nil {
		return false
	}
	account := found.account(k.program, r.account)
	if account != none {
		u.hold(k.program, k.right, account)
	}
	return account != none
}

// charge counts one charge by name.
func (u *units) charge(c *Charge) {
	if u.by == people {
		u.person(c.Program, c.Account, c.Person)
		return
	}
	if p := u.b.programNamed(c.Program); p != nil {
		if account, right, ok := p.numbers(c.Account, c.Entitlement); ok {
			u.hold(p, right, account)
			return
		}
	}
	u.other[[3]string{c.Program, c.Account, c.Entitlement}] = true
}

func (u *units) hold(p *programPlan, right, account uint32) {
	s := u.held[p]
	if s == nil {
		s = &Set{}
		u.held[p] = s
	}
	s.Add(right, account)
}

// person counts somebody; an account of nobody known counts as a person of its own.
func (u *units) person(program, account, person string) {
	if person == "" {
		u.other[[3]string{program, account}] = true
	} else if i, ok := u.b.index[person]; ok {
		u.people.Add(uint32(i))
	} else {
		u.other[[3]string{person}] = true
	}
}
