package web

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// BenchmarkPages shows pages of a company of 100,000 people, 50,000 changes and 600,000 holdings that are not managed, from
// memory: what the journal answers is the journal's affair. It prints the time to the whole page; the aim is 100 ms to the first byte.
func BenchmarkPages(b *testing.B) {
	o := outlook("x")
	o.People, o.Plan.Changes, o.Plan.Unmanaged = nil, nil, nil
	for i := range 100_000 {
		o.People = append(o.People, engine.Person{Key: fmt.Sprintf("p%06d", i), State: engine.StateActive, Attributes: engine.Attributes{{Name: "login", Values: []string{fmt.Sprintf("u%d", i)}}, {Name: "name", Values: []string{fmt.Sprintf("Person %d", i)}}}})
	}
	for i := range 50_000 {
		o.Plan.Changes = append(o.Plan.Changes, engine.Change{Op: engine.OpGrant, Person: fmt.Sprintf("p%06d", i), Account: "a", Program: "crm", Entitlement: "crm/x", State: engine.NeedsApproval})
	}
	for i := range 600_000 {
		o.Plan.Unmanaged = append(o.Plan.Unmanaged, engine.Unmanaged{Program: "crm", Account: fmt.Sprint(i), Entitlement: "crm/x"})
	}
	s, err := New(Options{Outlook: func() *engine.Outlook { return o }, Paused: func(context.Context) ([]engine.Fact, error) { return nil, nil }, Items: func(context.Context) ([]engine.Item, error) { return nil, nil }, Extras: func(context.Context, string) ([]engine.Fact, error) { return nil, nil }, CutSince: func(context.Context, string) (*engine.Fact, error) { return nil, nil }, Levels: func() *Levels { return nil }, Journal: func() Journal { return records("x") }, Next: noon, Now: noon,
		Programs: func() []Program { return []Program{{Name: "crm"}} }, Zone: func() *time.Location { return time.UTC }, Failed: func(what string, err error) { b.Error(what, err) }})
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range []string{"/", "/people?q=99999", "/people/p099999", "/waiting", "/programs", "/programs/crm", "/runs/r1"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				if w := get(s, path); w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
