package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) personCommand() *cobra.Command {
	return a.group("person", "What is known of somebody, legal holds, and blanking", a.personExport(), a.personHold(), a.personHolds(), a.personBlank(), a.personBlanked())
}

func (a *app) personHold() *cobra.Command {
	var reason string
	var lift bool
	c := &cobra.Command{
		Use: "hold PERSON", Short: "Put somebody under a legal hold, or end it", Args: args(cobra.ExactArgs(1)),
		Long: "Nothing of somebody under a legal hold is deleted: accounts are suspended and lose rights as policy says, but stay, whatever a program's\n" +
			"`delete` says. It lasts until a named person ends it.",
		Example: "  rolecall person hold mallory --reason \"case 7/26\"\n  rolecall person hold mallory --lift --reason \"settled\"",
		RunE: func(c *cobra.Command, given []string) error {
			decide, said := (*engine.Engine).Hold, given[0]+" is under a legal hold: nothing of theirs is deleted until it ends."
			if lift {
				decide, said = (*engine.Engine).EndHold, "The legal hold of "+given[0]+" has ended."
			}
			return a.decideOn(c.Context(), func(ctx context.Context, s *system) error { return decide(s.engine, ctx, a.Actor, given[0], reason) }, said)
		},
	}
	reasonFlag(c, &reason)
	c.Flags().BoolVar(&lift, "lift", false, "end a hold")
	return c
}

// holdJSON is one legal hold.
type holdJSON struct {
	Person string `json:"person"`
	Since  string `json:"since"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	Record int64  `json:"record"`
}

func (a *app) personHolds() *cobra.Command {
	return &cobra.Command{
		Use: "holds", Short: "Who is under a legal hold", Args: args(cobra.NoArgs), Example: "  rolecall person holds",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.remembered(c.Context(), func(s *journal.Store, memory *engine.Memory) error { return a.listHolds(c.Context(), s, memory) })
		},
	}
}

func (a *app) listHolds(ctx context.Context, s *journal.Store, memory *engine.Memory) error {
	holds := []holdJSON{}
	for _, f := range memory.Facts(engine.FactHold) {
		one := holdJSON{Person: f.Person, Since: stamp(f.Since), Reason: f.Text}
		err := s.Records(ctx, engine.Query{Kind: engine.KindHold, Person: f.Person, Newest: true, Limit: 1}, func(r engine.Record) error {
			one.By, one.Record = r.Actor, r.Seq
			return nil
		})
		if err != nil {
			return err
		}
		holds = append(holds, one)
	}
	return a.showHolds(holds)
}

func (a *app) showHolds(holds []holdJSON) error {
	if len(holds) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("Nobody is under a legal hold.")
		return nil
	}
	t := render.Table{Header: []string{"person", "since", "by", "reason"}}
	for _, h := range holds {
		t.Add(render.Plain, h.Person, h.Since, h.By, strings.TrimSpace(h.Reason))
	}
	return a.out().Data(t, holds)
}
