package main

import (
	"context"
	"errors"
	"fmt"
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
	Note  bool   `json:"note,omitempty"` // right, but worth a look
	Text  string `json:"text"`
	Limit *limit `json:"limit,omitempty"`
}

// limit is one row of the table of limits.
type limit struct {
	Scope   string `json:"scope"`
	Of      int    `json:"of"` // the highest count in the window, which percent is taken of
	Allowed int    `json:"allowed"`
	Used    int    `json:"used"` // within the window so far
	Window  string `json:"window"`
	More    int    `json:"announced,omitempty"` // that announced waves let through besides
}

func (a *app) check(ctx context.Context, offline bool) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	found := s.files(ctx, a)
	if !offline {
		more, err := s.connections(ctx)
		if err != nil {
			return err
		}
		found = append(append(found, more...), a.providerFindings(ctx, s.cfg)...)
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
func (s *system) files(ctx context.Context, a *app) []finding {
	out := []finding{
		{Part: "configuration", Name: s.cfg.Path, OK: true, Text: plural(len(s.cfg.Programs), "program")},
		{Part: "policies", Name: s.cfg.Policies, OK: true, Text: plural(len(s.policy.Rules()), "rule") + ", " + plural(len(s.policy.Entitlements()), "entitlement")},
	}
	for _, t := range policies.Test(s.policy, a.Now()) {
		f := finding{Part: "test", Name: t.Name, OK: t.OK, Text: t.Text}
		if t.OK {
			continue
		}
		f.Text = t.Place + ": " + inOneLine(f.Text)
		out = append(out, f)
	}
	return slices.Concat(out, s.targets(), s.rates(), s.waves(a.Now()), s.neverRevoked(), s.reviewed(ctx))
}

// rates are the limits of calls, which hold for each machine: where several may work that is easily forgotten.
func (s *system) rates() (out []finding) {
	for i := range s.engine.Programs {
		p := &s.engine.Programs[i]
		var most []string
		if p.Rate > 0 {
			most = append(most, fmt.Sprintf("%g a second", p.Rate))
		}
		if p.Concurrency > 0 {
			most = append(most, fmt.Sprintf("%d at once", p.Concurrency))
		}
		if len(most) == 0 {
			continue
		}
		text := "at most " + strings.Join(most, " and ") + " of the calls that change something"
		if !strings.HasPrefix(s.cfg.Store, "sqlite:") {
			text += ", on each machine that serves or works: divide what the program bears by their number"
		}
		out = append(out, finding{Part: "rate", Name: p.Name, OK: true, Text: text})
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
	for _, r := range snapshot.Readings {
		out = append(append(out, proofFinding("program", &r.Proof, "holdings")), oddities("program", &r.Proof)...)
		if id := r.Program.Describes.Identity; id != "" {
			if other := identities[id]; other != "" {
				out = append(out, finding{Part: "program", Name: r.Program.Name, Text: "is the same target as " + other + " (" + id + "); two programs may not manage one target"})
			}
			identities[id] = r.Program.Name
		}
		out = append(out, s.unknownRights(r.Program)...)
	}
	out = append(out, s.mentions(snapshot.People, snapshot.Proof.Complete())...)
	return append(out, s.limits(snapshot)...), nil
}

// providerFindings say whether people could sign in.
func (a *app) providerFindings(ctx context.Context, cfg *config.File) []finding {
	if cfg.Login == nil || cfg.Login.OIDC == nil {
		return nil
	}
	p := a.provider(cfg)
	f := finding{Part: "login", Name: cfg.Login.OIDC.Name, OK: true, Text: "the provider answers"}
	_, wrong := p.Secret()
	if err := errors.Join(p.Look(ctx), wrong); err != nil {
		f.OK, f.Text = false, inOneLine(err.Error())
	}
	return []finding{f}
}

// unknownRights are the entitlements of policy that a program says it does not have.
func (s *system) unknownRights(p *engine.Program) (out []finding) {
	if p.Describes.Grantable == nil {
		return nil
	}
	for _, e := range s.policy.Entitlements() {
		if e.Program == p.Name && e.Name != engine.Active && e.Name != engine.Exists && !slices.Contains(p.Describes.Grantable, e.Name) {
			hint := engine.Suggest(e.Name, p.Describes.Grantable)
			text := strings.TrimSuffix("the program has no such entitlement; "+hint, "; ")
			for _, use := range s.policy.UsesOf(e) {
				out = append(out, finding{Part: "policies", Name: e.String(), Text: s.cfg.Policies + "/" + use.Place + ": " + text})
			}
		}
	}
	return out
}

// directoryFindings are of the directory that decides who exists and of those joined to it, with the roles that can't be seen.
func directoryFindings(p *engine.Proof) []finding {
	out := append([]finding{proofFinding("directory", p, "people")}, oddities("directory", p)...)
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

// oddities are what a source showed and somebody should look at, though the read is complete.
func oddities(part string, p *engine.Proof) (out []finding) {
	for _, n := range p.Notices {
		out = append(out, finding{Part: part, Name: p.Source, OK: true, Note: true, Text: n.Detail})
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

func checkTable(found []finding) render.Table {
	t := render.Table{Header: []string{"", "part", "name", "found"}}
	for _, f := range found {
		mark, color := "ok", render.Green
		if !f.OK {
			mark, color = "wrong", render.Red
		}
		switch {
		case f.Part == "limit":
			mark, color = "", render.Plain
		case f.Note:
			mark, color = "look", render.Amber
		}
		t.Add(color, mark, f.Part, f.Name, f.Text)
	}
	return t
}
