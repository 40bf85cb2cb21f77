package main

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// partBudget is what the seats of one department cost beside its budget, in the documented form.
type partBudget struct {
	Value  string  `json:"value"` // of the attribute
	Seats  float64 `json:"seats"`
	Month  costing `json:"month"`
	Budget costing `json:"budget"`
	Over   costing `json:"over"` // cost above the budget, below zero: what is left of it
	Hold   bool    `json:"hold"` // what goes beyond needs approval
}

// budgetsNow compares what the seats of departments cost now with `budgets:`.
func budgetsNow(ctx context.Context, s *system, _ time.Time) (reported, error) {
	by, seating := s.cfg.Budgets.By, &engine.Seating{}
	if len(s.cfg.Budgets.Of) > 0 { // else there is nothing to compare
		var err error
		if seating, err = s.engine.Seats(ctx); err != nil {
			return reported{}, err
		}
	}
	list := s.budgetLines(costLines(s.cfg, seating, by))
	t := render.Table{Header: []string{cmp.Or(by, "part"), "seats", "a month", "budget", "over", "hold"}}
	for i := range list {
		l, color := &list[i], render.Plain
		if l.Over.Amount > 0 {
			color = render.Amber
		}
		t.Add(color, l.Value, strconv.FormatFloat(l.Seats, 'f', -1, 64), l.Month.String(), l.Budget.String(), l.Over.String(), map[bool]string{true: "yes"}[l.Hold])
	}
	form := struct {
		Version int                `json:"version"`
		By      string             `json:"by"`
		Budgets []partBudget       `json:"budgets"`
		Proofs  []render.ProofJSON `json:"proofs"`
	}{1, by, list, render.Proofs(seating.Proofs)}
	return reported{table: t, form: form, proofs: seating.Proofs, charts: budgetCharts(list)}, nil
}

// budgetLines sum what people of each department that has a budget cost, in its currency.
func (s *system) budgetLines(costs []costLine) []partBudget {
	list := []partBudget{}
	for _, value := range slices.Sorted(maps.Keys(s.cfg.Budgets.Of)) {
		b := s.cfg.Budgets.Of[value]
		one := partBudget{Value: value, Budget: costing{b.Amount, b.Currency}, Month: costing{0, b.Currency}, Over: costing{0, b.Currency}, Hold: b.Hold}
		for i := range costs {
			if l := &costs[i]; l.Kind == "people" && l.Value == value && l.Month.Currency == b.Currency {
				one.Seats, one.Month.Amount = one.Seats+l.Seats, one.Month.Amount+l.Month.Amount
			}
		}
		one.Seats, one.Month.Amount = math.Round(one.Seats*1000)/1000, cents(one.Month.Amount)
		one.Over.Amount = cents(one.Month.Amount - b.Amount)
		list = append(list, one)
	}
	return list
}

func cents(amount float64) float64 { return math.Round(amount*100) / 100 }

// budgetCharts show how much of each budget is spent.
func budgetCharts(list []partBudget) []web.ReportChart {
	c := web.ReportChart{Title: "Cost of a month, of the budget"}
	for i := range list {
		l := &list[i]
		c.Bars = append(c.Bars, web.ReportBar{Label: l.Value, Text: l.Month.String() + " of " + l.Budget.String(), Part: l.Month.Amount, Whole: l.Budget.Amount, Over: l.Over.Amount > 0})
	}
	return few(c)
}
