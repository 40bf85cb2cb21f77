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
	var o asOfOrder
	c := &cobra.Command{
		Use: "asof TIME", Short: "Who had what at one time, managed or not, and by which rule", Args: args(cobra.ExactArgs(1)),
		Long:    "A day means its end in UTC: what was had when the day was over. A time is the instant itself.",
		Example: "  rolecall audit asof 2026-12-31 --program crm\n  rolecall audit asof 2026-12-31T12:00:00Z --person 4711 -o csv",
		RunE: func(c *cobra.Command, given []string) error {
			at, err := endOf(given[0])
			if err != nil {
				return err
			}
			if e := engine.ParseEntitlement(o.entitlement); o.program == "" {
				o.program = e.Program
			} else if o.entitlement != "" && o.program != e.Program {
				return usage("", "--program %s and --entitlement %s contradict each other", o.program, o.entitlement)
			}
			return a.asOf(c.Context(), at, o)
		},
	}
	c.Flags().StringVar(&o.person, "person", "", "only this person, by login or `KEY`")
	c.Flags().StringVar(&o.program, "program", "", "only this `PROGRAM`")
	c.Flags().StringVar(&o.account, "account", "", "only this `ACCOUNT`")
	c.Flags().StringVar(&o.entitlement, "entitlement", "", "only this `ENTITLEMENT`, program/name")
	c.Flags().BoolVar(&o.why, "why", false, "with role, job and directory entry as they were recorded, and whose decision it was: up to three more records are read for each line")
	return c
}

// asOfOrder is what is asked for.
type asOfOrder struct {
	person, program, account, entitlement string
	why                                   bool
}

func endOf(text string) (time.Time, error) {
	at, err := moment(text)
	if err == nil && !strings.Contains(text, "T") {
		at = at.AddDate(0, 0, 1).Add(-time.Nanosecond)
	}
	return at, err
}

func (a *app) asOf(ctx context.Context, at time.Time, o asOfOrder) (err error) {
	s, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.Close)
	if o.person, err = keyOf(ctx, s, o.person); err != nil {
		return err
	}
	held, err := s.AsOf(ctx, at, o.person, o.program, o.account)
	if err != nil {
		return err
	}
	if o.entitlement != "" {
		held = slices.DeleteFunc(held, func(h engine.Held) bool { return h.Entitlement != engine.ParseEntitlement(o.entitlement).Name })
	}
	if o.why {
		return a.asOfWhy(ctx, s, held)
	}
	t := render.Table{Header: []string{"program", "account", "entitlement", "person", "managed", "from", "until", "rules", "record"}}
	for i := range held {
		t.Add(render.Plain, heldCells(&held[i])...)
	}
	return a.out().Data(t, append([]engine.Held{}, held...))
}

func heldCells(h *engine.Held) []string {
	managed := "no"
	if h.Managed {
		managed = "yes"
	}
	return []string{h.Program, h.Account, h.Entitlement, h.Person, managed, stamp(h.From), stamp(h.Until), strings.Join(h.Rules, ", "), strconv.Itoa(int(h.Record))}
}

// heldWhy is a line with how it came to be.
type heldWhy struct {
	engine.Held
	Origin engine.Origin `json:"origin"`
}

func (a *app) asOfWhy(ctx context.Context, log engine.Log, held []engine.Held) error {
	origins, err := engine.Origins(ctx, log, held)
	if err != nil {
		return err
	}
	t := render.Table{Header: []string{"program", "account", "entitlement", "person", "managed", "from", "until", "rules", "record", "decision", "why", "approved by", "approved because"}}
	all := make([]heldWhy, 0, len(held))
	for i := range held {
		o := &origins[i]
		all = append(all, heldWhy{held[i], *o})
		decision, approved := "", engine.Approval{}
		if o.Record > 0 {
			decision = strconv.FormatInt(o.Record, 10)
		}
		if o.Approved != nil {
			approved = *o.Approved
		}
		why := strings.Join(o.Why, "; ")
		if o.Pruned {
			why = strings.TrimPrefix(why+"; records that say more of it were pruned or blanked", "; ")
		}
		t.Add(render.Plain, append(heldCells(&held[i]), decision, why, approved.By, approved.Reason)...)
	}
	return a.out().Data(t, all)
}
