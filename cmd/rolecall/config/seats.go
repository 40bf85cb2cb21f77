package config

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Seats are the seats of a program by kind; the only kind of a program without kinds has no name.
type Seats map[string]*SeatKind

// SeatKind is one kind of seat.
type SeatKind struct {
	// Count is how many there are; left out, any number.
	Count *int `yaml:"count"`
	// For are patterns of the rights that need such a seat; `*` matches anything but a slash. One kind may have none: accounts
	// that take no other kind take that.
	For []string `yaml:"for"`
	// Suspended says that suspended accounts which hold such a right take a seat, too.
	Suspended bool `yaml:"suspended"`
	// Price of one seat of this kind, else that of the program.
	Price *Price `yaml:"price"`
}

// Price of one seat.
type Price struct {
	// Amount for one seat and one period.
	Amount float64 `yaml:"amount"`
	// Currency is an ISO 4217 code.
	Currency string `yaml:"currency"`
	// Per is `month` or `year`.
	Per string `yaml:"per"`
	// Tiers make seats beyond a number cheaper or dearer: each seat above it costs what its tier says.
	Tiers []Tier `yaml:"tiers"`
	// Minimum is how many seats are paid for in any case.
	Minimum int `yaml:"minimum"`
}

// Tier is the price of seats beyond a number.
type Tier struct {
	// Above is the number of seats that cost less, or more, than this.
	Above int `yaml:"above"`
	// Amount for each seat beyond, and one period.
	Amount float64 `yaml:"amount"`
}

// Contract about a program.
type Contract struct {
	// Ends is the last day.
	Ends time.Time `yaml:"ends"`
	// Notice is how long before the end it must be given up.
	Notice time.Duration `yaml:"notice"`
	// Renews says that it goes on by itself for another `month`, `quarter` or `year` unless it is given up in time.
	Renews string `yaml:"renews"`
	// Budget is what may be spent in a month, in the currency of the price.
	Budget float64 `yaml:"budget"`
	// Hold says that seats which go beyond the budget need approval; else it is only told.
	Hold bool `yaml:"hold"`
}

// Months are those by which a contract goes on; 0: it does not.
func (c *Contract) Months() int {
	return map[string]int{"month": 1, "quarter": 3, "year": 12}[c.Renews]
}

func (s *Seats) decode(d *decoder, n ast.Node) {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		d.mapping(n, reflect.ValueOf(s).Elem())
		return
	}
	count := 0
	before := len(d.mistakes)
	d.scalar(n, reflect.ValueOf(&count).Elem())
	if len(d.mistakes) == before && count != 0 { // seats: 0 says nothing, as it always has
		*s = Seats{"": {Count: &count}}
	}
}

func (k *SeatKind) decode(d *decoder, n ast.Node) {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		d.structure(n, reflect.ValueOf(k).Elem())
		return
	}
	k.Count = new(int)
	d.scalar(n, reflect.ValueOf(k.Count).Elem())
}

// Count is how many seats of all kinds are paid for, as far as that is said; 0: it is not.
func (s Seats) Count() (n int) {
	for _, k := range s {
		if k != nil && k.Count != nil {
			n += *k.Count
		}
	}
	return n
}

// Names are the kinds, sorted; one without a name where no kinds are told apart.
func (s Seats) Names() []string {
	if len(s) == 0 {
		return []string{""}
	}
	return slices.Sorted(maps.Keys(s))
}

// seats checks kinds, prices and the contract of a program.
func (c *checks) seats(name string, p *Program) {
	rest := []string{}
	for _, kind := range slices.Sorted(maps.Keys(p.Seats)) {
		k := p.Seats[kind]
		if k == nil {
			continue // a mistake was noted
		}
		if k.Count != nil && *k.Count < 0 {
			c.add(&p.Seats, "program "+name+": seats can't be negative", "")
		}
		if kind != "" && !nameForm.MatchString(kind) {
			c.add(k, fmt.Sprintf("%q is no name for a kind of seat", kind), "use lower-case letters, digits, dots, dashes, underscores")
		}
		if len(k.For) == 0 {
			rest = append(rest, kind)
		}
		for _, pattern := range k.For {
			if _, err := path.Match(pattern, ""); err != nil {
				c.add(&k.For, fmt.Sprintf("pattern %q is malformed", pattern), "* matches anything but a slash, ? one character")
			}
		}
		if k.Suspended && len(k.For) == 0 {
			c.add(&k.Suspended, "the seats "+kind+" of "+name+" are for no rights, so suspended accounts take none", "for: names the rights that need one")
		}
		c.price(name, k.Price)
	}
	if len(rest) > 1 {
		c.add(&p.Seats, fmt.Sprintf("program %s: the kinds %s and %s of seats both have no for:, so nobody knows which one an account takes", name, rest[0], rest[1]), "for: names the rights that need a kind; one kind may be for the rest")
	}
	if p.Reserve > 0 && len(p.Seats) == 0 {
		c.add(&p.Reserve, "program "+name+": reserve keeps seats, and there is no number of seats", "seats: says how many there are")
	}
	c.price(name, p.Price)
	if p.Contract != nil && p.Contract.Hold && p.Contract.Budget == 0 {
		c.add(&p.Contract.Hold, "program "+name+": hold keeps a budget, and there is none", "budget: says what may be spent in a month")
	}
	c.currencies(name, p)
	if words := []string{"", "month", "quarter", "year"}; p.Contract != nil && !slices.Contains(words, p.Contract.Renews) {
		c.word(&p.Contract.Renews, "contract: renews", p.Contract.Renews, words[1:]...)
	}
}

// currencies: a budget is kept in one currency, since money is never added across them.
func (c *checks) currencies(name string, p *Program) {
	if p.Contract == nil || p.Contract.Budget == 0 {
		return
	}
	first := ""
	for _, kind := range p.Seats.Names() {
		price := p.Price
		if k := p.Seats[kind]; k != nil && k.Price != nil {
			price = k.Price
		}
		if price == nil {
			continue
		}
		if first != "" && price.Currency != first {
			c.add(&p.Contract.Budget, fmt.Sprintf("program %s: the budget can't be kept: some seats are paid in %s, some in %s, and money is never added across currencies", name, first, price.Currency), "give all prices of the program in one currency, or leave the budget out")
			return
		}
		first = price.Currency
	}
}

func (c *checks) price(name string, p *Price) {
	if p == nil {
		return
	}
	if p.Per != "month" && p.Per != "year" {
		c.word(&p.Per, "price: per", p.Per, "month", "year")
	}
	if !(p.Amount >= 0 && p.Amount <= mostPrice) || !currency.MatchString(p.Currency) {
		c.add(&p.Amount, "program "+name+": the price is no amount of money", "amount: from 0 to 1e9, currency: three capital letters (ISO 4217)")
	}
	if p.Minimum < 0 {
		c.add(&p.Minimum, "program "+name+": the minimum of seats can't be negative", "")
	}
	last := 0
	for i := range p.Tiers {
		t := &p.Tiers[i]
		if t.Above <= last || !(t.Amount >= 0 && t.Amount <= mostPrice) {
			c.add(t, "program "+name+": the tiers of the price do not rise, or one is no amount of money", "tiers: [{above: 100, amount: 25}, {above: 500, amount: 20}]")
		}
		last = t.Above
	}
}
