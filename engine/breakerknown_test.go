package engine

import (
	"context"
	"testing"
)

type noFacts struct{}

func (noFacts) Fact(context.Context, FactKey) (Fact, bool, error) { return Fact{}, false, nil }

// What failed while the program was set aside does not count again once somebody else found it well.
func TestWhatFailedBeforeAProgramWorkedAgainIsJudged(t *testing.T) {
	w := &worker{e: &Engine{}, p: &Program{Name: "wiki"}, breaker: breaker{state: breakerOpen, failed: 4, row: map[string]bool{"a": true, "b": true, "c": true, "d": true}}}
	if err := w.lookBroken(t.Context(), noFacts{}); err != nil {
		t.Fatal(err)
	}
	if b := &w.breaker; b.state != breakerClosed || len(b.row)+b.failed > 0 {
		t.Errorf("%d accounts, %d calls", len(b.row), b.failed)
	}
	w.breaker.fails("e")
	if err := w.lookBroken(t.Context(), noFacts{}); err != nil || len(w.breaker.row) != 1 {
		t.Errorf("a look forgets what fails now: %v", err)
	}
}

// What is told of the program names nobody: it outlives whoever is blanked.
func TestTheErrorOfAProgramThatIsSetAsideNamesNobody(t *testing.T) {
	c := Change{Account: ProposedPrefix + "ann.smith", Person: "1000", Login: "ann", Name: "Ann Smith", New: &NewAccount{Name: "ann.smith", Attributes: map[string]string{"mail": "Ann.Smith@example.com", "former": "z\xf6"}}}
	for text, want := range map[string]string{
		`POST /Users: 500 (userName "Ann.Smith" of ANN SMITH, ann.smith@example.com, 1000)`: `POST /Users: 500 (userName "…" of …, …, …)`,
		"no route to host":          "no route to host",
		"no \xf6ann, no z\xf6 here": "no \ufffd…, no … here",
	} {
		if got := unnamed(text, &c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
