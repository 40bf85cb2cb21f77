package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Copy the journal into a file, and read the copy back",
		Long: "The copy is the journal as it was at one moment, while the daemon goes on; it is a SQLite file, whichever database the store\n" +
			"is, so that a backup can be restored into either. It is read back before it gets its name: SQLite's own check, every hash,\n" +
			"the checkpoint kept outside, and the views. Nothing is overwritten. What `rolecall audit` shows of a journal it shows of a\n" +
			"backup too: name the file as store: in a configuration.",
		Example: "  rolecall backup /srv/backup/rolecall-2027-01-31.db",
		Args:    args(cobra.ExactArgs(1)),
		RunE:    func(c *cobra.Command, given []string) error { return a.backup(c.Context(), given[0]) },
	}
}

// backedUp is the documented form of what backup says.
type backedUp struct {
	Version int    `json:"version"`
	File    string `json:"file"`
	Records int64  `json:"records"`
	Covered int64  `json:"covered"` // shown unchanged by the checkpoint from outside
	Root    string `json:"root"`
}

func (a *app) backup(ctx context.Context, file string) (err error) {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	store, err := a.store(ctx, cfg, reading, nil)
	if err != nil {
		return err
	}
	defer settle(&err, store.Close)
	c, sealed, err := a.outside(ctx, cfg, store)
	if err != nil {
		return err
	}
	if sealed {
		err = store.Continues(ctx, c)
	}
	if err != nil {
		return failed("no backup is made of a journal that is not what it was; the last one is worth more", "%w", err)
	}
	var heads []audit.Head
	if sealed {
		heads = append(heads, c.Head)
	}
	v, err := store.Backup(ctx, a.path(file), heads...)
	if err != nil {
		return failed("", "%w", err)
	}
	done := backedUp{Version: 1, File: file, Records: v.Records, Root: v.Tree.Head().Root.String()}
	if sealed {
		done.Covered = c.Size
	}
	return a.showBackup(done)
}

func (a *app) showBackup(b backedUp) error {
	out := a.out()
	if out.Format == render.JSON {
		return out.JSON(b)
	}
	out.Line("%s holds the journal: %s, read back and found whole.", b.File, plural(int(b.Records), "record"))
	if b.Covered > 0 {
		out.Line("The first %d are those of the checkpoint kept outside.", b.Covered)
	}
	out.Line("Root %s.", b.Root)
	return nil
}

func (a *app) restoreCommand() *cobra.Command {
	var discard bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup in the place of the journal",
		Long: "Stop the daemons first: while one runs, nothing is done. The backup is read whole, then takes the place of the journal, which is\n" +
			"kept beside it. A journal that has records which the backup lacks, or that can't be read, is replaced with --discard only; what is lost is listed. Nothing\n" +
			"acts on a restored journal, but for `rolecall cut`, until somebody has accepted what it lacks: `rolecall audit accept`.",
		Example: "  rolecall restore /srv/backup/rolecall-2027-01-31.db\n  rolecall restore /srv/backup/rolecall-2027-01-31.db --discard",
		Args:    args(cobra.ExactArgs(1)),
		RunE:    func(c *cobra.Command, given []string) error { return a.restore(c.Context(), given[0], discard) },
	}
	c.Flags().BoolVar(&discard, "discard", false, "also replace a journal that has more than the backup, or that can't be read")
	return c
}

func (a *app) restore(ctx context.Context, file string, discard bool) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	address, err := a.address(cfg)
	if err != nil {
		return err
	}
	if address == "sqlite:"+a.path(file) {
		return usage("name a file that `rolecall backup` wrote", "%s is the journal itself", file)
	}
	loses, err := a.loss(ctx, address, cfg.In("."), a.path(file))
	if err != nil {
		return failed("", "%w", err)
	}
	out := a.out()
	for _, line := range loses.lines {
		out.Line("%s", line)
	}
	if loses.something && !discard {
		return failed("look at them with `rolecall audit list`; with --discard the backup replaces the journal all the same, and that is kept beside it", "%s would be lost, so nothing was done", loses.what)
	}
	r := journal.Replacement{Address: address, Backup: a.path(file), Folder: cfg.In("."), Actor: a.Actor, Restored: loses.restored}
	kept, err := journal.Restore(ctx, r, journal.Options{Now: a.Now, Random: a.Random})
	if errors.Is(err, journal.ErrInUse) {
		return failed("`systemctl stop rolecall`, or whatever runs it here", "%w", err)
	}
	if err != nil {
		return failed("nothing was replaced", "%w", err)
	}
	out.Line("Restored: %s, the last of %s.", plural(int(loses.restored.Records), "record"), stamp(loses.restored.Last))
	if kept != "" {
		out.Line("The journal that was there is kept as %s.", kept)
	}
	out.Line("Nothing acts on it now, but for `rolecall cut`. Next: `rolecall audit accept` shows what it lacks.")
	return nil
}
