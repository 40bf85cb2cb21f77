package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/policies"
)

func (a *app) policyCommand() *cobra.Command {
	return a.group("policy", "Test and compare policies", a.policyTest(), a.policyDiff())
}

// testJSON is the documented form of a test's result.
type testJSON struct {
	Name  string `json:"name"`
	Place string `json:"place"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
}

func (a *app) policyTest() *cobra.Command {
	return &cobra.Command{
		Use: "test", Short: "Run the tests in the policy files", Example: "  rolecall policy test", Args: args(cobra.NoArgs),
		Long: "Runs the items below tests: in the policy files, without reading the directory or any program. Exits with 1 when one fails.",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			p, err := a.policy(cfg, schema(cfg))
			if err != nil {
				return err
			}
			return a.showTests(policies.Test(p, a.Now()))
		},
	}
}

func (a *app) showTests(results []policies.TestResult) error {
	out := a.out()
	t := render.Table{Header: []string{"", "test", "place"}}
	whole := out.Format != render.TableFormat // else differences are shown below
	if whole {
		t.Header = append(t.Header, "difference")
	}
	list, wrong := make([]testJSON, len(results)), 0
	for i, r := range results {
		list[i] = testJSON(r)
		mark, color := "ok", render.Green
		if !r.OK {
			mark, color = "wrong", render.Red
			wrong++
		}
		cells := []string{mark, r.Name, r.Place}
		if whole {
			cells = append(cells, inOneLine(r.Text))
		}
		t.Add(color, cells...)
	}
	if err := out.Data(t, list); err != nil {
		return err
	}
	if wrong == 0 {
		return nil
	}
	if !whole {
		showDifferences(out, results)
	}
	return exit(exitFailed)
}

// inOneLine puts a difference into the cell of a table.
func inOneLine(text string) string {
	var parts []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		parts = append(parts, strings.TrimSpace(line))
	}
	return strings.Join(parts, "; ")
}

// showDifferences shows failed tests below the table, a block each.
func showDifferences(out render.Out, results []policies.TestResult) {
	for _, r := range results {
		if r.OK {
			continue
		}
		out.Line("")
		out.Line("%s (%s)", r.Name, r.Place)
		for line := range strings.Lines(r.Text) {
			out.Line("  %s", strings.TrimSuffix(line, "\n"))
		}
	}
}
