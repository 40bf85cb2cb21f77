package journal

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// BenchmarkSearch asks a made-up journal what people ask: a page of 101 records, newest first, narrowed by each filter to what is frequent
// and to what is rare, and who had what on a date. It reports median and 99th percentile in ms. ROLECALL_BENCH_RECORDS is the number of
// records; ROLECALL_BENCH_STORE a store in which they are kept, or found if it has any.
func BenchmarkSearch(b *testing.B) {
	records := benchRecords(b, 200_000)
	if address := os.Getenv("ROLECALL_BENCH_STORE"); address != "" {
		s := openStore(b, address, nil)
		if h, err := s.Head(b.Context()); err != nil || h.Size == 0 {
			makeUp(b, s, records)
		}
		searchAll(b, s)
		return
	}
	databases(b, func(b *testing.B, s *Store) {
		makeUp(b, s, records)
		searchAll(b, s)
	})
}

func searchAll(b *testing.B, s *Store) {
	h, err := s.Head(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	right := func(text string) *string { return &text }
	middle := madeUpStart.Add(5 * 365 * 12 * time.Hour)
	queries := map[string]engine.Query{
		"newest":         {},
		"person":         {Person: "p0000007"},
		"account":        {Account: "u0000007"},
		"program":        {Program: "wiki"},
		"entitlement":    {Program: "wiki", Entitlement: right("right-07")},
		"outcome-done":   {Outcome: engine.Done},
		"outcome-rare":   {Outcome: engine.Refused},
		"op":             {Op: engine.OpRevoke},
		"op-none":        {Op: engine.OpDelete},
		"actor-daemon":   {Actor: "cron"},
		"actor-rare":     {Actor: "zeno"},
		"actor-nobody":   {Actor: "nobody"},
		"rule":           {Rule: "rule-007"},
		"rule-none":      {Rule: "rule-999"},
		"run":            {Run: "run-000012"},
		"kind":           {Kind: engine.KindApprove},
		"period":         {From: middle, To: middle.AddDate(0, 0, 1)},
		"period-outcome": {From: middle, To: middle.AddDate(0, 1, 0), Outcome: engine.Failed},
		"program-person": {Program: "crm", Person: "p0000011"},
		"words":          {Words: "title:7 rule-007"},
		"words-rare":     {Words: "INC-000003"},
		"words-none":     {Words: "nothing-has-this"},
	}
	names := make([]string, 0, len(queries))
	for name := range queries {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		q := queries[name]
		q.Newest, q.Limit = true, 101
		b.Run(name, func(b *testing.B) {
			measure(b, func(i int) error {
				if q.Person != "" {
					q.Person = fmt.Sprintf("p%07d", int64(i*7919)%max(10, h.Size/101))
				}
				return s.Records(context.Background(), q, func(engine.Record) error { return nil })
			})
		})
	}
	for name, at := range map[string]time.Time{"asof-person-early": middle.AddDate(-1, 0, 0), "asof-person-late": middle.AddDate(2, 0, 0)} {
		b.Run(name, func(b *testing.B) {
			measure(b, func(i int) error {
				held, err := s.AsOf(context.Background(), at, fmt.Sprintf("p%07d", int64(i*7919)%max(10, h.Size/101)), "", "")
				if err == nil && len(held) == 0 && strings.Contains(name, "late") {
					err = fmt.Errorf("nobody had anything")
				}
				return err
			})
		})
	}
}

// measure does it as often as asked.
func measure(b *testing.B, do func(i int) error) {
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		if err := do(i); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(times[len(times)/2]), "median-ms")
	b.ReportMetric(ms(times[len(times)*99/100]), "p99-ms")
}
