package main

import (
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
