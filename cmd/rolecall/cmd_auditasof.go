package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) auditAsOf() *cobra.Command {
	var person, program, account, entitlement string
	c := &cobra.Command{
		Use: "asof TIME", Short: "Who had what at one time, managed or not, and by which rule", Args: args(cobra.ExactArgs(1)),
		Long:    "A day means its end in UTC: what was had when the day was over. A time is the instant itself.",
		Example: "  rolecall audit asof 2026-12-31 --program crm\n  rolecall audit asof 2026-12-31T12:00:00Z --person 4711 -o csv",
		RunE: func(c *cobra.Command, given []string) error {
			at, err := endOf(given[0])
			if err != nil {
				return err
			}
			if e := engine.ParseEntitlement(entitlement); program == "" {
				program = e.Program
			} else if entitlement != "" && program != e.Program {
				return usage("", "--program %s and --entitlement %s contradict each other", program, entitlement)
			}
			return a.asOf(c.Context(), at, person, program, account, entitlement)
		},
	}
	c.Flags().StringVar(&person, "person", "", "only this person, by login or `KEY`")
	c.Flags().StringVar(&program, "program", "", "only this `PROGRAM`")
	c.Flags().StringVar(&account, "account", "", "only this `ACCOUNT`")
	c.Flags().StringVar(&entitlement, "entitlement", "", "only this `ENTITLEMENT`, program/name")
	return c
}

func endOf(text string) (time.Time, error) {
	at, err := moment(text)
	if err == nil && !strings.Contains(text, "T") {
		at = at.AddDate(0, 0, 1).Add(-time.Nanosecond)
	}
	return at, err
}

func (a *app) asOf(ctx context.Context, at time.Time, person, program, account, entitlement string) (err error) {
	s, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.Close)
	if person, err = keyOf(ctx, s, person); err != nil {
		return err
	}
	held, err := s.AsOf(ctx, at, person, program, account)
	if err != nil {
		return err
	}
	if entitlement != "" {
		held = slices.DeleteFunc(held, func(h engine.Held) bool { return h.Entitlement != engine.ParseEntitlement(entitlement).Name })
	}
	t := render.Table{Header: []string{"program", "account", "entitlement", "person", "managed", "from", "until", "rules", "record"}}
	for _, h := range held {
		managed := "no"
		if h.Managed {
			managed = "yes"
		}
		t.Add(render.Plain, h.Program, h.Account, h.Entitlement, h.Person, managed, stamp(h.From), stamp(h.Until), strings.Join(h.Rules, ", "), strconv.Itoa(int(h.Record)))
	}
	return a.out().Data(t, append([]engine.Held{}, held...))
}
