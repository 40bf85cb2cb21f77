package directory

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/rolecall/rolecall/engine"
)

// CSVConfig is a directory in a CSV file (RFC 4180) with a header row, such as an HR system exports it. Rows with the
// same key are the jobs of one person.
type CSVConfig struct {
	Config
	File
	Comma    rune   // 0 means ','
	Encoding string // utf-8 (also ""), windows-1252, iso-8859-1, iso-8859-15, utf-16
}

type csvDirectory struct{ cfg CSVConfig }

// CSV makes a directory of a CSV file. It is read anew on each call of People.
func CSV(cfg CSVConfig) (engine.Directory, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	for _, r := range cfg.Roles {
		if r.Group != nil {
			return nil, fmt.Errorf("directory %s: roles: a CSV file has no groups; use {attribute: …}", cfg.Name)
		}
	}
	if cfg.Whole {
		return nil, fmt.Errorf("directory %s: whole: a cut CSV file looks like a whole one; use a count, an end mark or a done-file", cfg.Name)
	}
	if _, err := decoder(cfg.Encoding); err != nil {
		return nil, fmt.Errorf("directory %s: %w", cfg.Name, err)
	}
	cfg.Key, cfg.Attributes = canonOr(cfg.Key), slices.Clone(cfg.Attributes)
	for i := range cfg.Attributes { // columns are compared in canonical form
		cfg.Attributes[i].Source = canonOr(cfg.Attributes[i].Source)
	}
	if cfg.Comma == 0 {
		cfg.Comma = ','
	}
	return &csvDirectory{cfg}, nil
}

// decoder gives nil for UTF-8, which is checked row by row instead.
func decoder(name string) (encoding.Encoding, error) {
	switch strings.ToLower(name) {
	case "", "utf-8", "utf8":
		return nil, nil
	case "windows-1252", "cp1252":
		return charmap.Windows1252, nil
	case "iso-8859-1", "latin1":
		return charmap.ISO8859_1, nil
	case "iso-8859-15", "latin9":
		return charmap.ISO8859_15, nil
	case "utf-16":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), nil
	}
	return nil, fmt.Errorf("encoding %s is not known; use utf-8, windows-1252, iso-8859-1, iso-8859-15 or utf-16", quote(name))
}

// People reads the file; see engine.Directory. It may be called concurrently.
func (d *csvDirectory) People(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	src, err := d.cfg.open(d.cfg.Name)
	if err != nil {
		return engine.Proof{Source: d.cfg.Name}, err
	}
	b := newBuilder(&d.cfg.Config)
	b.rows = true
	t := &table{b: b, src: src, cfg: &d.cfg}
	if err := t.read(ctx); err != nil {
		src.f.Close()
		return engine.Proof{Source: d.cfg.Name}, fmt.Errorf("directory %s: %w", d.cfg.Name, err)
	}
	src.finish(b)
	return b.finish(ctx, yield)
}

// table reads the rows of one file.
type table struct {
	b      *builder
	src    *source
	cfg    *CSVConfig
	rows   *csv.Reader
	guard  *rowGuard
	header []string // canonical, "" for columns that nobody asked for
	multi  map[string]string
}

// rowGuard ends a row that is longer than any row may be: a quote that is never closed would swallow the file.
type rowGuard struct {
	in   io.Reader
	left int
}

var errRow = fmt.Errorf("a row of more than %d bytes; look for a quote that is not closed", maxRow)

func (g *rowGuard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errRow
	}
	n, err := g.in.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

