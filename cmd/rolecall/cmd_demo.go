package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/demo"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
)

func (a *app) demoCommand() *cobra.Command {
	var keep string
	var all bool
	c := &cobra.Command{
		Use: "demo", Short: "A week at an example company, played through the real engine",
		Long: "Lays out a company of 60 people (a directory, policies, four programs with accounts from before Rolecall) in a folder of its own\n" +
			"and plays a week in fast motion: every command that is shown is really run. Nothing needs to be installed, and nothing outside\n" +
			"of the folder is touched.",
		Example: "  rolecall demo\n  rolecall demo --keep acme",
		Args:    args(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), keep, all) },
	}
	c.Flags().StringVar(&keep, "keep", "", "the `DIR` to lay the company out in; a folder for temporary files unless set")
	c.Flags().BoolVar(&all, "full", false, "show all lines of long output")
	return c
}

// player plays the week: it edits the company as people and HR would, and runs commands as an operator would.
type player struct {
	a       *app
	out     render.Out
	dir     string
	company *demo.Company
	now     time.Time
	full    bool
	err     error
}

func (a *app) demo(ctx context.Context, keep string, full bool) error {
	dir, err := demoFolder(a.path(keep), keep == "")
	if err != nil {
		return failed("choose another folder with --keep", "%w", err)
	}
	p := &player{a: a, out: a.out(), dir: dir, company: demo.New(), now: monday(a.Now()), full: full}
	if err := p.company.Write(dir, p.now); err != nil {
		return failed("choose another folder with --keep", "%w", err)
	}
	p.week(ctx)
	if p.err != nil {
		return failed("the folder "+dir+" shows how far it came", "the demo stopped: %w", p.err)
	}
	return nil
}

// demoFolder refuses to lay a company out over somebody's files.
func demoFolder(keep string, temporary bool) (string, error) {
	if temporary {
		return os.MkdirTemp("", "rolecall-demo-")
	}
	if entries, err := os.ReadDir(keep); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty", keep)
	}
	if err := os.MkdirAll(keep, 0o700); err != nil {
		return "", err
	}
	return filepath.Abs(keep)
}

// monday is eight o'clock on the Monday of the last week that is over, so that the commands a visitor tries next come after
// the story.
func monday(now time.Time) time.Time {
	d := now.UTC().Truncate(24 * time.Hour).Add(8 * time.Hour)
	for d.Weekday() != time.Monday || now.Sub(d) < 6*24*time.Hour {
		d = d.Add(-24 * time.Hour)
	}
	return d
}

// say tells what happens at the company.
func (p *player) say(format string, args ...any) {
	if p.err != nil {
		return
	}
	p.out.Raw("")
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		p.out.Raw(p.out.Paint(render.Bold, render.Clean(strings.TrimSuffix(line, "\n"))))
	}
}

// day begins a new day or hour.
func (p *player) at(d time.Duration, what string) {
	p.now = p.now.Add(d)
	p.say("── %s, %s ──", p.now.Format("Monday 15:04"), what)
}

// run runs a command as the operator would type it, and shows at most the given number of lines. codes are the exit codes
// that the story expects.
func (p *player) run(ctx context.Context, most int, codes []int, line ...string) string {
	if p.err != nil {
		return ""
	}
	shown := make([]string, len(line))
	for i, w := range line {
		shown[i] = w
		if strings.ContainsAny(w, " ") {
			shown[i] = `"` + w + `"`
		}
	}
	p.out.Raw(p.out.Paint(render.Dim, render.Clean("$ rolecall "+strings.Join(shown, " "))))
	var text bytes.Buffer
	code := run(ctx, process{Args: append([]string{"--config", filepath.Join(p.dir, "rolecall.yaml")}, line...), Stdin: strings.NewReader(""), Stdout: &text, Stderr: &text,
		Env: p.a.Env, Now: func() time.Time { return p.now }, Random: p.a.Random, Actor: "you", Terminal: p.a.Terminal && !p.a.noColor})
	p.show(text.String(), most)
	p.now = p.now.Add(time.Second)
	if !slices.Contains(codes, code) {
		p.err = fmt.Errorf("rolecall %s ended with exit code %d, not %v:\n%s", strings.Join(line, " "), code, codes, text.String())
	}
	return text.String()
}

func (p *player) show(text string, most int) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if p.full {
		most = len(lines)
	}
	head, tail := lines, []string(nil)
	if len(lines) > most {
		head, tail = lines[:most-2], lines[len(lines)-2:]
	}
	for _, l := range head {
		p.out.Raw("  " + l)
	}
	if tail != nil {
		p.out.Raw(p.out.Paint(render.Dim, fmt.Sprintf("  … %d more lines …", len(lines)-most)))
		for _, l := range tail {
			p.out.Raw("  " + l)
		}
	}
}

// edit changes a file of the company.
func (p *player) edit(name string, change func(text string) string) {
	if p.err != nil {
		return
	}
	path := filepath.Join(p.dir, name)
	text, err := os.ReadFile(path)
	if err == nil {
		after := change(string(text))
		if after == string(text) {
			err = fmt.Errorf("the edit of %s changed nothing", name)
		} else {
			err = demo.WriteFile(path, after, p.now)
		}
	}
	p.err = err
}

// directory writes the directory anew, as HR's system would.
func (p *player) directory() { p.edit("people.ldif", func(string) string { return p.company.LDIF() }) }
