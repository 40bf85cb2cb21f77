package render

import (
	"bufio"
	"encoding/csv"
	"iter"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// rows are the lines of a table, which can be gone through more than once: they are made as they are written, since those
// of a big plan are more than the plan itself.
type rows iter.Seq2[Color, []string]

// lines are the rows of a table that is there as a whole.
func (t *Table) lines() rows {
	return func(yield func(Color, []string) bool) {
		for i, r := range t.Rows {
			color := Plain
			if i < len(t.Colors) {
				color = t.Colors[i]
			}
			if !yield(color, r) {
				return
			}
		}
	}
}

// under puts the header, if there is one, above the rows.
func (r rows) under(header []string) rows {
	if len(header) == 0 {
		return r
	}
	return func(yield func(Color, []string) bool) {
		if yield(Dim, header) {
			r(yield)
		}
	}
}

// table shows rows in the format of the output, JSON apart.
func (o Out) table(header []string, r rows) error {
	switch o.Format {
	case CSV:
		return o.csv(r.under(header))
	case Markdown:
		return o.markdown(header, r)
	}
	return o.grid("", r.under(header))
}

func (o Out) csv(r rows) error {
	w := csv.NewWriter(bufio.NewWriterSize(o.W, 64<<10))
	w.UseCRLF = true // RFC 4180, 2.1
	var cells []string
	for _, row := range r {
		cells = cells[:0]
		for _, c := range row {
			cells = append(cells, Cell(c))
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func (o Out) markdown(header []string, r rows) error {
	w := bufio.NewWriterSize(o.W, 64<<10)
	row := func(cells []string) {
		for _, c := range cells {
			_, _ = w.WriteString("| " + markdownCell(c) + " ")
		}
		_, _ = w.WriteString("|\n")
	}
	if len(header) > 0 {
		row(header)
		_, _ = w.WriteString(strings.Repeat("| --- ", len(header)) + "|\n")
	}
	for _, cells := range r {
		row(cells)
	}
	return w.Flush() // an error of any write comes again here
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

// grid lays rows out for a terminal: two spaces between columns, no lines. It goes through them twice, for the widths first.
func (o Out) grid(indent string, r rows) error {
	var widths []int
	for _, cells := range r {
		for i, c := range cells {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], width(Clean(c)))
		}
	}
	w := bufio.NewWriterSize(o.W, 64<<10)
	var line strings.Builder
	for color, cells := range r {
		line.Reset()
		line.WriteString(indent)
		for i, c := range cells {
			clean := Clean(c)
			line.WriteString(o.Paint(color, clean))
			line.WriteString(strings.Repeat(" ", widths[i]-width(clean)+2))
		}
		_, _ = w.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return w.Flush()
}

// width is the number of columns that clean text takes on a terminal.
func width(clean string) int {
	for i := range len(clean) {
		if clean[i] >= 0x80 {
			return text.StringWidthWithoutEscSequences(clean)
		}
	}
	return len(clean)
}
