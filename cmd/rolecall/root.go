package main

import (
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
)

// app is one run of the program: its surroundings and the flags of all commands.
type app struct {
	process
	configFile string
	output     string
	noColor    bool
	verbose    bool
	progress   *progress // nil: nobody watches
	ldaps      ldapClients
	phases     func(phase, what string, took time.Duration) // also told how long each phase of a run took; nil: nobody
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rolecall",
		Short: "The right programs for everybody, and for nobody else",
		Long: "Rolecall reads people and their roles from the directory, compares what they have in each program with what policy\n" +
			"says, and grants and revokes the difference. `plan` shows it, `apply` does it, `audit` proves it.\n\n" +
			"Exit codes, the strongest first: 2 usage or configuration, 1 failed, 5 partly done, 4 something needs approval,\n" +
			"3 plan --exit-code found changes, 0 done or nothing to do.",
		Version:       version(),
		SilenceErrors: true, SilenceUsage: true, DisableSuggestions: true,
		Args: a.noSuchCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := root.PersistentFlags()
	f.StringVarP(&a.configFile, "config", "c", "rolecall.yaml", "the configuration `FILE`")
	f.StringVarP(&a.output, "output", "o", "table", "`FORMAT` of lists: "+strings.Join(render.Formats(), ", "))
	f.BoolVar(&a.noColor, "no-color", false, "no colours, also on a terminal; so does NO_COLOR in the environment")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "say on standard error what was read and how long each phase took")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("`"+c.CommandPath()+" --help` lists what may be said", "%w", err)
	})
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkFlags() }
	root.AddCommand(a.commands()...)
	root.AddCommand(a.manCommand())
	return root
}

// noSuchCommand refuses words that are no command, with the nearest one as a hint.
func (a *app) noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "`" + c.CommandPath() + " --help` lists the commands"
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean `" + c.CommandPath() + " " + near[0] + "`?"
	}
	return usage(hint, "there is no command %q", args[0])
}

func (a *app) checkFlags() error {
	if !slices.Contains(render.Formats(), a.output) {
		return usage("choose "+strings.Join(render.Formats(), ", "), "-o %s is no format", a.output)
	}
	return nil
}

// group is a command that only holds others.
func (a *app) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: a.noSuchCommand, RunE: func(c *cobra.Command, _ []string) error {
		if err := c.Help(); err != nil {
			return err
		}
		return exit(exitUsage)
	}}
	c.AddCommand(commands...)
	return c
}

// args wraps cobra's checks of arguments, so that they are usage errors with a hint.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usage("usage: "+c.UseLine(), "%s takes other arguments: %w", c.CommandPath(), err)
		}
		return nil
	}
}

func (a *app) out() render.Out {
	return render.Out{W: a.Stdout, Format: render.Format(a.output), Color: a.Terminal && !a.noColor && a.Env("NO_COLOR") == ""}
}

func (a *app) config() (*config.File, error) { return config.Load(a.Dir, a.configFile) }

// version is what the Go toolchain recorded when it built the program.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return text + " " + info.GoVersion
}
