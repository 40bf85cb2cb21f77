package journal

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// Who had what at any time comes page by page as it comes at once: of everybody, of a program, of an entitlement.
func TestAsOfPages(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		clock := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		s := openStore(t, address, func() time.Time { return clock })
		var times []time.Time
		for _, seen := range []struct {
			program string
			what    engine.Seen
		}{
			{"crm", engine.Seen{Baseline: true, Appeared: [][2]string{{"a", ""}, {"b", ""}, {"b", "admin"}, {"c", ""}, {"d", ""}}}},
			{"wiki", engine.Seen{Baseline: true, Appeared: [][2]string{{"a", "admin"}, {"b2", ""}}}},
			{"crm", engine.Seen{Disappeared: [][2]string{{"a", ""}, {"b", "admin"}}}},
			{"crm", engine.Seen{Appeared: [][2]string{{"b", "sales"}}}},
		} {
			sees(t, s, seen.program, seen.what)
			times = append(times, clock)
			clock = clock.Add(time.Hour)
		}
		admin := "admin"
		for _, at := range append(times, clock, times[0].Add(-time.Second)) {
			for _, q := range []engine.AsOfQuery{{}, {Program: "crm"}, {Program: "wiki", Entitlement: &admin}, {Entitlement: &admin}, {Program: "none"}} {
				whole, err := s.AsOf(t.Context(), at, "", q.Program, "")
				if err != nil {
					t.Fatal(err)
				}
				var want, got []engine.Held
				for _, h := range whole {
					if q.Entitlement == nil || *q.Entitlement == h.Entitlement {
						want = append(want, h)
					}
				}
				for q.At, q.Accounts = at, 2; ; {
					part, err := s.AsOfPage(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					if got = append(got, part...); len(part) == 0 {
						break
					}
					q.After = [2]string{part[len(part)-1].Program, part[len(part)-1].Account}
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %v, %+v: %+v, not %+v", name, at, q, got, want)
				}
			}
		}
	}
}

// What a run left open is counted until it is at its end.
func TestOpenOfARun(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		s := openStore(t, address, time.Now)
		add := func(r ...engine.Record) {
			t.Helper()
			if err := s.Append(t.Context(), engine.Free, r); err != nil {
				t.Fatal(err)
			}
		}
		begin := func(run, account string) engine.Record {
			return engine.IntentRecord(run, "serve", "hr", engine.Change{Op: engine.OpGrant, Person: account, Account: account, Program: "wiki", Entitlement: "wiki/x"}, "")
		}
		add(begin("r1", "a"), begin("r1", "b"), begin("r2", "c"))
		is := func(want map[string]int) {
			t.Helper()
			for run, n := range want {
				if got, err := s.OpenOf(t.Context(), run); err != nil || got != n {
					t.Errorf("%s: %d of %s are open, not %d; %v", name, got, run, n, err)
				}
			}
		}
		is(map[string]int{"r1": 2, "r2": 1, "r3": 0})
		add(engine.Record{Kind: engine.KindOutcome, Run: "r1", Of: 1, Op: engine.OpGrant, Person: "a", Account: "a", Program: "wiki", Entitlement: "x", Outcome: engine.Done})
		is(map[string]int{"r1": 1, "r2": 1})
	}
}
