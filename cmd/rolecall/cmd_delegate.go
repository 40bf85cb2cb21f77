package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) delegate() *cobra.Command {
	var from, until, reason string
	var end bool
	c := &cobra.Command{
		Use: "delegate OF TO", Short: "Let somebody decide in the place of somebody else, for some days",
		Long: "On the page TO decides on what waits for approval in the place of OF, from one day to another. Nobody decides so on their own\n" +
			"access, nor on that of whom they stand in for; both names are recorded. It ends with its last day, and when one of them leaves.",
		Example: "  rolecall approvals delegate alice bob --from 2027-03-01 --until 2027-03-14 --reason \"holidays\"\n  rolecall approvals delegate alice bob --end --reason \"back early\"",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, given []string) error {
			if end {
				return a.decideOn(c.Context(), func(ctx context.Context, s *system) error {
					return s.by(a.Actor, engine.Decider{}).endDelegation(ctx, given[0], given[1], reason)
				}, given[1]+" stands in for "+given[0]+" no more.")
			}
			return a.startDelegation(c.Context(), given[0], given[1], from, until, reason)
		},
	}
	reasonFlag(c, &reason)
	c.Flags().StringVar(&from, "from", "", "the first `DAY`, 2027-03-01; today unless given")
	c.Flags().StringVar(&until, "until", "", "the last `DAY`, 2027-03-14; required")
	c.Flags().BoolVar(&end, "end", false, "end it before its last day")
	return c
}

func (a *app) startDelegation(ctx context.Context, of, to, from, until, reason string) error {
	last, err := config.ParseDate(until)
	if err != nil {
		return usage("--until 2027-03-14", "--until: %w", err)
	}
	first := a.Now().UTC().Truncate(24 * time.Hour)
	if from != "" {
		if first, err = config.ParseDate(from); err != nil {
			return usage("--from 2027-03-01", "--from: %w", err)
		}
	}
	return a.decideOn(ctx, func(ctx context.Context, s *system) error {
		_, err := s.by(a.Actor, engine.Decider{}).delegate(ctx, of, to, first, last, reason)
		return err
	}, to+" stands in for "+of+" from "+first.Format(time.DateOnly)+" to the end of "+last.Format(time.DateOnly)+".")
}

func (a *app) delegates() *cobra.Command {
	return &cobra.Command{
		Use: "delegates", Short: "Who decides in the place of whom", Example: "  rolecall approvals delegates", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			s, err := a.journalOnly(c.Context())
			if err != nil {
				return err
			}
			defer settle(&err, s.Close)
			facts, err := s.Facts(c.Context(), engine.FactDelegate)
			if err != nil {
				return err
			}
			return a.showDelegates(facts)
		},
	}
}

func (a *app) showDelegates(facts []engine.Fact) error {
	if len(facts) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("Nobody stands in for anybody.")
		return nil
	}
	t, list := render.Table{Header: []string{"of", "to", "from", "until", "reason", "by"}}, []engine.Delegation{}
	for _, f := range facts {
		d := engine.DelegationOf(f)
		t.Add(render.Plain, render.Who(d.OfName, d.Of, d.Of), render.Who(d.ToName, d.To, d.To), d.From.Format(time.DateOnly), d.Until.Format(time.DateOnly), d.Reason, d.By)
		list = append(list, d)
	}
	return a.out().Data(t, list)
}
