package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) applyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "apply [FILE]", Short: "Make the changes of a plan",
		Long: "Without FILE: plans and applies. With FILE, a plan that was reviewed: reads everything again, applies the lines that still\n" +
			"hold, lists the others and adds nothing. A file can be used once, within 24 hours.",
		Example: "  rolecall apply\n  rolecall plan --out plan.json && rolecall apply plan.json",
		Args:    args(cobra.MaximumNArgs(1)),
		RunE:    func(c *cobra.Command, given []string) error { return a.apply(c.Context(), given) },
	}
}

func (a *app) apply(ctx context.Context, given []string) (err error) {
	o := engine.ApplyOptions{Actor: a.Actor}
	if len(given) == 1 {
		if o.Only, err = readPlan(a.path(given[0])); err != nil {
			return err
		}
	}
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	p, r, err := s.applyAs(ctx, o)
	if err != nil {
		return a.stopped(err, r)
	}
	timings(a.logger(), p)
	return a.applied(p, r, engine.ForPeople(p, s.engine.Programs))
}

// stopped explains an error that ended an apply.
func (a *app) stopped(err error, r engine.Report) error {
	for _, e := range []error{engine.ErrEdited, engine.ErrUsed, engine.ErrTooOld, engine.ErrVersion} {
		if errors.Is(err, e) {
			return failed("make a new one with `rolecall plan --out FILE`", "%w; nothing was changed", err)
		}
	}
	if r.Run != "" {
		return failed("`rolecall audit list --run "+r.Run+"` shows how far it came; the next run goes on from there", "%w", err)
	}
	return err
}

// applied shows what a run did, and how many changes it left to people.
func (a *app) applied(p *engine.Plan, r engine.Report, people int) error {
	out := a.out()
	if out.Format == render.JSON {
		err := out.AppliedJSON(p, r)
		return errors.Join(err, done(reportCode(p, r)))
	}
	if err := out.Applied(p); err != nil {
		return err
	}
	if out.Format == render.TableFormat {
		a.summary(out, p, r, people)
	}
	return done(reportCode(p, r))
}

func (a *app) summary(out render.Out, p *engine.Plan, r engine.Report, people int) {
	for i := range r.Dropped {
		c := &r.Dropped[i]
		out.Line("no longer holds: %s %s for %s", string(c.Op), c.Entitlement, render.Who(c.Name, c.Login, c.Person))
	}
	for i := range r.Failures {
		f := &r.Failures[i]
		who := render.Who(f.Change.Name, f.Change.Login, f.Change.Person)
		out.Line("%s: %s %s for %s: %s", string(f.Outcome), string(f.Change.Op), f.Change.Entitlement, who, f.Error)
	}
	var parts []string
	for _, o := range slices.Sorted(maps.Keys(r.Outcomes)) {
		if n := r.Outcomes[o]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+string(o))
		}
	}
	if n := p.Summary.Ops[engine.OpAdopt]; n > 0 {
		parts = append(parts, strconv.Itoa(n)+" adopted")
	}
	if n := held(p); n > 0 {
		parts = append(parts, strconv.Itoa(n)+" held by a pause")
	}
	if people > 0 {
		parts = append(parts, plural(people, "task")+" for people (rolecall tasks list)")
	}
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	out.Line("Run %s: %s.", r.Run, strings.Join(parts, ", "))
}

// held counts the changes that are decided and wait for a pause to end.
func held(p *engine.Plan) (n int) {
	paused := map[string]bool{}
	for i := range p.Notices {
		if p.Notices[i].Code == "paused" {
			paused[p.Notices[i].Program] = true // "": all of them
		}
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.State == engine.Ready && c.Op != engine.OpAdopt && (paused[""] || paused[c.Program]) {
			n++
		}
	}
	return n
}

func reportCode(p *engine.Plan, r engine.Report) int {
	code := verdict(p)
	underWay := func(n engine.Notice) bool { return n.Code == engine.NoticeUnderWay }
	if len(r.Failures) > 0 || len(r.Dropped) > 0 || slices.ContainsFunc(p.Notices, underWay) {
		code = stronger(code, exitPartly)
	}
	return code
}
