package journal

import (
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/engine"
)

func asked(t *testing.T, s *Store, q engine.Query) (seqs []int64) {
	t.Helper()
	if err := s.Records(t.Context(), q, func(r engine.Record) error { seqs = append(seqs, r.Seq); return nil }); err != nil {
		t.Fatal(err)
	}
	return seqs
}

// What occurs in which block takes a search past the others, and changes nothing of what it finds: in a journal of which some blocks are
// from before such a table was kept, too, and page by page.
func TestSearchAcrossBlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("bulk")
	}
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	makeUp(t, s, 5*mentionBlock)
	var all []engine.Record
	if err := s.Records(t.Context(), engine.Query{}, func(r engine.Record) error { all = append(all, r); return nil }); err != nil {
		t.Fatal(err)
	}
	right := "right-03"
	queries := map[string]struct {
		q  engine.Query
		is func(*engine.Record) bool
	}{
		"actor":     {engine.Query{Actor: "ben"}, func(r *engine.Record) bool { return r.Actor == "ben" }},
		"nobody":    {engine.Query{Actor: "be"}, func(*engine.Record) bool { return false }},
		"rule":      {engine.Query{Rule: "rule-003"}, func(r *engine.Record) bool { return slices.Contains(r.Rules, "rule-003") }},
		"right":     {engine.Query{Program: "wiki", Entitlement: &right}, func(r *engine.Record) bool { return r.Program == "wiki" && r.Entitlement == right }},
		"refused":   {engine.Query{Outcome: engine.Refused}, func(r *engine.Record) bool { return r.Outcome == engine.Refused }},
		"two":       {engine.Query{Outcome: engine.Failed, Actor: "cron"}, func(r *engine.Record) bool { return r.Outcome == engine.Failed && r.Actor == "cron" }},
		"run":       {engine.Query{Run: "run-000002"}, func(r *engine.Record) bool { return r.Run == "run-000002" }},
		"no run":    {engine.Query{Run: "run-00000"}, func(*engine.Record) bool { return false }},
		"both":      {engine.Query{Run: "run-000001", Actor: "cron"}, func(r *engine.Record) bool { return r.Run == "run-000001" && r.Actor == "cron" }},
		"past":      {engine.Query{From: all[len(all)-1].Time.Add(time.Hour)}, func(*engine.Record) bool { return false }},
		"future":    {engine.Query{To: all[len(all)-1].Time.Add(time.Hour), Run: "run-000001"}, func(r *engine.Record) bool { return r.Run == "run-000001" }},
		"a period":  {engine.Query{From: all[1500].Time, To: all[3500].Time, Actor: "cron"}, func(r *engine.Record) bool { return r.Actor == "cron" && r.Seq > 1500 && r.Seq <= 3500 }},
		"all times": {engine.Query{From: all[1023].Time, To: all[4096].Time}, func(r *engine.Record) bool { return r.Seq > 1023 && r.Seq <= 4096 }},
	}
	for _, since := range []int64{0, 1, 2, 6} {
		if since > 0 {
			s.write.MustExec("UPDATE mention SET block = ? WHERE what = 'since'", since)
			s.write.MustExec("DELETE FROM mention WHERE block < ? AND what <> 'since' AND what <> 'run'", since)
		}
		for name, c := range queries {
			var want []int64
			for i := range all {
				if c.is(&all[i]) {
					want = append(want, all[i].Seq)
				}
			}
			if have := asked(t, s, c.q); !reflect.DeepEqual(have, want) {
				t.Errorf("%s, known from block %d on: %s", name, since, cmp.Diff(want, have))
			}
			slices.Reverse(want)
			var have []int64
			for q := c.q; len(have) < len(want); q.Before = have[len(have)-1] {
				q.Newest, q.Limit = true, 7
				page := asked(t, s, q)
				if len(page) == 0 {
					break
				}
				have = append(have, page...)
			}
			if !slices.Equal(have, want) {
				t.Errorf("%s, page by page, known from block %d on: %s", name, since, cmp.Diff(want, have))
			}
		}
		if v := verify(t, s); !v.OK() {
			t.Errorf("%+v", v)
		}
	}
}

// A row that is missing would hide what happened from those who search for it.
func TestVerifyFindsWhatSearchesWouldMiss(t *testing.T) {
	for _, sql := range []string{"DELETE FROM mention WHERE what = 'actor'", "DELETE FROM mention WHERE what = 'op' AND name = 'create'", "UPDATE mention SET block = 5 WHERE what = 'rule'",
		"UPDATE mention SET block = 5 WHERE what = 'since'; DELETE FROM mention WHERE what = 'run'",
		"INSERT INTO mention VALUES ('actor', 'somebody', 0)"} {
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
		fill(t, s)
		if n, _ := s.write.MustExec(sql).RowsAffected(); n == 0 {
			t.Fatal("the tampering touched nothing")
		}
		if v := verify(t, s); v.OK() {
			t.Errorf("%s: not found", sql)
		}
	}
}
