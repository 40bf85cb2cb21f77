package journal

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// about is a fact of an account, which names no person.
func about(account string) engine.Fact {
	return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactFailing, Program: "crm", Account: account}}
}

// write appends records one by one and gives the last one's number.
func write(t *testing.T, s *Store, records ...engine.Record) (last int64) {
	t.Helper()
	for i := range records {
		one := records[i : i+1]
		if err := s.Append(t.Context(), engine.Free, one); err != nil {
			t.Fatal(err)
		}
		last = one[0].Seq
	}
	return last
}

// A fact of their account is theirs where it names no person: a record about nobody that sets it stays, and the one that ends it does not.
func TestFactsOfTheirAccountsAreTheirs(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	before := subject(t, s, "key-of-alice")
	set := write(t, s, engine.Record{Kind: engine.KindNote, Set: []engine.Fact{about("account-of-bob"), about("account-of-alice")}})
	write(t, s, engine.Record{Kind: engine.KindNote, Person: "key-of-alice", Clear: []engine.FactKey{about("account-of-alice").FactKey}})
	of := subject(t, s, "key-of-alice")
	if !slices.Equal(of.Blanking.Ended, [][2]int64{{set, 1}}) || !slices.Equal(of.Clear, before.Clear) || len(of.Set) != len(before.Set) {
		t.Errorf("%+v", of)
	}
	blankAlice(t, s)
	if v := verify(t, s); !v.OK() || v.People != 1 {
		t.Errorf("%+v", v)
	}
}

// What comes late has no effect, and neither have its facts: it ends none of the subject, and says no last word about others.
func TestLateRecordsSayNothingOfASubject(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	marked(t, s)
	before := subject(t, s, "key-of-alice")
	late := func(person, account string) engine.Record {
		return engine.Record{Kind: engine.KindOutcome, Of: 4, Person: person, Program: "crm", Account: account, Op: engine.OpGrant, Outcome: engine.Done}
	}
	of4, theirs := late("key-of-bob", "account-of-bob"), late("key-of-alice", "account-of-alice")
	of4.Clear = []engine.FactKey{about("account-of-alice").FactKey}
	theirs.Set = []engine.Fact{about("account-of-bob")}
	set := write(t, s, engine.Record{Kind: engine.KindNote, Set: []engine.Fact{about("account-of-alice")}})
	write(t, s, of4, theirs)
	if n := asked(t, s, engine.Query{Kind: engine.KindLate}); len(n) != 2 {
		t.Fatalf("late are %v", n)
	}
	of := subject(t, s, "key-of-alice")
	if !slices.Equal(of.Blanking.Ended, [][2]int64{{set, 0}}) || !slices.Equal(of.Clear, before.Clear) || len(of.Set) != len(before.Set) {
		t.Errorf("%+v", of)
	}
	blankAlice(t, s)
	if v := verify(t, s); !v.OK() || v.People != 1 {
		t.Errorf("%+v", v)
	}
}
