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

// How long accounts held something is told since a time, of one right or of all, and always the first, from when on anything is known.
func TestStays(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		s := openStore(t, address, func() time.Time { return now })
		seen := func(program string, what engine.Seen) {
			t.Helper()
			now = now.AddDate(0, 0, 1)
			data, err := json.Marshal(what)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindSeen, Program: program, Data: data}}); err != nil {
				t.Fatal(err)
			}
		}
		seen("crm", engine.Seen{Baseline: true, Appeared: [][2]string{{"a", ""}, {"b", ""}, {"b", "admin"}}})
		seen("wiki", engine.Seen{Baseline: true, Appeared: [][2]string{{"x", ""}}})
		seen("crm", engine.Seen{Disappeared: [][2]string{{"a", ""}}})
		seen("crm", engine.Seen{Appeared: [][2]string{{"c", ""}}})
		list := func(only *string, since time.Time) (out string) {
			t.Helper()
			all, err := s.Stays(t.Context(), "crm", only, since)
			if err != nil {
				t.Fatal(name, err)
			}
			for _, one := range all {
				until := "still"
				if !one.Until.IsZero() {
					until = one.Until.UTC().Format("02")
				}
				out += fmt.Sprintf("%s %s-%s ", one.Account, one.From.UTC().Format("02"), until)
			}
			return out
		}
		active := engine.Active
		if got := list(&active, now); got != "a 02-04 b 02-still c 05-still " {
			t.Errorf("%s: %q", name, got)
		}
		if got := list(nil, now.AddDate(0, 0, -9)); got != "a 02-04 b 02-still b 02-still c 05-still " {
			t.Errorf("%s: all of them: %q", name, got)
		}
	}
}
