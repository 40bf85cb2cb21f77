package render

import (
	"encoding/json"
	"fmt"
	"io"
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
	if o.Format == JSON {
		return o.JSON(value)
	}
	return o.table(t.Header, t.lines())
}

// JSON writes a value, indented. Escapes of <, > and & are left out: this is no web page.
func (o Out) JSON(value any) error {
	e := json.NewEncoder(Visible(o.W))
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(value)
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
