package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

func (a *app) reviewCommand() *cobra.Command {
	return a.group("review", "Let managers or owners look at who has what, and decide", a.reviewStart(), a.reviewList(), a.reviewShow(), a.reviewDecide(), a.reviewClose(),
		a.reviewBlocks(), a.reviewUnblock())
}

func (a *app) reviewStart() *cobra.Command {
	o := engine.ReviewOrder{}
	var due, keep string
	c := &cobra.Command{
		Use: "start NAME", Short: "Put up what is to be reviewed",
		Long: "Puts up a line for each holding within the scope, with its last change, its reason, its cost and how many peers have the same.\n" +
			"Scopes given several times must all hold. Managers are who the directory names in manager:, owners who the configuration names\n" +
			"in owner:. Where there is none, whoever has the permission reviewer decides.",
		Example: "  rolecall review start 2027-q1 --scope program:crm --reviewers managers --due 2027-03-31\n" +
			"  rolecall review start admins --scope entitlement:gitea/admin --reviewers owners --due 2027-03-31 --only-undecided-by-policy",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) (err error) {
			o.Name = given[0]
			if o.Due, err = config.ParseDate(due); err != nil {
				return usage("--due 2027-03-31", "--due: %w", err)
			}
			if keep != "" {
				if o.Keep, err = config.ParseDate(keep); err != nil {
					return usage("--keep-until 2028-03-31", "--keep-until: %w", err)
				}
			}
			return a.startReview(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.Scope, "scope", nil, "`WHAT`: program:NAME, entitlement:PROGRAM/NAME, role:NAME or person:LOGIN; without it everything")
	f.StringVar(&o.Reviewers, "reviewers", "", "`WHO` decides: managers or owners; required")
	f.StringVar(&due, "due", "", "the last `DAY` for decisions; required")
	f.StringVar(&keep, "keep-until", "", "the last `DAY` of what is kept although policy does not give it; a year after --due unless given")
	f.BoolVar(&o.Undecided, "only-undecided-by-policy", false, "leave out what policy gives")
	f.StringVar(&o.Reason, "reason", "", "why, for those who read the journal later")
	return c
}

func (a *app) startReview(ctx context.Context, o engine.ReviewOrder) (err error) {
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	r, lines, err := s.by(a.Actor, engine.Decider{}).startReview(ctx, o)
	if err != nil {
		return refused(err)
	}
	if a.out().Format == render.JSON {
		return a.out().JSON(shownReview(&r, lines))
	}
	nobody := 0
	for i := range lines {
		if len(lines[i].Reviewers) == 0 {
			nobody++
		}
	}
	a.out().Line("The review %s has begun: %d lines to decide by the end of %s.", r.Name, r.Lines, r.Due.Format(time.DateOnly))
	if nobody > 0 {
		a.out().Line("Without a reviewer of their own: %d. Whoever has the permission reviewer decides on them.", nobody)
	}
	if r.Orphans > 0 {
		a.out().Line("Holdings within the scope that belong to nobody, and are in no line: %d; see rolecall report unmanaged.", r.Orphans)
	}
	if r.Gone > 0 {
		a.out().Line("Holdings within the scope of people who are not there any more, and are in no line: %d; see rolecall report leavers.", r.Gone)
	}
	return nil
}

func (a *app) reviewList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "All reviews, and how far they are", Example: "  rolecall review list", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			s, err := a.journalOnly(c.Context())
			if err != nil {
				return err
			}
			defer settle(&err, s.Close)
			list, err := engine.Reviews(c.Context(), s)
			if err != nil {
				return err
			}
			return cmp.Or(a.showReviews(list), a.tellPruned(c.Context(), s, 0))
		},
	}
}

func (a *app) showReviews(list []engine.Review) error {
	if len(list) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("There was no review yet.")
		return nil
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	t := render.Table{Header: []string{"review", "scope", "reviewers", "began", "due", "state", "open", "kept", "revoked", "ended by itself", "by"}}
	for i := range list {
		r := &list[i]
		color := render.Plain
		if r.Overdue(a.Now(), zone(cfg)) {
			color = render.Amber
		}
		t.Add(color, r.Name, scopeText(r), r.Reviewers, stamp(r.Began), r.Due.Format(time.DateOnly), reviewState(r, a.Now(), zone(cfg)),
			strconv.Itoa(r.Open), strconv.Itoa(r.Kept), strconv.Itoa(r.Revoked), strconv.Itoa(r.Over), r.By)
	}
	return a.out().Data(t, append([]engine.Review{}, list...))
}

