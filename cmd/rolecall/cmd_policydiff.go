package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/policies"
)

func (a *app) policyDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff OLD [NEW]", Short: "Who gains and loses what between two versions of the policy",
		Long: "Evaluates both on the people of the directory as it is now. A version is a folder with policy files, or else a revision that\n" +
			"git knows in the folder of policies. NEW is the folder of the configuration unless given. No program is read, and what people\n" +
			"hold plays no part; `rolecall plan` shows what a run would do. Seats and costs are shown for programs that change.",
		Example: "  rolecall policy diff HEAD\n  rolecall policy diff main policies-next -o json",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE:    func(c *cobra.Command, given []string) error { return a.diffPolicies(c.Context(), given) },
	}
}

// policyChange is what a diff found; its JSON form is documented.
type policyChange struct {
	Version     int              `json:"version"`
	Old         string           `json:"old"` // hashes
	New         string           `json:"new"`
	People      int              `json:"people"` // evaluated
	Complete    bool             `json:"complete"`
	Differences []differenceJSON `json:"differences"`
	Counts      []countJSON      `json:"counts"`
	Seats       []seatsJSON      `json:"seats"`
}

type differenceJSON struct {
	Person      string `json:"person"`
	Login       string `json:"login"`
	Change      string `json:"change"` // gains, loses
	Entitlement string `json:"entitlement"`
	Rule        string `json:"rule"`
	Uncertain   bool   `json:"uncertain"`
}

type countJSON struct {
	Entitlement string `json:"entitlement"`
	Gain        int    `json:"gain"`
	Lose        int    `json:"lose"`
}

// seatsJSON is how many people of a program there are by either policy, and what the difference costs where a price is known.
type seatsJSON struct {
	Program  string  `json:"program"`
	Old      int     `json:"old"`
	New      int     `json:"new"`
	Cost     float64 `json:"cost,omitempty"` // more, or less if negative
	Currency string  `json:"currency,omitempty"`
	Per      string  `json:"per,omitempty"`
}

func (a *app) diffPolicies(ctx context.Context, given []string) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	before, err := a.version(ctx, s, given[0])
	if err != nil {
		return err
	}
	after := s.policy
	if len(given) == 2 {
		if after, err = a.version(ctx, s, given[1]); err != nil {
			return err
		}
	}
	peopleOnly := *s.engine
	peopleOnly.Programs, peopleOnly.Named = nil, slices.Compact(slices.Sorted(slices.Values(slices.Concat(before.Roles(), after.Roles()))))
	snapshot, err := peopleOnly.Snapshot(ctx)
	if err != nil {
		return err
	}
	change := s.compare(snapshot, before, after)
	if err := a.showChange(&change, &snapshot.Proof); err != nil {
		return err
	}
	if !change.Complete {
		return exit(exitPartly)
	}
	return nil
}

// version loads a policy from a folder or a revision.
func (a *app) version(ctx context.Context, s *system, name string) (*policies.Policy, error) {
	var files fs.FS
	if info, err := os.Stat(a.path(name)); err == nil && info.IsDir() {
		files = os.DirFS(a.path(name))
	} else if files, err = a.revision(ctx, s.cfg.In(s.cfg.Policies), name); err != nil {
		return nil, usage("name a folder with policy files, or a git revision", "%s is no folder, and no version of %s: %w", name, s.cfg.Policies, err)
	}
	p, err := policies.Load(files, s.schema)
	var wrong engine.Mistakes
	if errors.As(err, &wrong) {
		for i := range wrong {
			wrong[i].File = name + ": " + wrong[i].File
		}
	}
	return p, err
}

