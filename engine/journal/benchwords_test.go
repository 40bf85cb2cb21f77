package journal

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// BenchmarkWords asks a made-up journal for words that are frequent, rare or nowhere, a page of 101 records, newest first: once without the
// filters, then with them. It reports the processor time that making these took the program, ms of a search, and the ratio of the two. Its settings are those of
// BenchmarkSearch.
func BenchmarkWords(b *testing.B) {
	records := benchRecords(b, 200_000)
	if address := os.Getenv("ROLECALL_BENCH_STORE"); address != "" {
		s := openStore(b, address, nil)
		if h, err := s.Head(b.Context()); err != nil || h.Size == 0 {
			makeUp(b, s, records)
		}
		searchWords(b, s)
		return
	}
	databases(b, func(b *testing.B, s *Store) {
		makeUp(b, s, records)
		searchWords(b, s)
	})
}

var benchWords = [...]string{"title:7 rule-007", "INC-000003", "nothing-has-this", "no", "zq", "zqj", "zqjx", "INC-9999", "987654321", "p0000007", "db-017", "ticket-of-nobody does"}

func searchWords(b *testing.B, s *Store) {
	before := map[string]time.Duration{}
	s.write.MustExec("DELETE FROM word_filter")
	for _, words := range benchWords {
		before[words] = search(b, s, words)
	}
	used := cpuOf(b, s)
	made, err := s.MakeFilters(b.Context())
	if err != nil || made == 0 {
		b.Fatal(made, err)
	}
	spent, _ := used()
	var fill int64
	if err := s.read.Get(&fill, "SELECT sum(length(bits)) FROM word_filter"); err != nil {
		b.Fatal(err)
	}
	b.Run("making", func(b *testing.B) {
		b.ReportMetric(spent/float64(made*filterRecords), "processor-µs/record")
		b.ReportMetric(float64(fill)/float64(made*filterRecords), "B/record")
	})
	for _, words := range benchWords {
		b.Run(words, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				times = append(times, search(b, s, words))
			}
			slices.Sort(times)
			median := times[len(times)/2]
			b.ReportMetric(float64(before[words].Microseconds())/1000, "before-ms")
			b.ReportMetric(float64(median.Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(before[words])/float64(median), "x")
		})
	}
}

func search(b *testing.B, s *Store, words string) time.Duration {
	start := time.Now()
	if err := s.Records(b.Context(), engine.Query{Words: words, Newest: true, Limit: 101}, func(engine.Record) error { return nil }); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}
