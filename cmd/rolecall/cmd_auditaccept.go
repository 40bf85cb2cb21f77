package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) auditAccept() *cobra.Command {
	var reason, events string
	c := &cobra.Command{
		Use: "accept", Short: "Show what a journal lacks that was restored or rolled back, and accept it",
		Long: "Without --reason it only shows: how much is missing and since when, leavers whose access is not settled, what policy grants and\n" +
			"would be adopted again, and what nobody can know. With --reason it does so, signs a statement, and acting goes on.\n" +
			"--events FILE is what `rolecall audit export` wrote before the loss: it is held against the checkpoint kept outside, and\n" +
			"what was managed, linked, cut off, approved and rejected is taken from it. What nobody can know becomes tasks.",
		Example: "  rolecall audit accept\n  rolecall audit accept --events /srv/export/journal.jsonl --reason \"disk failed, backup of last night, ticket 4711\"",
		Args:    args(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return a.acceptGap(c.Context(), reason, events) },
	}
	c.Flags().StringVar(&reason, "reason", "", "why the gap is accepted, for those who read the journal later; without it nothing is written")
	c.Flags().StringVar(&events, "events", "", "`FILE` of records that `rolecall audit export` wrote before the loss")
	return c
}

func (a *app) acceptGap(ctx context.Context, reason, events string) (err error) {
	mode := accepting
	if reason == "" {
		mode = reading
	}
	s, err := a.open(ctx, mode)
	if err != nil {
		return err
	}
	defer settle(&err, s.close)
	g := &gap{app: a, system: s}
	if err := g.find(ctx); err != nil {
		return err
	}
	if !g.there {
		a.out().Line("The journal continues what was sealed outside, and was not restored; there is nothing to accept.")
		return nil
	}
	if events != "" {
		if err := g.evidence(ctx, a.path(events)); err != nil {
			return failed("", "%s: %w; nothing was written", events, err)
		}
	}
	if err := g.plan(ctx); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return errors.Join(g.show(false), exit(exitApproval))
	}
	if err := g.write(ctx, reason); err != nil {
		return err
	}
	return g.show(true)
}

// write records the statement with all that follows from it, at once, and seals it.
func (g *gap) write(ctx context.Context, reason string) error {
	a := g.app
	if g.sealed && g.system.cfg.Audit.Key.IsZero() {
		return usage("name the secret key as audit.key; if it is lost: `rolecall audit key --new-epoch --lost`", "the statement must be signed")
	}
	changed, err := g.keyInGap(ctx)
	if err != nil {
		return err
	}
	unmade := g.memory.Unmade("it was open when the journal was lost; the next run decides anew")
	records := slices.Concat([]engine.Record{g.Accepted(a.Actor, reason, g.doubts)}, changed, g.records, unmade)
	for i := range records {
		records[i].Actor = cmp.Or(records[i].Actor, a.Actor)
	}
	err = g.system.store.Append(ctx, engine.Guard{Control: g.control}, records)
	if errors.Is(err, engine.ErrStale) {
		return failed("try again", "%w", err)
	}
	if err != nil || !g.sealed {
		return err
	}
	return g.sign(ctx)
}

// keyInGap records that another key took over in the gap: the one of the configuration does not know the last seal before it.
func (g *gap) keyInGap(ctx context.Context) ([]engine.Record, error) {
	cfg := g.system.cfg
	known := slices.ContainsFunc(g.records, func(r engine.Record) bool { return r.Kind == engine.KindKey })
	notes, err := g.system.store.Checkpoints(ctx)
	if err != nil || len(notes) == 0 || cfg.Audit.Verifier == "" || known {
		return nil, err
	}
	keys, err := audit.NewKeys(cfg.Audit.Verifier)
	if err != nil {
		return nil, err
	}
	if _, err := keys.Open([]byte(notes[len(notes)-1].Note)); err == nil {
		return nil, nil
	}
	data, err := json.Marshal(keyChange{To: cfg.Audit.Verifier, Lost: true})
	return []engine.Record{{Kind: engine.KindKey, Why: []string{"the key was replaced in the gap"}, Data: data}}, err
}

// sign replaces the checkpoint outside, which is kept beside, by one that names it.
func (g *gap) sign(ctx context.Context) error {
	cfg := g.system.cfg
	signer, err := g.app.signer(cfg)
	if err != nil {
		return err
	}
	signed, err := g.system.store.Accept(ctx, signer, g.checkpoint.Head)
	if err != nil {
		return err
	}
	outside := cfg.In(cfg.Audit.Checkpoints)
	kept := outside + ".accepted-" + plainStamp(g.app.Now())
	if err := os.WriteFile(kept, []byte(g.Note), 0o644); err != nil { //nolint:gosec // G306: a checkpoint is for everybody to read
		return failed("the statement is recorded, but not sealed: make the folder writable and do it again", "the checkpoint that the journal does not continue can't be kept: %w", err)
	}
	if err := journal.WriteCheckpoint(outside, signed); err != nil {
		return failed("the statement is recorded, but not sealed: make it writable and do it again", "%w", err)
	}
	return g.app.noteSealed(ctx, cfg, g.system.store)
}

// show says what the gap is and what comes of it.
func (g *gap) show(done bool) error {
	out := g.app.out()
	if out.Format == render.JSON {
		return out.JSON(g.shape(done))
	}
	for _, l := range g.lines(done) {
		out.Line("%s", l)
	}
	return nil
}
