package main

import "testing"

// What is of the same value, kind, program, seat and currency is one line, and nothing else is.
func TestMonthAddsUpByLine(t *testing.T) {
	m := &monthCost{index: map[monthLine]int{}}
	one := monthLine{Value: "4711", Kind: "people", Program: "crm", Seat: "full", Seats: 1, Cost: costing{10, "EUR"}}
	all := []monthLine{one, one, one, one, one, one}
	all[1].Value, all[2].Kind, all[3].Program, all[4].Seat, all[5].Cost.Currency = "4712", "gone", "wiki", "light", "USD"
	for range 2 {
		for _, l := range all {
			m.put(l)
		}
	}
	if len(m.lines) != len(all) {
		t.Fatalf("%d lines: %+v", len(m.lines), m.lines)
	}
	for i, l := range m.lines {
		if all[i].Seats, all[i].Cost.Amount = 2, 20; l != all[i] {
			t.Errorf("%+v, not %+v", l, all[i])
		}
	}
}
