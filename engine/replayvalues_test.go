package engine

import (
	"strings"
	"testing"
	"time"
)

// What waits for an approval of an update is put back in records about its person, as it was first written.
func TestReplayKeepsValuesWithTheirPerson(t *testing.T) {
	item := func(id, person string) Fact {
		i := Item{ID: id, State: Waiting, Reason: "limit", Change: Change{Op: OpUpdate, Program: "wiki", Account: "a-" + person, Entitlement: "wiki/.exists", Person: person,
			New: &NewAccount{Name: person, Attributes: map[string]string{"mail": person + "@example.com"}}}}
		return i.fact()
	}
	fold := func(facts ...Fact) *Fold {
		f := NewFold()
		if err := f.Apply(Record{Seq: 1, Time: time.Unix(1, 0).UTC(), Kind: KindNote, Set: facts}); err != nil {
			t.Fatal(err)
		}
		return f
	}
	cut := Fact{FactKey: FactKey{Kind: FactCut, Person: "c"}, Text: "x"}
	failing := Fact{FactKey: FactKey{Kind: FactFailing, Program: "wiki", Account: "a-dan", Entitlement: "x"}, Text: "no such address: dan@example.com"}
	records := Replay(fold(item("1", "ann")), fold(item("2", "ben"), item("3", "cid"), cut, failing), nil, "why")
	if len(records) != 5 {
		t.Fatalf("%d records", len(records))
	}
	for _, r := range records {
		for _, f := range r.Set {
			if f.Kind == FactFailing {
				if r.Program != "wiki" || r.Account != "a-dan" || len(r.Set) != 1 {
					t.Errorf("%+v", r)
				}
				continue
			}
			if whose := itemOf(&f).Change.Person; r.Person != whose || strings.Contains(string(f.Data), "@") != (whose != "") {
				t.Errorf("a record about %q: %s", r.Person, f.Data)
			}
		}
		for _, k := range r.Clear {
			if k.Key != "1" || r.Person != "ann" || r.Account != "a-ann" || r.Program != "wiki" {
				t.Errorf("a record about %q ends %v", r.Person, k)
			}
		}
	}
}
