package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// dormantDays is how long an account is not used before it counts as dormant, unless said.
const dormantDays = 90

func (a *app) reportDormant() *cobra.Command {
	n := dormantDays
	c := &cobra.Command{
		Use: "dormant", Short: "Active accounts that were not used for long, where a program shows that", Args: args(cobra.NoArgs),
		Long: "Reads the directory and the programs. Only programs whose configuration says what it is for (usage: {purpose: …, last_used: ATTRIBUTE})\n" +
			"are looked at, and only accounts whose last use they show count: unknown use is not disuse. Nothing is changed. Exits with 5 if\n" +
			"something could not be read completely, or shows what is no time.",
		Example: "  rolecall report dormant\n  rolecall report dormant --days 180 -o csv > dormant.csv",
		RunE: func(c *cobra.Command, _ []string) error {
			if n < 1 {
				return usage("--days 90", "--days: at least one")
			}
			return a.tell(c.Context(), dormantFor(n))
		},
	}
	c.Flags().IntVar(&n, "days", n, "not used for so many `DAYS`")
	return c
}

func dormantFor(n int) reporter {
	return func(ctx context.Context, s *system, _ time.Time) (reported, error) {
		d, err := s.engine.Dormant(ctx, n)
		if err != nil {
			return reported{}, err
		}
		t, people := render.Table{Header: []string{"program", "account", "name", "kind", "person", "login", "last used", "days"}}, []string(nil)
		for i := range d.Accounts {
			one := &d.Accounts[i]
			t.Add(render.Plain, one.Program, one.Account, one.Name, one.Kind, one.Person, one.Login, stamp(one.LastUsed), strconv.Itoa(one.Days))
			people = append(people, one.Person)
		}
		return reported{table: t, people: people, proofs: append(d.Proofs, unreadUse(d.Programs)...), charts: dormantCharts(d.Programs), form: struct {
			Version  int                     `json:"version"`
			Days     int                     `json:"days"`
			Accounts []engine.DormantAccount `json:"accounts"`
			Programs []engine.Used           `json:"programs"`
			Proofs   []render.ProofJSON      `json:"proofs"`
		}{1, n, append([]engine.DormantAccount{}, d.Accounts...), d.Programs, render.Proofs(d.Proofs)}}, nil
	}
}

// unreadUse are the programs whose answers about use can't be read, as reads that were not complete.
func unreadUse(list []engine.Used) (out []engine.Proof) {
	for _, u := range list {
		if u.Unread > 0 {
			text := "of " + plural(u.Unread, "account") + " what stands as the last use is no time that can be read: it counts as unknown; see last_used: of the program"
			out = append(out, engine.Proof{Source: u.Program, Reasons: []engine.Reason{{Code: "usage", Detail: text}}})
		}
	}
	return out
}

// dormantCharts show how many accounts are dormant, of those that are active; how many of these are known stands beside it.
func dormantCharts(list []engine.Used) []web.ReportChart {
	c := web.ReportChart{Title: "Dormant, of the active accounts"}
	for _, u := range list {
		if u.Purpose != "" {
			c.Bars = append(c.Bars, web.ReportBar{Label: u.Program, Text: fmt.Sprintf("%d of %d, %d unknown", u.Dormant, u.Active, u.Active-u.Known), Part: float64(u.Dormant), Whole: float64(u.Active)})
		}
	}
	return few(c)
}
