package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

// checkpoint is the last one kept outside of the store; ok is false if none is configured, or none was written yet.
func (a *app) checkpoint(cfg *config.File) (c audit.Checkpoint, ok bool, err error) {
	if cfg.Audit.Checkpoints == "" || cfg.Audit.Verifier == "" {
		return c, false, nil
	}
	signed, err := os.ReadFile(cfg.In(cfg.Audit.Checkpoints))
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err != nil {
		return c, false, failed("", "the checkpoint can't be read: %w", err)
	}
	keys, err := audit.NewKeys(cfg.Audit.Verifier)
	if err != nil {
		return c, false, usage("`rolecall audit key NAME` makes a pair", "%s: %w", cfg.PlaceOf(&cfg.Audit.Verifier), err)
	}
	c, err = keys.Open(signed)
	if err != nil {
		return c, false, failed("look who wrote that file, and whether audit.verifier is the right key", "%s is no checkpoint of this journal: %w", cfg.Audit.Checkpoints, err)
	}
	if c.NextKey != "" && c.NextKey != cfg.Audit.Verifier {
		return c, false, failed("name the new pair in audit.key and audit.verifier", "%s: the key was replaced on %s by %s, which seals the journal from there on", cfg.PlaceOf(&cfg.Audit.Verifier), stamp(c.Time), c.NextKey)
	}
	return c, true, nil
}

// outside is checkpoint, but one that was written once and is gone is an error: whoever can roll the journal back may have
// taken it away.
func (a *app) outside(ctx context.Context, cfg *config.File, store *journal.Store) (c audit.Checkpoint, ok bool, err error) {
	c, ok, err = a.checkpoint(cfg)
	if ok || err != nil || cfg.Audit.Checkpoints == "" || cfg.Audit.Verifier == "" {
		return c, ok, err
	}
	f, written, err := store.Fact(ctx, sealedAt(cfg))
	if err == nil && written {
		err = failed("bring it back from where it is copied to; if it is lost for good, look with `rolecall audit verify`, then name another file in audit.checkpoints",
			"the checkpoint %s is gone, although the journal has been sealed there since %s", cfg.Audit.Checkpoints, stamp(f.Since))
	}
	return c, false, err
}

func sealedAt(cfg *config.File) engine.FactKey {
	return engine.FactKey{Kind: engine.FactSealed, Key: cfg.Audit.Checkpoints}
}

// noteSealed records once that there is a checkpoint outside.
func (a *app) noteSealed(ctx context.Context, cfg *config.File, store *journal.Store) error {
	if _, known, err := store.Fact(ctx, sealedAt(cfg)); known || err != nil {
		return err
	}
	f := engine.Fact{FactKey: sealedAt(cfg), Since: a.Now().UTC()}
	return store.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindNote, Actor: a.Actor, Why: []string{"the journal is sealed outside"}, Set: []engine.Fact{f}}})
}

// continues refuses to act on a journal that does not continue what was sealed outside: it was rolled back or rewritten.
func (a *app) continues(ctx context.Context, cfg *config.File, store *journal.Store) error {
	c, ok, err := a.outside(ctx, cfg, store)
	if err == nil && ok {
		err = store.Continues(ctx, c)
		if err != nil {
			err = failed("nothing is done on it, but for `rolecall cut`; restore the newest backup, or see what it lacks with `rolecall audit accept`", "%w", err)
		}
	}
	if err != nil {
		return err
	}
	return unaccepted(ctx, store)
}

// unaccepted refuses a journal that came from a backup until somebody has accepted what it lacks.
func unaccepted(ctx context.Context, store *journal.Store) error {
	f, restored, err := store.Fact(ctx, engine.FactKey{Kind: engine.FactRestored})
	if err != nil || !restored {
		return err
	}
	return failed("nothing is done on it, but for `rolecall cut`; see what it lacks with `rolecall audit accept`",
		"%w: it was restored from a backup on %s by %s, and nobody has accepted yet what it lacks", journal.ErrRolledBack, stamp(f.Since), f.Text)
}

// cutsOnly lets nothing but cuts be worked: what else an old journal says is open may long be done, or undone.
type cutsOnly struct{ engine.Outbox }

// Claim implements engine.Outbox. What it passes over stays claimed, and is only read back later.
func (c cutsOnly) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	for {
		all, err := c.Outbox.Claim(ctx, r)
		if err != nil || len(all) == 0 {
			return nil, err
		}
		cuts := slices.DeleteFunc(all, func(i engine.Intent) bool { return i.Change.Cause != engine.CauseCut })
		if len(cuts) > 0 {
			return cuts, nil
		}
	}
}

// seal signs the journal as it is and keeps the checkpoint in the store and outside of it. It never replaces one that the
// journal does not continue.
func (a *app) seal(ctx context.Context, cfg *config.File, store *journal.Store) error {
	if cfg.Audit.Key.IsZero() {
		return nil
	}
	if err := a.continues(ctx, cfg, store); err != nil {
		return err
	}
	signer, err := a.signer(cfg)
	if err != nil {
		return err
	}
	signed, err := store.Checkpoint(ctx, signer)
	if err != nil || cfg.Audit.Checkpoints == "" {
		return err
	}
	if err := journal.WriteCheckpoint(cfg.In(cfg.Audit.Checkpoints), signed); err != nil {
		return err
	}
	return a.noteSealed(ctx, cfg, store)
}

// signer is the key that the configuration names.
func (a *app) signer(cfg *config.File) (audit.Signer, error) {
	secret, err := a.secrets(cfg.Dir)(cfg.Audit.Key)
	if err != nil {
		return nil, fmt.Errorf("the key that signs checkpoints: %w", err)
	}
	signer, err := audit.NewSigner(secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Audit.Key, err)
	}
	if !audit.Pair(signer, cfg.Audit.Verifier) {
		return nil, failed("name the key that belongs to audit.verifier; it must not seal anything else", "%s is not the secret key of audit.verifier", cfg.Audit.Key)
	}
	return signer, nil
}
