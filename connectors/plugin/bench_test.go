package plugin_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func fast(b *testing.B, takes time.Duration) engine.Connector {
	b.Helper()
	return open(b, plugin.Config{Command: []string{built(b, "testdata/fast"), takes.String()}}, options(b))
}

func mustGrant(b *testing.B, c engine.Connector, n int64) {
	if outcome, err := c.Grant(context.Background(), "ann", fmt.Sprint("right ", n)); outcome != engine.Done {
		b.Error(outcome, err)
	}
}

// BenchmarkCall prints what a call to a plug-in costs over one within the process.
func BenchmarkCall(b *testing.B) {
	p := enginetest.NewProgram("memory", time.Now)
	p.AddAccount("ann", engine.AccountInfo{}, engine.Exists, engine.Active)
	own := time.Now()
	const calls = 1000
	for n := range int64(calls) {
		mustGrant(b, p, n)
	}
	within := time.Since(own) / calls
	c := fast(b, 0)
	mustGrant(b, c, -1) // starts it
	n := int64(0)
	b.ResetTimer()
	for b.Loop() {
		mustGrant(b, c, n)
		n++
	}
	per := b.Elapsed() / time.Duration(max(1, n))
	b.ReportMetric(float64(per.Microseconds()), "µs/call")
	b.ReportMetric(float64((per-within).Nanoseconds())/1000, "µs-over-in-process")
}

// BenchmarkGrants has 32 calls at once under way, each of which takes the program 10 ms: 3,200 a second is what it bears.
func BenchmarkGrants(b *testing.B) {
	const lanes, takes = 32, 10 * time.Millisecond
	c := fast(b, takes)
	mustGrant(b, c, -1)
	var n atomic.Int64
	b.ResetTimer()
	var all sync.WaitGroup
	for range lanes {
		all.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				mustGrant(b, c, i)
			}
		})
	}
	all.Wait()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "grants/s")
	b.ReportMetric(100*rate/(lanes/takes.Seconds()), "%-of-the-target")
}

// BenchmarkList reads 10,000 accounts of three rights.
func BenchmarkList(b *testing.B) {
	c := fast(b, 0)
	accounts := 0
	for b.Loop() {
		accounts = 0
		proof, err := c.Holdings(context.Background(), func(h engine.Holding) error {
			if h.Entitlement == engine.Exists {
				accounts++
			}
			return nil
		})
		if err != nil || !proof.Complete() {
			b.Fatal(err, proof.Reasons)
		}
	}
	b.ReportMetric(float64(accounts)*float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
}
