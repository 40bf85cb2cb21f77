package main

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/engine"
)

func (a *app) pauseCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "pause [PROGRAM]", Short: "Emergency stop: no more calls to a program, or to any",
		Long: "No process on this journal begins anything more; it survives restarts, and stays until `rolecall resume`. Leavers and people who are\n" +
			"cut off wait as well, with an alarm. Calls that are under way end; what a process had claimed besides is given back, and\n" +
			"planned anew by the first run after the pause; what had been approved is then approved again.",
		Example: "  rolecall pause --reason \"the directory looks wrong\"\n  rolecall pause crm --reason \"vendor's incident 4711\"",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return a.decideOn(c.Context(), func(ctx context.Context, s *system) error {
				return s.by(a.Actor, engine.Decider{}).pause(ctx, first(given), reason)
			}, "Paused "+cmp.Or(first(given), "all programs")+".")
		},
	}
	reasonFlag(c, &reason)
	return c
}

func (a *app) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "resume [PROGRAM]", Short: "End a pause",
		Example: "  rolecall resume\n  rolecall resume crm",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return a.decideOn(c.Context(), func(ctx context.Context, s *system) error {
				return s.by(a.Actor, engine.Decider{}).resume(ctx, first(given))
			},
				cmp.Or(first(given), "What was paused as a whole")+" is resumed; programs that were paused by name are resumed by name.")
		},
	}
}

// decideOn records one decision and says so.
func (a *app) decideOn(ctx context.Context, decide func(context.Context, *system) error, said string) (err error) {
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	if err := decide(ctx, s); err != nil {
		return refused(err)
	}
	a.out().Line("%s", said)
	return nil
}

func first(given []string) string {
	if len(given) == 0 {
		return ""
	}
	return given[0]
}
