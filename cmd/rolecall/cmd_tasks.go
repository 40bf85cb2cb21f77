package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

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
			hand, err := a.handPrograms(c.Context())
			if err != nil {
				return err
			}
			return a.remembered(c.Context(), func(_ *journal.Store, memory *engine.Memory) error {
				return a.showTasks(append(engine.HandTasks(memory, hand), memory.Tasks()...))
			})
		},
	}
}

// handPrograms opens the programs that people change; no call is made.
func (a *app) handPrograms(ctx context.Context) ([]engine.Program, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	var out []engine.Program
	for _, name := range slices.Sorted(maps.Keys(cfg.Programs)) {
		if p := cfg.Programs[name]; p.Kind == "manual" {
			connector, err := a.connector(ctx, cfg, name, p)
			if err != nil {
				return nil, err
			}
			out = append(out, program(cfg, name, p, connector))
		}
	}
	return out, nil
}

func (a *app) showTasks(tasks []engine.Task) error {
	if len(tasks) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("Nothing is to be done by hand.")
		return nil
	}
	t := render.Table{Header: []string{"task", "since", "due", "program", "person", "what", "done"}}
	for i := range tasks {
		one := &tasks[i]
		due, color := "", render.Plain
		if one.Due != nil {
			due = stamp(*one.Due)
		}
		if one.Urgent || one.Due != nil && a.Now().After(*one.Due) {
			color = render.Red
		}
		t.Add(color, one.ID, stamp(one.Since), due, one.Program, one.Person, taskText(one), one.Done)
	}
	return a.out().Data(t, append([]engine.Task{}, tasks...))
}

// taskText is what is to be done, why, and where.
func taskText(t *engine.Task) string {
	text := t.Text
	for _, more := range []struct{ word, text string }{{"why", strings.Join(t.Why, "; ")}, {"how", t.How}, {"at", t.Link}} {
		if more.text != "" {
			text += "; " + more.word + ": " + more.text
		}
	}
	return text
}

func (a *app) tasksDone() *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: "done TASK", Short: "Tick a task off", Args: args(cobra.ExactArgs(1)),
		Long: "Says that you did what the task asks for. Where the task is a change of a program without interface (kind: manual), that is\n" +
			"the change's outcome: it is recorded with your name and note, and holds until the next export of the program's users is read.",
		Example: "  rolecall tasks done 5f0c2a91 --reason \"account closed by the vendor\"\n  rolecall tasks done t412 --note \"done, ticket 7712\"",
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
	c.Flags().StringVar(&note, "note", "", "what was done; the same as --reason")
	return c
}