// revision gives a folder as git has it in a revision. Of our environment, which may hold secrets, git gets what it needs.
func (a *app) revision(ctx context.Context, folder, name string) (fs.FS, error) {
	if strings.HasPrefix(name, "-") {
		return nil, errors.New("a revision begins with no dash")
	}
	var archive, said bytes.Buffer
	c := exec.CommandContext(ctx, "git", "-C", folder, "archive", "--format=zip", name, ".") // #nosec G204 -- no shell, and no option
	c.Stdout, c.Stderr = &archive, &said
	for _, name := range []string{"PATH", "HOME", "SUDO_UID"} { // the last for git's question whose folder it is
		c.Env = append(c.Env, name+"="+a.Env(name))
	}
	if err := c.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return nil, fmt.Errorf("git: %s (%w)", first, err)
	}
	return zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
}

// compare evaluates both policies, with the extras that were given elsewhere, on everybody who can have anything.
func (s *system) compare(snapshot *engine.Snapshot, before, after *policies.Policy) policyChange {
	out := policyChange{Version: 1, Old: before.Hash(), New: after.Hash(), Complete: whole(&snapshot.Proof), Differences: []differenceJSON{}, Counts: []countJSON{}, Seats: []seatsJSON{}}
	a, b := engine.WithGiven(before, snapshot.Memory), engine.WithGiven(after, snapshot.Memory)
	staff := present(snapshot.People)
	for range staff {
		out.People++
	}
	differences := policies.Compare(a, b, staff, snapshot.Now)
	for _, d := range differences {
		word := "loses"
		if d.Gains {
			word = "gains"
		}
		out.Differences = append(out.Differences, differenceJSON{d.Person, d.Login, word, d.Entitlement.String(), d.Rule, d.Uncertain})
	}
	for _, c := range policies.Summarize(differences) {
		out.Counts = append(out.Counts, countJSON(c))
	}
	out.Seats = append(out.Seats, s.seats(policies.Seats(a, staff, snapshot.Now), policies.Seats(b, staff, snapshot.Now))...)
	return out
}

// present leaves out leavers and those who have not begun: policy gives them nothing.
func present(people []engine.Person) iter.Seq[*engine.Person] {
	return func(yield func(*engine.Person) bool) {
		for i := range people {
			if p := &people[i]; p.State != engine.StateLeft && p.State != engine.StateUpcoming && !yield(p) {
				return
			}
		}
	}
}

func (s *system) seats(before, after map[string]int) (out []seatsJSON) {
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Programs)) {
		n := seatsJSON{Program: name, Old: before[name], New: after[name]}
		if n.Old == n.New {
			continue
		}
		if price := s.cfg.Programs[name].Price; price != nil {
			n.Cost, n.Currency, n.Per = float64(n.New-n.Old)*price.Amount, price.Currency, price.Per
		}
		out = append(out, n)
	}
	return out
}

func (a *app) showChange(c *policyChange, proof *engine.Proof) error {
	t := render.Table{Header: []string{"person", "login", "change", "entitlement", "rule", ""}}
	for _, d := range c.Differences {
		color, note := render.Green, ""
		if d.Change == "loses" {
			color = render.Red
		}
		if d.Uncertain {
			color, note = render.Amber, "can't be told for certain"
		}
		t.Add(color, d.Person, d.Login, d.Change, d.Entitlement, d.Rule, note)
	}
	out := a.out()
	if out.Format != render.TableFormat {
		return out.Data(t, c)
	}
	if len(t.Rows) > 0 {
		if err := out.Data(t, c); err != nil {
			return err
		}
		out.Line("")
	}
	for _, n := range c.Counts {
		out.Line("%s: %d gain, %d lose", n.Entitlement, n.Gain, n.Lose)
	}
	for _, n := range c.Seats {
		text := fmt.Sprintf("Seats of %s: %d, before %d", n.Program, n.New, n.Old)
		if n.Currency != "" {
			text += fmt.Sprintf(" (%+.2f %s per %s)", n.Cost, n.Currency, n.Per)
		}
		out.Line("%s", text)
	}
	out.Line("%s for %d people.", plural(len(c.Differences), "difference"), c.People)
	if !c.Complete {
		out.Line("%s was not read completely; the answer is for what was seen.", proof.Source)
	}
	return nil
}
