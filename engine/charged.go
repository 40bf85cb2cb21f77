package engine

// charged gives the numbers that the names of charges have in this plan; each is looked up once, since several budgets go
// through hundreds of thousands of charges on the day of a first provisioning.
type charged struct {
	b        *builder
	kinds    []chargedKind // found says that it was looked up
	people   []uint32      // by person of the charges: subject + 1, none if there is none, 0 before it is looked up
	accounts map[*programPlan][]uint32
}

// chargedKind is where the kind's entitlement is; program is nil where it has no number.
type chargedKind struct {
	found   bool
	program *programPlan
	right   uint32
}

func (b *builder) chargedAs() *charged {
	if b.charged != nil {
		return b.charged
	}
	charges := &b.s.Memory.Charges
	b.charged = &charged{b: b, kinds: make([]chargedKind, len(charges.kinds)), people: make([]uint32, len(charges.people)), accounts: map[*programPlan][]uint32{}}
	return b.charged
}

func (c *charged) kind(n uint32) *chargedKind {
	k := &c.kinds[n]
	if k.found {
		return k
	}
	k.found = true
	of := &c.b.s.Memory.Charges.kinds[n]
	if p := c.b.programNamed(of.Program); p != nil {
		if right, ok := p.reading.rights.Find(of.Entitlement); ok {
			k.program, k.right = p, right
		}
	}
	return k
}

// person is the number of the subject, none if it is nobody known.
func (c *charged) person(n uint32) uint32 {
	if c.people[n] == 0 {
		c.people[n] = none
		if i, ok := c.b.index[c.b.s.Memory.Charges.people[n]]; ok {
			c.people[n] = uint32(i) + 1
		}
	}
	if c.people[n] == none {
		return none
	}
	return c.people[n] - 1
}

// account is the number of the account in its program, none if that does not know it.
func (c *charged) account(p *programPlan, n uint32) uint32 {
	known := c.accounts[p]
	if known == nil {
		known = make([]uint32, len(c.b.s.Memory.Charges.accounts))
		c.accounts[p] = known
	}
	if known[n] == 0 {
		known[n] = none
		if i, ok := p.reading.accounts.Find(c.b.s.Memory.Charges.accounts[n]); ok {
			known[n] = i + 1
		}
	}
	if known[n] == none {
		return none
	}
	return known[n] - 1
}
