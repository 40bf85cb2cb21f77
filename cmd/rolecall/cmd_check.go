package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/policies"
)

func (a *app) checkCommand() *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use: "check", Short: "Check configuration, policies, tests, secrets and every connection",
		Long: "Names all mistakes at once, with file, line and column; then reads the directory and every program once and shows what\n" +
			"each read proved, the table of limits, and whether the policy's own tests pass. Nothing is written.",
		Example: "  rolecall check\n  rolecall check --offline",
		Args:    args(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.check(c.Context(), offline) },
	}
	c.Flags().BoolVar(&offline, "offline", false, "call nothing: look at the files only")
	return c
}

// finding is one line of a check.
type finding struct {
	Part  string `json:"part"`
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
	Limit *limit `json:"limit,omitempty"`
}

// limit is one row of the table of limits.
type limit struct {
	Scope   string `json:"scope"`
	Of      int    `json:"of"` // the count that percent is taken of, as of now
	Allowed int    `json:"allowed"`
	Window  string `json:"window"`
}

func (a *app) check(ctx context.Context, offline bool) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	found := s.files(a)
	if !offline {
		more, err := s.connections(ctx)
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	if err := a.out().Data(checkTable(found), struct {
		Version  int       `json:"version"`
		Findings []finding `json:"findings"`
	}{1, found}); err != nil {
		return err
	}
	if slices.ContainsFunc(found, func(f finding) bool { return !f.OK }) {
		return exit(exitFailed)
	}
	return nil
}

// files looks at what can be known without calling anything.
func (s *system) files(a *app) []finding {
	out := []finding{
		{Part: "configuration", Name: s.cfg.Path, OK: true, Text: plural(len(s.cfg.Programs), "program")},
		{Part: "policies", Name: s.cfg.Policies, OK: true, Text: plural(len(s.policy.Rules()), "rule") + ", " + plural(len(s.policy.Entitlements()), "entitlement")},
	}
	for _, t := range policies.Test(s.policy, a.Now()) {
		f := finding{Part: "test", Name: t.Name, OK: t.OK, Text: strings.TrimSpace(t.Text)}
		if t.OK {
			continue
		}
		f.Text = t.Place + ": " + strings.ReplaceAll(f.Text, "\n", "; ")
		out = append(out, f)
	}
	return out
}

// connections reads everything once.
func (s *system) connections(ctx context.Context) ([]finding, error) {
	snapshot, err := s.engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	out := directoryFindings(&snapshot.Proof)
	identities := map[string]string{}
	holdings := 0
	for _, r := range snapshot.Readings {
		out = append(out, proofFinding("program", &r.Proof, "holdings"))
		holdings += r.Count()
		if id := r.Program.Describes.Identity; id != "" {
			if other := identities[id]; other != "" {
				out = append(out, finding{Part: "program", Name: r.Program.Name, Text: "is the same target as " + other + " (" + id + "); two programs may not manage one target"})
			}
			identities[id] = r.Program.Name
		}
		out = append(out, s.unknownRights(r.Program)...)
	}
	return append(out, s.limits(len(snapshot.People), holdings)...), nil
}

// unknownRights are the entitlements of policy that a program says it does not have.
func (s *system) unknownRights(p *engine.Program) (out []finding) {
	if p.Describes.Grantable == nil {
		return nil
	}
	for _, e := range s.policy.Entitlements() {
		if e.Program == p.Name && e.Name != engine.Active && e.Name != engine.Exists && !slices.Contains(p.Describes.Grantable, e.Name) {
			hint := config.Suggest(e.Name, p.Describes.Grantable)
			out = append(out, finding{Part: "policies", Name: e.String(), Text: strings.TrimSuffix("the program has no such entitlement; "+hint, "; ")})
		}
	}
	return out
}

// directoryFindings are of the directory that decides who exists and of those joined to it, with the roles that can't be seen.
func directoryFindings(p *engine.Proof) []finding {
	out := []finding{proofFinding("directory", p, "people")}
	for _, r := range p.Roles {
		for _, reason := range r.Reasons {
			out = append(out, finding{Part: "role", Name: r.Role, Text: reason.Code + ": " + reason.Detail})
		}
	}
	for i := range p.Partners {
		out = append(out, directoryFindings(&p.Partners[i])...)
	}
	return out
}

func proofFinding(part string, p *engine.Proof, what string) finding {
	f := finding{Part: part, Name: p.Source, OK: p.Complete(), Text: fmt.Sprintf("%d %s, read completely", p.Count, what)}
	if !f.OK {
		var reasons []string
		for _, r := range p.Reasons {
			reasons = append(reasons, r.Code+": "+r.Detail)
		}
		f.Text = strings.Join(reasons, "; ")
	}
	return f
}

// limits shows what each limit allows in all, at today's counts.
func (s *system) limits(people, holdings int) []finding {
	l := s.engine.Settings.Limits
	rows := map[string]limit{
		"revoke: people":   allowed(l.RevokePeople, people),
		"revoke: holdings": allowed(l.RevokeHoldings, holdings),
		"leavers":          allowed(l.Leavers, people),
		"grant":            allowed(l.Grant, holdings),
	}
	var out []finding
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		r.Scope = "all"
		out = append(out, finding{Part: "limit", Name: name, OK: true, Limit: &r,
			Text: fmt.Sprintf("at most %d of %d within %s without approval", r.Allowed, r.Of, r.Window)})
	}
	return out
}

func allowed(l engine.Limit, of int) limit {
	return limit{Of: of, Allowed: max(l.Floor, min(l.Cap, int(l.Percent*float64(of)/100))), Window: config.FormatDuration(l.Window)}
}

func checkTable(found []finding) render.Table {
	t := render.Table{Header: []string{"", "part", "name", "found"}}
	for _, f := range found {
		mark, color := "ok", render.Green
		if !f.OK {
			mark, color = "wrong", render.Red
		}
		if f.Part == "limit" {
			mark, color = "", render.Plain
		}
		t.Add(color, mark, f.Part, f.Name, f.Text)
	}
	return t
}
