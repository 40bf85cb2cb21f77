package journal

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// What is stored as bytes reads as it should and is found by no query: a pause would hold no more, a record would be in no search.
func TestBytesAreFound(t *testing.T) {
	for _, column := range []string{"journal.kind", "journal.program", "journal.class", "journal.public", "journal.personal", "journal.leaf",
		"fact.kind", "person.key", "account.name", "entitlement.name", "mention.name", "open_intent.program", "open_intent.attempts", "link.program"} {
		t.Run(column, func(t *testing.T) {
			s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
			change := engine.Change{Op: engine.OpGrant, Person: "ann", Account: "ann", Program: "wiki", Entitlement: "wiki/read", Why: []string{"a rule"},
				Rules: []string{"r"}, Cause: engine.CauseRule}
			records := []engine.Record{engine.IntentRecord("run", "daemon", "corp", change, engine.ChargeGrant),
				{Kind: engine.KindLink, Person: "ann", Program: "wiki", Account: "ann"},
				{Kind: engine.KindPause, Actor: "eve", Program: "wiki", Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactPause, Program: "wiki"}}}}}
			if err := s.Append(t.Context(), engine.Free, records); err != nil {
				t.Fatal(err)
			}
			table, name, _ := strings.Cut(column, ".")
			if v, err := s.Verify(t.Context()); err != nil || len(v.Wrong) > 0 {
				t.Fatal(v.Wrong, err)
			}
			s.write.MustExec("UPDATE " + table + " SET " + name + " = CAST(" + name + " AS BLOB)")
			if v, err := s.Verify(t.Context()); err != nil || !strings.Contains(strings.Join(v.Wrong, "\n"), "bytes where text") {
				t.Errorf("%q %v", v.Wrong, err)
			}
		})
	}
}

// A column that is missing, once the table allows that, must not be read as if another's text stood for it.
func TestMissingTextIsFound(t *testing.T) {
	path := "sqlite:" + filepath.Join(t.TempDir(), "j.db")
	s := openStore(t, path, nil)
	change := engine.Change{Op: engine.OpRevoke, Person: "ann", Account: "ann", Program: "wiki", Entitlement: "wiki/read", Cause: engine.CauseRule}
	if err := s.Append(t.Context(), engine.Free, []engine.Record{engine.IntentRecord("run", "daemon", "corp", change, engine.ChargeRevoke)}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"PRAGMA writable_schema = ON", "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'journal'",
		"PRAGMA writable_schema = RESET"} {
		s.write.MustExec(statement)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path, nil)
	s.write.MustExec("UPDATE journal SET source = class || char(31) || source, class = NULL")
	if v, err := s.Verify(t.Context()); err == nil && len(v.Wrong) == 0 {
		t.Error("a record without its class is said to be right")
	}
}
