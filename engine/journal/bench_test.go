package journal

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// BenchmarkIntents commits intents by 32 callers, 100 at a time, by two that commit plans, 5,000 at a time as the engine does, and one
// by one by a single caller. It reports these rates, the processor times of the first, its ratio to the last, and it as a part of the
// yardstick's: bare inserts of as many bytes, 1,000 in a transaction.
func BenchmarkIntents(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // the program leaves a small heap alone, too
	databases(b, func(b *testing.B, s *Store) {
		var n atomic.Int64
		single := intentsBy(b, s, &n, 1, 50, 1)
		used := cpuOf(b, s)
		grouped := intentsBy(b, s, &n, 32, 16, 100)
		client, server := used()
		b.ReportMetric(client/51_200, "client-µs")
		b.ReportMetric(server/51_200, "server-µs")
		b.ReportMetric(intentsBy(b, s, &n, 2, 6, 5000), "plans/s")
		bare := rate(51_200, func() { insertBare(b, s) })
		b.ReportMetric(grouped/bare, "of-bare")
		b.ReportMetric(grouped, "grouped/s")
		b.ReportMetric(single, "single/s")
		b.ReportMetric(grouped/single, "ratio")
	})
}

// intentsBy is how many intents a second some callers commit who make so many Appends each.
func intentsBy(b *testing.B, s *Store, n *atomic.Int64, callers, appends, each int) float64 {
	return rate(callers*appends*each, func() {
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for range appends {
					appendIntents(b, s, n, each)
				}
			})
		}
		all.Wait()
	})
}

// BenchmarkOutcomes takes 40,000 open intents through the rest of their life: claimed 4,000 at a time, with one outcome each.
func BenchmarkOutcomes(b *testing.B) {
	databases(b, func(b *testing.B, s *Store) {
		const all, most = 40_000, 4000
		var n atomic.Int64
		var client, server float64
		for b.Loop() {
			b.StopTimer()
			for range all / most {
				appendIntents(b, s, &n, most)
			}
			b.StartTimer()
			used := cpuOf(b, s)
			for settleIntents(b, s, most) > 0 {
			}
			c, v := used()
			client, server = client+c, server+v
		}
		b.ReportMetric(client/float64(all*b.N), "client-µs")
		b.ReportMetric(server/float64(all*b.N), "server-µs")
		b.ReportMetric(float64(all*b.N)/b.Elapsed().Seconds(), "outcomes/s")
	})
}

