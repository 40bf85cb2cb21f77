package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// seatDay is one program on one day in the documented form of the report.
type seatDay struct {
	Day     string  `json:"day"`
	Program string  `json:"program"`
	Peak    int     `json:"peak"`
	Average float64 `json:"average"`
	Seats   int     `json:"seats"` // paid for today; 0: not said
}

// seatDays tells from the journal how many seats were taken. Programs are not called.
func seatDays(since string) reporter {
	return func(ctx context.Context, s *system, now time.Time) (reported, error) {
		day, err := config.ParseDate(since)
		if err != nil {
			return reported{}, usage("--since 2027-01-31", "--since: %w", err)
		}
		return s.seatDaysSince(ctx, day, now)
	}
}

func (s *system) seatDaysSince(ctx context.Context, day, now time.Time) (reported, error) {
	from := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone(s.cfg))
	days := []seatDay{}
	for i := range s.engine.Programs {
		list, err := s.seatDaysOf(ctx, &s.engine.Programs[i], from, now)
		if err != nil {
			return reported{}, err
		}
		days = append(days, list...)
	}
	slices.SortStableFunc(days, func(x, y seatDay) int { return strings.Compare(x.Day+x.Program, y.Day+y.Program) })
	t := render.Table{Header: []string{"day", "program", "peak", "average", "seats"}}
	for _, d := range days {
		seats, color := "", render.Plain
		if d.Seats > 0 {
			if seats = strconv.Itoa(d.Seats); d.Peak > d.Seats {
				color = render.Amber
			}
		}
		t.Add(color, d.Day, d.Program, strconv.Itoa(d.Peak), strconv.FormatFloat(d.Average, 'f', 1, 64), seats)
	}
	return reported{table: t, charts: dayCharts(days), form: struct {
		Version int       `json:"version"`
		Days    []seatDay `json:"days"`
	}{1, days}}, nil
}

func (s *system) seatDaysOf(ctx context.Context, p *engine.Program, from, now time.Time) (out []seatDay, err error) {
	stays, err := s.stays(ctx, p, from)
	for _, d := range engine.SeatDays(stays, from, now) {
		out = append(out, seatDay{d.Day.Format(time.DateOnly), p.Name, d.Peak, round(d.Average), s.cfg.Programs[p.Name].Seats.Count()})
	}
	return out, err
}

// stays are those of active accounts; of a program that does not tell which are, of all that hold anything.
func (s *system) stays(ctx context.Context, p *engine.Program, from time.Time) ([]engine.Stay, error) {
	active := engine.Active
	only := &active
	if !p.Describes.Accounts {
		only = nil
	}
	return s.store.Stays(ctx, p.Name, only, from)
}
