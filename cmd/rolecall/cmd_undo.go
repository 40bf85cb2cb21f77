package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) undoCommand() *cobra.Command {
	var reason string
	var release, dry bool
	c := &cobra.Command{
		Use: "undo RUN | --release", Short: "Take back what a run did, or let go of what was taken back",
		Long: "Freezes the inverse of a run; the next run makes it, through the same limits and approvals as everything else. It stays so\n" +
			"until the policy or the person's entry changes, or --release. --dry-run shows the inverse, and what does not come back: deleted\n" +
			"accounts, sessions and passwords, data that went with an account or a right, anything of leavers and people who are cut off.",
		Example: "  rolecall undo r17 --dry-run\n  rolecall undo r17 --reason \"wrong rule\"\n  rolecall undo --release --reason \"rule corrected\"",
		Args: args(func(c *cobra.Command, given []string) error {
			if release {
				return cobra.NoArgs(c, given)
			}
			return cobra.ExactArgs(1)(c, given)
		}),
		RunE: func(c *cobra.Command, given []string) error {
			switch {
			case release:
				return a.release(c.Context(), reason)
			case dry:
				return a.undo(c.Context(), given[0], "", reading)
			}
			return a.undo(c.Context(), given[0], reason, writing)
		},
	}
	reasonFlag(c, &reason)
	c.Flags().BoolVar(&release, "release", false, "let go of everything that an undo froze")
	c.Flags().BoolVar(&dry, "dry-run", false, "only show what would be taken back, and what can't be")
	return c
}

func (a *app) undo(ctx context.Context, run, reason string, mode access) (err error) {
	s, err := a.open(ctx, mode)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	var list []engine.Undone
	if mode == reading {
		list, err = s.by(a.Actor, engine.Decider{}).undoPreview(ctx, run)
	} else {
		list, err = s.by(a.Actor, engine.Decider{}).undo(ctx, run, reason)
	}
	if err != nil && len(list) == 0 {
		return refused(err)
	}
	t := render.Table{Header: []string{"was", "entitlement", "person", "account", "outcome", "inverse", "not restored"}}
	for i := range list {
		u := &list[i]
		inverse, lost, color := string(u.Inverse), u.Partly, render.Plain
		if u.Cannot != "" {
			inverse, lost, color = "none", u.Cannot, render.Dim
		}
		c := &u.Change
		t.Add(color, string(c.Op), c.Entitlement, render.Who(c.Name, c.Login, c.Person), c.Account, string(u.Outcome), inverse, lost)
	}
	form := struct {
		Version int             `json:"version"`
		Undone  []engine.Undone `json:"undone"`
	}{1, append([]engine.Undone{}, list...)}
	if showing := a.out().Data(t, form); showing != nil {
		return showing
	}
	return refused(err)
}

func (a *app) release(ctx context.Context, reason string) (err error) {
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	if reason == "" {
		return refused(engine.ErrNoReason)
	}
	n, err := s.by(a.Actor, engine.Decider{}).release(ctx, reason)
	if err != nil {
		return refused(err)
	}
	a.out().Line("Let go of %d; the next run decides them anew.", n)
	return nil
}
