package main

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
)

// A trend is gone on with to the end of the contract; where too little is known, what is now; empty seats are paid for, too.
func TestForecast(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	stays := make([]engine.Stay, 10)
	for i := range stays {
		stays[i].Account = string(rune('a' + i))
	}
	stays = append(stays, engine.Stay{Account: "a"}, engine.Stay{Account: "gone", Until: now})
	days := func(n int, each float64) (out []engine.SeatDay) {
		for i := range n {
			out = append(out, engine.SeatDay{Average: 10 - each*float64(n-i)})
		}
		return out
	}
	program := func(seats int, budget float64) *config.Program {
		return &config.Program{Seats: config.Seats{"": {Count: &seats}}, Price: &config.Price{Amount: monthDays, Currency: "EUR", Per: "month"}, Contract: &config.Contract{Ends: now.AddDate(0, 0, 9), Budget: budget}} // a seat costs 1 a day
	}
	for name, c := range map[string]struct {
		p                  *config.Program
		days               []engine.SeatDay
		cost, then, budget float64 // then and budget: -1 is unknown
	}{
		"as now":             {program(0, 0), days(13, 1), 100, -1, -1},
		"level":              {program(0, 0), days(14, 0), 100, 10, -1},
		"one more each day":  {program(0, 0), days(20, 1), 145, 20, -1},
		"one less each day":  {program(0, 0), days(20, -1), 55, 0, -1},
		"more than are used": {program(30, 0), days(20, 1), 300, 20, -1},
		"within the budget":  {program(0, 20*monthDays), days(14, 0), 100, 10, 200},
	} {
		f := foretold("crm", c.p, stays, c.days, now)
		if f.Taken != 10 || f.Cost.Amount != c.cost || (f.Then == nil) != (c.then < 0) || f.Then != nil && *f.Then != c.then || (f.Budget == nil) != (c.budget < 0) || f.Budget != nil && (f.Budget.Amount != c.budget || f.Over.Amount != c.cost-c.budget) {
			t.Errorf("%s: %+v, then %v, budget %v", name, f, tenths(f.Then), f.Budget)
		}
	}
}
