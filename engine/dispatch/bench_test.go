package dispatch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/dispatch"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// working is a process that only works, and sweeps too rarely to help.
func working(b *testing.B, work func(context.Context, string) error) *process {
	dsn, _ := newBooks(b, servers.Postgres(b, servers.WithFsync()))
	p := &process{db: openBooks(b, dsn)}
	var err error
	p.river, err = dispatch.NewRiver(p.db, dispatch.Options{Sweep: time.Hour, Grace: time.Second, Jobs: dispatch.Jobs{Work: work, Programs: always([]string(nil))}})
	if err != nil {
		b.Fatal(err)
	}
	p.serve(b)
	return p
}

func (p *process) enqueue(b *testing.B, programs ...string) {
	tx, err := p.db.Begin()
	if err == nil {
		err = p.river.Enqueue(b.Context(), tx, programs)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkWakeUp measures from the end of a commit until the work begins, at random moments.
func BenchmarkWakeUp(b *testing.B) {
	woken := make(chan time.Time, 1)
	p := working(b, func(context.Context, string) error { woken <- time.Now(); return nil })
	var took []time.Duration
	for b.Loop() {
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		p.enqueue(b, "wiki")
		at := time.Now()
		took = append(took, (<-woken).Sub(at))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-median")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "ms-p99")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-max")
}

// BenchmarkEnqueue measures what the queue adds to a transaction that writes intents of ten programs, while it holds the
// journal's head.
func BenchmarkEnqueue(b *testing.B) {
	p := working(b, func(context.Context, string) error { return nil })
	programs := strings.Fields("a b c d e f g h i j")
	for b.Loop() {
		tx, err := p.db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		if err := p.river.Enqueue(b.Context(), tx, programs); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := tx.Rollback(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkJobs measures how many jobs of a thousand programs one process takes up in a second.
func BenchmarkJobs(b *testing.B) {
	var done atomic.Int64
	p := working(b, func(context.Context, string) error { done.Add(1); return nil })
	var programs []string
	for i := range 1000 {
		programs = append(programs, fmt.Sprint("p", i))
	}
	want := int64(0)
	for b.Loop() {
		want += 1000
		p.enqueue(b, programs...)
		for done.Load() < want {
			time.Sleep(time.Millisecond)
		}
	}
	b.ReportMetric(float64(want)/b.Elapsed().Seconds(), "jobs/s")
}

// BenchmarkIdle measures what one process costs that has nothing to do, here and in PostgreSQL, in seconds of one core
// for each second.
func BenchmarkIdle(b *testing.B) {
	p := working(b, func(context.Context, string) error { return nil })
	time.Sleep(7 * time.Second) // until it leads
	here, there, began := ownTime(b), serverTime(b, p), time.Now()
	for b.Loop() {
		time.Sleep(10 * time.Second)
	}
	passed := time.Since(began).Seconds()
	b.ReportMetric(100*(ownTime(b)-here)/passed, "%core")
	b.ReportMetric(100*(serverTime(b, p)-there)/passed, "%core-postgres")
}

func ownTime(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// serverTime adds up the time of all backends that there are; the pool keeps its own.
func serverTime(b *testing.B, p *process) (seconds float64) {
	const ticks = 100 // a second, proc(5)
	pids := get[string](b, p.db, "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity")
	for _, pid := range strings.Fields(pids) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		for _, field := range fields[11:13] { // utime and stime
			n, err := strconv.ParseFloat(field, 64)
			if err != nil {
				b.Fatal(err)
			}
			seconds += n / ticks
		}
	}
	return seconds
}