func scopeText(r *engine.Review) string {
	text := "everything"
	if len(r.Scope) > 0 {
		text = strings.Join(r.Scope, " and ")
	}
	if r.Undecided {
		text += ", only what policy does not give"
	}
	return text
}

func reviewState(r *engine.Review, now time.Time, zone *time.Location) string {
	switch {
	case !r.Closed.IsZero():
		return "closed"
	case r.Overdue(now, zone):
		return "overdue"
	case r.Open == 0:
		return "all decided"
	}
	return "under way"
}

func (a *app) reviewShow() *cobra.Command {
	var open bool
	var who string
	c := &cobra.Command{
		Use: "show NAME", Short: "The lines of a review, also of one that was closed", Args: args(cobra.ExactArgs(1)),
		Example: "  rolecall review show 2027-q1 --open\n  rolecall review show 2027-q1 --reviewer \"Bob Brandt\" -o csv",
		RunE: func(c *cobra.Command, given []string) (err error) {
			s, err := a.journalOnly(c.Context())
			if err != nil {
				return err
			}
			defer settle(&err, s.Close)
			r, lines, err := engine.ReadReview(c.Context(), s, given[0])
			pruned := err
			if err != nil && (r.Name == "" || !errors.Is(err, engine.ErrPruned)) { // what is left of it is shown
				return refused(err)
			}
			return cmp.Or(a.showLines(&r, slices.DeleteFunc(lines, func(l engine.ReviewLine) bool {
				return open && l.State != engine.LineOpen || who != "" && !slices.Contains(l.Reviewers, who) && !slices.Contains(l.Asked, who)
			})), pruned)
		},
	}
	c.Flags().BoolVar(&open, "open", false, "only what is still to be decided")
	c.Flags().StringVar(&who, "reviewer", "", "only what the person of this `NAME` or key is asked for")
	return c
}

// reviewJSON is a review as it is shown; fields are only ever added.
type reviewJSON struct {
	Version int                 `json:"version"`
	Review  *engine.Review      `json:"review"`
	Lines   []engine.ReviewLine `json:"lines"`
}

func shownReview(r *engine.Review, lines []engine.ReviewLine) reviewJSON {
	return reviewJSON{1, r, append([]engine.ReviewLine{}, lines...)}
}

func (a *app) showLines(r *engine.Review, lines []engine.ReviewLine) error {
	t := render.Table{Header: []string{"line", "person", "entitlement", "account", "since", "reason", "cost", "peers with the same", "reviewers", "decision", "becomes", "by", "why"}}
	for i := range lines {
		l := &lines[i]
		t.Add(render.Plain, l.ID, render.Who(l.Name, l.Login, l.Person), l.Entitlement, l.Account, stamp(l.Since), l.Why, l.Cost, peersText(l), strings.Join(l.Asked, ", "),
			lineText(l), becomesText(l), l.By, l.Reason)
	}
	return a.out().Data(t, shownReview(r, lines))
}

func peersText(l *engine.ReviewLine) string {
	if l.PeersBy == "" {
		return "unknown"
	}
	return fmt.Sprintf("%d of %d with %s", l.Same, l.Peers, l.PeersBy)
}

func lineText(l *engine.ReviewLine) string {
	switch l.State {
	case engine.LineOpen:
		return "open"
	case engine.LineOver:
		return "ended"
	}
	return string(l.State)
}

func becomesText(l *engine.ReviewLine) string {
	switch {
	case l.Becomes == "extra":
		return "an extra until the end of " + l.Until.Format(time.DateOnly)
	case l.Becomes == "block":
		return "a block, to be looked at again on " + l.Until.Format(time.DateOnly)
	}
	return l.Becomes
}

