package journal

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/engine"
)

// FuzzStored: whatever stands in the two texts of a stored record, it is read or refused; what is read and may be kept says
// the same after it was stored again, and the public text alone never tells the personal one.
func FuzzStored(f *testing.F) {
	for _, r := range []engine.Record{
		engine.IntentRecord("r1", "cron", "corp", engine.Change{Op: engine.OpGrant, Person: "p", Account: "a", Program: "wiki", Entitlement: "wiki/x", Why: []string{"w"}, Rules: []string{"r"}}, engine.ChargeGrant),
		{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: "k", Person: "p"}, Text: "t", Data: []byte(`{"a":1}`)}}, Clear: []engine.FactKey{{Kind: "k", Key: "z"}}},
		{Kind: engine.KindSeen, Program: "wiki", Data: json.RawMessage(`{"appeared":[["a","b"]]}`)},
		{Kind: engine.KindOutcome, Of: 7, Claim: 2, Outcome: engine.Done, Program: "wiki", Account: "a"},
	} {
		per, err := storePersonal(&r)
		if err != nil {
			f.Fatal(err)
		}
		r.Seq = 3
		f.Add(storePublic(&r, 1, 2), per)
	}
	f.Add([]byte(`{"seq":1,"kind":"note"}`), []byte(`{"actor":"a","why":[],"data":null,"set":[{"kind":"","since":9223372036854775807}]}`))
	f.Add([]byte(`[]`), []byte(`{"actor":1}`))
	f.Fuzz(func(t *testing.T, publicText, personalText []byte) {
		r, who, err := load(publicText, personalText)
		if err != nil {
			return
		}
		kept, err := r.Canonical()
		if err != nil {
			return
		}
		text, err := storePersonal(&kept)
		if err != nil {
			t.Fatalf("%+v is kept, and can't be stored: %v", kept, err)
		}
		again, _, err := load(publicText, text)
		if err != nil {
			t.Fatal(err)
		}
		if again, err = again.Canonical(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(kept, again); diff != "" {
			t.Fatal(diff)
		}
		blank, _, err := load(publicText, nil)
		if err != nil || blank.Person != "" || blank.Account != "" || blank.Actor != "" || len(blank.Why)+len(blank.Data)+len(blank.Set) > 0 || blank.Seq != who.Seq {
			t.Fatalf("the public text says %+v, %v", blank, err)
		}
	})
}
