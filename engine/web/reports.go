package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ReportKind is a report that can be asked for.
type ReportKind struct {
	Name   string // in addresses
	Title  string
	Says   string // what it tells
	Fields []ReportField
	Make   func(ctx context.Context, with url.Values) (*Report, error) // nil while what it tells of is being read; with has fields alone
}

// ReportField is something that a report can be asked with.
type ReportField struct {
	Name, Label string
	Choices     []string // none: it is a day
	Usual       string   // what it is where nothing is said
}

// Report is a list for those who answer for programs. It is not changed once it was given away.
type Report struct {
	At      time.Time // of what it tells
	Columns []ReportColumn
	Rows    []ReportRow
	Missing []string // what could not be read completely, so that rows may be missing
	Charts  []ReportChart
	Form    json.RawMessage // as the command line prints it with -o json
}

// ReportColumn is one column.
type ReportColumn struct {
	Name    string
	Number  bool                              // for the eye: its cells are amounts
	Measure func(cell string) (float64, bool) // by which it is sorted, false for cells that come last; nil: by its text
}

// ReportRow is one line.
type ReportRow struct {
	Cells  []string // one for each column
	Person string   // key of whom it is about; "" for nobody
	Mind   bool     // it asks for somebody's attention
}

// ReportChart shows amounts beside each other, or day after day.
type ReportChart struct {
	Title       string
	Bars        []ReportBar
	More        int       // bars that are left out
	Days        []float64 // instead of bars
	From, Until string    // the first and the last of Days
}

// ReportBar is one amount.
type ReportBar struct {
	Label, Text string
	Part, Whole float64
	Over        bool // it asks for somebody's attention
}

type reportsView struct{ Kinds []ReportKind }

func (s *Site) reports(context.Context, asked) (view, error) {
	return view{"reports", "Reports", reportsView{s.reportKinds()}}, nil
}

func (s *Site) reportKinds() []ReportKind {
	if s.Reports == nil {
		return nil
	}
	return s.Reports()
}

// reportView is one report, as far as it was asked for.
type reportView struct {
	*ReportKind
	With     url.Values // fields alone
	Words    string
	Report   *Report // nil while it is being read
	Heads    []reportHead
	Rows     []reportLine // of this page
	Found    int          // rows that have the words
	Page     int
	Earlier  string // address, "" on the first page
	Later    string // address, "" on the last page
	Download string // address
	Charts   []reportChart
}

// reportHead is the head of a column, which leads to the report sorted by it.
type reportHead struct {
	ReportColumn
	To     string
	Sorted string // ascending, descending or ""
}

// reportLine is a row with where its cells lead.
type reportLine struct {
	Cells []reportCell
	Mind  bool
}

type reportCell struct {
	Head     string
	Text, To string
	Number   bool
}

// reportChart is a chart with its bars drawn.
type reportChart struct {
	ReportChart
	Drawn []drawnBar
	Line  chart
}

type drawnBar struct {
	ReportBar
	Percent float64
}

// reportRows is how many rows a page has.
const reportRows = 50

func (s *Site) report(ctx context.Context, r asked) (view, error) {
	v, err := s.reportOf(ctx, r)
	if err != nil {
		return view{}, err
	}
	if v.Report != nil {
		if err := s.fill(v, r); err != nil {
			return view{}, err
		}
	}
	return view{"report", v.Title, *v}, nil
}

