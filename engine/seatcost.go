package engine

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Cost is what one change costs or saves, for a seat of one kind that it takes or frees.
type Cost struct {
	Kind     string     `json:"kind,omitempty"`
	Month    float64    `json:"month"` // less than 0: it saves
	Currency string     `json:"currency"`
	Paid     bool       `json:"paid,omitempty"` // the seat is paid for, taken or not: the bill does not change, or not before From
	From     *time.Time `json:"from,omitempty"` // absent: at once, or, where it saves and is Paid, nobody knows when
}

// Money is what the changes of a plan that are ready come to in a month, in one currency.
type Money struct {
	Currency string  `json:"currency"`
	Costs    float64 `json:"costs"` // of the seats that are taken
	Saves    float64 `json:"saves"` // of those that become free, whenever that counts
	Bill     float64 `json:"bill"`  // by how much more is paid at once: seats that are paid for anyway apart
}

// costs writes beside each change what it costs or saves. It comes after the plan is sorted: which seat is the first beyond a tier
// depends on the order.
func (b *builder) costs() {
	sums := map[string]*Money{}
	all := b.plan.Changes
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Program == all[0].Program {
			n++
		}
		if p := b.programNamed(all[0].Program); p != nil && p.seating != nil && p.seating.priced() {
			p.seating.costs(all[:n], sums)
		}
		all = all[n:]
	}
	for _, m := range sums {
		b.plan.Money = append(b.plan.Money, Money{m.Currency, cents(m.Costs), cents(m.Saves), cents(m.Bill)})
	}
	slices.SortFunc(b.plan.Money, func(x, y Money) int { return strings.Compare(x.Currency, y.Currency) })
}

func cents(amount float64) float64 { return math.Round(amount*100) / 100 }

func (s *seating) priced() bool {
	return slices.ContainsFunc(s.rules.Kinds, func(k SeatKind) bool { return k.Price.Currency != "" })
}

// costs goes through the changes of one program, account by account.
func (s *seating) costs(changes []Change, sums map[string]*Money) {
	gives, takes := make([]int, len(s.kinds)), make([]int, len(s.kinds))
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Account == changes[0].Account {
			n++
		}
		s.cost(changes[:n], gives, takes)
		sumCosts(changes[:n], sums)
		changes = changes[n:]
	}
}

// cost compares the seats that one account takes before and after.
func (s *seating) cost(changes []Change, gives, takes []int) {
	account := changes[0].account
	gained, lost := map[uint32]bool{}, map[uint32]bool{}
	for i := range changes {
		switch c := &changes[i]; {
		case c.State == Blocked || c.Op == OpAdopt || account == none:
		case c.Op.Gives():
			gained[c.right] = true
		case c.Op.Takes():
			lost[c.right] = true
		}
	}
	if len(gained)+len(lost) == 0 {
		return
	}
	before := s.kindsOf(account, func(right uint32) bool { return s.giving.Has(right, account) })
	after := s.kindsOf(account, func(right uint32) bool { return (gained[right] || s.giving.Has(right, account)) && !lost[right] })
	for i := range s.kinds {
		k := &s.kinds[i]
		switch {
		case after[i] && !before[i]:
			gives[i]++
			k.price(s.line(k, changes, Op.Gives), s.rules, int(k.taken.GetCardinality())+gives[i], 1, s.p.b.s.Now)
		case before[i] && !after[i]:
			takes[i]++
			k.price(s.line(k, changes, Op.Takes), s.rules, int(k.taken.GetCardinality())+1-takes[i], -1, s.p.b.s.Now)
		}
	}
}

// line is the change that stands for the seat: of a right that needs it, else that of the account itself.
func (s *seating) line(k *kindSeats, changes []Change, way func(Op) bool) *Change {
	var found *Change
	weight := func(c *Change) int {
		switch {
		case k.rights[c.right]:
			return 3
		case c.right == s.p.active:
			return 2
		}
		return 1
	}
	for i := range changes {
		if c := &changes[i]; way(c.Op) && c.Op != OpAdopt && c.State != Blocked && (found == nil || weight(c) > weight(found)) {
			found = c
		}
	}
	return found
}

// price puts down the n-th seat of the kind.
func (k *kindSeats) price(c *Change, rules *SeatRules, n int, sign float64, now time.Time) {
	if c == nil || k.Price.Currency == "" {
		return
	}
	cost := Cost{Kind: k.Name, Month: cents(sign * k.Price.Seat(n)), Currency: k.Price.Currency, Paid: n <= k.Paid(0), From: c.Due}
	if ends, _ := rules.Contract.Term(now); sign < 0 && cost.Paid && !ends.IsZero() {
		ends = ends.UTC()
		if cost.From = &ends; c.Due != nil && c.Due.After(ends) {
			cost.From = c.Due
		}
	}
	c.Costs = append(c.Costs, cost)
}

// sumCosts adds up what is ready.
func sumCosts(changes []Change, sums map[string]*Money) {
	for i := range changes {
		for _, cost := range changes[i].Costs {
			if changes[i].State != Ready {
				continue
			}
			m := cmp.Or(sums[cost.Currency], &Money{Currency: cost.Currency})
			sums[cost.Currency] = m
			m.Costs += max(0, cost.Month)
			m.Saves += max(0, -cost.Month)
			if !cost.Paid {
				m.Bill += cost.Month
			}
		}
	}
}
