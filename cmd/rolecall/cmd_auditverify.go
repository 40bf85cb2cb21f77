package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine/audit"
)

func (a *app) auditVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Prove that the journal is whole and unchanged", Args: args(cobra.NoArgs),
		Long: "Recomputes every record's hash and the Merkle tree over them, compares the tree with the checkpoint kept outside (audit:\n" +
			"checkpoints), the store's own checkpoints with the keys that were in force, and the views with what the records say. Finds edits, removals, insertions, changes of order, cuts and\n" +
			"roll-backs, and names the first bad record. Exits with 1 if anything is wrong.",
		Example: "  rolecall audit verify",
		RunE:    func(c *cobra.Command, _ []string) error { return a.verify(c.Context()) },
	}
}

// verified is the documented form of what verify found.
type verified struct {
	Version int          `json:"version"`
	OK      bool         `json:"ok"`
	Records int64        `json:"records"`
	Covered int64        `json:"covered"` // shown unchanged by the checkpoint from outside
	Blanked int64        `json:"blanked"`
	Left    uncompared   `json:"notCompared"`
	Pruned  *pruningJSON `json:"pruned,omitempty"`
	Root    string       `json:"root"`
	Keys    []string     `json:"keys,omitempty"` // where another key took over
	Wrong   []string     `json:"wrong"`
}

// pruningJSON is the last pruning.
type pruningJSON struct {
	Before  string `json:"before"`
	UpTo    int64  `json:"upTo"`
	Emptied int64  `json:"emptied"`
	By      string `json:"by"`
	Reason  string `json:"reason"`
	Time    string `json:"time"`
	Record  int64  `json:"record"`
}

// uncompared are the views that blankings left nothing to compare with.
type uncompared struct {
	People   int `json:"people"`
	Accounts int `json:"accounts"`
	Rows     int `json:"rows"` // links and intervals of theirs
}

func (a *app) verify(ctx context.Context) (err error) {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	store, err := a.store(ctx, cfg, reading, nil)
	if err != nil {
		return err
	}
	defer settle(&err, store.Close)
	var heads []audit.Head
	c, sealed, err := a.checkpoint(cfg)
	if err != nil {
		return err
	}
	_, _, gone := a.outside(ctx, cfg, store)
	if sealed {
		heads = append(heads, c.Head)
	}
	v, err := store.Verify(ctx, heads...)
	if err != nil {
		return err
	}
	found := verified{Version: 1, OK: v.OK(), Records: v.Records, Covered: v.Covered, Blanked: v.Blanked, Left: uncompared{v.People, v.Accounts, v.Left}, Root: v.Tree.Head().Root.String(), Wrong: append([]string{}, v.Wrong...)}
	by, err := a.keyHistory(ctx, cfg, store)
	if err != nil {
		return err
	}
	found.Keys, found.Wrong = by.lines, append(found.Wrong, by.wrong...)
	found.OK = found.OK && len(by.wrong) == 0
	if v.Pruned != nil {
		found.Pruned = &pruningJSON{stamp(v.Pruned.Before), v.Pruned.UpTo, v.Emptied, v.Pruned.By, v.Pruned.Reason, stamp(v.Pruned.Time), v.Pruned.Record}
		if err := by.snapshot(ctx, store, v.Pruned); err != nil {
			found.OK, found.Wrong = false, append(found.Wrong, err.Error())
		}
	}
	if gone != nil {
		found.OK, found.Wrong = false, append([]string{gone.Error()}, found.Wrong...)
	}
	if v.Fault != nil {
		found.Wrong = append([]string{v.Fault.String()}, found.Wrong...)
	}
	if err := a.showVerified(found, sealed); err != nil || found.OK {
		return err
	}
	return exit(exitFailed)
}

func (a *app) showVerified(v verified, sealed bool) error {
	out := a.out()
	if out.Format == render.JSON {
		return out.JSON(v)
	}
	for _, w := range v.Wrong {
		out.Raw(out.Paint(render.Red, "wrong: ") + render.Clean(w))
	}
	for _, k := range v.Keys {
		out.Line("%s", k)
	}
	switch {
	case !v.OK:
		out.Line("The journal is NOT what it was. Nothing it says after the first wrong record can be relied on.")
	case sealed:
		out.Line("%d records, all as they were written; the first %d are those of the checkpoint kept outside.", v.Records, v.Covered)
	default:
		out.Line("%d records, all as they were written, as far as the store alone can show; with audit: key and checkpoints, a seal is kept outside.", v.Records)
	}
	if v.Blanked > 0 && v.OK {
		out.Line("%s blanked. The views of everybody else agree with the records; not compared: %s of blanked people (%d) and accounts (%d).", plural(int(v.Blanked), "record"), plural(v.Left.Rows, "row"), v.Left.People, v.Left.Accounts)
	}
	if p := v.Pruned; p != nil && v.OK {
		out.Line("What was before %s was pruned by %s on %s because %q (record %d): of %s nothing but the hash is left, and the tree shows that it is right.", p.Before, p.By, p.Time, p.Reason, p.Record, plural(int(p.Emptied), "record"))
	}
	if v.OK {
		out.Line("Root %s.", v.Root)
	}
	return nil
}
