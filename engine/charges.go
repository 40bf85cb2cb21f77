package engine

import (
	"iter"
	"slices"
	"sort"
	"time"
)

// Charge is one change that counts against the budgets.
type Charge struct {
	Time            time.Time
	Person, Account string
	ChargeKind
}

// ChargeKind is what many charges have in common.
type ChargeKind struct {
	Class                        Class
	Program, Source, Entitlement string
	Approved                     bool
	Cause                        Cause
}

// Charges is a list of charges in order. On the day of a first provisioning there is one for every holding, so each takes
// 24 bytes. The zero list is empty.
type Charges struct {
	rows             []chargeRow
	people, accounts []string // by number
	names            *Names   // what Add has numbered
	kinds            []ChargeKind
	kind             map[ChargeKind]uint32
}

type chargeRow struct {
	at                    int64 // microseconds, as the journal keeps them
	person, account, kind uint32
}

// NewCharges starts a list for a store that has numbers of its own and adds many with AddRow: people and accounts are the
// names by number, which may be filled in until the list is used.
func NewCharges(people, accounts []string) Charges {
	return Charges{people: people, accounts: accounts}
}

// AddRow puts one charge last, at a time in microseconds of Unix, of a kind that Kind gave.
func (c *Charges) AddRow(at int64, person, account, kind uint32) {
	c.rows = append(c.rows, chargeRow{at, person, account, kind})
}

// Add puts one charge last, of a list that NewCharges did not make.
func (c *Charges) Add(one Charge) {
	if c.names == nil {
		c.names = NewNames(0)
	}
	c.AddRow(one.Time.UnixMicro(), c.names.Number(one.Person), c.names.Number(one.Account), c.Kind(one.ChargeKind))
	c.people, c.accounts = c.names.names, c.names.names
}

// since is the part from a time on, of a list in order of time; only the whole list can grow.
func (c *Charges) since(t time.Time) Charges {
	first := sort.Search(len(c.rows), func(i int) bool { return !time.UnixMicro(c.rows[i].at).Before(t) })
	return Charges{rows: slices.Clip(c.rows[first:]), people: c.people, accounts: c.accounts, kinds: slices.Clip(c.kinds)}
}

// Kind numbers a kind, see AddRow.
func (c *Charges) Kind(k ChargeKind) uint32 {
	n, ok := c.kind[k]
	if !ok {
		if c.kind == nil {
			c.kind = map[ChargeKind]uint32{}
		}
		n = uint32(len(c.kinds))
		c.kind[k], c.kinds = n, append(c.kinds, k)
	}
	return n
}

// All goes through the charges.
func (c *Charges) All() iter.Seq[Charge] {
	return func(yield func(Charge) bool) {
		for _, r := range c.rows {
			if !yield(c.charge(r)) {
				return
			}
		}
	}
}

func (c *Charges) charge(r chargeRow) Charge {
	return Charge{Time: time.UnixMicro(r.at).UTC(), Person: c.people[r.person], Account: c.accounts[r.account], ChargeKind: c.kinds[r.kind]}
}
