package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"

	"github.com/rolecall/rolecall/engine"
)

// BenchmarkCall prints what a call costs on the way from Rolecall to the connector, over the bare client of the connector:
// both ask for one page of grants.
func BenchmarkCall(b *testing.B) {
	w := newWorld(b)
	p := w.open(nil)
	f, err := p.find(b.Context(), "user:4", "group:read:member")
	if err != nil {
		b.Fatal(err)
	}
	const calls = 500
	bare := time.Now()
	for range calls {
		if _, err := p.c.grants.ListGrants(b.Context(), v2.GrantsServiceListGrantsRequest_builder{Resource: f.right.GetResource(), ActiveSyncId: f.e.sync}.Build()); err != nil {
			b.Fatal(err)
		}
	}
	each := time.Since(bare) / calls
	c := w.plugged(&syncBuffer{})
	grant := func() {
		if o, err := c.Grant(b.Context(), "user:4", "group:read:member"); o != engine.Already {
			b.Fatal(o, err)
		}
	}
	grant() // starts it
	n := 0
	b.ResetTimer()
	for b.Loop() {
		grant()
		n++
	}
	per := b.Elapsed() / time.Duration(max(1, n))
	b.ReportMetric(float64(each.Microseconds()), "µs-bare")
	b.ReportMetric(float64(per.Microseconds()), "µs/call")
	b.ReportMetric(float64((per - each).Microseconds()), "µs-over-bare")
}

// BenchmarkGrants makes 192 grants, two in each group, by a connector that takes 10 ms for each change, 32 at a time, as Rolecall runs it,
// over the bare client of the connector that asks for as many changes, 32 at a time, and for nothing else.
func BenchmarkGrants(b *testing.B) {
	const lanes, granted = 32, 192
	w := newWorld(b)
	users, groups := map[string]any{}, map[string]any{}
	for n := range granted {
		users[strconv.Itoa(n)] = map[string]any{"login": fmt.Sprint("user", n)}
		groups[fmt.Sprint("read", n/2)], groups[fmt.Sprint("write", n/2)] = map[string]any{"name": "Readers"}, map[string]any{"name": "Writers"}
	}
	estate, err := json.Marshal(map[string]any{"token": token, "key": key, "next": granted, "users": users, "groups": groups})
	if err != nil {
		b.Fatal(err)
	}
	w.write("", string(estate))
	w.fault("change slow")
	p := w.open(nil)
	atOnce := func(do func(n int) error) time.Duration {
		var next atomic.Int64
		var all sync.WaitGroup
		start := time.Now()
		for range lanes {
			all.Go(func() {
				for n := next.Add(1) - 1; n < granted; n = next.Add(1) - 1 {
					if err := do(int(n)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return time.Since(start)
	}
	if _, err := p.reload(b.Context()); err != nil {
		b.Fatal(err)
	}
	bare := atOnce(func(n int) error {
		f, err := p.find(b.Context(), fmt.Sprint("user:", n), fmt.Sprintf("group:write%d:member", n/2))
		if err == nil {
			_, err = p.c.manager.Grant(b.Context(), v2.GrantManagerServiceGrantRequest_builder{Entitlement: f.right, Principal: f.who}.Build())
		}
		return err
	})
	c := w.plugged(&syncBuffer{}, "-parallel", strconv.Itoa(lanes))
	if o, err := c.Grant(b.Context(), "user:0", "group:read0:member"); o != engine.Done { // starts it
		b.Fatal(o, err)
	}
	own := atOnce(func(n int) error {
		if o, err := c.Grant(b.Context(), fmt.Sprint("user:", n), fmt.Sprintf("group:read%d:member", n/2)); o != engine.Done && n > 0 {
			return fmt.Errorf("%s: %w", o, err)
		}
		return nil
	})
	b.ReportMetric(granted/own.Seconds(), "grants/s")
	b.ReportMetric(bare.Seconds()/own.Seconds(), "of-bare-client")
	b.ReportMetric(0, "ns/op")
}
