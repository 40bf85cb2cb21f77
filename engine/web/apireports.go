package web

import (
	"context"
	"encoding/json"
	"time"
)

// reportList are the reports there are.
type reportList struct {
	Reports []reportKindJSON `json:"reports"`
}

// reportKindJSON is a report that can be asked for.
type reportKindJSON struct {
	Name   string            `json:"name"`
	Title  string            `json:"title"`
	Says   string            `json:"says"`   // what it tells
	Fields []reportFieldJSON `json:"fields"` // what it can be asked with, as parameters of the address
}

// reportFieldJSON is something that a report can be asked with.
type reportFieldJSON struct {
	Name    string   `json:"name"`
	Choices []string `json:"choices,omitempty"` // absent: it is a day, 2027-01-31
	Usual   string   `json:"usual,omitempty"`   // what it is where nothing is said
}

// reportJSON is a report.
type reportJSON struct {
	Name    string          `json:"name"`
	At      time.Time       `json:"at"`      // of what it tells
	Missing []string        `json:"missing"` // sources that could not be read completely, and why: lines may be missing
	Data    json.RawMessage `json:"data"`    // what `rolecall report` prints with -o json
}

func reportsOf(v *reportsView) (reportList, error) {
	return reportList{each(v.Kinds, func(k *ReportKind) reportKindJSON {
		return reportKindJSON{k.Name, k.Title, k.Says, each(k.Fields, func(f *ReportField) reportFieldJSON { return reportFieldJSON{f.Name, f.Choices, f.Usual} })}
	})}, nil
}

// tellReport gives the whole report, in the form of the command line.
func (s *Site) tellReport(ctx context.Context, r asked) (any, error) {
	v, err := s.reportOf(ctx, r)
	if err != nil {
		return nil, err
	}
	if v.Report == nil {
		return nil, errReading()
	}
	return reportJSON{v.Name, v.Report.At.UTC(), each(v.Report.Missing, same), v.Report.Form}, nil
}
