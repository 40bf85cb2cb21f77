package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) reportCommand() *cobra.Command {
	return a.group("report", "Lists for those who answer for programs", a.reportSeats(), a.reportCost(), a.reportUnmanaged(), a.reportLeavers(), a.reportLevels(), a.reportService(), a.reportDormant())
}

func (a *app) reportService() *cobra.Command {
	return &cobra.Command{
		Use: "service", Short: "Service and shared accounts, with owner and date of review", Args: args(cobra.NoArgs),
		Long: "Lists the accounts of all programs that are nobody's: those that the program itself shows as service or shared, and those\n" +
			"that accounts: of the program's configuration names. They are never matched to a person, and nothing is changed in them.\n" +
			"The programs are read, the directory is not. Exits with 5 if a program could not be read completely.",
		Example: "  rolecall report service\n  rolecall report service -o csv > service-accounts.csv",
		RunE:    func(c *cobra.Command, _ []string) error { return a.tell(c.Context(), serviceAccounts) },
	}
}

// serviceJSON is the documented form of the report.
type serviceJSON struct {
	Version  int                     `json:"version"`
	Accounts []engine.NobodysAccount `json:"accounts"`
	Proofs   []engine.Proof          `json:"proofs"`
}

// serviceAccounts are told of by reading all programs.
func serviceAccounts(ctx context.Context, s *system, _ time.Time) (reported, error) {
	list, proofs, err := s.engine.NobodysAccounts(ctx)
	if err != nil {
		return reported{}, err
	}
	t := render.Table{Header: []string{"program", "account", "name", "kind", "owner", "review", "note", "holdings"}}
	for i := range list {
		one := &list[i]
		note, color := remark(one)
		t.Add(color, one.Program, one.Account, one.Name, one.Kind, one.Owner, lastDay(one.Review, zone(s.cfg)), note, strings.Join(one.Holdings, ", "))
	}
	return reported{table: t, form: serviceJSON{Version: 1, Accounts: append([]engine.NobodysAccount{}, list...), Proofs: proofs}, proofs: proofs}, nil
}

func remark(one *engine.NobodysAccount) (string, render.Color) {
	switch {
	case one.Missing:
		return "not in the program", render.Amber
	case one.Owner == "":
		return "nobody answers for it", render.Amber
	case one.Overdue:
		return "review is overdue", render.Amber
	}
	return "", render.Plain
}

// lastDay is the day that ends at an instant.
func lastDay(end time.Time, in *time.Location) string {
	if end.IsZero() {
		return ""
	}
	return end.In(in).AddDate(0, 0, -1).Format(time.DateOnly)
}

// incomplete names the programs that were not read completely.
func incomplete(proofs []engine.Proof) error {
	names := unread(proofs)
	if len(names) == 0 {
		return nil
	}
	return &failure{exitPartly, fmt.Errorf("the list may lack accounts, not read completely: %s", strings.Join(names, ", ")), "see: rolecall check"}
}

// unread are the sources that were not read completely, each with why.
func unread(proofs []engine.Proof) (names []string) {
	for i := range proofs {
		if p := &proofs[i]; !p.Complete() {
			names = append(names, fmt.Sprintf("%s (%s)", p.Source, p.Reasons[0].Detail))
		}
	}
	return names
}
