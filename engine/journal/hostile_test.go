package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestHostileText sends what quoting goes wrong with through every way into the tables: single rows, arrays, VALUES, COPY.
func TestHostileText(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, address, nil)
			for _, n := range []int{1, 3, 3 * copyFrom} {
				appendHostile(t, s, n)
			}
			if v := verify(t, s); !v.OK() || !v.Folded {
				t.Errorf("%+v", v)
			}
		})
	}
}

func appendHostile(t *testing.T, s *Store, n int) {
	t.Helper()
	texts := []string{`\`, `\N`, `\.`, "tab\t", "line\nline\r\n", `"quoted"`, `{a,"b",NULL}`, "NULL", "'; DROP TABLE journal; --", "<b>&amp;", "Ünï\u2028\u202e", "$1 ? @rows :x", " ", "%s%n"}
	seen := engine.Seen{}
	var records []engine.Record
	for i := range n {
		text := fmt.Sprint(texts[i%len(texts)], n, "-", i)
		seen.Appeared = append(seen.Appeared, [2]string{text, text})
		records = append(records,
			engine.IntentRecord(text, text, text, engine.Change{Op: engine.OpGrant, Person: text, Account: text, Program: "wiki", Entitlement: "wiki/" + text, Why: []string{text}, Rules: []string{text}}, engine.ChargeGrant),
			engine.Record{Kind: engine.KindLink, Person: text, Program: "wiki", Account: text},
			engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: text, Person: text}, Text: text}}})
	}
	data, err := json.Marshal(seen)
	if err != nil {
		t.Fatal(err)
	}
	records = append(records, engine.Record{Kind: engine.KindSeen, Program: "wiki", Data: data})
	if err := s.Append(context.Background(), engine.Free, records); err != nil {
		t.Fatal(err)
	}
	for i := range min(n, len(texts)) {
		found := 0
		text := fmt.Sprint(texts[i], n, "-", i)
		if err := s.Records(context.Background(), engine.Query{Person: text, Actor: text}, func(engine.Record) error { found++; return nil }); err != nil || found != 1 {
			t.Errorf("%q: %d records found, %v", text, found, err)
		}
	}
}
