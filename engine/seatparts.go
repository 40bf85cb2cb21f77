package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// SeatBudgets say what the seats of people may cost in a month, by the value of an attribute of theirs: the department.
type SeatBudgets struct {
	By string
	Of map[string]SeatBudget
}

// SeatBudget is what may be spent on the people of one value.
type SeatBudget struct {
	Month    float64
	Currency string
	Hold     bool // what goes beyond it needs approval
}

// NoticePartBudget is the code of the notice that the seats of a department, or another part, cost more than may be spent.
const NoticePartBudget = "seats-part-budget"

// SeatShares splits a seat among the jobs of a person: by each job's own value of an attribute, or by the person's.
func SeatShares(p *Person, by string) map[string]float64 {
	out := map[string]float64{}
	for i := range p.Jobs {
		out[cmp.Or(p.Jobs[i].Attributes.First(by), p.Attributes.First(by))] += 1 / float64(len(p.Jobs))
	}
	if len(out) == 0 {
		out[p.Attributes.First(by)] = 1
	}
	return out
}

// partBudgets compares what the seats of each part cost in a month, with what this plan gives, with what may be spent. A plan for one
// person or one program does not know what the others cost.
func (b *builder) partBudgets() {
	budgets := &b.s.Settings.Budgets
	if len(budgets.Of) == 0 || b.s.Person != "" || b.s.Only != "" {
		return
	}
	sums := map[string]float64{}
	for _, p := range b.programs {
		if p.seating != nil {
			p.seating.addShares(budgets, sums)
		}
	}
	for _, part := range slices.Sorted(maps.Keys(budgets.Of)) {
		may := budgets.Of[part]
		if cents(sums[part]) <= cents(may.Month) {
			continue
		}
		reason := fmt.Sprintf("the seats of %s %s cost %.2f %s a month with this plan, and %.2f may be spent", budgets.By, quote(part), sums[part], may.Currency, may.Month)
		b.alarm(NoticePartBudget, "", "", reason)
		for _, p := range b.programs {
			if may.Hold && p.seating != nil {
				p.seating.holdPart(budgets, part, reason)
			}
		}
	}
}

// addShares adds what the seats of one program cost each part that has a budget, in its currency: money is never added across them.
func (s *seating) addShares(budgets *SeatBudgets, sums map[string]float64) {
	for i := range s.kinds {
		each := s.each(i)
		taken := s.kinds[i].taken.Clone()
		for account := range s.gains {
			if s.needs(account)[i] {
				taken.Add(account)
			}
		}
		for it := taken.Iterator(); each > 0 && it.HasNext(); {
			for part, share := range s.shares(it.Next(), budgets.By) {
				if may, ok := budgets.Of[part]; ok && may.Currency == s.kinds[i].Price.Currency {
					sums[part] += share * each
				}
			}
		}
	}
}

// each is what one seat of a kind costs once this plan is done: all that are paid for cost the same share, as in the report of costs.
func (s *seating) each(i int) float64 {
	k := &s.kinds[i]
	sp := &s.plans[slices.IndexFunc(s.plans, func(p SeatPlan) bool { return p.Kind == k.Name })]
	paid := k.Paid(sp.Taken + sp.Given)
	if paid <= 0 {
		return 0
	}
	return k.Price.Of(paid) / float64(paid)
}

// shares are those of whoever an account belongs to, or is to be made for; none of nobody's.
func (s *seating) shares(account uint32, by string) map[string]float64 {
	who, ok := s.p.subjectOf(account)
	if !ok || who.person == nil {
		return nil
	}
	return SeatShares(who.person, by)
}

// holdPart holds what takes a seat that costs the part something.
func (s *seating) holdPart(budgets *SeatBudgets, part, reason string) {
	dearer := make([]bool, len(s.kinds))
	for i := range s.kinds {
		dearer[i] = s.kinds[i].Price.Currency == budgets.Of[part].Currency && s.each(i) > 0
	}
	s.holdDearer(dearer, reason, func(account uint32) bool { return s.shares(account, budgets.By)[part] > 0 })
}
