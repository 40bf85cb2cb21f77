package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) cutCommand() *cobra.Command {
	var reason string
	var lift bool
	c := &cobra.Command{
		Use: "cut PERSON", Short: "Cut somebody off now, or lift a cut",
		Long: "Suspends every account that is linked to the person, managed or not; no limit stands in the way, and the directory need not\n" +
			"be reachable, nor the policy right. It stays until somebody lifts it. Policy's access comes back with the next run after that.",
		Example: "  rolecall cut mallory --reason \"laptop stolen\"\n  rolecall cut mallory --lift --reason \"laptop found\"",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			if !lift {
				return a.cut(c.Context(), given[0], reason)
			}
			return a.decideOn(c.Context(), func(ctx context.Context, s *system) error {
				return s.by(a.Actor, engine.Decider{}).lift(ctx, given[0], reason)
			},
				"The cut of "+given[0]+" is lifted; what policy gives comes back with the next run.")
		},
	}
	reasonFlag(c, &reason)
	c.Flags().BoolVar(&lift, "lift", false, "end a cut")
	return c
}

func (a *app) cut(ctx context.Context, person, reason string) (err error) {
	s, without, err := a.openSound(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	if err := a.cutIn(ctx, s, person, reason); err != nil {
		return err
	}
	return a.unreached(ctx, s, person, without)
}

func (a *app) cutIn(ctx context.Context, s *system, person, reason string) error {
	p, r, err := s.by(a.Actor, engine.Decider{}).cut(ctx, person, reason)
	if err != nil {
		if p != nil {
			a.byHand(p)
		}
		return refused(err)
	}
	// The cut did not wait for any read, so that its incomplete proofs are no news.
	p.Proofs = nil
	return a.applied(p, r, engine.ForPeople(p, s.engine.Programs))
}

// byHand lists on standard error what somebody must do in the programs, since Rolecall can't.
func (a *app) byHand(p *engine.Plan) {
	out := render.Out{W: a.Stderr}
	for i := range p.Changes {
		c := &p.Changes[i]
		out.Line("to do by hand: %s %s of account %s in %s", string(c.Op), c.Entitlement, c.Account, c.Program)
	}
}

// describeTime is how long a cut waits for programs that are slow to say what they can do.
const describeTime = 5 * time.Second

// describe asks every program what it can do, since a cut reads none of them: suspending is not the same everywhere. One
// that does not answer is cut by revoking what is known.
func describe(ctx context.Context, e *engine.Engine) {
	ctx, cancel := context.WithTimeout(ctx, describeTime)
	defer cancel()
	answers, asked := make(chan func(), len(e.Programs)), 0
	for i := range e.Programs {
		p := &e.Programs[i]
		d, ok := p.Connector.(engine.Describer)
		if !ok {
			continue
		}
		asked++
		go func() { // one that heeds no context is left to itself
			description, err := d.Describe(ctx)
			answers <- func() {
				if err == nil {
					p.Describes = description
				}
			}
		}()
	}
	for range asked {
		select {
		case take := <-answers:
			take()
		case <-ctx.Done():
			return
		}
	}
}
