package engine_test

import (
	"errors"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// Of whom the journal has no record nothing is blanked, and it is said that they are unknown.
func TestNobodyUnknownIsBlanked(t *testing.T) {
	w, b, blank := left(t)
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactAbsent, Person: "k-ghost"}, Since: w.now, Until: w.now}})
	if err := blank("k-ghost"); !errors.Is(err, engine.ErrUnknownPerson) || b.records != nil {
		t.Errorf("%v, %d records", err, len(b.records))
	}
}

// While a change is under way for somebody, or for an account that is theirs alone, they are not forgotten: its outcome would be nobody's.
func TestNobodyIsBlankedForWhomAChangeIsUnderWay(t *testing.T) {
	for what, c := range map[string]engine.Change{
		"theirs":           {Person: "k-zoe", Program: "wiki", Account: "other"},
		"of their account": {Person: "k-yan", Program: "wiki", Account: "zoe"},
	} {
		w, b, blank := left(t)
		c.Op, c.Entitlement = engine.OpRevoke, "wiki/x"
		intent := []engine.Record{engine.IntentRecord("r", "d", "corp", c, "")}
		if err := w.journal.Append(t.Context(), engine.Free, intent); err != nil {
			t.Fatal(what, err)
		}
		notBlanked(t, b, blank("k-zoe"), `a change for "k-zoe" is under way in wiki`)
		done := engine.Record{Kind: engine.KindOutcome, Of: intent[0].Seq, Person: c.Person, Program: c.Program, Account: c.Account, Entitlement: "x", Op: c.Op, Outcome: engine.Failed}
		if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{done}); err != nil {
			t.Fatal(what, err)
		}
		if err := blank("k-zoe"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
