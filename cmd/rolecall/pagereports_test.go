package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/web"
)

// Reports are the same on the command line, on the page and over the API.
func TestReportsForPrograms(t *testing.T) {
	p, callers := programmed(t, map[string]string{"bob": "viewer"})
	bob := callers["bob"]
	var list struct {
		Reports []struct {
			Name   string
			Fields []struct{ Name, Usual string }
		}
	}
	bob.ask("/api/v1/reports", &list)
	lines := map[string]string{"seats": "seats", "days": "seats", "cost": "cost", "forecast": "cost --forecast", "unmanaged": "unmanaged", "leavers": "leavers", "levels": "levels", "dormant": "dormant", "service": "service"}
	for _, one := range list.Reports {
		var got struct{ Data any }
		bob.until("/api/v1/reports/"+one.Name, &got)
		args := append([]string{"report"}, strings.Fields(lines[one.Name])...)
		for _, f := range one.Fields {
			args = append(args, "--"+f.Name, f.Usual)
		}
		var want any
		if err := json.Unmarshal([]byte(told(t, p, append(args, "-o", "json")...)), &want); err != nil {
			t.Fatal(err)
		}
		if g, w := timeless(got.Data), timeless(want); g != w {
			t.Errorf("%s: %s\nis not what the command line prints: %s", one.Name, g, w)
		}
		delete(lines, one.Name)
	}
	if len(lines) > 0 {
		t.Errorf("the page lacks %v", lines)
	}
}

// timeless is a value without when its sources were read.
func timeless(v any) string {
	if m, is := v.(map[string]any); is {
		if proofs, are := m["proofs"].([]any); are {
			m["proofs"] = len(proofs)
		}
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// A report is made once for all who ask, again when it is old or the configuration is another, and once more after it failed.
func TestReportsAreKept(t *testing.T) {
	now := time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)
	s := &server{app: &app{process: process{Now: func() time.Time { return now }}}, current: &system{}, log: slog.New(slog.DiscardHandler)}
	n := 0
	var err error
	ask := func(want int) {
		t.Helper()
		r, wrong := s.reports.get(t.Context(), s, "seats?", func() (*web.Report, error) { n++; return &web.Report{Missing: make([]string, n)}, err })
		if n != want || !errors.Is(wrong, err) || wrong == nil && len(r.Missing) != n {
			t.Errorf("made %d times, not %d: %v %v", n, want, r, wrong)
		}
	}
	ask(1)
	now = now.Add(reportsLast - time.Second)
	ask(1)
	now = now.Add(time.Second)
	ask(2)
	s.current = &system{}
	ask(3)
	err = errors.New("the directory is down")
	now = now.Add(reportsLast)
	ask(4)
	ask(5)
	err = nil
	ask(6)
}

// While a report is made again the former one is shown; only so many are made at once, and those that are made give way.
func TestReportsTakeLong(t *testing.T) {
	now := time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)
	s := &server{app: &app{process: process{Now: func() time.Time { return now }}}, current: &system{}, log: slog.New(slog.DiscardHandler)}
	slow := make(chan struct{})
	first := &web.Report{At: now}
	if got, err := s.reports.get(t.Context(), s, "seats?", func() (*web.Report, error) { return first, nil }); got != first || err != nil {
		t.Fatal(got, err)
	}
	now = now.Add(time.Hour)
	gone, leave := context.WithCancel(t.Context())
	leave()
	wait := func() (*web.Report, error) { <-slow; return &web.Report{At: now}, nil }
	if got, err := s.reports.get(gone, s, "seats?", wait); got != first || err != nil {
		t.Error("the former report is not shown while a new one is made:", got, err)
	}
	for i := range reportsKept - 1 {
		if got, err := s.reports.get(gone, s, fmt.Sprint(i), wait); got != nil || err != nil {
			t.Error(got, err)
		}
	}
	if _, err := s.reports.get(gone, s, "one too many", wait); !errors.As(err, new(web.Refused)) {
		t.Error(err)
	}
	close(slow)
	s.former.Wait()
	if got, err := s.reports.get(t.Context(), s, "one too many", wait); got == nil || err != nil {
		t.Error(got, err)
	}
	if len(s.reports.by) != reportsKept {
		t.Errorf("%d reports are kept", len(s.reports.by))
	}
}

