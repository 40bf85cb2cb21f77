package engine

import (
	"cmp"
	"slices"
	"strings"
)

// MemoryBuilder collects one program's memory, numbering names as they come. A store adds rows in any order.
type MemoryBuilder struct {
	p        ProgramMemory
	rows     [][]HoldingRow // in parts: a slice that grows would be copied again and again
	accounts *Names
	rights   *Names
	rules    *Names
}

// NewMemoryBuilder starts an empty one.
func NewMemoryBuilder() *MemoryBuilder {
	b := &MemoryBuilder{accounts: NewNames(0), rights: NewNames(0), rules: NewNames(0)}
	b.RuleSet(nil)
	return b
}

// Add puts one holding in; row's numbers are set here.
func (b *MemoryBuilder) Add(account, entitlement string, row HoldingRow, rules []string) {
	row.Account, row.Entitlement, row.Rules = b.accounts.Number(account), b.rights.Number(entitlement), b.RuleSet(rules)
	b.AddRow(row)
}

// Account, Right and RuleSet number a name, for stores that have numbers of their own and add many rows with AddRow.
func (b *MemoryBuilder) Account(name string) uint32 { return b.accounts.Number(name) }

// Right numbers the name of an entitlement, see Account.
func (b *MemoryBuilder) Right(name string) uint32 { return b.rights.Number(name) }

// RuleSet numbers a list of rules, see Account.
func (b *MemoryBuilder) RuleSet(rules []string) uint32 {
	n := b.rules.Len()
	i := b.rules.Number(strings.Join(rules, "\x1f"))
	if int(i) == n {
		b.p.RuleSets = append(b.p.RuleSets, rules)
	}
	return i
}

// AddRow puts one holding in whose numbers are this builder's.
func (b *MemoryBuilder) AddRow(row HoldingRow) {
	if n := len(b.rows); n == 0 || len(b.rows[n-1]) == cap(b.rows[n-1]) {
		b.rows = append(b.rows, make([]HoldingRow, 0, 16<<min(n, 10)))
	}
	last := &b.rows[len(b.rows)-1]
	*last = append(*last, row)
}

// Link puts one link in.
func (b *MemoryBuilder) Link(l Link) { b.p.Links = append(b.p.Links, l) }

// SetBaseline records that a complete read was recorded once.
func (b *MemoryBuilder) SetBaseline() { b.p.Baseline = true }

// Done gives the finished memory; the builder must not be used again.
func (b *MemoryBuilder) Done() *ProgramMemory {
	b.p.Rows = slices.Concat(b.rows...)
	b.p.Accounts, b.p.Entitlements = b.accounts.names, b.rights.names
	slices.SortFunc(b.p.Links, func(x, y Link) int {
		return cmp.Or(strings.Compare(x.Person, y.Person), strings.Compare(x.Kind, y.Kind))
	})
	return &b.p
}
