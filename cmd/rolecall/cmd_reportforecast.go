package main

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

const (
	trendDays   = 90            // that a trend is of, at most
	trendEnough = 14            // days without which there is none
	monthDays   = 365.2425 / 12 // of a month on average
)

// forecast is what a program will have cost by the end of its contract, in the documented form.
type forecast struct {
	Program string   `json:"program"`
	Taken   int      `json:"taken"`           // seats, as the journal saw it last
	Seats   int      `json:"seats"`           // paid for; 0: not said
	Trend   *float64 `json:"trend,omitempty"` // seats more in a month; absent: too little is known
	Ends    string   `json:"ends"`            // the contract
	Then    *float64 `json:"then,omitempty"`  // seats at its end, by the trend
	Month   costing  `json:"month"`           // what is paid in a month now
	Cost    costing  `json:"cost"`            // until the end, by the trend; as now where there is none
	Budget  *costing `json:"budget"`          // until the end, null: none is said
	Over    *costing `json:"over"`            // cost above the budget, below zero: what is left of it
}

// forecasts reads the journal alone.
func (a *app) forecasts(ctx context.Context) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	list := []forecast{}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Programs)) {
		p := s.cfg.Programs[name]
		if p.Price == nil || p.Contract == nil || p.Contract.Ends.Before(a.Now()) {
			continue
		}
		one, err := s.forecast(ctx, name, p, a.Now())
		if err != nil {
			return err
		}
		list = append(list, one)
	}
	t := render.Table{Header: []string{"program", "taken", "seats", "a month more", "contract ends", "then", "a month", "until then", "budget", "over"}}
	for i := range list {
		f, color := &list[i], render.Plain
		if f.Over != nil && f.Over.Amount > 0 {
			color = render.Amber
		}
		seats := ""
		if f.Seats > 0 {
			seats = strconv.Itoa(f.Seats)
		}
		t.Add(color, f.Program, strconv.Itoa(f.Taken), seats, tenths(f.Trend), f.Ends, tenths(f.Then), f.Month.String(), f.Cost.String(), f.Budget.String(), f.Over.String())
	}
	return a.out().Data(t, struct {
		Version  int        `json:"version"`
		Programs []forecast `json:"programs"`
	}{1, list})
}

// tenths is a number that may not be known.
func tenths(n *float64) string {
	if n == nil {
		return "unknown"
	}
	return strconv.FormatFloat(*n, 'f', 1, 64)
}

func (s *system) forecast(ctx context.Context, name string, p *config.Program, now time.Time) (forecast, error) {
	day := now.In(zone(s.cfg))
	from := time.Date(day.Year(), day.Month(), day.Day()-trendDays, 0, 0, 0, 0, day.Location())
	var stays []engine.Stay
	for i := range s.engine.Programs {
		if one := &s.engine.Programs[i]; one.Name == name {
			var err error
			if stays, err = s.stays(ctx, one, from); err != nil {
				return forecast{}, err
			}
		}
	}
	return foretold(name, p, stays, engine.SeatDays(stays, from, now), now), nil
}

// foretold goes on with the trend of the days behind, day by day: a seat that is paid for and empty costs as much as one that is taken.
func foretold(name string, p *config.Program, stays []engine.Stay, days []engine.SeatDay, now time.Time) forecast {
	still := map[string]bool{}
	for _, one := range stays {
		if one.Until.IsZero() {
			still[one.Account] = true
		}
	}
	price := monthly(p.Price)
	f := forecast{Program: name, Taken: len(still), Seats: p.Seats.Count(), Ends: p.Contract.Ends.Format(time.DateOnly), Month: costing{paidFor(p, float64(len(still))), price.Currency}, Cost: costing{0, price.Currency}}
	slope, known := trend(days)
	left := int(math.Ceil(p.Contract.Ends.AddDate(0, 0, 1).Sub(now).Hours() / 24))
	if known {
		more, then := round(slope*monthDays), round(math.Max(0, float64(f.Taken)+slope*float64(left)))
		f.Trend, f.Then = &more, &then
	}
	for n := range left {
		f.Cost.Amount += paidFor(p, math.Max(0, float64(f.Taken)+slope*float64(n))) / monthDays
	}
	f.Cost.Amount = math.Round(f.Cost.Amount*100) / 100
	if p.Contract.Budget > 0 {
		f.Budget = &costing{math.Round(p.Contract.Budget*float64(left)/monthDays*100) / 100, price.Currency}
		f.Over = &costing{math.Round((f.Cost.Amount-f.Budget.Amount)*100) / 100, price.Currency}
	}
	return f
}

func round(n float64) float64 { return math.Round(n*10) / 10 }

// paidFor is what so many taken seats cost in a month by the price of the program, with its tiers; between two whole numbers it is
// between what they cost.
func paidFor(p *config.Program, taken float64) float64 {
	price, n := seatPrice(p.Price), math.Max(float64(p.Seats.Count()), taken)
	whole := int(n)
	if whole < price.Minimum {
		return price.Of(whole)
	}
	return price.Of(whole) + (n-float64(whole))*price.Seat(whole+1)
}

// trend is how many seats more are taken on each day than on the one before, by least squares.
func trend(days []engine.SeatDay) (slope float64, known bool) {
	if len(days) < trendEnough {
		return 0, false
	}
	n := float64(len(days))
	var sx, sy, sxy, sxx float64
	for i, d := range days {
		x := float64(i)
		sx, sy, sxy, sxx = sx+x, sy+d.Average, sxy+x*d.Average, sxx+x*x
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx), true
}