func (t *table) read(ctx context.Context) error {
	in := bufio.NewReader(t.src.in)
	if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3) // it was there a moment ago
	}
	t.guard = &rowGuard{in, maxRow}
	if enc, _ := decoder(t.cfg.Encoding); enc != nil { // CSV refused unknown names
		t.guard.in = enc.NewDecoder().Reader(in)
	}
	t.rows = csv.NewReader(t.guard)
	t.rows.Comma, t.rows.FieldsPerRecord, t.rows.ReuseRecord = t.cfg.Comma, -1, true
	for {
		cells, err := t.rows.Read()
		if err != nil && t.guard.left <= 0 {
			err = errRow // encoding/csv only says that a quote is missing
		}
		t.guard.left = maxRow
		if err == io.EOF {
			break
		}
		if err != nil {
			t.broken(err)
			break
		}
		if t.header == nil {
			t.first(cells)
		} else {
			t.row(cells)
		}
		if t.src.broken != "" {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if t.header == nil && t.src.broken == "" {
		t.src.broken = "it is empty, without even a header row"
	}
	return nil
}

// broken says where the file stops being CSV. What follows can't be told from what the broken row swallowed.
func (t *table) broken(err error) {
	var p *csv.ParseError
	if errors.As(err, &p) {
		err = fmt.Errorf("line %d: %w", p.StartLine, p.Err)
	}
	t.src.broken = err.Error()
}

func (t *table) place() string {
	line, _ := t.rows.FieldPos(0)
	return fmt.Sprintf("%s:%d", t.src.name, line)
}

// first takes the header, or a declaration before it.
func (t *table) first(cells []string) {
	if t.declaration(cells) {
		return
	}
	header := make([]string, len(cells))
	seen := map[string]bool{}
	for i, c := range cells {
		name, err := folded(c)
		if err != nil || strings.ContainsRune(c, 0) {
			t.src.broken = fmt.Sprintf("%s: column %d of the header is not text; look at the encoding", t.place(), i+1)
			return
		}
		if seen[name] && name != "" {
			t.src.broken = fmt.Sprintf("%s: the column %s is there twice", t.place(), quote(c))
			return
		}
		seen[name] = true
		header[i] = name
	}
	t.header = header
	t.columns(seen)
}

// columns looks for the declared ones. Without the key there are no people; without another, it is unknown of everybody.
func (t *table) columns(seen map[string]bool) {
	if !seen[t.cfg.Key] {
		t.src.broken = fmt.Sprintf("%s: no column %s, the key; look at the header and at the delimiter %q", t.place(), quote(t.cfg.Key), t.cfg.Comma)
		return
	}
	t.multi = map[string]string{}
	for _, a := range t.cfg.Attributes {
		name := a.Source
		if a.Multi {
			t.multi[name] = ";"
			if a.Split != "" {
				t.multi[name] = a.Split
			}
		}
		if !seen[name] {
			reason := engine.Reason{Code: engine.ReasonMalformed, Detail: fmt.Sprintf("%s: no column %s, so %s is unknown of everybody", t.place(), quote(a.Source), a.Name)}
			t.b.lost[a.Name] = []engine.Reason{reason}
			t.b.notice(reason.Code, reason.Detail)
		}
	}
}

// declaration says whether a row is the file's word about itself: `rows,120`, `rows: 120`, or the end mark.
func (t *table) declaration(cells []string) bool {
	n := len(cells)
	for n > 0 && strings.TrimSpace(cells[n-1]) == "" {
		n--
	}
	if n == 0 || n > 2 {
		return false
	}
	return t.src.mark(strings.TrimSpace(strings.Join(cells[:n], " ")))
}

func (t *table) row(cells []string) {
	if t.declaration(cells) || strings.TrimSpace(strings.Join(cells, "")) == "" {
		return
	}
	t.src.record()
	if len(cells) != len(t.header) {
		t.b.against(engine.ReasonMalformed, fmt.Sprintf("%s: %s, the header has %d", t.place(), plural(len(cells), "cell", "cells"), len(t.header)))
		return
	}
	e := entry{place: t.place()}
	for i, c := range cells {
		if c == "" || t.header[i] == "" {
			continue
		}
		e.attrs = append(e.attrs, t.cell(t.header[i], c))
	}
	t.b.person(&e)
}

// cell makes values of one cell. Bytes that are no UTF-8 are named here, with the encoding as the likely cause.
func (t *table) cell(column, c string) raw {
	r := raw{name: column, values: []string{c}}
	if !utf8.ValidString(c) {
		r.bad = "not valid UTF-8; set the encoding, such as windows-1252"
		return r
	}
	if split := t.multi[column]; split != "" {
		r.values = strings.Split(c, split)
	}
	return r
}
