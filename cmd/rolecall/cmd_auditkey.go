package main

import (
	"cmp"
	"os"

	"github.com/rolecall/rolecall/engine/audit"
	"github.com/spf13/cobra"
)

func (a *app) auditKey() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "key NAME", Short: "Make the pair of keys that seals the journal", Args: args(cobra.ExactArgs(1)),
		Long: "Writes the secret key into a file and prints the public one. NAME is the journal's own, for ever, like\n" +
			"rolecall.example.com/journal. Put the file where the store's administrator can't read it, and both into the configuration:\n\n" +
			"  audit: {key: {file: journal.key}, verifier: \"…\", checkpoints: /srv/elsewhere/journal.checkpoint}",
		Example: "  rolecall audit key rolecall.example.com/journal --out journal.key",
		RunE:    func(_ *cobra.Command, given []string) error { return a.makeKey(given[0], file) },
	}
	c.Flags().StringVar(&file, "out", "journal.key", "the new `FILE` for the secret key")
	return c
}

func (a *app) makeKey(name, file string) error {
	secret, public, err := audit.GenerateKey(a.Random, name)
	if err != nil {
		return usage("a name like rolecall.example.com/journal", "%w", err)
	}
	f, err := os.OpenFile(a.path(file), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return failed("an existing key is never overwritten", "%w", err)
	}
	if _, err = f.WriteString(secret + "\n"); err == nil {
		err = f.Sync()
	}
	if err = cmp.Or(err, f.Close()); err != nil {
		return failed("", "%w", err)
	}
	a.out().Line("%s", public)
	return nil
}
