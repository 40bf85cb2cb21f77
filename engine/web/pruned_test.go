package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Pruned is what was pruned of the book.
func (b *book) Pruned(context.Context) (*engine.Pruned, error) { return b.gone, nil }

// Where records were pruned each page, and each answer for programs, that shows what is left says so, and by whom and why; and where
// what was asked for is gone, nothing looks like an answer.
func TestPrunedIsSaid(t *testing.T) {
	b := records("x")
	s, _ := site(t, b, outlook("x"))
	paths := []string{"/audit", "/runs", "/people/p1", "/programs/crm", "/reviews"}
	for _, gone := range []*engine.Pruned{nil, {Pruning: engine.Pruning{Before: noon(), UpTo: 7}, By: "dpo", Reason: "too old", Time: noon(), Record: 9}} {
		b.gone = gone
		for _, path := range paths {
			for _, base := range []string{"", "/api/v1"} {
				w := get(s, base+path)
				page := strings.Contains(w.Body.String(), "were pruned by") && strings.Contains(w.Body.String(), "too old")
				if w.Code != http.StatusOK || page != (gone != nil) {
					t.Errorf("%s%s, %v: %d %s", base, path, gone, w.Code, w.Body)
				}
			}
		}
		w := get(s, "/audit/export?format=csv")
		if left := strings.Contains(w.Header().Get("Content-Disposition"), "-what-is-left.csv") && strings.Contains(w.Header().Get("Rolecall-Pruned"), "too old"); left != (gone != nil) {
			t.Errorf("%v: %v", gone, w.Header())
		}
	}
	b.beyond = b.gone // what was asked for reaches into it
	for _, path := range []string{"/audit?before=5", "/runs?before=5"} {
		for _, base := range []string{"", "/api/v1"} {
			if w := get(s, base+path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "too old") || strings.Contains(w.Body.String(), "Older") {
				t.Errorf("%s%s is no last page: %d %s", base, path, w.Code, w.Body)
			}
		}
	}
	for _, path := range []string{"/runs/r1", "/audit/3", "/audit/export?format=csv&kind=cut"} {
		if w := get(s, path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "too old") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// A closed review of which part was pruned shows what is left, and says so.
func TestAReviewOfWhichPartIsLeft(t *testing.T) {
	b := records("x").reviewOf("q1", "Ann", 1)
	is := engine.Review{Name: "q1", Began: noon().Add(-time.Hour), Due: noon(), Closed: noon(), Lines: 3}
	l := engine.ReviewLine{ID: "l1", Review: "q1", Person: "p1", Name: "Ann", Entitlement: "crm/left-over", State: engine.LineKept}
	b.records = append(b.records, engine.Record{Seq: 902, Time: noon(), Kind: engine.KindLine, Data: asJSON(l)}, engine.Record{Seq: 903, Time: noon(), Kind: engine.KindReview, Data: asJSON(is)})
	s, _ := site(t, b, outlook("x"))
	for _, gone := range []*engine.Pruned{nil, {Pruning: engine.Pruning{Before: noon(), UpTo: 7}, By: "dpo", Reason: "too old", Time: noon(), Record: 999}} {
		b.gone = gone
		for _, path := range []string{"/reviews/q1", "/api/v1/reviews/q1"} {
			w := get(s, path)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "crm/left-over") || strings.Contains(w.Body.String(), "too old") != (gone != nil) {
				t.Errorf("%s, %v: %d %s", path, gone, w.Code, w.Body)
			}
		}
	}
}
