package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) reportCost() *cobra.Command {
	by, ahead := "department", false
	c := &cobra.Command{
		Use: "cost", Short: "What the seats cost in a month, by department or another attribute", Args: args(cobra.NoArgs),
		Long: "Each active account costs its program's price; that of somebody with several jobs is split evenly among them. Accounts of\n" +
			"nobody, seats that nobody takes, and people without the attribute have lines of their own, so that the sum is what is paid. Money\n" +
			"is never added across currencies. Exits with 5 if something could not be read completely.\n" +
			"--forecast tells from the journal, for each program with a price and a contract, what it will have cost by the contract's end, and\n" +
			"compares that with its budget:; it goes on with the trend of the last 90 days. Nothing is read then.",
		Example: "  rolecall report cost\n  rolecall report cost --by cost_centre -o csv > cost.csv\n  rolecall report cost --forecast",
		RunE: func(c *cobra.Command, _ []string) error {
			if ahead {
				return a.tell(c.Context(), forecasts)
			}
			return a.tell(c.Context(), costBy(by))
		},
	}
	c.Flags().BoolVar(&ahead, "forecast", false, "what each program will have cost by the end of its contract, and its budget")
	c.Flags().StringVar(&by, "by", by, "declared `ATTRIBUTE` of jobs or people to sum by")
	return c
}

// costLine is what one value of the attribute costs in one program.
type costLine struct {
	Value   string  `json:"value"` // "" is not known; see Kind
	Kind    string  `json:"kind"`  // people, nobody (accounts of nobody known), free (seats that nobody takes)
	Program string  `json:"program"`
	Seat    string  `json:"seat,omitempty"` // kind of seat, where there are several
	Seats   float64 `json:"seats"`
	Month   costing `json:"month"`
}

// costBy sums by an attribute.
func costBy(by string) reporter {
	return func(ctx context.Context, s *system, _ time.Time) (reported, error) {
		if names := declaredNames(s); !slices.Contains(names, by) {
			return reported{}, usage(cmp.Or(engine.Suggest(by, names), "there are: "+strings.Join(names, ", ")), "--by %q is no declared attribute", by)
		}
		seating, err := s.engine.Seats(ctx)
		if err != nil {
			return reported{}, err
		}
		lines := costLines(s.cfg, seating, by)
		t := render.Table{Header: []string{by, "program", "seats", "a month", "currency", "kind"}}
		for _, l := range lines {
			t.Add(render.Plain, l.called(), l.Program, strconv.FormatFloat(l.Seats, 'f', -1, 64), strconv.FormatFloat(l.Month.Amount, 'f', 2, 64), l.Month.Currency, l.Seat)
		}
		form := struct {
			Version int                `json:"version"`
			By      string             `json:"by"`
			Lines   []costLine         `json:"lines"`
			Proofs  []render.ProofJSON `json:"proofs"`
		}{1, by, lines, render.Proofs(seating.Proofs)}
		return reported{table: t, form: form, proofs: seating.Proofs, charts: costCharts(lines)}, nil
	}
}

// declaredNames are the attributes by which something can be summed.
func declaredNames(s *system) (names []string) {
	for _, d := range s.schema.Attributes {
		names = append(names, d.Name)
	}
	return names
}

func (l *costLine) called() string {
	switch {
	case l.Kind == "nobody":
		return "(nobody's accounts)"
	case l.Kind == "free":
		return "(free seats)"
	}
	return cmp.Or(l.Value, "(not said)")
}

// costLines are sorted by value, people first, then program.
func costLines(cfg *config.File, seating *engine.Seating, by string) []costLine {
	sum := map[costLine]float64{} // seats, by what the line is about
	taken := map[[2]string]int{}  // by program and kind of seat
	people := map[string]*engine.Person{}
	for i := range seating.People {
		people[seating.People[i].Key] = &seating.People[i]
	}
	for i := range seating.Seats {
		seat := &seating.Seats[i]
		for _, kind := range seat.Takes {
			taken[[2]string{seat.Program, kind}]++
			p := people[seat.Person]
			if p == nil {
				sum[costLine{Kind: "nobody", Program: seat.Program, Seat: kind}]++
				continue
			}
			for value, share := range shares(p, by) {
				sum[costLine{Value: value, Kind: "people", Program: seat.Program, Seat: kind}] += share
			}
		}
	}
	out := []costLine{}
	for name, p := range cfg.Programs {
		rules := seatRules(cfg, p)
		for i := 0; rules != nil && i < len(rules.Kinds); i++ {
			k := &rules.Kinds[i]
			out = append(out, kindLines(k, name, taken[[2]string{name, k.Name}], sum)...)
		}
	}
	slices.SortFunc(out, func(a, b costLine) int {
		return cmp.Or(-strings.Compare(a.Kind, b.Kind), strings.Compare(a.Value, b.Value), strings.Compare(a.Program, b.Program), strings.Compare(a.Seat, b.Seat))
	})
	return out
}

// kindLines are the lines of one kind of seat. Each seat that is paid for costs the same share of what is paid for all of them; those
// that nobody takes are free.
func kindLines(k *engine.SeatKind, program string, taken int, sum map[costLine]float64) (out []costLine) {
	paid := k.Paid(taken)
	if k.Price.Currency == "" || paid <= 0 {
		return nil
	}
	if free := paid - taken; free > 0 {
		sum[costLine{Kind: "free", Program: program, Seat: k.Name}] = float64(free)
	}
	each := costing{k.Price.Of(paid) / float64(paid), k.Price.Currency}
	for l, seats := range sum {
		if l.Program == program && l.Seat == k.Name {
			l.Seats, l.Month = float64(int(seats*1000+.5))/1000, *each.times(seats)
			out = append(out, l)
		}
	}
	return out
}

// shares splits a seat among the jobs of a person: by each job's own value, or by the person's.
func shares(p *engine.Person, by string) map[string]float64 {
	out := map[string]float64{}
	for i := range p.Jobs {
		out[cmp.Or(p.Jobs[i].Attributes.First(by), p.Attributes.First(by))] += 1 / float64(len(p.Jobs))
	}
	if len(out) == 0 {
		out[p.Attributes.First(by)] = 1
	}
	return out
}
