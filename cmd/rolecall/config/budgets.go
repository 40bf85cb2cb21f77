package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Budgets say what the seats of people may cost in a month.
type Budgets struct {
	// By is a declared attribute of jobs or people, such as `department`. The seat of somebody with several jobs is split among them.
	By string `yaml:"by"`
	// Of are the budgets by the attribute's value, letter for letter.
	Of map[string]*PartBudget `yaml:"of"`
}

// PartBudget is the budget of one department.
type PartBudget struct {
	// Amount that may be spent in a month, on seats of all programs.
	Amount float64 `yaml:"amount"`
	// Currency is an ISO 4217 code; seats that are paid for in another one do not count.
	Currency string `yaml:"currency"`
	// Hold says that seats which go beyond the budget need approval; else it is only told.
	Hold bool `yaml:"hold"`
}

// budgets checks the budgets of departments: one that can never be exceeded would say nothing for ever.
func (c *checks) budgets() {
	b := &c.Budgets
	if b.By == "" && len(b.Of) == 0 {
		return
	}
	if known := c.declaredNames(); !slices.Contains(known, b.By) {
		hint := engine.Suggest(b.By, known)
		if hint == "" {
			hint = "declared are: " + strings.Join(known, ", ")
		}
		c.add(&b.By, fmt.Sprintf("budgets: by is %q, which is not declared in the attributes of a directory", b.By), hint)
	}
	paid := c.currenciesPaid()
	for _, part := range slices.Sorted(maps.Keys(b.Of)) {
		one := b.Of[part]
		switch {
		case one == nil: // a mistake was noted
		case !(one.Amount > 0 && one.Amount <= mostPrice) || !currency.MatchString(one.Currency):
			c.add(one, fmt.Sprintf("the budget of %q is no amount of money", part), "amount: above 0, at most 1e9; currency: three capital letters (ISO 4217)")
		case !slices.Contains(paid, one.Currency):
			c.add(&one.Currency, fmt.Sprintf("the budget of %q is in %s, in which no seat is paid for", part, one.Currency), "prices are in "+strings.Join(paid, ", "))
		}
	}
}

// declaredNames are the attributes that any directory declares, sorted.
func (c *checks) declaredNames() []string {
	names := map[string]bool{}
	for i := range c.Directories {
		for name := range c.Directories[i].Attributes {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// currenciesPaid are those of all prices, sorted.
func (c *checks) currenciesPaid() []string {
	found := map[string]bool{}
	for _, p := range c.Programs {
		if p == nil {
			continue
		}
		if p.Price != nil {
			found[p.Price.Currency] = true
		}
		for _, k := range p.Seats {
			if k != nil && k.Price != nil {
				found[k.Price.Currency] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
