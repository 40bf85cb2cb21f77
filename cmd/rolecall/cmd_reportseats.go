package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) reportSeats() *cobra.Command {
	since := ""
	c := &cobra.Command{
		Use: "seats", Short: "Seats of each program: taken, free, waited for, and what they cost", Args: args(cobra.NoArgs),
		Long: "An active account takes a seat. Reads the directory and the programs; nothing is changed. Exits with 5 if one could not be\n" +
			"read completely, since the numbers may then be too low.\n" +
			"--since tells from the journal how many were taken on each day, at most and on average, as far as Rolecall saw; nothing is read then.",
		Example: "  rolecall report seats\n  rolecall report seats -o csv > seats.csv\n  rolecall report seats --since 2027-01-01 -o csv > days.csv",
		RunE: func(c *cobra.Command, _ []string) error {
			if since != "" {
				return a.seatDays(c.Context(), since)
			}
			return a.seats(c.Context())
		},
	}
	c.Flags().StringVar(&since, "since", "", "how many seats were taken on each day from this `DAY` on, 2027-01-31")
	return c
}

// seatReport is one program in the documented form of the report.
type seatReport struct {
	Program  string   `json:"program"`
	Seats    int      `json:"seats"` // paid for; 0: not said
	Taken    int      `json:"taken"`
	Free     int      `json:"free"`
	Waiting  int      `json:"waiting"`
	Price    *costing `json:"price"` // of a seat in a month, null: not said
	Month    *costing `json:"month"` // what is paid in a month: for the seats, or for those taken where their number is not said
	Contract string   `json:"contract,omitempty"`
	Notice   string   `json:"notice,omitempty"`
	Vendor   string   `json:"vendor,omitempty"`
	Owner    string   `json:"owner,omitempty"`
}

// costing is an amount for a month.
type costing struct {
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency"`
}

func (c *costing) String() string {
	if c == nil {
		return ""
	}
	return strconv.FormatFloat(c.Amount, 'f', 2, 64) + " " + c.Currency
}

// times is the cost of so many seats, nil without a price.
func (c *costing) times(n float64) *costing {
	if c == nil {
		return nil
	}
	return &costing{c.Amount * n, c.Currency}
}

// monthly is what a seat costs in a month, nil if that is not said.
func monthly(p *config.Price) *costing {
	switch {
	case p == nil:
		return nil
	case p.Per == "year":
		return &costing{p.Amount / 12, p.Currency}
	}
	return &costing{p.Amount, p.Currency}
}

// seating reads who sits where.
func (a *app) seating(ctx context.Context) (s *system, seating *engine.Seating, err error) {
	if s, err = a.open(ctx, reading); err != nil {
		return nil, nil, err
	}
	seating, err = s.engine.Seats(ctx)
	settle(&err, s.close)
	return s, seating, err
}

func (a *app) seats(ctx context.Context) error {
	s, seating, err := a.seating(ctx)
	if err != nil {
		return err
	}
	taken := map[string]int{}
	for i := range seating.Seats {
		taken[seating.Seats[i].Program]++
	}
	t := render.Table{Header: []string{"program", "seats", "taken", "free", "waiting", "price", "a month", "contract ends", "notice by", "vendor", "owner"}}
	form := struct {
		Version  int                `json:"version"`
		Programs []seatReport       `json:"programs"`
		Proofs   []render.ProofJSON `json:"proofs"`
	}{1, []seatReport{}, render.Proofs(seating.Proofs)}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Programs)) {
		one := seatsOf(name, s.cfg.Programs[name], taken[name], seating.Waiting[name])
		form.Programs = append(form.Programs, one)
		paid, free, color := "", "", render.Plain
		if one.Seats > 0 {
			paid, free = strconv.Itoa(one.Seats), strconv.Itoa(one.Free)
			if one.Free < one.Waiting || one.Free < 0 {
				color = render.Amber
			}
		}
		t.Add(color, name, paid, strconv.Itoa(one.Taken), free, strconv.Itoa(one.Waiting), one.Price.String(), one.Month.String(), one.Contract, one.Notice, one.Vendor, one.Owner)
	}
	if err := a.out().Data(t, form); err != nil {
		return err
	}
	return incomplete(seating.Proofs)
}

func seatsOf(name string, p *config.Program, taken, waiting int) seatReport {
	one := seatReport{Program: name, Seats: p.Seats.Count(), Taken: taken, Waiting: waiting, Price: monthly(p.Price), Vendor: p.Vendor, Owner: p.Owner}
	one.Month = one.Price.times(float64(cmp.Or(p.Seats.Count(), taken)))
	if p.Seats.Count() > 0 {
		one.Free = p.Seats.Count() - taken
	}
	if p.Contract != nil && !p.Contract.Ends.IsZero() {
		one.Contract = p.Contract.Ends.Format("2006-01-02")
		if p.Contract.Notice > 0 {
			one.Notice = p.Contract.Ends.Add(-p.Contract.Notice).Format("2006-01-02")
		}
	}
	return one
}
