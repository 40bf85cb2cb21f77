package journal

import (
	"context"
	"encoding/base64"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// Rows that are read as one text are those that are read column by column; what could be taken for something else is read so.
func TestJoinedColumns(t *testing.T) {
	for name, tc := range map[string]struct {
		right, then string
		ok          bool
	}{
		"as written":         {"read", "", true},
		"hostile":            {"a,\"b\"\\ \n'[1]' %s \u2028", "", true},
		"the separator":      {"read" + between + "x", "", false},
		"blanked":            {"read", "UPDATE journal SET salt = NULL, personal = NULL, commitment = leaf WHERE seq = 1", true},
		"an empty part":      {"read", "UPDATE journal SET personal = '' WHERE seq = 1", true},
		"a salt that is not": {"read", "UPDATE journal SET salt = '*' WHERE seq = 1", true},
		"a leaf that is not": {"read", "UPDATE journal SET leaf = leaf || leaf WHERE seq = 1", true},
		"a short leaf":       {"read", "UPDATE journal SET leaf = 'AAAA' WHERE seq = 1", true},
		"bytes for a number": {"read", "UPDATE journal SET time = x'35' WHERE seq = 1", false},
		"text for a number":  {"read", "UPDATE journal SET intent = 'six' WHERE seq = 1", false},
		"half a number":      {"read", "UPDATE journal SET approved = 0.5 WHERE seq = 1", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
			records := []engine.Record{engine.IntentRecord("run", "daemon", "corp", engine.Change{Op: engine.OpGrant, Person: "ann", Account: "ann", Program: "wiki",
				Entitlement: "wiki/" + tc.right, Why: []string{"a rule"}, Rules: []string{"r"}, Cause: engine.CauseRule}, engine.ChargeGrant)}
			if err := s.Append(t.Context(), engine.Free, records); err != nil {
				t.Fatal(err)
			}
			if tc.then != "" {
				s.write.MustExec(tc.then)
			}
			joined, one, ok, err := bothWays(t.Context(), s)
			if ok != tc.ok {
				t.Errorf("read as one text: %v", ok)
			}
			if ok && (err != nil || !reflect.DeepEqual(joined, one)) {
				t.Errorf("%v\n%+v\n%+v", err, joined, one)
			}
		})
	}
}

// bothWays reads the first page as one text a row, and column by column.
func bothWays(ctx context.Context, s *Store) (joined, one []row, ok bool, err error) {
	err = s.looking(ctx, func(looks []*look, _ *head) error {
		w := newWalk(ctx, looks, true, &Verification{})
		if err := w.readNames(); err != nil {
			return err
		}
		d := &decoder{spelling: newSpelling(), strict: base64.StdEncoding.Strict(), names: &w.names}
		return looks[0].use(func(t *sqlx.Tx) error {
			p := &portion{after: firstSeq, upTo: lastSeq}
			ok = p.readJoined(ctx, t, d)
			joined, p.rows = p.rows, nil
			err := p.read(ctx, t, d)
			one = p.rows
			return err
		})
	})
	return joined, one, ok, err
}
