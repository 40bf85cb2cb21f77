package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine/web"
)

// reportKinds are the reports of the page: those of the command line. ctx ends with the daemon.
func (s *server) reportKinds(ctx context.Context) []web.ReportKind {
	names := declaredNames(s.system())
	by := web.ReportField{Name: "by", Label: "By", Choices: names}
	if slices.Contains(names, "department") {
		by.Usual = "department"
	} else if len(names) > 0 {
		by.Usual = names[0]
	}
	now := s.app.Now().In(zone(s.system().cfg))
	back := func(days int) string { return now.AddDate(0, 0, -days).Format(time.DateOnly) }
	kind := func(name, title, says string, told func(with url.Values) reporter, fields ...web.ReportField) web.ReportKind {
		return web.ReportKind{Name: name, Title: title, Says: says, Fields: fields, Make: func(asking context.Context, with url.Values) (*web.Report, error) {
			return s.reports.get(asking, s, name+"?"+with.Encode(), func() (*web.Report, error) { return s.makeReport(ctx, told(with)) })
		}}
	}
	always := func(r reporter) func(url.Values) reporter { return func(url.Values) reporter { return r } }
	return []web.ReportKind{
		kind("seats", "Seats", "Taken, free and waited for in each program, and what they cost.", always(seats)),
		kind("days", "Seats by day", "How many seats were taken on each day, at most and on average, as far as Rolecall saw.", func(with url.Values) reporter { return seatDays(with.Get("since")) },
			web.ReportField{Name: "since", Label: "Since", Usual: back(reportBack)}),
		kind("cost", "Cost", "What the seats cost in a month; that of somebody with several jobs is split among them.", func(with url.Values) reporter { return costBy(with.Get("by")) }, by),
		kind("forecast", "Forecast", "What each program will have cost by the end of its contract, and its budget.", always(forecasts)),
		kind("unmanaged", "Unmanaged", "What Rolecall neither gave nor adopted. Accounts of nobody in the directory are orphans.", always(unmanaged)),
		kind("leavers", "Leavers", "How long the access of those who left or were cut off lived on.", func(with url.Values) reporter { return departuresFrom(with.Get("from")) },
			web.ReportField{Name: "from", Label: "From", Usual: back(leaversBack)}),
		kind("levels", "Service levels", "How long it took from a decision until access was there, and until that of leavers was taken, by the month of the decision.", func(with url.Values) reporter { return levelsFrom(with.Get("from")) },
			web.ReportField{Name: "from", Label: "From the month of", Usual: levelsBegin(now, now.Location())}),
		kind("dormant", "Dormant", "Accounts that were not used for long, where a program shows that and its configuration says what for. Unknown use is not disuse.",
			func(with url.Values) reporter { n, _ := strconv.Atoi(with.Get("days")); return dormantFor(n) }, web.ReportField{Name: "days", Label: "Days", Choices: []string{"30", "60", "90", "180", "365"}, Usual: strconv.Itoa(dormantDays)}),
		kind("service", "Service accounts", "Service and shared accounts, with owner and date of review.", always(serviceAccounts)),
	}
}

// reportBack is how many days of seats the page shows unless asked otherwise.
const reportBack = 30

// departuresFrom is departures for those who have a system.
func departuresFrom(from string) reporter {
	return func(ctx context.Context, s *system, now time.Time) (reported, error) {
		return departures(ctx, s.store, from, now)
	}
}

// makeReport makes a report for the page. It may take as long as a run.
func (s *server) makeReport(ctx context.Context, tell reporter) (*web.Report, error) {
	sys, done := s.use()
	defer done()
	now := s.app.Now()
	r, err := tell(ctx, sys, now)
	if err != nil {
		return nil, err
	}
	return r.forPage(now)
}

// forPage is a report as the page shows it.
func (r *reported) forPage(at time.Time) (*web.Report, error) {
	var form bytes.Buffer
	if err := (render.Out{W: &form}).JSON(r.form); err != nil {
		return nil, err
	}
	out := &web.Report{At: at, Missing: unread(r.proofs), Charts: r.charts, Form: json.RawMessage(form.Bytes())}
	for i, name := range r.table.Header {
		out.Columns = append(out.Columns, reportColumn(name, r.table.Rows, i))
	}
	for i, cells := range r.table.Rows {
		row := web.ReportRow{Cells: cells, Mind: r.table.Colors[i] == render.Amber}
		if i < len(r.people) {
			row.Person = r.people[i]
		}
		out.Rows = append(out.Rows, row)
	}
	return out, nil
}

