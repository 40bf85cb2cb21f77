package web

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

func plainCSV(to io.Writer, header []string, rows [][]string) error {
	w := csv.NewWriter(to)
	_ = w.Write(header)
	_ = w.WriteAll(rows)
	return w.Error()
}

// reportKind is a report of as many lines as three pages need, told by whatever text the company is made of; before the first look
// it is being read.
func reportKind(o *engine.Outlook) ReportKind {
	number := func(cell string) (float64, bool) { n, err := strconv.ParseFloat(cell, 64); return n, err == nil }
	return ReportKind{Name: "seats", Title: "Seats", Says: "Who sits where.", Fields: []ReportField{{Name: "by", Label: "By", Choices: []string{"title", "country"}, Usual: "title"}, {Name: "since", Label: "Since"}},
		Make: func(_ context.Context, with url.Values) (*Report, error) {
			if o == nil {
				return nil, nil
			}
			text := o.People[0].Entry
			r := &Report{At: noon(), Columns: []ReportColumn{{Name: "program"}, {Name: "taken", Number: true, Measure: number}, {Name: "person"}}, Form: json.RawMessage(`{"version":1}`), Missing: []string{text},
				Charts: []ReportChart{{Title: text, Bars: []ReportBar{{Label: text, Text: text, Part: 3, Whole: 2, Over: true}, {Part: 1}}, More: 2}, {Title: text, Days: []float64{0, 2, 4}, From: text, Until: text}}}
			for i := range 2*reportRows + 1 {
				r.Rows = append(r.Rows, ReportRow{Cells: []string{"crm", strconv.Itoa(i), text}, Person: "p1", Mind: i == 0})
			}
			r.Rows = append(r.Rows, ReportRow{Cells: []string{"wiki", "", with.Get("by") + with.Get("since")}})
			return r, nil
		}}
}

// column is what the second column of a page or of a file shows.
func column(body string) (out []string) {
	for _, found := range regexp.MustCompile(`data-label="taken"[^>]*>([0-9]*)</td>`).FindAllStringSubmatch(body, -1) {
		out = append(out, found[1])
	}
	return out
}

// Lines are sorted by what they measure, not by their digits; what is not known comes last either way; each page goes on where the
// one before ended.
func TestReportsAreSortedAndPaged(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	for path, want := range map[string]string{
		"":                       "0 1 2 … 48 49",
		"?sort=taken":            "0 1 2 … 48 49",
		"?sort=taken&page=2":     "50 51 52 … 98 99",
		"?sort=taken&page=3":     "100 ",
		"?sort=taken&down=1":     "100 99 98 … 52 51",
		"?sort=person&page=3":    "99 100",
		"?sort=program&down=1":   " 0 1 … 47 48",
		"?q=CRM+10&sort=taken":   "10 100",
		"?q=country&by=country":  "",
		"?since=2027-01-02&q=02": "2",
	} {
		got := column(get(s, "/reports/seats"+path).Body.String())
		if len(got) > 5 {
			got = append(append(got[:3:3], "…"), got[len(got)-2:]...)
		}
		if strings.Join(got, " ") != want && !(want == "2" && len(got) > 0) {
			t.Errorf("%s shows %q, not %q", path, strings.Join(got, " "), want)
		}
	}
	first := get(s, "/reports/seats?sort=taken&q=crm").Body.String()
	for _, want := range []string{`aria-sort="ascending"`, `href="?by=title&amp;down=1&amp;q=crm&amp;sort=taken"`, `href="?by=title&amp;page=2&amp;q=crm&amp;sort=taken"`, "101 lines", `href="/people/p1"`, `href="/programs/crm"`,
		`href="/reports/seats/csv?by=title&amp;q=crm&amp;sort=taken"`, `class="mind"`, "Not read completely", "and 2 more", `width="100.0"`} {
		if !strings.Contains(first, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(get(s, "/reports/seats?q=wiki").Body.String(), `href="/programs/wiki"`) {
		t.Error("a link leads to a program that is not configured")
	}
}

// What nobody can mean is refused and names what is wrong.
func TestWrongReports(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	for path, want := range map[string]int{"nothing": 404, "seats?sort=nothing": 400, "seats?page=0": 400, "seats?page=x": 400, "seats?page=4": 404, "seats?by=salary": 400, "seats?since=soon": 400, "seats/csv?sort=nothing": 400, "seats/csv?by=salary": 400, "nothing/csv": 404} {
		if got := get(s, "/reports/"+path).Code; got != want {
			t.Errorf("%s: %d, not %d", path, got, want)
		}
	}
}

// A file has all lines that the pages lead to, in their order.
func TestReportsAreDownloaded(t *testing.T) {
	s, _ := site(t, records("x"), outlook("x"))
	w := get(s, "/reports/seats/csv?sort=taken&down=1&q=crm")
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || len(rows) != 2*reportRows+2 || fmt.Sprint(rows[0], rows[1]) != "[program taken person] [crm 100 x]" {
		t.Errorf("%d rows, %v: %v", len(rows), err, rows[:2])
	}
	if h := w.Header(); h.Get("Content-Disposition") != `attachment; filename="rolecall-seats-20270104.csv"` || !strings.HasPrefix(h.Get("Content-Type"), "text/csv") {
		t.Error(h)
	}
	s.CSV = func(to io.Writer, _ []string, _ [][]string) error {
		_, _ = to.Write([]byte("program"))
		return io.ErrShortWrite
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a file that broke off looks whole")
		}
	}()
	get(s, "/reports/seats/csv")
}

// What is still being read is neither an empty page nor an empty list.
func TestReportsThatAreBeingRead(t *testing.T) {
	s, _ := site(t, records("x"), nil)
	if w := get(s, "/reports/seats"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "are being read for this report") || strings.Contains(w.Body.String(), "nothing to tell") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, path := range []string{"/reports/seats/csv", "/api/v1/reports/seats"} {
		if got := get(s, path).Code; got != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, got)
		}
	}
	s.Reports = nil
	if w := get(s, "/reports"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "There are none here") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