// settleIntents says how many there were.
func settleIntents(b *testing.B, s *Store, most int) int {
	now := time.Now()
	intents, err := s.Claim(context.Background(), engine.ClaimRequest{Program: "wiki", Max: most, Now: now, Lease: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	records := make([]engine.Record, len(intents))
	for k, i := range intents {
		e := engine.ParseEntitlement(i.Change.Entitlement)
		records[k] = engine.Record{Kind: engine.KindOutcome, Run: i.Run, Actor: "rolecall", Of: i.Seq, Person: i.Change.Person, Program: e.Program,
			Account: i.Change.Account, Entitlement: e.Name, Op: i.Change.Op, Outcome: engine.Done, Cause: i.Change.Cause}
	}
	if err := s.Append(context.Background(), engine.Free, records); err != nil {
		b.Fatal(err)
	}
	return len(intents)
}

// cpuOf gives the processor time in µs that this process and the server's writing backend use from now on: unlike wall time
// it hardly depends on what else the machine does.
func cpuOf(b *testing.B, s *Store) func() (client, server float64) {
	b.Helper()
	var pid int
	if s.dialect.name() == "postgres" {
		err := s.locked(context.Background(), func(t *tx, _ *head) error { return t.Get(&pid, "SELECT pg_backend_pid()") })
		if err != nil {
			b.Fatal(err)
		}
	}
	client, server := cpu(b, os.Getpid()), cpu(b, pid)
	return func() (float64, float64) { return cpu(b, os.Getpid()) - client, cpu(b, pid) - server }
}

// cpu is the user and system time of a process in µs, in steps of 10 ms (proc(5), stat, fields 14 and 15); of no process 0.
func cpu(b *testing.B, pid int) float64 {
	b.Helper()
	if pid == 0 {
		return 0
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest) // from field 3 on
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	return float64(user+system) * 10_000
}

// rate is how many of n a second do gets done.
func rate(n int, do func()) float64 {
	start := time.Now()
	do()
	return float64(n) / time.Since(start).Seconds()
}

func appendIntents(b *testing.B, s *Store, n *atomic.Int64, count int) {
	records := make([]engine.Record, count)
	for i := range records {
		k := n.Add(1)
		records[i] = engine.IntentRecord("run", "daemon", "corp", engine.Change{Op: engine.OpGrant, Person: fmt.Sprintf("person-%d", k/5), Account: fmt.Sprintf("account-%d", k/5),
			Program: "wiki", Entitlement: fmt.Sprintf("wiki/right-%d", k%5), Why: []string{"rule engineers-build gives it: role title:Engineer"}, Rules: []string{"engineers-build"}, Cause: engine.CauseRule}, engine.ChargeGrant)
	}
	if err := s.Append(context.Background(), engine.Free, records); err != nil {
		b.Fatal(err)
	}
}

// insertBare is the yardstick: rows with one key and no meaning.
func insertBare(b *testing.B, s *Store) {
	s.write.MustExec("DROP TABLE IF EXISTS bare")
	s.write.MustExec("CREATE TABLE bare (seq BIGINT PRIMARY KEY, body TEXT)")
	body := strings.Repeat("0123456789", 80)
	for from := 0; from < 51_200; from += 1000 {
		err := s.locked(context.Background(), func(t *tx, _ *head) error {
			r := newRows("it")
			for i := range 1000 {
				r.add(int64(from+i), body)
			}
			return t.insert("bare", "seq, body", r)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory loads 100,000 links and 600,000 holdings.
func BenchmarkMemory(b *testing.B) {
	databases(b, func(b *testing.B, s *Store) {
		fillHoldings(b, s, 100_000)
		for b.Loop() {
			m, err := s.Memory(context.Background(), time.Now())
			if err != nil || len(m.Program("wiki").Rows) != 600_000 || len(m.Program("wiki").Links) != 100_000 {
				b.Fatal(err, len(m.Program("wiki").Rows))
			}
		}
	})
}

func fillHoldings(b *testing.B, s *Store, people int) {
	for _, q := range []string{
		`INSERT INTO person SELECT n, 'person-' || n FROM numbers`,
		`INSERT INTO account SELECT n, 'wiki', 'account-' || n FROM numbers`,
		`INSERT INTO entitlement SELECT n, 'wiki', 'right-' || n FROM numbers WHERE n <= 6`,
		`INSERT INTO ruleset SELECT n, '["rule-' || n || '"]' FROM numbers WHERE n <= 50`,
		`INSERT INTO link SELECT n, 'wiki', 'personal', n, n, 1800000000000000, 0, 0 FROM numbers`,
		`INSERT INTO holding SELECT n, m, 1, 1, 1, 1800000000000000, 1 + n % 50 FROM numbers, (SELECT 1 AS m UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6) x`,
		fmt.Sprintf(`UPDATE head SET people = %d, accounts = %d, entitlements = 6, rulesets = 50`, people, people),
	} {
		if _, err := s.write.Exec(fmt.Sprintf("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) %s", people, q)); err != nil {
			b.Fatal(q, err)
		}
	}
}

// both are tests and benchmarks that have parts.
type both[T any] interface {
	testing.TB
	Run(name string, part func(T)) bool
}

func databases[T both[T]](b T, run func(T, *Store)) {
	b.Run("sqlite", func(b T) { run(b, openStore(b, "sqlite:"+filepath.Join(b.TempDir(), "j.db"), nil)) })
	b.Run("postgres", func(b T) {
		run(b, openStore(b, servers.Postgres(b, servers.WithFsync()).NewDatabase(b), nil))
	})
}

// BenchmarkVerify verifies a million records, their tree, columns and views, on SQLite, against SHA-256 over as many bytes on
// one core: those of a company's years, and intents that are all open, of which the fold remembers most. ROLECALL_BENCH_RECORDS is
// another number of them.
func BenchmarkVerify(b *testing.B) {
	records := benchRecords(b, 1_000_000)
	b.Run("years", func(b *testing.B) {
		s := openStore(b, "sqlite:"+filepath.Join(b.TempDir(), "j.db"), nil)
		makeUp(b, s, records)
		verifyAgainstSHA(b, s)
	})
	b.Run("open", func(b *testing.B) {
		s := openStore(b, "sqlite:"+filepath.Join(b.TempDir(), "j.db"), nil)
		var n atomic.Int64
		for range records / 2000 {
			appendIntents(b, s, &n, 2000)
		}
		verifyAgainstSHA(b, s)
	})
}

// benchRecords is how many records a benchmark is to have.
func benchRecords(b *testing.B, usual int64) int64 {
	text := os.Getenv("ROLECALL_BENCH_RECORDS")
	if text == "" {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func verifyAgainstSHA(b *testing.B, s *Store) {
	var records, bytes int
	if err := s.read.QueryRowx("SELECT count(*), sum(length(public) + length(personal) + 32) FROM journal").Scan(&records, &bytes); err != nil {
		b.Fatal(err)
	}
	var took, raw time.Duration
	var used float64
	for b.Loop() {
		start := time.Now()
		record := make([]byte, bytes/records)
		for range records {
			sha256.Sum256(record)
		}
		raw += time.Since(start)
		processor := cpuOf(b, s)
		start = time.Now()
		if v, err := s.Verify(context.Background()); err != nil || !v.OK() || !v.Folded || v.Records != int64(records) {
			b.Fatal(err, v)
		}
		took += time.Since(start)
		client, _ := processor()
		used += client
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s")
	b.ReportMetric(used/1e6/float64(b.N), "processor-s")
	b.ReportMetric(took.Seconds()/raw.Seconds(), "x-sha256")
}

// BenchmarkPrune empties all records but the last twentieth of a million, those of a company's years, on SQLite, and says how large the
// file was and is. ROLECALL_BENCH_RECORDS is another number of them.
func BenchmarkPrune(b *testing.B) {
	records := benchRecords(b, 1_000_000)
	for b.Loop() {
		b.StopTimer()
		file := filepath.Join(b.TempDir(), "j.db")
		s := openStore(b, "sqlite:"+file, nil)
		made := records + records/20
		makeUp(b, s, made)
		step := (5 * 365 * 24 * time.Hour / time.Duration(made)).Truncate(time.Microsecond)
		before := madeUpStart.Add(step*time.Duration(records) + 1)
		s.dialect.forget(b.Context(), s)
		was := sizeOf(b, file)
		b.StartTimer()
		done, err := s.Prune(b.Context(), orderOf(b, s, before))
		b.StopTimer()
		if err != nil || done.UpTo != records || len(done.Remains) > 0 {
			b.Fatal(done, err)
		}
		b.ReportMetric(float64(was)/1e6, "MB-before")
		b.ReportMetric(float64(sizeOf(b, file))/1e6, "MB-after")
		b.ReportMetric(float64(done.Emptied), "emptied")
		began := time.Now()
		if v, err := s.Verify(b.Context()); err != nil || !v.OK() {
			b.Fatal(v, err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-verify")
		b.StartTimer()
	}
}

func sizeOf(b *testing.B, file string) int64 {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
