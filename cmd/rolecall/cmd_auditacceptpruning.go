package main

import (
	"context"
	"errors"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// acceptedPruningJSON is the documented form of what is accepted of a pruning, or would be.
type acceptedPruningJSON struct {
	Version  int    `json:"version"`
	Accepted bool   `json:"accepted"`
	Record   int64  `json:"record"` // of the pruning
	Before   string `json:"before"`
	By       string `json:"by"`
	Reason   string `json:"reason"`
	Time     string `json:"time"`
	Key      string `json:"key"`   // that signed it and was lost
	Shown    bool   `json:"shown"` // the key that followed says that it was lost; else a record alone does
}

// acceptPruning lets a named person vouch for a pruning that was signed with a key which was lost since.
func (a *app) acceptPruning(ctx context.Context, reason string) (err error) {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	mode := writing
	if strings.TrimSpace(reason) == "" {
		mode = reading
	}
	store, err := a.store(ctx, cfg, mode, nil)
	if err != nil {
		return err
	}
	defer settle(&err, store.Close)
	if err := a.continues(ctx, cfg, store); err != nil {
		return err
	}
	p, lost, err := a.unvouched(ctx, cfg, store)
	if err != nil || lost == nil {
		return err
	}
	if mode == reading {
		return errors.Join(a.showPruning(p, lost, false), exit(exitApproval))
	}
	if err := a.vouchFor(ctx, cfg, store, p, lost.signedBy(p), reason); err != nil {
		return err
	}
	return a.showPruning(p, lost, true)
}

// unvouched finds the pruning that nobody vouches for any more, and the lost keys of which one signed it; nil: there is none.
func (a *app) unvouched(ctx context.Context, cfg *config.File, store *journal.Store) (p *engine.Pruned, lost *lostKeys, err error) {
	if p, err = store.Pruned(ctx); err != nil {
		return p, nil, err
	}
	by, err := a.keyHistory(ctx, cfg, store)
	switch {
	case err != nil:
		return p, nil, err
	case p == nil || by.snapshot(ctx, store, p) == nil:
		a.out().Line("Nothing was pruned that the journal's key does not vouch for; there is nothing to accept.")
		return p, nil, nil
	case len(by.wrong) > 0:
		return p, nil, failed("see `rolecall audit verify`", "the journal is not what it was, and that can't be accepted: %s", by.wrong[0])
	}
	if lost = by.lostKey(p); lost == nil {
		return p, nil, failed("see `rolecall audit verify`, and restore a backup", "record %d says that records were pruned, and no key of this journal signed that, neither one that was lost; that can't be accepted", p.Record)
	}
	return p, lost, a.wholeButForTheKey(ctx, cfg, store)
}

// wholeButForTheKey verifies all else: only the signature is a matter of trust.
func (a *app) wholeButForTheKey(ctx context.Context, cfg *config.File, store *journal.Store) error {
	var heads []audit.Head
	if c, sealed, err := a.checkpoint(cfg); err != nil {
		return err
	} else if sealed {
		heads = append(heads, c.Head)
	}
	v, err := store.Verify(ctx, heads...)
	if err == nil && !v.OK() {
		err = failed("see `rolecall audit verify`, and restore a backup", "the journal is wrong in itself, not only in its key; that can't be accepted")
	}
	return err
}

// vouchFor records the statement, signed with the key that is in force, and seals it.
func (a *app) vouchFor(ctx context.Context, cfg *config.File, store *journal.Store, p *engine.Pruned, key, reason string) error {
	signer, err := a.signer(cfg)
	if err != nil {
		return err
	}
	if err := store.AcceptPruning(ctx, signer, journal.Acceptance{Record: p.Record, Statement: p.Statement, Key: key, By: a.Actor, Reason: reason}); err != nil {
		return err
	}
	return a.seal(ctx, cfg, store)
}

func (a *app) showPruning(p *engine.Pruned, lost *lostKeys, done bool) error {
	out, key := a.out(), lost.signedBy(p)
	if out.Format == render.JSON {
		return out.JSON(acceptedPruningJSON{1, done, p.Record, stamp(p.Before), p.By, p.Reason, stamp(p.Time), key, lost.shown})
	}
	out.Line("No key vouches for this any more: %s.", p.String())
	out.Line("It is signed with %s, which was lost: whoever has that key can have made it.", key)
	out.Line("%s", lost.says())
	if done {
		out.Line("You vouch for it now; `rolecall audit verify` and every bundle say so.")
		return nil
	}
	out.Line("All else is as it was written. Ask whoever did it; if it was yours, vouch for it with --reason. Nothing was changed.")
	return nil
}
