package main

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) auditKey() *cobra.Command {
	var file, reason string
	var epoch, lost bool
	c := &cobra.Command{
		Use: "key NAME | --new-epoch", Short: "Make the pair of keys that seals the journal, or replace it",
		Long: "Writes the secret key into a file and prints the public one. NAME is the journal's own, for ever, like\n" +
			"rolecall.example.com/journal. Put the file where the store's administrator can't read it, and both into the configuration:\n\n" +
			"  audit: {key: {file: journal.key}, verifier: \"…\", checkpoints: /srv/elsewhere/journal.checkpoint}\n\n" +
			"--new-epoch replaces the key of the configuration by a new one, which the former key signs; with --lost that is not at hand.\n" +
			"The journal records it. Nothing acts until the configuration names the new pair. `rolecall audit verify` knows both keys.",
		Example: "  rolecall audit key rolecall.example.com/journal --out journal.key\n  rolecall audit key --new-epoch --out journal2.key --reason \"each year\"\n  rolecall audit key --new-epoch --lost --out journal2.key --reason \"the machine with the key burnt\"",
		Args: args(func(c *cobra.Command, given []string) error {
			if epoch {
				return cobra.NoArgs(c, given)
			}
			return cobra.ExactArgs(1)(c, given)
		}),
		RunE: func(c *cobra.Command, given []string) error {
			if epoch {
				return a.newEpoch(c.Context(), file, reason, lost)
			}
			_, public, err := a.makeKey(given[0], file)
			if err == nil {
				a.out().Line("%s", public)
			}
			return err
		},
	}
	c.Flags().StringVar(&file, "out", "journal.key", "the new `FILE` for the secret key")
	c.Flags().BoolVar(&epoch, "new-epoch", false, "replace the key that the configuration names")
	c.Flags().BoolVar(&lost, "lost", false, "the former key is not at hand to sign the new one")
	reasonFlag(c, &reason)
	return c
}

func (a *app) makeKey(name, file string) (secret, public string, err error) {
	if secret, public, err = audit.GenerateKey(a.Random, name); err != nil {
		return "", "", usage("a name like rolecall.example.com/journal", "%w", err)
	}
	f, err := os.OpenFile(a.path(file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", "", failed("an existing key is never overwritten", "%w", err)
	}
	if _, err = f.WriteString(secret + "\n"); err == nil {
		err = f.Sync()
	}
	if err = cmp.Or(err, f.Close()); err != nil {
		return "", "", failed("", "%w", err)
	}
	return secret, public, nil
}

// newEpoch has another key seal the journal from here on.
func (a *app) newEpoch(ctx context.Context, file, reason string, lost bool) (err error) {
	if strings.TrimSpace(reason) == "" {
		return refused(engine.ErrNoReason)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if cfg.Audit.Verifier == "" || cfg.Audit.Checkpoints == "" {
		return usage("`rolecall audit key NAME` makes the first pair", "%s: audit: names no verifier and checkpoints, so there is no key to replace", cfg.Path)
	}
	var old audit.Signer
	if !lost {
		if old, err = a.signer(cfg); err != nil {
			return failed("bring the key back, or say --lost if it is lost for good", "the former key must sign the new one: %w", err)
		}
	}
	store, err := a.store(ctx, cfg, writing, nil)
	if err != nil {
		return err
	}
	defer settle(&err, store.Close)
	if err := a.continues(ctx, cfg, store); err != nil {
		return err
	}
	if err := journal.Writable(cfg.In(cfg.Audit.Checkpoints)); err != nil { // the record would stay, and what it says be nowhere
		return failed("nothing was changed", "%w", err)
	}
	name, _, _ := strings.Cut(cfg.Audit.Verifier, "+")
	secret, public, err := a.makeKey(name, file)
	if err != nil {
		return err
	}
	next, err := audit.NewSigner(secret)
	if err != nil {
		return err
	}
	change := keyChange{From: cfg.Audit.Verifier, To: public, Lost: lost}
	if err := a.changeKey(ctx, store, cfg.In(cfg.Audit.Checkpoints), change, reason, old, next); err != nil {
		return failed("the former key is in force; remove "+file+" and do it again", "%w", err)
	}
	a.out().Line("The journal is sealed with another key now. Nothing acts until the configuration names it:")
	a.out().Line("  audit: {key: {file: %s}, verifier: \"%s\", checkpoints: %s}", file, public, cfg.Audit.Checkpoints)
	return nil
}

// changeKey records the change and seals the journal with the new key.
func (a *app) changeKey(ctx context.Context, store *journal.Store, outside string, change keyChange, reason string, old, next audit.Signer) error {
	data, err := json.Marshal(change)
	if err != nil {
		return err
	}
	if err := store.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindKey, Actor: a.Actor, Why: []string{reason}, Data: data}}); err != nil {
		return err
	}
	signed, err := store.Handover(ctx, change.From, old, next, change.To)
	if err != nil {
		return err
	}
	return journal.WriteCheckpoint(outside, signed)
}
