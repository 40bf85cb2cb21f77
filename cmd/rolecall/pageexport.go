package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/journal"
	"github.com/rolecall/rolecall/engine/web"
)

// The words of the two forms that are not export's own.
const (
	formJSONL = "jsonl"
	formCSV   = "csv"
)

// exports implements web.Exports: what `rolecall audit export` writes.
type exports struct{ s *server }

// Forms implements web.Exports.
func (exports) Forms() []web.ExportForm {
	return []web.ExportForm{{Word: formJSONL, Name: "JSON Lines", Kind: "application/jsonl", Ending: "jsonl"}, {Word: formCSV, Name: "CSV", Kind: "text/csv; charset=utf-8", Ending: "csv"},
		{Word: "ocsf", Name: "OCSF", Kind: "application/jsonl", Ending: "ocsf.jsonl"}, {Word: "syslog", Name: "Syslog", Kind: "text/plain; charset=utf-8", Ending: "log"}, {Word: "cef", Name: "CEF", Kind: "text/plain; charset=utf-8", Ending: "cef"}}
}

// Export implements web.Exports.
func (e exports) Export(ctx context.Context, q engine.Query, form string, to io.Writer) error {
	store := e.s.system().store
	out := bufio.NewWriterSize(to, 64<<10)
	if form == formCSV {
		return errors.Join(writeTable(ctx, store, q, render.Out{W: out, Format: render.CSV}), out.Flush())
	}
	line := lineForm(storedForm)
	if form != formJSONL {
		line, _ = formOf(form)
	}
	err := writtenAs(ctx, store, q, line, func(_ engine.Record, text []byte) error {
		_, err := out.Write(text)
		return err
	})
	return errors.Join(err, out.Flush())
}

// writtenAs gives each record with its line, "" where the form has none.
func writtenAs(ctx context.Context, store *journal.Store, q engine.Query, form lineForm, yield func(r engine.Record, line []byte) error) error {
	source := newIntents(ctx, store)
	return store.StoredRecords(ctx, q, func(r engine.Record, st journal.Stored) error {
		line, err := form(r, st, source)
		if err != nil {
			return err
		}
		return yield(r, line)
	})
}

// writeTable writes in batches, so that a long journal needs no memory; only the first has the header.
func writeTable(ctx context.Context, store *journal.Store, q engine.Query, out render.Out) error {
	batch := render.Table{Header: recordHeader()}
	flush := func() error {
		err := out.Data(batch, nil)
		batch = render.Table{}
		return err
	}
	err := store.StoredRecords(ctx, q, func(r engine.Record, _ journal.Stored) error {
		cells := recordCells(shown(r))
		cells[slices.Index(recordHeader(), "hash")] = r.Hash
		if batch.Add(render.Plain, cells...); len(batch.Rows) < 1000 {
			return nil
		}
		return flush()
	})
	return errors.Join(err, flush())
}

// prove is for web.Options: whether what is stored of a record leads to the root is looked at here, too.
func (s *server) prove(ctx context.Context, seq int64) (p web.Proof, err error) {
	store := s.system().store
	var stored journal.Stored
	if err := store.StoredRecords(ctx, engine.Query{After: seq - 1, Before: seq + 1, Limit: 1}, func(_ engine.Record, st journal.Stored) error { stored = st; return nil }); err != nil {
		return p, err
	}
	shown, err := store.ProveInclusion(ctx, seq)
	if err != nil {
		return p, err
	}
	p = web.Proof{Size: shown.Head.Size, Root: base64.StdEncoding.EncodeToString(shown.Head.Root[:]), Path: proofOf(shown).Path, Checkpoint: shown.Checkpoint, Stored: web.HashedAll(stored)}
	p.Leads = leads(seq, stored, shown)
	return p, nil
}

// leads says whether what is stored of a record leads to the root, and whether that is the checkpoint's.
func leads(seq int64, stored journal.Stored, shown journal.Inclusion) bool {
	d, err := stored.Decode()
	if err != nil {
		return false
	}
	leaf, err := d.Proven.LeafOf()
	if err != nil || audit.CheckInclusion(shown.Path, shown.Head, seq, leaf) != nil {
		return false
	}
	text, _, _ := strings.Cut(shown.Checkpoint, "\n\n") // a note is a text, an empty line, and signatures
	sealed, err := audit.ParseCheckpoint(text + "\n")
	return shown.Checkpoint == "" || err == nil && sealed.Head == shown.Head
}
