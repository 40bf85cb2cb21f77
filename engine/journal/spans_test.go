package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// What was held at any moment between two times is told with whose account it was then, and since when anything is known.
func TestSeatSpans(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		day := func(n int) time.Time { return time.Date(2027, 1, n, 0, 0, 0, 0, time.UTC) }
		now := day(1)
		s := openStore(t, address, func() time.Time { return now })
		add := func(on int, records ...engine.Record) {
			t.Helper()
			now = day(on)
			if err := s.Append(t.Context(), engine.Free, records); err != nil {
				t.Fatal(err)
			}
		}
		seen := func(what engine.Seen) engine.Record {
			data, err := json.Marshal(what)
			if err != nil {
				t.Fatal(err)
			}
			return engine.Record{Kind: engine.KindSeen, Program: "crm", Data: data}
		}
		link := func(person, account string) engine.Record {
			return engine.Record{Kind: engine.KindLink, Person: person, Program: "crm", Account: account}
		}
		add(2, seen(engine.Seen{Baseline: true, Appeared: [][2]string{{"a", ""}, {"b", ""}, {"b", "admin"}}}))
		add(3, link("ann", "a"))
		add(5, seen(engine.Seen{Disappeared: [][2]string{{"a", ""}}}))
		add(7, seen(engine.Seen{Appeared: [][2]string{{"a", ""}, {"c", ""}}}))
		add(9, link("eve", "c"))
		for program, want := range map[string]bool{"crm": true, "wiki": false} {
			if tells, err := s.TellsActive(t.Context(), program); err != nil || tells != want {
				t.Error(name, program, tells, err)
			}
		}
		list := func(program string, from, to int) string {
			t.Helper()
			all, known, err := s.SeatSpans(t.Context(), program, day(from), day(to))
			if err != nil {
				t.Fatal(name, err)
			}
			out := []string{"never"}
			if !known.IsZero() {
				out[0] = known.UTC().Format("02")
			}
			for _, one := range all {
				until := ""
				if !one.Until.IsZero() {
					until = one.Until.UTC().Format("02")
				}
				out = append(out, fmt.Sprintf("%s/%s of %q %s-%s", one.Account, one.Right, one.Person, one.From.UTC().Format("02"), until))
			}
			return strings.Join(out, ", ")
		}
		for _, c := range []struct {
			program  string
			from, to int
			want     string
		}{
			{"crm", 3, 6, `02, a/ of "ann" 02-05, b/ of "" 02-, b/admin of "" 02-`},
			{"crm", 5, 7, `02, b/ of "" 02-, b/admin of "" 02-`},
			{"crm", 7, 8, `02, b/ of "" 02-, b/admin of "" 02-, a/ of "ann" 07-, c/ of "" 07-`},
			{"crm", 7, 10, `02, b/ of "" 02-, b/admin of "" 02-, a/ of "ann" 07-, c/ of "eve" 07-`},
			{"wiki", 1, 10, "never"},
		} {
			if got := list(c.program, c.from, c.to); got != c.want {
				t.Errorf("%s, %s from %d to %d: %s\ninstead of %s", name, c.program, c.from, c.to, got, c.want)
			}
		}
	}
}

// A time of which records were pruned is not told by what is left.
func TestSeatSpansOfWhatWasPruned(t *testing.T) {
	s, _, day := aged(t, lite(t))
	pruneBefore(t, s, day)
	if _, _, err := s.SeatSpans(t.Context(), "wiki", day.Add(-time.Second), day.Add(time.Hour)); !errors.Is(err, engine.ErrPruned) {
		t.Error(err)
	}
	if _, _, err := s.SeatSpans(t.Context(), "wiki", day, day.Add(time.Hour)); err != nil {
		t.Error(err)
	}
}
