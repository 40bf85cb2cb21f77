package engine

import (
	"iter"
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
	rows  []chargeRow
	names Names
	kinds []ChargeKind
	kind  map[ChargeKind]uint32
}

type chargeRow struct {
	at                    int64 // microseconds, as the journal keeps them
	person, account, kind uint32
}

// Add puts one charge last.
func (c *Charges) Add(one Charge) {
	c.AddRow(one.Time, c.Name(one.Person), c.Name(one.Account), c.Kind(one.ChargeKind))
}

// AddRow puts one charge last whose numbers Name and Kind gave, for stores that have numbers of their own and add many.
func (c *Charges) AddRow(at time.Time, person, account, kind uint32) {
	c.rows = append(c.rows, chargeRow{at.UnixMicro(), person, account, kind})
}

// Name numbers a person or an account, see AddRow.
func (c *Charges) Name(name string) uint32 {
	if c.names.number == nil {
		c.names = *NewNames(0)
	}
	return c.names.Number(name)
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
			one := Charge{Time: time.UnixMicro(r.at).UTC(), Person: c.names.Name(r.person), Account: c.names.Name(r.account), ChargeKind: c.kinds[r.kind]}
			if !yield(one) {
				return
			}
		}
	}
}
