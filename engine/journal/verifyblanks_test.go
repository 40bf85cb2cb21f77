package journal

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// found fails unless exactly this is wrong.
func found(t *testing.T, s *Store, want string) {
	t.Helper()
	if v := verify(t, s); v.OK() || len(v.Wrong) != 1 || !strings.Contains(v.Wrong[0], want) {
		t.Errorf("%+v, not %q", v, want)
	}
}

// A record of a blanking that says nothing of it explains nothing.
func TestVerifyFindsABlankingThatCannotBeRead(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	write(t, s, engine.Record{Kind: engine.KindBlank, Data: []byte(`{"people":"all"}`)})
	found(t, s, "record 13 says what was blanked, and can't be read")
}

// Nobody hides an account behind a blanking: reads may show as many that have no name any more as were blanked.
func TestVerifyFindsAnAccountThatWasTakenOut(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	write(t, s, engine.Record{Kind: engine.KindSeen, Program: "crm", Data: []byte(`{"appeared":[["mallory",""],["account-of-alice",""]]}`)},
		engine.Record{Kind: engine.KindSeen, Program: "crm", Data: []byte(`{"disappeared":[["account-of-alice",""]]}`)})
	blankAlice(t, s)
	if v := verify(t, s); !v.OK() {
		t.Fatalf("%+v", v)
	}
	takeOut(t, s, "mallory")
	found(t, s, "reads showed 2 accounts that the tables do not know, and 1 of these were blanked")
}

// Nor behind one of which reads only showed that it is gone.
func TestVerifyFindsAnAccountThatWasTakenOutForOneThatWasGone(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	write(t, s, engine.Record{Kind: engine.KindSeen, Program: "crm", Data: []byte(`{"appeared":[["mallory",""]]}`)},
		engine.Record{Kind: engine.KindSeen, Program: "crm", Data: []byte(`{"disappeared":[["account-of-alice",""]],"vanished":[["account-of-alice","x"]]}`)})
	blankAlice(t, s)
	if v := verify(t, s); !v.OK() {
		t.Fatalf("%+v", v)
	}
	takeOut(t, s, "mallory")
	found(t, s, "reads showed 1 accounts that the tables do not know, and 0 of these were blanked")
}

// takeOut deletes an account from the tables, past the journal.
func takeOut(t *testing.T, s *Store, name string) {
	t.Helper()
	which := "(SELECT id FROM account WHERE name = '" + name + "')"
	for _, text := range []string{"DELETE FROM holding WHERE account = " + which, "DELETE FROM tenure WHERE account = " + which, "DELETE FROM account WHERE name = '" + name + "'", "UPDATE head SET accounts = accounts - 1"} {
		if n, _ := s.write.MustExec(text).RowsAffected(); n != 1 {
			t.Fatalf("%s: %d rows", text, n)
		}
	}
}

// The next numbers are those that the head says: with others, one that was blanked could be given to somebody else.
func TestVerifyFindsAnotherCountOfNames(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	blankAlice(t, s)
	for _, column := range []string{"people", "accounts"} {
		s.write.MustExec("UPDATE head SET " + column + " = " + column + " - 1")
		found(t, s, "the head says that ")
		s.write.MustExec("UPDATE head SET " + column + " = " + column + " + 1")
	}
	if v := verify(t, s); !v.OK() {
		t.Errorf("%+v", v)
	}
}
