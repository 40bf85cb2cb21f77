package journal

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// Every run asks for the last policy and configuration: among ten million intents too they must be found by an index.
func TestRareKindsAreFoundByIndex(t *testing.T) {
	explain := map[string]string{"sqlite:" + filepath.Join(t.TempDir(), "j.db"): "EXPLAIN QUERY PLAN ", servers.Postgres(t).NewDatabase(t): "SET enable_seqscan = off; EXPLAIN "}
	for address, how := range explain {
		s := openStore(t, address, nil)
		for _, kind := range engine.Kinds() {
			plan := planOf(t, s, how, engine.Query{Kind: kind, Newest: true})
			if want := !slices.Contains(frequent(), kind); strings.Contains(plan, "journal_few") != want {
				t.Errorf("%.8s: %s: by the index is %v:\n%s", address, kind, !want, plan)
			}
		}
	}
}

func planOf(t *testing.T, s *Store, explain string, q engine.Query) (plan string) {
	t.Helper()
	query, args := s.asked(q, 1)
	for _, a := range args { // a parameter can't be told to EXPLAIN after SET
		query = strings.Replace(strings.Replace(query, "$1", "?", 1), "?", "'"+a.(string)+"'", 1)
	}
	err := each(s.read.QueryxContext(t.Context(), explain+query))(func(r *sqlx.Rows) error {
		row, err := r.SliceScan()
		if last, ok := row[len(row)-1].(string); ok {
			plan += last + "\n"
		} else if last, ok := row[len(row)-1].([]byte); ok {
			plan += string(last) + "\n"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
