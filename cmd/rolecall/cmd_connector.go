package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/connectors"
	"github.com/rolecall/rolecall/engine/conformance"
)

func (a *app) connectorCommand() *cobra.Command {
	return a.group("connector", "See the kinds of programs, and hold a connector to the suite", a.connectorList(), a.connectorTest())
}

func (a *app) connectorList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "The kinds of programs that Rolecall knows", Example: "  rolecall connector list", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			type kind struct {
				Kind string `json:"kind"`
				Text string `json:"text"`
			}
			t := render.Table{Header: []string{"kind", "for"}}
			list := []kind{}
			for _, name := range slices.Sorted(maps.Keys(connectors.All())) {
				list = append(list, kind{name, connectors.Says()[name]})
				t.Add(render.Plain, name, connectors.Says()[name])
			}
			return a.out().Data(t, list)
		},
	}
}

// testFlags are what a connector is tried with besides the configuration.
type testFlags struct {
	writes           bool
	accounts, rights []string
	most             time.Duration
}

func (a *app) connectorTest() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test PROGRAM | ./PLUG-IN [ARGUMENT...]",
		Short: "Hold a connector to the suite that every connector passes",
		Long: "Tries a program of the configuration, or an executable that is to become a plug-in; for the latter --config names a file\n" +
			"with the keys of the program (config, secrets, scratch, ...). IT WRITES: it grants, revokes, suspends, creates and deletes\n" +
			"in the program, and puts back what it changed. So the program must be declared to be there for it (scratch:), or you\n" +
			"say --yes-it-writes. It needs three active accounts that hold nothing, and two rights; where the program can, it\n" +
			"creates the accounts and looks the rights up. Nobody else should change the program meanwhile: it would be taken for\n" +
			"the connector's doing. Exit code 1 if any check fails.",
		Example: "  rolecall connector test wiki --yes-it-writes\n  rolecall connector test ./my-plugin --config my-plugin.yaml\n  rolecall connector test ./my-plugin --config my-plugin.yaml -o json",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			t, err := a.tester(c, given, f)
			if err != nil {
				return err
			}
			return a.showCard(t, t.score(c.Context()))
		},
	}
	c.Flags().BoolVar(&f.writes, "yes-it-writes", false, "yes: change accounts and rights of the program")
	c.Flags().StringArrayVar(&f.accounts, "account", nil, "`ID` of an active account that may be changed and holds nothing; three times")
	c.Flags().StringArrayVar(&f.rights, "right", nil, "`NAME` of a right to grant and revoke; twice")
	c.Flags().DurationVar(&f.most, "most", 5*time.Minute, "the longest `TIME` that one check may take, besides 40 times the lag that the connector declares")
	return c
}

// card is a score card as JSON.
type card struct {
	Version  int                `json:"version"`
	Program  string             `json:"program"`
	Kind     string             `json:"kind"`
	Identity string             `json:"identity"`
	OK       bool               `json:"ok"`
	Passed   int                `json:"passed"`
	Failed   int                `json:"failed"`
	Skipped  int                `json:"skipped"`
	NotTried int                `json:"not_tried"`
	Notes    []string           `json:"notes"`
	Checks   []conformance.Line `json:"checks"`
}

func (a *app) showCard(t *tester, lines []conformance.Line) error {
	c := card{Version: 1, Program: t.name, Kind: t.kind, Identity: t.identity, Notes: append([]string{}, t.notes...), Checks: lines}
	table := render.Table{Header: []string{"", "check", "found"}}
	for _, l := range lines {
		color, count := render.Green, &c.Passed
		switch l.Result {
		case conformance.Wrong:
			color, count = render.Red, &c.Failed
		case conformance.Skipped:
			color, count = render.Dim, &c.Skipped
		case conformance.NotTried:
			color, count = render.Amber, &c.NotTried
		}
		*count++
		found := ""
		if len(l.Details) > 0 {
			found = l.Details[0]
		}
		table.Add(color, string(l.Result), l.Check, found)
		for _, more := range l.Details[min(1, len(l.Details)):] {
			table.Add(color, "", "", more)
		}
	}
	c.OK = c.Failed+c.NotTried == 0
	if err := a.out().Data(table, c); err != nil {
		return err
	}
	if a.out().Format == render.TableFormat {
		a.out().Line("%s", c.summary())
		for _, note := range c.Notes {
			a.out().Line("note: %s", note)
		}
	}
	if !c.OK {
		return exit(exitFailed)
	}
	return nil
}

func (c *card) summary() string {
	parts := []string{fmt.Sprintf("%d of %s passed", c.Passed, plural(len(c.Checks), "check"))}
	for _, p := range []struct {
		n    int
		what string
	}{{c.Failed, "failed"}, {c.Skipped, "skipped"}, {c.NotTried, "not tried"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return c.Program + " (" + c.Kind + "): " + strings.Join(parts, ", ")
}
