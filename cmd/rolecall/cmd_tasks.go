package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) tasksCommand() *cobra.Command {
	return a.group("tasks", "See and tick off what people must do by hand", a.tasksList(), a.tasksDone())
}

func (a *app) tasksList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "What is to be done by hand", Example: "  rolecall tasks list", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.remembered(c.Context(), func(_ *journal.Store, memory *engine.Memory) error { return a.showTasks(memory.Tasks()) })
		},
	}
}

func (a *app) showTasks(tasks []engine.Task) error {
	if len(tasks) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("Nothing is to be done by hand.")
		return nil
	}
	t := render.Table{Header: []string{"task", "since", "program", "person", "what", "done"}}
	for _, one := range tasks {
		t.Add(render.Plain, one.ID, stamp(one.Since), one.Program, one.Person, one.Text, one.Done)
	}
	return a.out().Data(t, append([]engine.Task{}, tasks...))
}

func (a *app) tasksDone() *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: "done TASK", Short: "Tick a task off", Args: args(cobra.ExactArgs(1)), Example: "  rolecall tasks done 5f0c2a91 --reason \"account closed by the vendor\"",
		RunE: func(c *cobra.Command, given []string) error {
			err := a.decideOn(c.Context(), func(ctx context.Context, s *system) error {
				return s.by(a.Actor, engine.Decider{}).taskDone(ctx, given[0], note)
			}, "Noted.")
			if errors.Is(err, engine.ErrUnknownTask) {
				return usage("", "%w", err)
			}
			return err
		},
	}
	reasonFlag(c, &note)
	return c
}
