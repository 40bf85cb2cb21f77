package journal

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// Holders of one program come page by page, each account with all that it holds now and with nothing that it held.
func TestHolders(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		s := openStore(t, address, time.Now)
		for _, seen := range []struct {
			program string
			what    engine.Seen
		}{
			{"crm", engine.Seen{Baseline: true, Appeared: [][2]string{{"a", ""}, {"b", ""}, {"b", "admin"}, {"c", ""}, {"d", ""}}}},
			{"wiki", engine.Seen{Baseline: true, Appeared: [][2]string{{"a", "x"}, {"b2", ""}}}},
			{"crm", engine.Seen{Disappeared: [][2]string{{"a", ""}, {"b", "admin"}}}},
			{"crm", engine.Seen{Appeared: [][2]string{{"b", "sales"}}}},
		} {
			sees(t, s, seen.program, seen.what)
		}
		for after, want := range map[string]string{"": "b: b:sales c: ", "b": "c: d: ", "d": ""} {
			held, err := s.Holders(t.Context(), "crm", after, 2)
			got := ""
			for _, h := range held {
				got += fmt.Sprintf("%s:%s ", h.Account, h.Entitlement)
				if h.Program != "crm" || h.From.IsZero() || h.Managed {
					t.Errorf("%s: %+v", name, h)
				}
			}
			if err != nil || got != want {
				t.Errorf("%s: after %q: %q, not %q; %v", name, after, got, want, err)
			}
		}
	}
}

// sees records what a read of a program showed.
func sees(t *testing.T, s *Store, program string, what engine.Seen) {
	t.Helper()
	data, err := json.Marshal(what)
	if err == nil {
		err = s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindSeen, Program: program, Data: data}})
	}
	if err != nil {
		t.Fatal(err)
	}
}
