package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// What is known of somebody is the same before and after a pruning but for the records that are gone, and says that these are.
func TestPersonExportAfterAPruning(t *testing.T) {
	s := newSealed(t)
	if err := s.next(); err != nil {
		t.Fatal(err)
	}
	store := s.system().store
	note := func(f engine.Fact) {
		t.Helper()
		if err := store.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Actor: "boss", Set: []engine.Fact{f}}}); err != nil {
			t.Fatal(err)
		}
	}
	note(engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Person: "1003", Key: "z"}, Data: []byte(`{"for":"1010"}`)})
	note(engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Key: "x"}, Text: "ask judy on friday"})
	note(engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Key: "y"}, Text: "ask judyth on 10101"})
	aged(t, s.dir)
	of := func(name string) (out personJSON) {
		t.Helper()
		said, code := rolecallIn(t, s.dir, "person", "export", name)
		if err := json.Unmarshal([]byte(said), &out); err != nil || code != exitDone {
			t.Fatal(code, err, said)
		}
		return out
	}
	before := of("judy")
	if len(before.Named) != 2 || !slices.Contains(before.Names, "judy") || before.Pruned != "" || len(before.Records) == 0 {
		t.Errorf("%+v", before)
	}
	if said, code := later(t, s.dir, "audit", "prune", "--before", tomorrow(), "--reason", "too old", "--yes"); code != exitDone {
		t.Fatal(said)
	}
	after := of("judy") // by the login, which no record has any more
	if !strings.Contains(after.Pruned, `because "too old"`) || len(after.Records) >= len(before.Records) {
		t.Errorf("%q, %d records of %d", after.Pruned, len(after.Records), len(before.Records))
	}
	kept := func(p personJSON) string {
		p.Records, p.Elsewhere, p.Time, p.Pruned = nil, nil, after.Time, ""
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if was, is := kept(before), kept(after); was != is {
		t.Errorf("was\n%s\nis\n%s", was, is)
	}
}
