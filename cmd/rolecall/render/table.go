package render

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Format is a form of output.
type Format string

// The formats.
const (
	TableFormat Format = "table"
	JSON        Format = "json"
	CSV         Format = "csv"
	Markdown    Format = "markdown"
)

// Formats are the words for -o.
func Formats() []string {
	return []string{string(TableFormat), string(JSON), string(CSV), string(Markdown)}
}

// Out is where something is shown, and how.
type Out struct {
	W      io.Writer
	Format Format
	Color  bool // the writer is a terminal that may show colours
}

// Table is rows of text. Cells are raw: each format makes them safe.
type Table struct {
	Header []string
	Rows   [][]string
	Colors []Color // of whole rows; may be shorter than Rows
}

// Add puts a row in.
func (t *Table) Add(color Color, cells ...string) {
	t.Rows, t.Colors = append(t.Rows, cells), append(t.Colors, color)
}

// all is the header, if there is one, and the rows.
func (t *Table) all() [][]string {
	if len(t.Header) == 0 {
		return t.Rows
	}
	return append([][]string{t.Header}, t.Rows...)
}

// Color of a text on a terminal, by its meaning. Words always say the same as colours.
type Color string

// The colours, as parameters of SGR (ECMA-48, 8.3.117).
const (
	Plain Color = ""
	Green Color = "32"
	Red   Color = "31"
	Amber Color = "33"
	Dim   Color = "2"
	Bold  Color = "1"
)

// Paint colours text that is already clean.
func (o Out) Paint(c Color, clean string) string {
	if !o.Color || c == Plain || clean == "" {
		return clean
	}
	return "\x1b[" + string(c) + "m" + clean + "\x1b[0m"
}

// Data shows rows for people and for spreadsheets, or a value as JSON.
func (o Out) Data(t Table, value any) error {
	switch o.Format {
	case JSON:
		return o.JSON(value)
	case CSV:
		return o.csv(t)
	case Markdown:
		return o.markdown(t)
	}
	_, err := io.WriteString(o.W, o.grid(t))
	return err
}

// JSON writes a value, indented. Escapes of <, > and & are left out: this is no web page.
func (o Out) JSON(value any) error {
	e := json.NewEncoder(o.W)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

func (o Out) csv(t Table) error {
	w := csv.NewWriter(o.W)
	w.UseCRLF = true // RFC 4180, 2.1
	for _, r := range t.all() {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = Cell(c)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func (o Out) markdown(t Table) error {
	row := func(cells []string) string {
		var b strings.Builder
		for _, c := range cells {
			b.WriteString("| " + markdownCell(c) + " ")
		}
		return b.String() + "|\n"
	}
	var b strings.Builder
	if len(t.Header) > 0 {
		b.WriteString(row(t.Header) + strings.Repeat("| --- ", len(t.Header)) + "|\n")
	}
	for _, r := range t.Rows {
		b.WriteString(row(r))
	}
	_, err := io.WriteString(o.W, b.String())
	return err
}

// markdownCell escapes what GitHub Flavored Markdown would read as markup, links and HTML in particular (2.4).
func markdownCell(s string) string {
	var b strings.Builder
	for _, r := range Clean(s) {
		if strings.ContainsRune("\\|`*_[]<>~#&!", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// grid lays a table out for a terminal: two spaces between columns, no lines.
func (o Out) grid(t Table) string {
	w := table.NewWriter()
	style := table.StyleDefault
	style.Box = table.BoxStyle{PaddingLeft: "", PaddingRight: "  "}
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	w.SetStyle(style)
	if len(t.Header) > 0 {
		w.AppendHeader(o.line(t.Header, Dim))
	}
	for i, r := range t.Rows {
		color := Plain
		if i < len(t.Colors) {
			color = t.Colors[i]
		}
		w.AppendRow(o.line(r, color))
	}
	var b strings.Builder
	for line := range strings.Lines(w.Render()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

func (o Out) line(cells []string, c Color) table.Row {
	row := make(table.Row, len(cells))
	for i, cell := range cells {
		row[i] = o.Paint(c, Clean(cell))
	}
	return row
}

// Line writes one line; every argument is made safe, the format is not.
func (o Out) Line(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = Clean(a)
		case error:
			args[i] = Clean(a.Error())
		case fmt.Stringer:
			args[i] = Clean(a.String())
		}
	}
	fmt.Fprintf(o.W, format+"\n", args...)
}

// Raw writes one line that is clean already, and may be painted.
func (o Out) Raw(line string) { fmt.Fprintln(o.W, line) }
