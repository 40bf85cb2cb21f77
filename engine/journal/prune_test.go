package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// aged is a journal whose first records are years old; day is when the newer ones begin.
func aged(t *testing.T, address string) (s *Store, clock *enginetest.Clock, day time.Time) {
	t.Helper()
	clock = enginetest.NewClock()
	s = openStore(t, address, clock.Now)
	marked(t, s, absent("key-of-alice"))
	for _, r := range []engine.Record{
		{Kind: engine.KindPolicy, Actor: "boss", Data: []byte(`{"Hash":"x"}`)},
		{Kind: engine.KindRun, Run: "r1", Actor: "cron", Person: "key-of-dora"}, // whom no other record names
		engine.IntentRecord("r1", "cron", "hr", engine.Change{Op: engine.OpGrant, Person: "key-of-bob", Login: "bobby", Account: "account-of-bob", Program: "crm", Entitlement: "crm/admin", Cause: "rule"}, engine.ChargeGrant),
		{Kind: engine.KindHold, Actor: "boss", Person: "key-of-carol", Why: []string{"why-of-carol"}, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactHold, Person: "key-of-carol"}}}},
		{Kind: engine.KindNote, Actor: "cron", Why: []string{"about-carol"}, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactTaken, Person: "key-of-carol"}, Text: "text-of-carol"}}},
	} {
		appendOne(t, s, r)
	}
	clock.Add(1000 * 24 * time.Hour)
	day = clock.Now()
	clock.Add(time.Hour)
	appendOne(t, s, engine.Record{Kind: engine.KindOutcome, Of: 15, Person: "key-of-bob", Program: "crm", Account: "account-of-bob", Entitlement: "admin", Op: engine.OpGrant, Outcome: engine.Done})
	appendOne(t, s, engine.Record{Kind: engine.KindRun, Run: "r2", Actor: "cron"})
	clock.Add(time.Hour)
	return s, clock, day
}

func appendOne(t *testing.T, s *Store, r engine.Record) {
	t.Helper()
	if err := s.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
		t.Fatal(r.Kind, err)
	}
}

func pruneBefore(t *testing.T, s *Store, day time.Time) PruneDone {
	t.Helper()
	done, err := s.Prune(t.Context(), orderOf(t, s, day))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// orderOf is an order with a key, on the journal as it is.
func orderOf(t testing.TB, s *Store, day time.Time) PruneOrder {
	t.Helper()
	now, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := keysOf(t)
	return PruneOrder{Actor: "dpo", Reason: "too old", Before: day, Heads: []audit.Head{now}, Trust: func(_ context.Context, p *engine.Pruned) error {
		_, err := Trusted(keys, p)
		return err
	}, Sign: func(now audit.Head, statement string) (string, error) {
		signer, err := audit.NewSigner(pruneKey(t, true))
		if err != nil {
			return "", err
		}
		signed, err := audit.Sign(audit.Checkpoint{Origin: signer.Name(), Head: now, Extra: []string{statement}}, signer)
		return string(signed), err
	}}
}

// pruneKey is the same pair for all tests.
func pruneKey(t testing.TB, secret bool) string {
	t.Helper()
	private, public, err := audit.GenerateKey(bytes.NewReader(make([]byte, 64)), "test/journal")
	if err != nil {
		t.Fatal(err)
	}
	if secret {
		return private
	}
	return public
}

func keysOf(t testing.TB) audit.Keys {
	t.Helper()
	keys, err := audit.NewKeys(pruneKey(t, false))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func lite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "j.db") }

// bothStores gives each test a new address of each kind.
func bothStores(t *testing.T, test func(t *testing.T, address string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, lite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, servers.Postgres(t).NewDatabase(t)) })
}

