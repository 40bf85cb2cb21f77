package bundle

import (
	"embed"
	"html/template"
	"io"
	"strconv"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
)

//go:embed *.html style.css
var pages embed.FS

// mostRows is how many rows of a population a page shows; all of them are in the files for spreadsheets.
const mostRows = 200

// shown is what the pages are made of. All text goes through render.Clean, and html/template escapes it.
type shown struct {
	From, To, Made, By  string
	Records, First      int64
	Key                 string
	Seal, SealAt        string
	Former, FormerAt    string
	Pruned              string // "": nothing was
	Style               template.CSS
	Tables              []shownTable
	Populations, Counts shownTable
	Gaps                shownTable
}

type shownTable struct {
	Name   string // of the file
	Header []string
	Rows   [][]string
	More   int
}

func (c *content) page(w io.Writer, name string) error {
	t, err := template.New("").ParseFS(pages, "*.html")
	if err != nil {
		return err
	}
	style, err := pages.ReadFile("style.css")
	if err != nil {
		return err
	}
	m := &c.manifest
	s := shown{From: stamp(m.From), To: stamp(m.To), Made: m.Made.UTC().Format(time.RFC3339Nano), By: render.Clean(m.By), Records: m.Records, First: c.found.First,
		Key: render.Clean(c.seals.Verifier), Pruned: c.before.says(), Style: template.CSS(style)} //nolint:gosec // G203: the style is this program's own
	if k := c.seals.Seal; k != nil {
		s.Seal, s.SealAt = strconv.FormatInt(k.Size, 10), stamp(k.Time)
	}
	if k := c.seals.Former; k != nil {
		s.Former, s.FormerAt = strconv.FormatInt(k.Size, 10), stamp(k.Time)
	}
	c.fill(&s)
	return t.ExecuteTemplate(w, name+".html", s)
}

func (c *content) fill(s *shown) {
	sizes := shownTable{Header: []string{"population", "how many", "all of them"}}
	for _, t := range c.tables() {
		sizes.Rows = append(sizes.Rows, []string{t.name[:len(t.name)-len(".csv")], number(len(t.Rows)), t.name})
		switch t.name {
		case "counts.csv":
			s.Counts = show(t, 0, 1, 2, 4, 5, 6, 7, 8)
		case "not-covered.csv":
			s.Gaps = show(t, 0, 1, 2, 3)
			s.Gaps.Rows, s.Gaps.More = cleaned(t.Rows, len(t.Rows), 0, 1, 2, 3), 0
		case "joiners.csv":
			s.Tables = append(s.Tables, show(t, 0, 2, 3, 4, 9, 10, 12))
		case "movers.csv":
			s.Tables = append(s.Tables, show(t, 0, 2, 3, 4, 5, 10, 11, 12))
		case "leavers.csv":
			s.Tables = append(s.Tables, show(t, 0, 2, 3, 5, 11, 12, 13, 14))
		case "reviews.csv":
			s.Tables = append(s.Tables, show(t, 0, 9, 10, 12, 15, 21, 22, 24, 25, 26))
		case "decisions.csv":
			s.Tables = append(s.Tables, show(t, 0, 1, 2, 3, 4, 6, 8, 9))
		}
	}
	s.Populations = sizes
}

// show is the part of a table that a page has.
func show(t table, columns ...int) shownTable {
	return shownTable{Name: t.name, Header: pick(t.Header, columns), Rows: cleaned(t.Rows, mostRows, columns...), More: max(0, len(t.Rows)-mostRows)}
}

func cleaned(rows [][]string, most int, columns ...int) (out [][]string) {
	for _, r := range rows[:min(most, len(rows))] {
		out = append(out, pick(r, columns))
	}
	return out
}

func pick(cells []string, columns []int) (out []string) {
	for _, c := range columns {
		out = append(out, render.Clean(cells[c]))
	}
	return out
}