// reportOf makes the report that is asked for.
func (s *Site) reportOf(ctx context.Context, r asked) (*reportView, error) {
	kinds, name := s.reportKinds(), r.PathValue("report")
	i := slices.IndexFunc(kinds, func(k ReportKind) bool { return k.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%w: there is no report %q", errNotThere, name)
	}
	v := &reportView{ReportKind: &kinds[i], With: url.Values{}, Words: r.FormValue("q")}
	for _, f := range v.Fields {
		said := r.FormValue(f.Name)
		if err := f.judge(said); err != nil {
			return nil, err
		}
		if said = cmp.Or(said, f.Usual); said != "" {
			v.With.Set(f.Name, said)
		}
	}
	var err error
	v.Report, err = v.Make(ctx, v.With)
	return v, err
}

// judge says what is wrong with what was said for a field.
func (f *ReportField) judge(said string) error {
	if said == "" {
		return nil
	}
	if len(f.Choices) > 0 {
		if !slices.Contains(f.Choices, said) {
			return fmt.Errorf("%w: %s=%q is none of %s", errWrong, f.Name, said, strings.Join(f.Choices, ", "))
		}
		return nil
	}
	if _, err := time.Parse(time.DateOnly, said); err != nil {
		return fmt.Errorf("%w: %s=%q is no date; write 2027-01-31", errWrong, f.Name, said)
	}
	return nil
}

// fill puts the rows of one page into a view.
func (s *Site) fill(v *reportView, r asked) error {
	rows, sorted, err := v.rows(r)
	if err != nil {
		return err
	}
	on := copied(v.With)
	if v.Words != "" {
		on.Set("q", v.Words)
	}
	v.heads(on, sorted, r.FormValue("down") != "")
	if sorted != "" {
		on.Set("sort", sorted)
	}
	if r.FormValue("down") != "" {
		on.Set("down", "1")
	}
	v.Download = "/reports/" + url.PathEscape(v.Name) + "/csv?" + on.Encode()
	if err := v.paged(on, rows, r.FormValue("page"), s.linked(v.Report)); err != nil {
		return err
	}
	for _, c := range v.Report.Charts {
		v.Charts = append(v.Charts, drawn(c))
	}
	return nil
}

// rows are those that have the words, sorted as is asked for.
func (v *reportView) rows(r asked) (rows []*ReportRow, sorted string, err error) {
	words, err := wordsOf(v.Words)
	if err != nil {
		return nil, "", err
	}
	for i := range v.Report.Rows {
		if row := &v.Report.Rows[i]; row.has(words) {
			rows = append(rows, row)
		}
	}
	sorted = r.FormValue("sort")
	if sorted == "" {
		return rows, "", nil
	}
	by := slices.IndexFunc(v.Report.Columns, func(c ReportColumn) bool { return c.Name == sorted })
	if by < 0 {
		return nil, "", fmt.Errorf("%w: there is no column %q", errWrong, sorted)
	}
	v.Report.Columns[by].sort(rows, by, r.FormValue("down") != "")
	return rows, sorted, nil
}

func (row *ReportRow) has(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join(row.Cells, "\n"))
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// sort leaves rows that are equal as they are. What can't be measured comes last either way.
func (c *ReportColumn) sort(rows []*ReportRow, by int, down bool) {
	slices.SortStableFunc(rows, func(a, b *ReportRow) int {
		x, y := a.Cells[by], b.Cells[by]
		order := 0
		if c.Measure == nil {
			if (x == "") != (y == "") {
				return cmp.Compare(len(y), len(x)) // nothing comes last
			}
			order = cmp.Or(strings.Compare(strings.ToLower(x), strings.ToLower(y)), strings.Compare(x, y))
		} else {
			m, known := c.Measure(x)
			n, other := c.Measure(y)
			if known != other {
				return map[bool]int{true: -1, false: 1}[known]
			}
			order = cmp.Compare(m, n)
		}
		if down {
			return -order
		}
		return order
	})
}

// heads lead to the same rows sorted otherwise; the head by which they are sorted turns them round.
func (v *reportView) heads(on url.Values, sorted string, down bool) {
	for _, c := range v.Report.Columns {
		h, to := reportHead{ReportColumn: c}, copied(on)
		to.Set("sort", c.Name)
		if c.Name == sorted {
			h.Sorted = "ascending"
			if down {
				h.Sorted = "descending"
			} else {
				to.Set("down", "1")
			}
		}
		h.To = "?" + to.Encode()
		v.Heads = append(v.Heads, h)
	}
}

// paged shows one page of the rows.
func (v *reportView) paged(on url.Values, rows []*ReportRow, page string, link func(column int, row *ReportRow) string) error {
	v.Found, v.Page = len(rows), 1
	if page != "" {
		n, err := strconv.Atoi(page)
		if err != nil || n < 1 {
			return fmt.Errorf("%w: %q is no number of a page", errWrong, page)
		}
		v.Page = n
	}
	if v.Page > 1+len(rows)/reportRows {
		return fmt.Errorf("%w: the report has no page %d", errNotThere, v.Page)
	}
	from, to := (v.Page-1)*reportRows, min(len(rows), v.Page*reportRows)
	if v.Page > 1 {
		v.Earlier = pageOf(on, v.Page-1)
	}
	if to < len(rows) {
		v.Later = pageOf(on, v.Page+1)
	}
	for _, row := range rows[from:to] {
		line := reportLine{Mind: row.Mind}
		for i, text := range row.Cells {
			line.Cells = append(line.Cells, reportCell{v.Report.Columns[i].Name, text, link(i, row), v.Report.Columns[i].Number})
		}
		v.Rows = append(v.Rows, line)
	}
	return nil
}

func pageOf(on url.Values, n int) string {
	to := copied(on)
	to.Set("page", strconv.Itoa(n))
	return "?" + to.Encode()
}

// linked says where a cell leads: programs and people have pages of their own.
func (s *Site) linked(r *Report) func(column int, row *ReportRow) string {
	programs := map[string]bool{}
	for _, p := range s.Programs() {
		programs[p.Name] = true
	}
	return func(column int, row *ReportRow) string {
		switch text := row.Cells[column]; {
		case r.Columns[column].Name == "program" && programs[text]:
			return "/programs/" + url.PathEscape(text)
		case r.Columns[column].Name == "person" && row.Person != "":
			return "/people/" + url.PathEscape(row.Person)
		}
		return ""
	}
}

// errReading is answered where a page would say that something is being read.
func errReading() error {
	return Refused{"What this report tells of is being read; ask again in a moment", http.StatusServiceUnavailable}
}
