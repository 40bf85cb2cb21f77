package web

import (
	"context"
	"net/http"
	"strings"
	"testing"

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
