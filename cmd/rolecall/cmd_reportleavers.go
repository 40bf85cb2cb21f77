package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) reportUnmanaged() *cobra.Command {
	return &cobra.Command{
		Use: "unmanaged", Short: "What Rolecall neither gave nor adopted, with whose it is", Args: args(cobra.NoArgs),
		Long: "Reads the directory and the programs and lists every holding that is not managed; accounts of nobody in the directory are\n" +
			"orphans. Nothing of it is touched by ordinary runs. Exits with 5 if something could not be read completely.",
		Example: "  rolecall report unmanaged\n  rolecall report unmanaged -o csv > unmanaged.csv",
		RunE:    func(c *cobra.Command, _ []string) error { return a.tell(c.Context(), unmanaged) },
	}
}

func unmanaged(ctx context.Context, s *system, _ time.Time) (reported, error) {
	seating, err := s.engine.Seats(ctx)
	if err != nil {
		return reported{}, err
	}
	var people []string
	t := render.Table{Header: []string{"program", "account", "name", "kind", "entitlement", "person", "login"}}
	for i := range seating.Unmanaged {
		u := &seating.Unmanaged[i]
		t.Add(render.Plain, u.Program, u.Account, u.Name, u.Kind, u.Entitlement, u.Person, u.Login)
		people = append(people, u.Person)
	}
	form := struct {
		Version   int                `json:"version"`
		Unmanaged []engine.Unmanaged `json:"unmanaged"`
		Proofs    []render.ProofJSON `json:"proofs"`
	}{1, append([]engine.Unmanaged{}, seating.Unmanaged...), render.Proofs(seating.Proofs)}
	return reported{table: t, form: form, proofs: seating.Proofs, people: people, charts: unmanagedCharts(seating.Unmanaged)}, nil
}

func (a *app) reportLeavers() *cobra.Command {
	from := ""
	c := &cobra.Command{
		Use: "leavers", Short: "How long the access of those who left or were cut off lived on", Args: args(cobra.NoArgs),
		Long: "Reads the journal alone: for each account, when its end was decided, when it was in effect, and what is still open. What was\n" +
			"decided before --from (90 days ago unless said) is left out.",
		Example: "  rolecall report leavers\n  rolecall report leavers --from 2027-01-01 -o csv > leavers.csv",
		RunE:    func(c *cobra.Command, _ []string) error { return a.leavers(c.Context(), from) },
	}
	c.Flags().StringVar(&from, "from", "", "not before this `TIME`, 2027-01-31 or 2027-01-31T08:00:00Z")
	return c
}

// leaversBack is how many days the report looks back.
const leaversBack = 90

func (a *app) leavers(ctx context.Context, from string) (err error) {
	store, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, store.Close)
	r, err := departures(ctx, store, from, a.Now())
	if err != nil {
		return err
	}
	return a.out().Data(r.table, r.form)
}

// departures are told of from the journal alone.
func departures(ctx context.Context, log engine.Log, from string, now time.Time) (reported, error) {
	since, err := moment(from)
	if err != nil {
		return reported{}, err
	}
	if from == "" {
		since = now.AddDate(0, 0, -leaversBack)
	}
	list, err := engine.Departures(ctx, log, since)
	if err != nil {
		return reported{}, err
	}
	var people []string
	t := render.Table{Header: []string{"person", "login", "program", "account", "cause", "decided", "in effect", "after", "open", "last"}}
	for i := range list {
		d := &list[i]
		color, ended, after := render.Plain, "", ""
		if d.Open > 0 {
			color = render.Amber
		} else {
			ended, after = stamp(d.Ended), config.FormatDuration(d.Ended.Sub(d.Decided).Round(1e9))
		}
		t.Add(color, cmp.Or(d.Name, d.Person), d.Login, d.Program, d.Account, string(d.Cause), stamp(d.Decided), ended, after, strconv.Itoa(d.Open), string(d.Last))
		people = append(people, d.Person)
	}
	return reported{table: t, people: people, charts: leaverCharts(list), form: struct {
		Version int                `json:"version"`
		From    string             `json:"from"`
		Leavers []engine.Departure `json:"leavers"`
	}{1, fmt.Sprint(since.UTC().Format("2006-01-02T15:04:05Z")), list}}, nil
}
