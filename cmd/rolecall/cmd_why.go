package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "why PERSON [PROGRAM]", Short: "Why somebody has what they have, why not, and what would change it",
		Long:    "Reads everything anew and explains it for one person, by login or key: which rule, role and directory entry decided, and for\na no, what is missing. Nothing is written.",
		Example: "  rolecall why alice\n  rolecall why alice gitea -o json",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE:    func(c *cobra.Command, given []string) error { return a.why(c.Context(), given) },
	}
}

func (a *app) why(ctx context.Context, given []string) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	answer, err := s.engine.Why(ctx, given[0], first(given[1:]))
	if err != nil {
		return refused(err)
	}
	out := a.out()
	if out.Format != render.TableFormat {
		return out.Data(whyTable(answer), struct {
			Version int `json:"version"`
			*engine.Answer
		}{1, answer})
	}
	explain(out, answer)
	return nil
}

func explain(out render.Out, w *engine.Answer) {
	out.Raw(out.Paint(render.Bold, render.Clean(render.Who(w.Name, w.Login, w.Person))) + "  key " + render.Clean(w.Person))
	out.Line("  state: %s (%s)", w.State, w.Why)
	if w.Entry != "" {
		out.Line("  entry: %s", w.Entry)
	}
	for _, job := range w.Jobs {
		out.Line("  job: %s", job)
	}
	out.Line("  roles: %s", orNone(w.Roles))
	if len(w.Missing) > 0 {
		out.Line("  could not be seen: %s", strings.Join(w.Missing, ", "))
	}
	for _, note := range w.Notes {
		out.Raw("  " + out.Paint(render.Amber, "note") + ": " + render.Clean(note))
	}
	for i := range w.Lines {
		explainLine(out, &w.Lines[i])
	}
}

func explainLine(out render.Out, l *engine.WhyLine) {
	color := render.Plain
	switch l.Wanted {
	case "yes":
		color = render.Green
	case "forbidden":
		color = render.Red
	case "unknown":
		color = render.Amber
	}
	managed := ""
	switch {
	case l.Managed:
		managed = ", managed since " + l.Since.UTC().Format("2006-01-02")
	case l.Holds == "yes":
		managed = ", not managed"
	}
	out.Line("")
	out.Raw(out.Paint(render.Bold, render.Clean(l.Entitlement)) + "  should have it: " + out.Paint(color, render.Clean(l.Wanted)) + "; has it: " + render.Clean(l.Holds+managed))
	for _, f := range l.Findings {
		switch {
		case f.Rule != "":
			out.Line("  %s  %s (%s): %s", f.Answer, f.Rule, f.Place, f.Text)
		case f.Place != "":
			out.Line("  %s (%s): %s", f.Answer, f.Place, f.Text)
		default:
			out.Line("  %s: %s", f.Answer, f.Text)
		}
	}
	if l.Change != nil {
		state := string(l.Change.State)
		if why := render.StateOf(l.Change); why != "" {
			state = why
		}
		out.Line("  next run: %s, %s", string(l.Change.Op), state)
	} else if l.Kept != "" {
		out.Line("  next run: kept as it is: %s", l.Kept)
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func whyTable(w *engine.Answer) render.Table {
	t := render.Table{Header: []string{"person", "entitlement", "account", "wanted", "holds", "managed", "answer", "rule", "place", "text"}}
	for _, l := range w.Lines {
		managed := "no"
		if l.Managed {
			managed = "yes"
		}
		if len(l.Findings) == 0 {
			t.Add(render.Plain, w.Person, l.Entitlement, l.Account, l.Wanted, l.Holds, managed, "", "", "", "")
		}
		for _, f := range l.Findings {
			t.Add(render.Plain, w.Person, l.Entitlement, l.Account, l.Wanted, l.Holds, managed, f.Answer, f.Rule, f.Place, f.Text)
		}
	}
	return t
}