// Columns are sorted by what they say: amounts, spans of time, else words. What names something is words even where it is digits.
func TestColumnsMeasure(t *testing.T) {
	rows := [][]string{{"10", "9.50 EUR", "2d", "4", "7"}, {"", "unknown", "30m", "4x", "12"}}
	for i, want := range []string{"10", "9.5", "1.728e+14", "", ""} {
		c := reportColumn([]string{"taken", "a month", "after", "note", "account"}[i], rows, i)
		got := ""
		if c.Measure != nil {
			n, _ := c.Measure(rows[0][i])
			got = fmt.Sprint(n)
		}
		if got != want || c.Number != (want != "") {
			t.Errorf("%s measures %q, not %q", c.Name, got, want)
		}
	}
}

// Each chart says what its list says.
func TestReportCharts(t *testing.T) {
	at := time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC)
	ended := func(after time.Duration) engine.Departure {
		return engine.Departure{Decided: at, Ended: at.Add(after)}
	}
	say := func(charts []web.ReportChart) (out string) {
		for _, c := range charts {
			out += c.Title + ":"
			for _, b := range c.Bars {
				out += fmt.Sprintf(" %s=%s(%g/%g)%v", b.Label, b.Text, b.Part, b.Whole, b.Over)
			}
			out += fmt.Sprintf("%v %s %s %d;", c.Days, c.From, c.Until, c.More)
		}
		return out
	}
	many := []seatReport{}
	for i := range mostBars + 3 {
		many = append(many, seatReport{Program: fmt.Sprint(i), Seats: 1})
	}
	if c := seatCharts(many); len(c[0].Bars) != mostBars || c[0].More != 3 {
		t.Error(say(c))
	}
	for want, got := range map[string][]web.ReportChart{
		"How long accounts lived on: under a minute=1(1/5)false under an hour=1(1/5)false under a day=1(1/5)false a day or longer=1(1/5)false not ended yet=1(1/5)true[]   0;": leaverCharts(
			[]engine.Departure{ended(time.Second), ended(time.Minute), ended(time.Hour), ended(24 * time.Hour), {Decided: at, Open: 1}}),
		"Seats that are taken: crm=3 of 2(3/2)true[]   0;":                    seatCharts([]seatReport{{Program: "crm", Seats: 2, Taken: 3}, {Program: "free"}}),
		"Unmanaged holdings: b=2(2/2)false a=1(1/2)false[]   0;":              unmanagedCharts([]engine.Unmanaged{{Program: "a"}, {Program: "b"}, {Program: "b"}}),
		"crm: seats taken each day, at most 4:[3 4] 2027-01-03 2027-01-04 0;": dayCharts([]seatDay{{Day: "2027-01-03", Program: "crm", Peak: 3}, {Day: "2027-01-04", Program: "crm", Peak: 4}}),
		"What a month costs, in EUR: Sales=30.00 EUR(30/30)false (free seats)=5.00 EUR(5/30)false[]   0;What a month costs, in USD: Sales=1.00 USD(1/1)false[]   0;": costCharts(
			[]costLine{{Value: "Sales", Kind: "people", Month: costing{10, "EUR"}}, {Value: "Sales", Kind: "people", Month: costing{20, "EUR"}}, {Kind: "free", Month: costing{5, "EUR"}}, {Value: "Sales", Kind: "people", Month: costing{1, "USD"}}}),
		"Cost until the contract's end, of the budget: crm=9.00 EUR of 8.00 EUR(9/8)true[]   0;": forecastCharts(
			[]forecast{{Program: "crm", Cost: costing{9, "EUR"}, Budget: &costing{8, "EUR"}, Over: &costing{1, "EUR"}}, {Program: "unbudgeted"}}),
		"": leaverCharts(nil),
		"Until access was there, the median of 2027-02: crm=1m30s(9e+10/9e+10)false wiki=1m(6e+10/9e+10)false[]   0;Until leavers' access was taken, the median of 2027-01: crm=1.5s(1.5e+09/1.5e+09)false[]   0;": levelCharts([]engine.MonthLevel{
			{Month: at, Program: "crm", Access: engine.Took{N: 1, Median: time.Hour}, Removal: engine.Took{N: 1, Median: 1500 * time.Millisecond}},
			{Month: at.AddDate(0, 1, 0), Program: "crm", Access: engine.Took{N: 1, Median: 90 * time.Second}}, {Month: at.AddDate(0, 1, 0), Program: "wiki", Access: engine.Took{N: 1, Median: time.Minute}, Removal: engine.Took{Open: 1}}}),
	} {
		if say(got) != want {
			t.Errorf("%q\nis not %q", say(got), want)
		}
	}
}

// A spreadsheet takes nothing of a report for a formula.
func TestReportCSVIsSafe(t *testing.T) {
	var b strings.Builder
	if err := writeCSV(&b, []string{"name"}, [][]string{{"=1+1"}}); err != nil || b.String() != "name\r\n'=1+1\r\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}
