package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) giveCommand() *cobra.Command {
	var reason, until string
	c := &cobra.Command{
		Use: "give PERSON ENTITLEMENT", Short: "Give one person a dated extra",
		Long:    "The extra begins with the next run and always expires: --until is its last day. It is recorded with the reason.",
		Example: "  rolecall give alice crm --until 2027-01-31 --reason \"trade fair\"",
		Args:    args(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, given []string) error {
			day, err := config.ParseDate(until)
			if err != nil {
				return usage("--until 2027-01-31", "--until: %w", err)
			}
			return a.decideOn(c.Context(), func(ctx context.Context, s *system) error {
				return s.by(a.Actor, engine.Decider{}).give(ctx, given[0], given[1], day, reason)
			}, given[0]+" is given "+given[1]+" until the end of "+day.Format(time.DateOnly)+", with the next run.")
		},
	}
	reasonFlag(c, &reason)
	c.Flags().StringVar(&until, "until", "", "the last `DAY` on which it holds, 2027-01-31; required")
	return c
}
