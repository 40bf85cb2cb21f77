package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/export"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/journal"
)

func (a *app) auditExport() *cobra.Command {
	var f queryFlags
	var format, cursorFile, outFile string
	var to collectorFlags
	c := &cobra.Command{
		Use: "export", Short: "Records as JSON Lines, CSV, OCSF, syslog or CEF, oldest first", Args: args(cobra.NoArgs),
		Long: "JSON Lines have everything, and what each hash is of. --format ocsf, syslog or cef is for programs that collect events.\n" +
			"--cursor FILE goes on behind what the last export with it gave; with --out FILE nothing is lost or doubled, wherever it was interrupted.\n" +
			"--collector tls://HOST:PORT sends syslog to a collector (RFC 5425), from --cursor on: nothing is lost, and what was under way at an interruption comes twice.",
		Example: "  rolecall audit export --from 2026-01-01 > 2026.jsonl\n  rolecall audit export -o csv --program crm > crm.csv\n  rolecall audit export --format ocsf --cursor /var/lib/rolecall/ocsf.cursor --out /var/log/rolecall.ocsf",
		RunE: func(c *cobra.Command, _ []string) error {
			f.oldest = true
			table := a.output == string(render.CSV) || a.output == string(render.Markdown)
			if err := exportable(format, table, cursorFile, outFile, &f); err != nil {
				return err
			}
			if table && to.to == "" {
				return a.exportTable(c.Context(), f)
			}
			form := storedForm
			if format != "" {
				form, _ = formOf(format)
			}
			collector, err := a.collector(to, format, cursorFile, outFile)
			if err != nil {
				return err
			}
			return a.exportLines(c.Context(), f, form, position{file: cursorFile, out: outFile, format: format, collector: collector})
		},
	}
	f.register(c, 0)
	c.Flags().StringVar(&format, "format", "", "the `FORM` of lines: "+strings.Join(export.Forms(), ", "))
	c.Flags().StringVar(&cursorFile, "cursor", "", "the `FILE` that remembers how far the last export went")
	c.Flags().StringVar(&outFile, "out", "", "append to this `FILE`, with --cursor")
	to.register(c)
	return c
}

// exportable refuses what contradicts itself.
func exportable(format string, table bool, cursorFile, outFile string, f *queryFlags) error {
	if _, ok := formOf(format); format != "" && !ok {
		return usage("there are: "+strings.Join(export.Forms(), ", "), "%q is no form of export", format)
	}
	switch {
	case table && (format != "" || cursorFile != ""):
		return usage("leave -o out", "-o is for tables; --format and --cursor are for lines")
	case outFile != "" && cursorFile == "":
		return usage("or write it with the shell: > FILE", "--out needs --cursor")
	case cursorFile != "" && (f.after != 0 || f.limit != 0):
		return usage("", "--cursor says where to go on; it does not go with --after and --limit")
	}
	return nil
}

// lineForm gives the line of a record, with its end; nil: there is none. Only a form that shows what a result belongs to asks for it.
type lineForm func(r engine.Record, stored journal.Stored, source *intents) ([]byte, error)

func formOf(word string) (lineForm, bool) {
	form, ok := export.FormOf(word)
	return func(r engine.Record, _ journal.Stored, source *intents) ([]byte, error) {
		e, err := source.entry(r)
		if err != nil {
			return nil, err
		}
		return form(e)
	}, ok
}

// storedForm is a record with what its hash is of.
func storedForm(one engine.Record, stored journal.Stored, _ *intents) ([]byte, error) {
	r := shown(one)
	r.Stored = &stored
	var b strings.Builder
	encoder := json.NewEncoder(render.Visible(&b))
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(r)
	return []byte(b.String()), err
}

// exportLines writes line by line; the position moves only behind what is written.
func (a *app) exportLines(ctx context.Context, f queryFlags, form lineForm, at position) (err error) {
	s, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.Close)
	at.file, at.out = a.optional(at.file), a.optional(at.out)
	if err := at.open(ctx, s, &f); err != nil {
		return err
	}
	defer at.close()
	q, err := f.query()
	if err != nil {
		return err
	}
	if q.Person, err = keyOf(ctx, s, q.Person); err != nil {
		return err
	}
	out := bufio.NewWriterSize(at.writer(a.Stdout), 64<<10)
	n := 0
	err = writtenAs(ctx, s, q, form, func(r engine.Record, line []byte) error {
		if at.collector != nil && len(line) > 0 {
			line = export.Framed(line)
		}
		_, err := out.Write(line)
		if n++; err == nil && n%10_000 == 0 {
			err = at.reached(out, r)
		}
		at.last = r
		return err
	})
	if err == nil {
		err = a.tellPruned(ctx, s, q.After)
	}
	return errors.Join(err, at.ended(out, err))
}

func (a *app) optional(file string) string {
	if file == "" {
		return ""
	}
	return a.path(file)
}

// exportTable is the journal as a table.
func (a *app) exportTable(ctx context.Context, f queryFlags) (err error) {
	q, err := f.query()
	if err != nil {
		return err
	}
	s, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.Close)
	if q.Person, err = keyOf(ctx, s, q.Person); err != nil {
		return err
	}
	return cmp.Or(writeTable(ctx, s, q, a.out()), a.tellPruned(ctx, s, q.After))
}
