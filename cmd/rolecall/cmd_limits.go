package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) limitsCommand() *cobra.Command {
	return a.group("limits", "What the limits let through, and what they might be", &cobra.Command{
		Use: "suggest", Short: "Propose limits from what the journal shows",
		Long: "Reads the journal and prints limits as YAML to paste into the configuration, with the reasons: how much was revoked and granted\n" +
			"on each day, per program and in all, and on how many days today's limits and the proposed ones would have tripped. What was\n" +
			"approved counts as well. The first day of each program is left out. Nothing is changed.",
		Example: "  rolecall limits suggest\n  rolecall limits suggest -o json",
		Args:    args(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.suggestLimits(c.Context()) },
	})
}

// limitsJSON is the documented form of a proposal.
type limitsJSON struct {
	Version int `json:"version"`
	*engine.Usage
	Limits map[string]limitJSON `json:"limits"`
}

type limitJSON struct {
	Floor   int     `json:"floor"`
	Percent float64 `json:"percent"`
	Cap     int     `json:"cap"`
	Window  string  `json:"window"`
}

func (a *app) suggestLimits(ctx context.Context) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	u, err := s.engine.Usage(ctx, s.store, limitsOf(config.Defaults()))
	if err != nil {
		return err
	}
	out := a.out()
	if out.Format == render.TableFormat {
		for line := range strings.Lines(limitsYAML(u)) {
			out.Line("%s", strings.TrimSuffix(line, "\n"))
		}
		return nil
	}
	form := limitsJSON{Version: 1, Usage: u, Limits: map[string]limitJSON{}}
	for _, l := range named(&u.Proposed) {
		form.Limits[l.name] = limitJSON{l.Floor, l.Percent, l.Cap, config.FormatDuration(l.Window)}
	}
	return out.Data(usageTable(u), form)
}

type namedLimit struct {
	name string
	engine.Limit
}

func named(l *engine.Limits) []namedLimit {
	return []namedLimit{{"revoke: people", l.RevokePeople}, {"revoke: holdings", l.RevokeHoldings}, {"leavers", l.Leavers}, {"grant", l.Grant}}
}

func usageTable(u *engine.Usage) render.Table {
	t := render.Table{Header: []string{"limit", "scope", "of", "usual", "high", "most", "on", "allowed", "tripped", "would"}}
	for _, use := range u.Uses {
		t.Add(render.Plain, use.Limit, use.Scope, fmt.Sprint(use.Of), fmt.Sprint(use.Usual), fmt.Sprint(use.High), fmt.Sprint(use.Most), dayText(use.On),
			fmt.Sprint(use.Allowed), fmt.Sprint(use.Tripped), fmt.Sprint(use.Would))
	}
	return t
}

func dayText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// limitsYAML is the proposal as it may stand in the configuration.
func limitsYAML(u *engine.Usage) string {
	var b strings.Builder
	switch {
	case u.Days == 0:
		b.WriteString("# The journal shows no change yet, so these are today's limits.\n")
	case !u.Enough:
		fmt.Fprintf(&b, "# The journal covers %s since %s, too little to propose anything: these are today's limits.\n", plural(u.Days, "day"), dayText(u.From))
	default:
		fmt.Fprintf(&b, "# From %s since %s: a quarter more than 95 of 100 days needed.\n", plural(u.Days, "day"), dayText(u.From))
	}
	b.WriteString("limits:\n")
	for _, l := range named(&u.Proposed) {
		key, indent := l.name, "  "
		if short, ok := strings.CutPrefix(l.name, "revoke: "); ok {
			key, indent = short, "    "
			if short == "people" {
				b.WriteString("  revoke:\n")
			}
		}
		for _, use := range u.Uses {
			if use.Limit == l.name {
				fmt.Fprintf(&b, "%s# %s\n", indent, reasonOf(&use, u))
			}
		}
		fmt.Fprintf(&b, "%s%s: {floor: %d, percent: %g, cap: %d, window: %s}\n", indent, key, l.Floor, l.Percent, l.Cap, config.FormatDuration(l.Window))
	}
	return b.String()
}

func reasonOf(use *engine.Use, u *engine.Usage) string {
	if use.Most == 0 {
		return use.Scope + ": nothing"
	}
	text := fmt.Sprintf("%s: usually %d of %d a day, on 95 of 100 days at most %d, the most %d (%s); today's %d would have tripped on %s", use.Scope, use.Usual, use.Of, use.High, use.Most,
		dayText(use.On), use.Allowed, plural(use.Tripped, "day"))
	if u.Enough {
		text += fmt.Sprintf(", the proposed on %d", use.Would)
	}
	return text
}
