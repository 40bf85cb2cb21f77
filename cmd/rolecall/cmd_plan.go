package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

type planFlags struct {
	program, person, file string
	exitCode              bool
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use: "plan", Short: "Show what would change and why; change nothing",
		Long: "The dry run: reads the directory and the programs, and shows what `apply` would change, what waits for approval, what is\n" +
			"blocked and why. Nothing is written, neither to a program nor to the journal, which is not made if it is not there.",
		Example: "  rolecall plan\n  rolecall plan --program gitea --out plan.json\n  rolecall plan --person alice -o json",
		Args:    args(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.plan(c.Context(), f) },
	}
	c.Flags().StringVar(&f.program, "program", "", "only this `PROGRAM`")
	c.Flags().StringVar(&f.person, "person", "", "only this `PERSON`, by login or key")
	c.Flags().StringVar(&f.file, "out", "", "also write the plan to `FILE`, for review and `rolecall apply FILE`")
	c.Flags().BoolVar(&f.exitCode, "exit-code", false, "exit with 3 when there is something to change")
	return c
}

func (a *app) plan(ctx context.Context, f planFlags) (err error) {
	s, err := a.open(ctx, reading)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	if err := a.continues(ctx, s.cfg, s.store); err != nil {
		a.logger().Error("this is what the journal would lead to if it were right, but nothing of it is done", "error", err)
	}
	p, err := s.makePlan(ctx, f)
	if err != nil {
		return err
	}
	timings(a.logger(), p)
	if f.file != "" {
		if err := writePlan(a.path(f.file), p); err != nil {
			return err
		}
	}
	if err := a.out().Plan(p); err != nil {
		return err
	}
	code := verdict(p)
	if f.exitCode && p.Ready() > 0 {
		code = stronger(code, exitChanges)
	}
	return done(code)
}

// makePlan plans for all, or for one program or person.
func (s *system) makePlan(ctx context.Context, f planFlags) (*engine.Plan, error) {
	if f.program != "" && s.cfg.Programs[f.program] == nil {
		return nil, usage("programs are listed below programs: in "+s.cfg.Path, "there is no program %q", f.program)
	}
	snapshot, err := s.engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if f.person != "" {
		if snapshot.Person, err = findPerson(snapshot.People, snapshot.Memory.Known(f.person)); err != nil {
			return nil, err
		}
	}
	snapshot.Only = f.program
	return s.engine.MakePlan(snapshot), nil
}

func findPerson(people []engine.Person, name string) (key string, err error) {
	for i := range people {
		if p := &people[i]; p.Key == name || p.Login() == name {
			if key != "" && key != p.Key {
				return "", usage("name the key", "%w: %s", engine.ErrAmbiguous, name)
			}
			key = p.Key
		}
	}
	if key == "" {
		return "", usage("name a login or key as the directory has it", "nobody called %q is in the directory", name)
	}
	return key, nil
}

// verdict is the exit code that a plan itself asks for.
func verdict(p *engine.Plan) int {
	code := exitDone
	for i := range p.Proofs {
		if !whole(&p.Proofs[i]) {
			code = stronger(code, exitPartly)
		}
	}
	if p.Summary.Approval > 0 {
		code = stronger(code, exitApproval)
	}
	return code
}

// whole says whether everything was seen, roles and partners too.
func whole(p *engine.Proof) bool {
	return p.Complete() && !slices.ContainsFunc(p.Roles, func(r engine.RoleProof) bool { return len(r.Reasons) > 0 }) &&
		!slices.ContainsFunc(p.Partners, func(q engine.Proof) bool { return !whole(&q) })
}

func done(code int) error {
	if code == exitDone {
		return nil
	}
	return exit(code)
}

func writePlan(path string, p *engine.Plan) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return failed("", "the plan can't be written: %w", err)
	}
	err = render.Out{W: f}.PlanJSON(p)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return failed("", "the plan can't be written: %w", err)
	}
	return nil
}

func readPlan(path string) (*engine.Plan, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // a pipe would be waited for, a device never ends
		err = fmt.Errorf("%s is not a regular file", path)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, failed("`rolecall plan --out FILE` writes one", "the plan can't be read: %w", err)
	}
	var p engine.Plan
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, failed("`rolecall plan --out FILE` writes one", "%s is no plan: %w", path, err)
	}
	if err := p.Check(); err != nil {
		return nil, failed("make a new one with `rolecall plan --out FILE`", "%s: %w", path, err)
	}
	return &p, nil
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
