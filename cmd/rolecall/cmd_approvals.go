package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) approvalsCommand() *cobra.Command {
	return a.group("approvals", "See and decide what the limits kept back", a.approvalsList(), a.decision("approve", "Let items happen once, within 24 hours"),
		a.decision("reject", "Keep items from happening, until their own reason ends"),
		a.delegate(), a.delegates())
}

func (a *app) approvalsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "What waits, and what was decided and not yet used", Example: "  rolecall approvals list", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			s, err := a.open(c.Context(), reading)
			if err != nil {
				return err
			}
			defer settle(&err, s.close)
			memory, err := s.store.Memory(c.Context(), a.Now())
			if err != nil {
				return err
			}
			return a.showItems(memory.Items(), s.cfg)
		},
	}
}

// itemJSON is an item as it is shown; fields are only ever added.
type itemJSON struct {
	engine.Item
	Escalated   time.Time `json:"escalated,omitzero"` // since when it is told to others
	EscalatedTo []string  `json:"escalated_to,omitempty"`
}

func (a *app) showItems(items []engine.Item, cfg *config.File) error {
	t, list := render.Table{Header: []string{"item", "state", "op", "entitlement", "person", "account", "waits because", "since", "escalated", "decided"}}, []itemJSON{}
	x := engine.Escalation{After: cfg.Approvals.Escalate.After, To: cfg.Approvals.Escalate.To}
	for i := range items {
		it := &items[i]
		decided := ""
		if it.By != "" {
			decided = it.Decider() + " " + stamp(it.At) + ": " + it.Note
		}
		shown, escalated := itemJSON{Item: *it, Escalated: x.Since(it, a.Now())}, ""
		if !shown.Escalated.IsZero() {
			shown.EscalatedTo, escalated = x.To, stamp(shown.Escalated)+" to "+strings.Join(x.To, ", ")
		}
		list = append(list, shown)
		c := &it.Change
		t.Add(render.Plain, it.ID, string(it.State), string(c.Op), c.Entitlement, render.Who(c.Name, c.Login, c.Person), c.Account, it.Reason, stamp(it.Since), escalated, decided)
	}
	if len(items) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("Nothing waits for approval.")
		return nil
	}
	return a.out().Data(t, list)
}

// decision is approve or reject.
func (a *app) decision(verb, short string) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: verb + " ITEM...|all", Short: short,
		Example: "  rolecall approvals " + verb + " 5f0c2a91 --reason \"department moves to the new system\"\n  rolecall approvals " + verb + " all --reason \"agreed with HR\"",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE:    func(c *cobra.Command, given []string) error { return a.decide(c.Context(), verb, given, reason) },
	}
	reasonFlag(c, &reason)
	return c
}

func (a *app) decide(ctx context.Context, verb string, given []string, reason string) (err error) {
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	items, err := s.by(a.Actor, engine.Decider{}).decide(ctx, verb == "approve", given, reason)
	if err != nil {
		return refused(err)
	}
	return a.showItems(items, s.cfg)
}

func reasonFlag(c *cobra.Command, reason *string) {
	c.Flags().StringVar(reason, "reason", "", "why, for those who read the journal later; required")
}

// refused gives errors of decisions their exit code and hint.
func refused(err error) error {
	wrong := engine.OrderError{}
	switch {
	case errors.As(err, &wrong):
		return usage("", "%w", err)
	case errors.Is(err, engine.ErrNotBlanked):
		return &failure{exitFailed, err, "rolecall person export shows what is known"}
	case errors.Is(err, engine.ErrNotPruned):
		return &failure{exitFailed, err, "see the documentation of audit, about pruning"}
	case errors.Is(err, engine.ErrNoReason):
		return usage("--reason \"…\"", "%w", err)
	case errors.Is(err, engine.ErrUnknownPerson), errors.Is(err, engine.ErrAmbiguous):
		return usage("name a login or key as the directory has it", "%w", err)
	case errors.Is(err, engine.ErrOwnChange):
		return usage("let somebody else approve it, or name the items that are none of yours", "%w; nothing was approved", err)
	case errors.Is(err, engine.ErrOwnAccess), errors.Is(err, engine.ErrStandsFor):
		return usage("let somebody else decide it, or name the items that are not yours", "%w; nothing was decided", err)
	case errors.Is(err, engine.ErrUnknownAuthor):
		return usage("commit the files, run `rolecall apply`, and let somebody else approve; docs/limits.md, Approvals", "%w; nothing was approved", err)
	case errors.Is(err, engine.ErrUnknownItem), errors.Is(err, engine.ErrNoReview), errors.Is(err, engine.ErrNoLine), errors.Is(err, engine.ErrNoBlock), errors.Is(err, engine.ErrNoStandIn):
		return usage("", "%w", err)
	case errors.Is(err, engine.ErrDecided), errors.Is(err, engine.ErrOver), errors.Is(err, engine.ErrForbidden), errors.Is(err, engine.ErrLookAgain):
		return usage("leave it out", "%w; nothing was decided", err)
	case errors.Is(err, engine.ErrStale):
		return failed("try again", "%w", err)
	}
	return err
}

// stamp is an instant as people read it; the journal keeps UTC.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
