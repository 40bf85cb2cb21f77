package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) reportSeats() *cobra.Command {
	since := ""
	c := &cobra.Command{
		Use: "seats", Short: "Seats of each program: taken, free, waited for, and what they cost", Args: args(cobra.NoArgs),
		Long: "An active account takes a seat, or one of each kind that its rights need. Below stand who waits and why, and for whom a seat is\n" +
			"kept. Reads the directory and the programs; nothing is changed. Exits with 5 if one could not be\n" +
			"read completely, since the numbers may then be too low.\n" +
			"--since tells from the journal how many were taken on each day, at most and on average, as far as Rolecall saw; nothing is read then.",
		Example: "  rolecall report seats\n  rolecall report seats -o csv > seats.csv\n  rolecall report seats --since 2027-01-01 -o csv > days.csv",
		RunE: func(c *cobra.Command, _ []string) error {
			if since != "" {
				return a.tell(c.Context(), seatDays(since))
			}
			return a.tell(c.Context(), seats)
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

	Kinds []kindReport `json:"kinds"` // sorted by name
}

// kindReport is one kind of seat in it; one without a name where no kinds are told apart.
type kindReport struct {
	Kind      string             `json:"kind,omitempty"`
	Seats     int                `json:"seats"` // that may be taken; 0: not said
	Taken     int                `json:"taken"`
	Free      int                `json:"free"`    // after those that are kept
	Waiting   int                `json:"waiting"` // people who should have one and have none
	Buy       int                `json:"buy"`     // so many more, and nobody waits for long
	Told      *engine.SeatCount  `json:"told,omitempty"`
	Unknown   string             `json:"unknown,omitempty"` // why nobody knows how many are free
	Price     *costing           `json:"price"`
	Month     *costing           `json:"month"`
	List      []engine.SeatClaim `json:"list"`      // who gets none now, in their order
	Kept      []engine.SeatClaim `json:"kept"`      // for people who join
	Displaced []engine.SeatClaim `json:"displaced"` // who would make room by priority alone

	limited bool
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

// plus adds what is in the same currency; money is never added across currencies.
func (c *costing) plus(d *costing) *costing {
	if c == nil || d == nil {
		return cmp.Or(c, d)
	}
	if c.Currency != d.Currency {
		return c
	}
	return &costing{c.Amount + d.Amount, c.Currency}
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

// seats are told of by reading everything.
func seats(ctx context.Context, s *system, now time.Time) (reported, error) {
	seating, err := s.engine.Seats(ctx)
	if err != nil {
		return reported{}, err
	}
	t := render.Table{Header: []string{"program", "kind", "seats", "taken", "free", "kept", "waiting", "to buy", "price", "a month", "contract ends", "notice by", "vendor", "owner"}}
	form := struct {
		Version  int                `json:"version"`
		Programs []seatReport       `json:"programs"`
		Proofs   []render.ProofJSON `json:"proofs"`
	}{1, []seatReport{}, render.Proofs(seating.Proofs)}
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Programs)) {
		one := s.seatsOf(name, seating, now)
		form.Programs = append(form.Programs, one)
		for i := range one.Kinds {
			one.add(&t, &one.Kinds[i])
		}
	}
	return reported{table: t, form: form, proofs: seating.Proofs, charts: seatCharts(form.Programs), notes: whoWaits(form.Programs)}, nil
}

// add is one line of the table.
func (r *seatReport) add(t *render.Table, k *kindReport) {
	paid, free, color := "", "", render.Plain
	if k.limited {
		paid, free = strconv.Itoa(k.Seats), strconv.Itoa(k.Free)
		if k.Unknown != "" {
			free = "unknown"
		}
		if k.Unknown != "" || k.Free < 0 || k.Buy > 0 {
			color = render.Amber
		}
	}
	t.Add(color, r.Program, k.Kind, paid, strconv.Itoa(k.Taken), free, strconv.Itoa(len(k.Kept)), strconv.Itoa(k.Waiting), strconv.Itoa(k.Buy), k.Price.String(), k.Month.String(), r.Contract, r.Notice, r.Vendor, r.Owner)
}

// whoWaits are the lines below the table: who waits, for whom a seat is kept, and who would make room.
func whoWaits(programs []seatReport) (lines []string) {
	for i := range programs {
		for _, k := range programs[i].Kinds {
			what := strings.TrimSpace(programs[i].Program + " " + k.Kind)
			if k.Unknown != "" {
				lines = append(lines, fmt.Sprintf("%s: no seat is given: %s", what, k.Unknown))
			}
			for _, c := range k.List {
				lines = append(lines, fmt.Sprintf("%s: %d. %s waits since %s%s", what, c.Place, render.Who(c.Name, c.Login, c.Person), c.Since.Format(time.DateOnly), priorityOf(&c)))
			}
			for _, c := range k.Kept {
				lines = append(lines, fmt.Sprintf("%s: one is kept for %s, who joins on %s%s", what, render.Who(c.Name, c.Login, c.Person), c.Joins.Format(time.DateOnly), priorityOf(&c)))
			}
			for _, c := range k.Displaced {
				lines = append(lines, fmt.Sprintf("%s: by priority alone %s%s would make room; nobody has to", what, render.Who(c.Name, c.Login, c.Person), priorityOf(&c)))
			}
		}
	}
	return lines
}

func priorityOf(c *engine.SeatClaim) string {
	if c.Priority == 0 {
		return ""
	}
	return fmt.Sprintf(" (priority %d)", c.Priority)
}

func (s *system) seatsOf(name string, seating *engine.Seating, now time.Time) seatReport {
	p := s.cfg.Programs[name]
	one := seatReport{Program: name, Seats: p.Seats.Count(), Waiting: seating.Waiting[name], Price: monthly(p.Price), Vendor: p.Vendor, Owner: p.Owner, Kinds: []kindReport{}}
	taken := map[string]int{}
	for i := range seating.Seats {
		if seat := &seating.Seats[i]; seat.Program == name {
			one.Taken++
			for _, kind := range seat.Takes {
				taken[kind]++
			}
		}
	}
	if one.Seats > 0 {
		one.Free = one.Seats - one.Taken
	}
	rules := seatRules(s.cfg, p)
	if rules == nil {
		one.Kinds = append(one.Kinds, kindReport{Taken: one.Taken, Waiting: one.Waiting, List: []engine.SeatClaim{}, Kept: []engine.SeatClaim{}, Displaced: []engine.SeatClaim{}})
		rules = &engine.SeatRules{}
	}
	for i := range rules.Kinds {
		one.Kinds = append(one.Kinds, kindOf(&rules.Kinds[i], taken[rules.Kinds[i].Name], planned(seating, name, rules.Kinds[i].Name)))
		one.Month = one.Month.plus(one.Kinds[i].Month)
	}
	if p.Contract != nil && !p.Contract.Ends.IsZero() {
		ends, notice := lastDays(s.cfg, p.Contract, now)
		if one.Contract = ends.Format(time.DateOnly); !notice.IsZero() {
			one.Notice = notice.Format(time.DateOnly)
		}
	}
	return one
}

// planned is what the plan says of the seats, nothing if it has nothing to say.
func planned(seating *engine.Seating, program, kind string) *engine.SeatPlan {
	for i := range seating.Kinds {
		if k := &seating.Kinds[i]; k.Program == program && k.Kind == kind {
			return k
		}
	}
	return &engine.SeatPlan{}
}

// kindOf is one kind of seat: what is under way counts as taken where there is a limit.
func kindOf(k *engine.SeatKind, taken int, p *engine.SeatPlan) kindReport {
	one := kindReport{Kind: k.Name, Taken: taken, Waiting: p.Given + len(p.Waiting), Buy: p.Buy, Told: p.Told, Unknown: p.Unknown, List: orEmpty(p.Waiting), Kept: orEmpty(p.Kept), Displaced: orEmpty(p.Displaced), limited: k.Count != engine.NoSeatLimit}
	if one.limited {
		one.Seats, one.Taken = p.Seats, max(taken, p.Taken)
		one.Free = one.Seats - one.Taken - len(p.Kept)
	}
	if k.Price.Currency != "" {
		one.Price, one.Month = &costing{k.Price.Seat(max(1, taken)), k.Price.Currency}, &costing{k.Price.Of(k.Paid(taken)), k.Price.Currency}
	}
	return one
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
