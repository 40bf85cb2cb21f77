package main

import (
	"context"
	"encoding/base64"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

// shownRecord is the documented answer of audit show.
type shownRecord struct {
	recordJSON
	Blanked *blankedJSON `json:"blanked,omitempty"` // when, by whom and why what is missing was deleted
	Proof   proofJSON    `json:"proof"`
}

// proofJSON shows that the record, by its hash, is in the journal (RFC 6962, 2.1.1).
type proofJSON struct {
	Size       int64    `json:"size"`       // records whose root it is
	Root       string   `json:"root"`       // base64
	Path       []string `json:"path"`       // base64, from the leaf upwards
	Checkpoint string   `json:"checkpoint"` // that has this root; empty while none covers the record
}

func (a *app) auditShow() *cobra.Command {
	return &cobra.Command{
		Use: "show SEQ", Short: "One record, whole, with the proof that it is in the journal", Example: "  rolecall audit show 42", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			seq, err := strconv.ParseInt(given[0], 10, 64)
			if err != nil || seq < 1 {
				return usage("`rolecall audit list` shows the numbers", "%q is no number of a record", given[0])
			}
			return a.showRecord(c.Context(), seq)
		},
	}
}

func (a *app) showRecord(ctx context.Context, seq int64) (err error) {
	s, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.Close)
	var found []shownRecord
	err = s.StoredRecords(ctx, engine.Query{After: seq - 1, Before: seq + 1, Limit: 1}, func(r engine.Record, stored journal.Stored) error {
		one := shownRecord{recordJSON: shown(r)}
		one.Stored = &stored
		found = append(found, one)
		return nil
	})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return usage("`rolecall audit list` shows the numbers", "there is no record %d", seq)
	}
	p, err := s.ProveInclusion(ctx, seq)
	if err != nil {
		return err
	}
	found[0].Proof = proofOf(p)
	if found[0].Stored.Salt == "" {
		if found[0].Blanked, err = blankingOf(ctx, s, found[0].Person); err != nil {
			return err
		}
	}
	// One record is shown as JSON in every format: nothing of it may be left out.
	return render.Out{W: a.Stdout}.JSON(found[0])
}

func proofOf(p journal.Inclusion) proofJSON {
	out := proofJSON{Size: p.Head.Size, Root: base64.StdEncoding.EncodeToString(p.Head.Root[:]), Path: []string{}, Checkpoint: p.Checkpoint}
	for _, h := range p.Path {
		out.Path = append(out.Path, base64.StdEncoding.EncodeToString(h[:]))
	}
	return out
}