// What is pruned is gone from the file; what people have, every proof and a copy are as before.
func TestPrune(t *testing.T) {
	bothStores(t, func(t *testing.T, address string) {
		s, clock, day := aged(t, address)
		before, err := s.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		old := audit.Head{}
		if v, err := s.Verify(t.Context()); err == nil && v.OK() {
			old = v.Tree.Head()
		}
		held := heldNow(t, s, clock.Now())
		want := memoryOf(t, s, day)
		done := pruneBefore(t, s, day)
		if done.UpTo != 17 || done.Emptied+done.Kept != 17 || done.Emptied < 10 || done.Record != 20 {
			t.Errorf("%+v", done)
		}
		v, err := s.Verify(t.Context(), before, old)
		if err != nil || !v.OK() || !v.Folded || v.Emptied != done.Emptied || v.Pruned == nil || v.Pruned.By != "dpo" || v.Covered != before.Size {
			t.Errorf("%+v, %v", v, err)
		}
		if have := memoryOf(t, s, day); have != want {
			t.Errorf("memory was\n%s\nand is\n%s", want, have)
		}
		if have := heldNow(t, s, clock.Now()); have != held {
			t.Errorf("was held\n%s\nand is\n%s", held, have)
		}
		if _, err := s.AsOf(t.Context(), day.Add(-1001*24*time.Hour), "", "", ""); !errors.Is(err, engine.ErrPruned) {
			t.Errorf("who had what before is answered: %v", err)
		}
		if _, err := s.ProveConsistency(t.Context(), before.Size+1, 5); err != nil {
			t.Error(err)
		}
		if _, err := s.ProveInclusion(t.Context(), 5); err != nil {
			t.Error(err)
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		if v, err := s.Backup(t.Context(), copied, before); err != nil || !v.OK() || v.Emptied != done.Emptied {
			t.Errorf("%+v, %v", v, err)
		}
		text, err := os.ReadFile(copied)
		for _, gone := range []string{"why-of-alice", "about-the-account", "why-of-bob"} {
			if err != nil || bytes.Contains(text, []byte(gone)) {
				t.Errorf("%s is still there, %v", gone, err)
			}
		}
		if n := bytes.Count(text, []byte("login-of-alice")); n != 1 { // where who asks what is known of her finds it
			t.Errorf("the login is there %d times", n)
		}
		for _, stays := range []string{"why-of-carol", "about-carol", "text-of-carol"} {
			if !bytes.Contains(text, []byte(stays)) {
				t.Errorf("%s is not there, and carol is under a legal hold", stays)
			}
		}
	})
}

func heldNow(t *testing.T, s *Store, at time.Time) string {
	t.Helper()
	held, err := s.AsOf(t.Context(), at, "", "", "")
	text, wrong := json.Marshal(held)
	if err != nil || wrong != nil || len(held) == 0 {
		t.Fatal(string(text), err, wrong)
	}
	return string(text)
}

func memoryOf(t *testing.T, s *Store, since time.Time) string {
	t.Helper()
	m, err := s.Memory(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	m.Seq = 0 // the record of the pruning
	m.Time = time.Time{}
	return enginetest.Show(m)
}

// Each change is one that no pruning makes.
func TestVerifyFindsWhatNoPruningAllows(t *testing.T) {
	empty := strings.NewReplacer("seq > ? AND seq <= ?", "seq = %").Replace(emptyRecords) + "-1)"
	of := func(n string) string { return strings.Replace(empty, "%", n, 1) }
	const line = "(SELECT min(n) FROM snapshot WHERE public LIKE '%s%%')"
	one := func(what string) string { return strings.Replace(line, "%s%%", `{"what":"`+what+`"%`, 1) }
	for what, tamper := range map[string][]string{
		"a record after them is emptied":      {of("18")},
		"a record that stays is emptied":      {of("13")},
		"a record of a held one is emptied":   {of("17")},
		"a hash is changed":                   {"UPDATE journal SET leaf = (SELECT leaf FROM journal WHERE seq = 4) WHERE seq = 5"},
		"a hash can't be read":                {"UPDATE journal SET leaf = 'x' WHERE seq = 5"},
		"something is left":                   {"UPDATE journal SET program = 'crm' WHERE seq = 5"},
		"a time is moved":                     {"UPDATE journal SET time = time + 90000000000000000 WHERE seq = 5"},
		"the last time is moved":              {"UPDATE journal SET time = time + 1 WHERE seq <= 17 AND seq >= 16 AND kind <> ''", "UPDATE journal SET time = time + 1 WHERE seq = 17"},
		"a record is taken away":              {"DELETE FROM journal WHERE seq = 5"},
		"a holding is changed in a line":      {"UPDATE snapshot SET public = replace(public, '\"rows\":[[1,', '\"rows\":[[2,') WHERE public LIKE '{\"what\":\"held\"%'"},
		"a fact is changed in a line":         {"UPDATE snapshot SET personal = replace(personal, 'text-of-carol', 'other') WHERE public LIKE '{\"what\":\"fact\"%'"},
		"a fact is changed in line and table": {"UPDATE snapshot SET personal = replace(personal, 'text-of-carol', 'other') WHERE public LIKE '{\"what\":\"fact\"%'", "UPDATE fact SET text = 'other' WHERE text = 'text-of-carol'"},
		"a name of which nothing is left":     {"UPDATE person SET key = 'mallory' WHERE key = 'key-of-dora'"},
		"a line is taken away":                {"DELETE FROM snapshot WHERE n = " + one("link")},
		"a line is put in":                    {"INSERT INTO snapshot SELECT upto, (SELECT max(n) + 1 FROM snapshot), public, salt, personal, commitment FROM snapshot WHERE n = " + one("baseline")},
		"a line of no pruning is put in":      {"INSERT INTO snapshot SELECT upto + 1, n, public, salt, personal, commitment FROM snapshot WHERE n = 2"},
		"the lines get other numbers":         {"UPDATE snapshot SET n = n + 1000"},
		"all lines are taken away":            {"DELETE FROM snapshot"},
		"a line is no line":                   {"UPDATE snapshot SET public = 'x' WHERE n = " + one("link")},
		"a name is changed":                   {"UPDATE person SET key = 'mallory' WHERE key = 'key-of-bob'"},
		"an account is changed":               {"UPDATE account SET name = 'mallory' WHERE name = 'account-of-bob'"},
		"what somebody has is changed":        {"UPDATE holding SET managed = 1 - managed"},
		"a tenure is changed":                 {"UPDATE tenure SET from_time = from_time - 1 WHERE until_seq = 0"},
		"a link is taken away":                {"DELETE FROM link WHERE person = (SELECT id FROM person WHERE key = 'key-of-bob')"},
		"a fact is taken away":                {"DELETE FROM fact WHERE kind = 'taken'"},
		"a fact is blanked, and taken away":   {"UPDATE snapshot SET salt = NULL, personal = NULL, commitment = '%' WHERE personal LIKE '%text-of-carol%'", "DELETE FROM fact WHERE kind = 'taken'"},
		"the record of it is taken away":      {of("20")},
		"the record of it gets another kind":  {"UPDATE journal SET kind = 'note' WHERE seq = 20"},
		"the record of it is changed":         {"UPDATE journal SET personal = replace(personal, '\"upTo\":17', '\"upTo\":18') WHERE seq = 20"},
		"what is searched is put in":          {"INSERT INTO mention VALUES ('actor', 'boss2', 0)"},
	} {
		t.Run(what, func(t *testing.T) {
			s, _, day := aged(t, lite(t)) // verify is one code path
			pruneBefore(t, s, day)
			if v := verify(t, s); !v.OK() {
				t.Fatal(v.first())
			}
			changed := int64(0)
			for _, query := range tamper {
				if strings.Contains(query, "'%' WHERE personal") {
					query = strings.Replace(query, "'%'", "'"+commitmentOf(t, s, "text-of-carol")+"'", 1)
				}
				result, err := s.write.Exec(query)
				if err != nil {
					t.Fatal(err)
				}
				n, _ := result.RowsAffected()
				changed += n
			}
			if v := verify(t, s); changed == 0 || v.OK() {
				t.Errorf("%d rows changed, and nothing is found", changed)
			}
		})
	}
}

// commitmentOf is what a blanked line would have.
func commitmentOf(t *testing.T, s *Store, holding string) string {
	t.Helper()
	var l struct{ Salt, Personal string }
	if err := s.read.Get(&l, s.read.Rebind("SELECT salt, personal FROM snapshot WHERE personal LIKE ?"), "%"+holding+"%"); err != nil {
		t.Fatal(err)
	}
	stored := Stored{Salt: l.Salt, Personal: l.Personal, Public: factLine}
	c, err := stored.commit()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What is not sure to be right is not pruned: nothing is emptied then.
func TestPruneRefuses(t *testing.T) {
	intent := engine.IntentRecord("r1", "cron", "hr", engine.Change{Op: engine.OpGrant, Person: "key-of-bob", Account: "account-of-bob", Program: "crm", Entitlement: "crm/other", Cause: "rule"}, engine.ChargeGrant)
	for what, c := range map[string]struct {
		do    func(t *testing.T, s *Store)
		heads []audit.Head
		want  string
	}{
		"an old record was changed": {func(t *testing.T, s *Store) {
			s.write.MustExec("UPDATE journal SET leaf = (SELECT leaf FROM journal WHERE seq = 4) WHERE seq = 5")
		}, nil, "not what it was"},
		"a new record was changed":     {func(t *testing.T, s *Store) { s.write.MustExec("UPDATE journal SET outcome = 'failed' WHERE seq = 18") }, nil, "not what it was"},
		"a view was changed":           {func(t *testing.T, s *Store) { s.write.MustExec("DELETE FROM fact WHERE kind = 'taken'") }, nil, "not what it was"},
		"the checkpoint is of another": {func(t *testing.T, s *Store) {}, []audit.Head{{Size: 18}}, "not what it was"},
		"it came from a backup": {func(t *testing.T, s *Store) {
			appendOne(t, s, engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactRestored}}}})
		}, nil, "acting is stopped"},
	} {
		t.Run(what, func(t *testing.T) {
			s, _, day := aged(t, lite(t))
			c.do(t, s)
			o := orderOf(t, s, day)
			o.Heads = append(o.Heads, c.heads...)
			_, err := s.Prune(t.Context(), o)
			if !errors.Is(err, engine.ErrNotPruned) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
			nothingEmptied(t, s)
		})
	}
	t.Run("an old change is open", func(t *testing.T) {
		s, clock, _ := aged(t, lite(t))
		appendOne(t, s, intent)
		clock.Add(time.Hour)
		_, err := s.Prune(t.Context(), orderOf(t, s, clock.Now()))
		if !errors.Is(err, engine.ErrNotPruned) || !strings.Contains(err.Error(), "is open") {
			t.Error(err)
		}
		nothingEmptied(t, s)
	})
	t.Run("nothing is that old", func(t *testing.T) {
		s, _, day := aged(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"))
		if _, err := s.Prune(t.Context(), orderOf(t, s, day.AddDate(-10, 0, 0))); !errors.Is(err, engine.ErrNotPruned) {
			t.Error(err)
		}
	})
	t.Run("reading only", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "j.db")
		_, _, day := aged(t, "sqlite:"+file)
		r, err := Open(t.Context(), "sqlite:"+file, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := r.Prune(t.Context(), PruneOrder{Before: day}); !errors.Is(err, ErrReadOnly) {
			t.Error(err)
		}
	})
}