func (a *app) reviewDecide() *cobra.Command {
	var reason, until string
	c := &cobra.Command{
		Use: "decide NAME keep|revoke LINE...", Short: "Decide on lines of a review",
		Long: "What is kept although policy does not give it becomes a dated extra; what is revoked is taken by the next run, within the limits as\n" +
			"everything else, and blocked where policy gives it. Of accounts that are not personal policy says nothing: what is kept there stays\n" +
			"as it is. What has changed since it was put up is to be looked at again. Nobody decides on their own access.",
		Example: "  rolecall review decide 2027-q1 keep 5f0c2a914be01d22 --reason \"still on call\"\n  rolecall review decide 2027-q1 revoke 5f0c2a914be01d22 --reason \"moved to sales\"",
		Args:    args(cobra.MinimumNArgs(3)),
		RunE: func(c *cobra.Command, given []string) (err error) {
			if given[1] != "keep" && given[1] != "revoke" {
				return usage("rolecall review decide "+given[0]+" keep LINE", "%q is no decision; say keep or revoke", given[1])
			}
			d := engine.ReviewDecision{Review: given[0], Keep: given[1] == "keep", Lines: given[2:], Reason: reason}
			if until != "" {
				if d.Until, err = config.ParseDate(until); err != nil {
					return usage("--until 2027-03-31", "--until: %w", err)
				}
			}
			return a.decideReview(c.Context(), d)
		},
	}
	reasonFlag(c, &reason)
	c.Flags().StringVar(&until, "until", "", "the last `DAY` of what is kept although policy does not give it; the review's unless given")
	return c
}

func (a *app) decideReview(ctx context.Context, d engine.ReviewDecision) (err error) {
	s, err := a.open(ctx, writing)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	lines, err := s.by(a.Actor, engine.Decider{}).review(ctx, d)
	if err != nil {
		return refused(err)
	}
	return a.showLines(&engine.Review{Name: d.Review}, lines)
}

func (a *app) reviewClose() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "close NAME", Short: "End a review; what nobody decided stays as it is", Args: args(cobra.ExactArgs(1)), Example: "  rolecall review close 2027-q1 --reason \"signed off by the auditor\"",
		RunE: func(c *cobra.Command, given []string) (err error) {
			s, err := a.open(c.Context(), writing)
			if err != nil {
				return err
			}
			defer settle(&err, s.close)
			r, err := s.by(a.Actor, engine.Decider{}).closeReview(c.Context(), given[0], reason)
			if err != nil {
				return refused(err)
			}
			a.out().Line("The review %s is closed: %d kept, %d revoked, %d ended by themselves, %d not decided.", r.Name, r.Kept, r.Revoked, r.Over, r.Open)
			return nil
		},
	}
	reasonFlag(c, &reason)
	return c
}

func (a *app) reviewBlocks() *cobra.Command {
	return &cobra.Command{
		Use: "blocks", Short: "The blocks that reviews led to", Example: "  rolecall review blocks", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			s, err := a.journalOnly(c.Context())
			if err != nil {
				return err
			}
			defer settle(&err, s.Close)
			facts, err := s.Facts(c.Context(), engine.FactBlock)
			if err != nil {
				return err
			}
			return a.showBlocks(facts)
		},
	}
}

// blockJSON is a block as it is shown; fields are only ever added.
type blockJSON struct {
	Person      string    `json:"person"`
	Entitlement string    `json:"entitlement"`
	Since       time.Time `json:"since"`
	Review      time.Time `json:"review"`
	Reason      string    `json:"reason"`
}

func (a *app) showBlocks(facts []engine.Fact) error {
	if len(facts) == 0 && a.out().Format == render.TableFormat {
		a.out().Line("No review led to a block that still holds.")
		return nil
	}
	t, list := render.Table{Header: []string{"person", "entitlement", "since", "look again", "reason"}}, []blockJSON{}
	for _, f := range facts {
		b := blockJSON{f.Person, engine.Entitlement{Program: f.Program, Name: f.Entitlement}.String(), f.Since, f.Until, f.Text}
		t.Add(render.Plain, b.Person, b.Entitlement, stamp(b.Since), b.Review.Format(time.DateOnly), b.Reason)
		list = append(list, b)
	}
	return a.out().Data(t, list)
}

func (a *app) reviewUnblock() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "unblock PERSON ENTITLEMENT", Short: "End a block that a review led to", Args: args(cobra.ExactArgs(2)), Example: "  rolecall review unblock alice gitea/admin --reason \"took the job over again\"",
		RunE: func(c *cobra.Command, given []string) error {
			return a.decideOn(c.Context(), func(ctx context.Context, s *system) error {
				return s.by(a.Actor, engine.Decider{}).endBlock(ctx, given[0], given[1], reason)
			}, "The block of "+given[1]+" for "+given[0]+" is ended; what policy gives comes back with the next run.")
		},
	}
	reasonFlag(c, &reason)
	return c
}
