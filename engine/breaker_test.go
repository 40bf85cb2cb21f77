package engine

import (
	"testing"
	"time"
)

// What another process found well since is not told as set aside.
func TestWhatSomebodyElseFoundWellIsNotTold(t *testing.T) {
	w := &worker{p: &Program{Name: "wiki"}, breaker: breaker{broke: true, state: breakerOpen, aside: Fact{FactKey: FactKey{Kind: FactAside, Program: "wiki"}}}}
	if w.tellAside(); len(w.report.SetAside) != 1 {
		t.Error("what is set aside is not told")
	}
	w.report, w.breaker.state, w.breaker.aside = Report{}, breakerClosed, Fact{}
	if w.tellAside(); len(w.report.SetAside) > 0 {
		t.Errorf("%+v", w.report.SetAside)
	}
}

// The oldest are forgotten where too many accounts fail, so that what is kept stays small.
func TestSoManyBrokenAccountsAreKnown(t *testing.T) {
	w := &worker{e: &Engine{Now: time.Now}, p: &Program{Name: "wiki"}}
	b := &w.breaker
	for range asideMost {
		b.known = append(b.known, shortHash(string(rune('a'+len(b.known)))))
	}
	first, second := b.known[0], b.known[1]
	b.fails("somebody")
	w.breaks(t.Context(), "down")
	if len(b.known) != asideMost || b.known[0] != second || b.known[0] == first || !b.failedBefore("somebody") {
		t.Errorf("%d are known", len(b.known))
	}
}
