package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// benched is a company of so many people, half as many changes and six times as many holdings that are not managed, from memory: what
// the journal answers is the journal's affair. The first of the people, who is signed in, leads the last.
func benched(t testing.TB, people int) *Site {
	o := outlook("x")
	o.People, o.Plan.Changes, o.Plan.Unmanaged = nil, nil, nil
	for i := range people {
		o.People = append(o.People, engine.Person{Key: fmt.Sprintf("p%06d", i), State: engine.StateActive, Attributes: engine.Attributes{{Name: "login", Values: []string{fmt.Sprintf("u%d", i)}}, {Name: "name", Values: []string{fmt.Sprintf("Person %d", i)}}}})
	}
	o.People[people-1].Jobs = []engine.Job{{Attributes: engine.Attributes{{Name: "manager", Values: []string{"u0"}}}}}
	for i := range people / 2 {
		o.Plan.Changes = append(o.Plan.Changes, engine.Change{Op: engine.OpGrant, Person: fmt.Sprintf("p%06d", i), Account: "a", Program: "crm", Entitlement: "crm/x", State: engine.NeedsApproval})
	}
	for i := range 6 * people {
		o.Plan.Unmanaged = append(o.Plan.Unmanaged, engine.Unmanaged{Program: "crm", Account: fmt.Sprint(i), Entitlement: "crm/x"})
	}
	b := records("x").reviewOf("q1", "x", 1000)
	b.accounts = shownHolders
	for i := range int64(shownEvents) {
		b.records = append(b.records, engine.Record{Seq: 1000 + i, Time: noon(), Kind: engine.KindIntent, Run: "r1", Person: "p000000", Program: "crm", Op: engine.OpGrant, Data: []byte(`{}`)})
	}
	s, failed := site(t, b, o)
	d := &door{user: User{Actor: "token:x", Name: "x", Person: "p000000", Permission: Admin}, in: true}
	s.Door, s.Decisions, s.Reviews, s.Delegates, s.Chores = d, d, d, d, d
	s.Programs = func() []Program { return []Program{{Name: "crm", Owner: "u0"}} }
	t.Cleanup(func() {
		for _, what := range *failed {
			t.Error(what)
		}
	})
	return s
}

// benchedPages are one of each kind.
func benchedPages(people int) []string {
	last := fmt.Sprintf("p%06d", people-1)
	return []string{"/", "/people?q=99999", "/asof?on=2027-01-04", "/changes", "/people/" + last, "/people/" + last + "/cut", "/waiting", "/programs", "/programs/crm", "/programs/crm/holders", "/runs", "/runs/r1", "/runs/r1/undo",
		"/reports", "/reports/seats", "/audit", "/audit/1", "/reviews", "/reviews/q1", "/mine", "/mine/people/" + last, "/mine/programs/crm"}
}

// BenchmarkPages prints the time to the whole page, of 100,000 people; the aim is 100 ms to the first byte.
func BenchmarkPages(b *testing.B) {
	const people = 100_000
	s := benched(b, people)
	for _, path := range benchedPages(people) {
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

// Every kind of page is measured, and can be: one that is added is missed here.
func TestEveryKindOfPageIsMeasured(t *testing.T) {
	const people = 10
	s, left := benched(t, people), map[string]bool{}
	for _, one := range s.routes() {
		if one.show != nil && one.needs > Anybody && one.pattern != "GET /" {
			left[one.pattern] = true
		}
	}
	left["GET /{$}"] = true
	for _, path := range benchedPages(people) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
		_, pattern := s.mux.Handler(r)
		delete(left, pattern)
		if w := get(s, path); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for pattern := range left {
		t.Errorf("BenchmarkPages leaves out %s", pattern)
	}
}
