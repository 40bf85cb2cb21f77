package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) auditPrune() *cobra.Command {
	var before, reason string
	yes := false
	c := &cobra.Command{
		Use: "prune", Short: "Empty the records from before a day, and keep the proofs; can't be undone", Args: args(cobra.NoArgs),
		Long: "Writes a record with a snapshot of what the records from before a day come to, and then deletes their content. Number, time and hash stay, so that\n" +
			"checkpoints and proofs hold from the first record on; what people have, decisions that count, and everything since go on from the snapshot. Records of\n" +
			"people under a legal hold, policies, configurations and keys stay whole. What was before that day can't be told any more, by nobody: take a bundle or\n" +
			"an export before. The record is signed with the key of audit: key, and all that goes must be covered by a signed checkpoint. Without --yes it only\n" +
			"says what would go. It is done whole or not at all, and nothing else is recorded meanwhile.",
		Example: "  rolecall audit prune --before 2025-01-01\n  rolecall audit prune --before 2025-01-01 --reason \"two years are over\" --yes",
		RunE: func(c *cobra.Command, _ []string) error {
			return a.prune(c.Context(), before, reason, yes)
		},
	}
	c.Flags().StringVar(&before, "before", "", "what is from before this `DAY`, 2027-01-31, or instant; without it, what is older than audit: keep says")
	reasonFlag(c, &reason)
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// prunedJSON is the documented form of what was pruned, or would be.
type prunedJSON struct {
	Version int      `json:"version"`
	Done    bool     `json:"done"`
	Before  string   `json:"before"`
	UpTo    int64    `json:"upTo"`    // the last record from before
	Emptied int64    `json:"emptied"` // records, now
	Kept    int64    `json:"kept"`    // records up to that one that stay whole
	Record  int64    `json:"record"`  // that says so, 0: none yet
	Held    int      `json:"held"`    // people under a legal hold
	Remains []string `json:"remains"`
}

func (a *app) prune(ctx context.Context, day, reason string, yes bool) (err error) {
	mode := reading
	if yes {
		mode = writing
	}
	s, err := a.open(ctx, mode)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	mem, err := s.store.Memory(ctx, a.Now())
	if err != nil {
		return err
	}
	before, err := a.pruneBefore(s.cfg, day, mem.Time)
	if err != nil {
		return err
	}
	if yes && strings.TrimSpace(reason) == "" {
		return refused(engine.ErrNoReason)
	}
	p := &pruning{app: a, system: s, before: before}
	if err := p.check(ctx, mem); err != nil {
		return refused(err)
	}
	if !yes {
		return errors.Join(p.show(), exit(exitApproval))
	}
	order, err := p.order(reason)
	if err != nil {
		return err
	}
	if p.done, err = s.store.Prune(ctx, order); err != nil {
		return refused(err)
	}
	return p.show()
}

// pruneBefore is the day that is given, or that the configuration means: by the journal's own time, if the clock is ahead of it.
func (a *app) pruneBefore(cfg *config.File, day string, last time.Time) (time.Time, error) {
	if day != "" {
		return moment(day)
	}
	if cfg.Audit.Keep == 0 {
		return time.Time{}, usage("--before 2027-01-31, or audit: {keep: 730d} in the configuration", "from before when is not said")
	}
	return a.keptFrom(cfg, last), nil
}

// keptFrom is since when records are to be kept.
func (a *app) keptFrom(cfg *config.File, last time.Time) time.Time {
	now := a.Now()
	if last.Before(now) {
		now = last
	}
	return now.UTC().Add(-cfg.Audit.Keep)
}

// pruning is one on its way.
type pruning struct {
	app    *app
	system *system
	before time.Time
	last   *engine.Pruned
	upTo   int64
	held   int
	by     sealedBy
	heads  []audit.Head // of signed checkpoints
	done   journal.PruneDone
}

// check says why records must stay. All that it asks must have been answered.
func (p *pruning) check(ctx context.Context, mem *engine.Memory) (err error) {
	s := p.system
	if p.upTo, err = s.store.UpTo(ctx, p.before); err != nil {
		return err
	}
	if p.last, err = s.store.Pruned(ctx); err != nil {
		return err
	}
	if p.upTo < 1 {
		return fmt.Errorf("%w: no record is from before %s", engine.ErrNotPruned, stamp(p.before))
	}
	if err := s.engine.Prunable(mem, p.before, p.upTo); err != nil {
		return err
	}
	if from := p.app.keptFrom(s.cfg, mem.Time); s.cfg.Audit.Keep > 0 && p.before.After(from) {
		return fmt.Errorf("%w: audit: keep says that records are kept for %s, so only what is from before %s may go", engine.ErrNotPruned, config.FormatDuration(s.cfg.Audit.Keep), stamp(from))
	}
	if err := s.store.OldEnough(ctx, p.before, s.engine.LooksBack()); err != nil {
		return err
	}
	p.held = len(mem.Facts(engine.FactHold))
	if err := p.exported(mem); err != nil {
		return err
	}
	return p.sealed(ctx)
}

// exported refuses what an export of the configuration has not had yet.
func (p *pruning) exported(mem *engine.Memory) error {
	had := map[string]int64{}
	for _, f := range mem.Facts(engine.FactExport) {
		var at cursor
		if err := json.Unmarshal(f.Data, &at); err != nil {
			return fmt.Errorf("how far the export %s went can't be read: %w", f.Key, err)
		}
		name, _, _ := strings.Cut(f.Key, "@") // one for each machine
		if n, known := had[name]; !known || at.Seq < n {
			had[name] = at.Seq
		}
	}
	for name := range p.system.cfg.Exports {
		if n := had[name]; n < p.upTo {
			return fmt.Errorf("%w: the export %s has the records up to %d only, and %d would go; wait until it has them, or take it out of the configuration", engine.ErrNotPruned, name, n, p.upTo)
		}
	}
	return nil
}

// sealed refuses what no checkpoint covers: who changed the journal could have the traces of it emptied.
func (p *pruning) sealed(ctx context.Context) (err error) {
	cfg, store := p.system.cfg, p.system.store
	if cfg.Audit.Key.IsZero() || cfg.Audit.Verifier == "" {
		return fmt.Errorf("%w: the record of it must be signed, and there is no key: audit: {key: …, verifier: …}, see rolecall audit key", engine.ErrNotPruned)
	}
	if p.by, err = p.app.keyHistory(ctx, cfg, store); err != nil {
		return err
	}
	if len(p.by.wrong) > 0 {
		return fmt.Errorf("%w: the journal is not what it was, see rolecall audit verify: %s", engine.ErrNotPruned, p.by.wrong[0])
	}
	if p.last != nil { // as it will be asked then: what is shown must be what would be done
		if err := p.by.snapshot(ctx, store, p.last); err != nil {
			return fmt.Errorf("%w: %w", engine.ErrNotPruned, err)
		}
	}
	c, sealed, err := p.app.outside(ctx, cfg, store)
	if err == nil && !sealed && cfg.Audit.Checkpoints == "" {
		c, err = p.by.newest(ctx, store)
	}
	switch {
	case err != nil:
		return err
	case c.Size < p.upTo:
		return fmt.Errorf("%w: the checkpoint covers %d records, and %d would go; any command that writes seals the journal", engine.ErrNotPruned, c.Size, p.upTo)
	}
	p.heads = []audit.Head{c.Head}
	return store.Continues(ctx, c)
}

// order leaves to the store what must be so while it is done, and not only before.
func (p *pruning) order(reason string) (journal.PruneOrder, error) {
	signer, err := p.app.signer(p.system.cfg)
	o := journal.PruneOrder{Actor: p.app.Actor, Reason: reason, Before: p.before, Least: p.system.engine.LooksBack(), Heads: p.heads}
	o.Trust = func(ctx context.Context, last *engine.Pruned) error {
		if err := p.by.snapshot(ctx, p.system.store, last); err != nil {
			return fmt.Errorf("%w: %w", engine.ErrNotPruned, err)
		}
		return nil
	}
	o.Sign = func(now audit.Head, statement string) (string, error) {
		signed, err := audit.Sign(audit.Checkpoint{Origin: signer.Name(), Head: now, Time: p.app.Now().UTC(), Extra: []string{statement}}, signer)
		return string(signed), err
	}
	return o, err
}

func (p *pruning) show() error {
	out, d := p.app.out(), &p.done
	found := prunedJSON{Version: 1, Done: d.Record > 0, Before: stamp(p.before), UpTo: p.upTo, Emptied: d.Emptied, Kept: d.Kept, Record: d.Record, Held: p.held, Remains: append([]string{}, d.Remains...)}
	if out.Format == render.JSON {
		return out.JSON(found)
	}
	if !found.Done {
		return p.preview()
	}
	if d.Already {
		out.Line("Nothing is left to do: %s.", d.Pruned.String())
		return nil
	}
	out.Line("Emptied: %s up to number %d; %s of these stay whole. Record %d has the snapshot.", plural(int(d.Emptied), "record"), d.UpTo, plural(int(d.Kept), "record"), d.Record)
	for _, remains := range d.Remains {
		out.Line("Not gone: %s.", remains)
	}
	out.Line("Exports, bundles and backups made before hold what they held; keep them no longer than you must.")
	return nil
}

func (p *pruning) preview() error {
	out := p.app.out()
	from := int64(1)
	if p.last != nil {
		from = p.last.UpTo + 1
		out.Line("Of before, %s.", p.last.String())
	}
	if p.upTo < from {
		out.Line("Nothing more would be emptied.")
		return nil
	}
	out.Line("The records %d to %d, from before %s, would be emptied; policies, configurations, keys and what was open then stay.", from, p.upTo, stamp(p.before))
	if p.held > 0 {
		out.Line("All that names one of the %d people under a legal hold stays.", p.held)
	}
	out.Line("What was before then could not be told any more: take a bundle or an export first. Nothing was changed; do it with --reason … --yes.")
	return nil
}