// reportColumn finds out what a column measures: amounts, spans of time, or nothing, as names do even where they are digits.
func reportColumn(name string, rows [][]string, i int) web.ReportColumn {
	c := web.ReportColumn{Name: name}
	if slices.Contains([]string{"account", "name", "person", "login", "program", "entitlement"}, name) {
		return c
	}
	for _, measure := range []func(string) (float64, bool){amount, lasted} {
		some := false
		others := slices.ContainsFunc(rows, func(cells []string) bool {
			_, is := measure(cells[i])
			some = some || is
			return !is && cells[i] != "" && cells[i] != "unknown"
		})
		if some && !others {
			return web.ReportColumn{Name: name, Number: true, Measure: measure}
		}
	}
	return c
}

// amount is a number, maybe of a currency.
func amount(cell string) (float64, bool) {
	number, currency, _ := strings.Cut(cell, " ")
	n, err := strconv.ParseFloat(number, 64)
	return n, err == nil && (currency == "" || len(currency) == 3 && strings.ToUpper(currency) == currency)
}

func lasted(cell string) (float64, bool) {
	d, err := config.ParseDuration(cell)
	return float64(d), err == nil
}

// writeCSV writes rows as -o csv does.
func writeCSV(to io.Writer, header []string, rows [][]string) error {
	return render.Out{W: to, Format: render.CSV}.Data(render.Table{Header: header, Rows: rows}, nil)
}

const (
	reportsLast = 10 * time.Minute // how long a report is shown before it is made again
	reportWait  = time.Second      // how long a page waits for one; most are made sooner
	reportsKept = 24               // at once; they may be long
)

// kept are reports that were made, and that are being made: one after the other, since each may read everything.
type kept struct {
	mu     sync.Mutex
	by     map[string]*keptReport
	making sync.Mutex
}

type keptReport struct {
	of     *system       // in force when it was begun
	begun  time.Time     //
	made   chan struct{} // closed when what follows is set
	report *web.Report
	err    error
	former *web.Report // shown until it is made; nil: none
}

// get gives a report, nil if it takes longer than a page waits. One that is too old is given once more if the new one takes long.
func (k *kept) get(ctx context.Context, s *server, key string, build func() (*web.Report, error)) (*web.Report, error) {
	one := k.find(s, key, build)
	if one == nil {
		return nil, web.Refused{Text: "Too many reports are being made; ask again in a moment", Status: http.StatusServiceUnavailable}
	}
	patience := time.NewTimer(reportWait)
	defer patience.Stop()
	select {
	case <-one.made:
		return one.report, one.err
	case <-patience.C:
	case <-ctx.Done():
	}
	return one.former, nil
}

// find gives what is kept or being made, and begins to make what is not; nil where too many are being made.
func (k *kept) find(s *server, key string, build func() (*web.Report, error)) *keptReport {
	k.mu.Lock()
	defer k.mu.Unlock()
	now, sys := s.app.Now(), s.system()
	one := k.by[key]
	if one != nil && one.of == sys && (!one.isMade() || one.err == nil && now.Sub(one.begun) < reportsLast) {
		return one
	}
	fresh := &keptReport{of: sys, begun: now, made: make(chan struct{})}
	if one != nil && one.of == sys && one.isMade() {
		fresh.former = one.report
	}
	if k.by == nil {
		k.by = map[string]*keptReport{}
	}
	if k.forget(); len(k.by) >= reportsKept {
		return nil
	}
	k.by[key] = fresh
	s.former.Go(func() {
		k.making.Lock()
		defer k.making.Unlock()
		defer close(fresh.made)
		if fresh.report, fresh.err = build(); fresh.err != nil {
			s.log.Warn("a report can't be made", "report", key, "error", fresh.err)
		}
	})
	return fresh
}

func (one *keptReport) isMade() bool {
	select {
	case <-one.made:
		return true
	default:
		return false
	}
}

// forget drops the oldest that are made, to have room for another.
func (k *kept) forget() {
	for len(k.by) >= reportsKept {
		oldest := ""
		for key, one := range k.by {
			if one.isMade() && (oldest == "" || one.begun.Before(k.by[oldest].begun)) {
				oldest = key
			}
		}
		if oldest == "" {
			return
		}
		delete(k.by, oldest)
	}
}