func nothingEmptied(t *testing.T, s *Store) {
	t.Helper()
	n := 0
	if err := s.read.Get(&n, "SELECT count(*) FROM journal WHERE kind = '' OR kind = 'snapshot'"); err != nil || n > 0 {
		t.Errorf("%d records are emptied, or say that they were: %v", n, err)
	}
}

// Whoever is blanked before or after a pruning is gone from its snapshot too.
func TestBlankedAndPruned(t *testing.T) {
	for _, first := range []string{"blank", "prune"} {
		t.Run(first+" first", func(t *testing.T) {
			bothStores(t, func(t *testing.T, address string) {
				s, clock, day := aged(t, address)
				if first == "blank" {
					blankAlice(t, s)
				}
				clock.Add(time.Hour)
				pruneBefore(t, s, day)
				if first == "prune" {
					blankAlice(t, s)
				}
				if v := verify(t, s); !v.OK() || v.People != 1 {
					t.Fatalf("%+v", v)
				}
				again := filepath.Join(t.TempDir(), "c.db")
				if _, err := s.Backup(t.Context(), again); err != nil {
					t.Fatal(err)
				}
				text, err := os.ReadFile(again)
				if err != nil || bytes.Contains(text, []byte("of-alice")) {
					t.Errorf("the name is still there: %q, %v", around(text, "of-alice"), err)
				}
				clock.Add(1000 * 24 * time.Hour) // and what came then goes in its turn
				pruneBefore(t, s, clock.Now())
				if v := verify(t, s); !v.OK() {
					t.Errorf("%+v", v)
				}
			})
		})
	}
}

func around(text []byte, what string) string {
	i := bytes.Index(text, []byte(what))
	return string(text[max(0, i-60):min(len(text), max(i, 0)+60)])
}
