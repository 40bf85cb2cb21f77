package journal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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

// A fold that begins with the snapshot is the one of all records; what was before it can't be computed anew.
func TestFoldedAfterAPruning(t *testing.T) {
	s, _, day := aged(t, lite(t))
	_, now, _, err := s.Folded(t.Context(), 18)
	if err != nil {
		t.Fatal(err)
	}
	m := now.Memory(day)
	m.Seq, m.Time = 0, time.Time{}
	want := enginetest.Show(m)
	pruneBefore(t, s, day)
	upTo, now, since, err := s.Folded(t.Context(), 18)
	if err != nil {
		t.Fatal(err)
	}
	m = now.Memory(day)
	m.Seq, m.Time = 0, time.Time{}
	if have := enginetest.Show(m); have != want {
		t.Errorf("was\n%s\nis\n%s", want, have)
	}
	if seq, _, _, _ := upTo.Head(); seq != 18 || len(since) != 2 {
		t.Error(seq, since)
	}
	if _, _, _, err := s.Folded(t.Context(), 12); !errors.Is(err, engine.ErrPruned) {
		t.Error(err)
	}
}

// A pruning that fails leaves nothing behind, wherever it fails.
func TestOfAPruningThatFailsNothingIsLeft(t *testing.T) {
	bothStores(t, func(t *testing.T, address string) {
		s, _, day := aged(t, address)
		before := contentOf(t, s)
		lost := errors.New("the key is lost")
		o := orderOf(t, s, day)
		o.Sign = func(audit.Head, string) (string, error) { return "", lost }
		if _, err := s.Prune(t.Context(), o); !errors.Is(err, lost) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		o = orderOf(t, s, day)
		sign := o.Sign
		o.Sign = func(now audit.Head, statement string) (string, error) { cancel(); return sign(now, statement) }
		if _, err := s.Prune(ctx, o); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if after := contentOf(t, s); after != before {
			t.Errorf("was\n%s\nis\n%s", before, after)
		}
		if done := pruneBefore(t, s, day); done.Already || done.Emptied == 0 {
			t.Errorf("%+v", done)
		}
	})
}

// contentOf is all that a pruning may change.
func contentOf(t *testing.T, s *Store) (text string) {
	t.Helper()
	for _, query := range []string{"SELECT count(*) FROM snapshot", "SELECT size FROM head", "SELECT count(*) FROM journal WHERE personal IS NOT NULL", "SELECT count(*) FROM journal", "SELECT count(*) FROM tenure", "SELECT count(*) FROM mention"} {
		n := 0
		if err := s.read.Get(&n, query); err != nil {
			t.Fatal(err)
		}
		text += fmt.Sprintln(query, n)
	}
	return text
}

// Of two prunings at once one does it, and the other one finds nothing to do.
func TestTwoPruningsAtOnce(t *testing.T) {
	bothStores(t, func(t *testing.T, address string) {
		s, clock, day := aged(t, address)
		other := openStore(t, address, clock.Now)
		var wait sync.WaitGroup
		did := make([]PruneDone, 4)
		failed := make([]error, len(did))
		for n := range did {
			on := []*Store{s, other}[n%2]
			o := orderOf(t, on, day)
			wait.Go(func() { did[n], failed[n] = on.Prune(t.Context(), o) })
		}
		wait.Wait()
		n := 0
		for i, done := range did {
			if failed[i] == nil && !done.Already {
				n++
			} else if failed[i] == nil && done.Record != 20 {
				t.Errorf("%+v", done)
			}
		}
		if v := verify(t, s); n != 1 || !v.OK() || v.Records != 20 {
			t.Errorf("%d did it, %v: %+v", n, failed, v)
		}
	})
}

// Nobody is pruned without a key, and what the key says is said of the whole record, where it stands.
func TestAPruningIsSigned(t *testing.T) {
	s, _, day := aged(t, lite(t))
	for _, o := range []PruneOrder{{}, {Sign: orderOf(t, s, day).Sign}, {Trust: orderOf(t, s, day).Trust}} {
		o.Actor, o.Reason, o.Before, o.Heads = "dpo", "too old", day, orderOf(t, s, day).Heads
		if _, err := s.Prune(t.Context(), o); !errors.Is(err, engine.ErrNotPruned) {
			t.Error(err)
		}
	}
	nothingEmptied(t, s)
	o := orderOf(t, s, day)
	said := ""
	o.Sign = func(_ audit.Head, statement string) (string, error) { said = statement; return "", nil }
	if _, err := s.Prune(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, s); v.OK() || !strings.Contains(v.first(), "no signature") {
		t.Errorf("%s: %+v", said, v)
	}
}

// A signature of one record is none of any other.
func TestAStatementIsOfTheWholeRecord(t *testing.T) {
	s, _, day := aged(t, lite(t))
	done := pruneBefore(t, s, day)
	if _, err := Trusted(keysOf(t), &done.Pruned); err != nil {
		t.Fatal(err)
	}
	var stored struct{ Public, Personal []byte }
	if err := s.read.Get(&stored, "SELECT public, personal FROM journal WHERE seq = 20"); err != nil {
		t.Fatal(err)
	}
	for old, other := range map[string]string{
		`"actor":"dpo"`: `"actor":"boss"`, `"too old"`: `"no reason"`, `"before":"`: `"before":"1`, `"upTo":17`: `"upTo":16`, `"lines":`: `"lines":1`, `"root":"`: `"root":"A`,
		`"kept":[[`: `"kept":[[1,1],[1`, `"data":{`: `"set":[{"kind":"cut"}],"data":{`, `"upTo":`: `"other":1,"upTo":`, `"seq":20`: `"seq":21`, `"time":`: `"time":1`, `"kind":"snapshot"`: `"kind":"snapshot","person":1`,
	} {
		publicText, personalText := bytes.Replace(stored.Public, []byte(old), []byte(other), 1), bytes.Replace(stored.Personal, []byte(old), []byte(other), 1)
		if bytes.Equal(publicText, stored.Public) && bytes.Equal(personalText, stored.Personal) {
			t.Fatalf("%s is nowhere", old)
		}
		p, err := prunedBy(20, publicText, personalText)
		if err == nil {
			_, err = Trusted(keysOf(t), p)
		}
		if err == nil {
			t.Errorf("%s instead of %s, and the key says so too", other, old)
		}
	}
	moved := done.Pruned
	moved.Record++
	if _, err := Trusted(keysOf(t), &moved); err == nil {
		t.Error("it stands elsewhere, and the key says so too")
	}
}

// A journal that was written anew, or whose earlier pruning nobody signed, is not emptied: that would hide it.
func TestNothingForgedIsPruned(t *testing.T) {
	t.Run("no checkpoint covers it", func(t *testing.T) {
		s, _, day := aged(t, lite(t))
		o := orderOf(t, s, day)
		for _, heads := range [][]audit.Head{nil, {headAt(t, s, 16)}} {
			o.Heads = heads
			if _, err := s.Prune(t.Context(), o); !errors.Is(err, engine.ErrNotPruned) || !strings.Contains(err.Error(), "checkpoints cover") {
				t.Error(err)
			}
		}
		nothingEmptied(t, s)
		o.Heads = []audit.Head{headAt(t, s, 17)}
		if _, err := s.Prune(t.Context(), o); err != nil {
			t.Error(err)
		}
	})
	for what, at := range map[string]time.Duration{"an earlier snapshot, at the same time": 0, "an earlier snapshot, later": 1000 * 24 * time.Hour} {
		t.Run(what, func(t *testing.T) {
			s, clock, day := aged(t, lite(t))
			pruneBefore(t, s, day)
			clock.Add(at)
			before := contentOf(t, s)
			o := orderOf(t, s, day.Add(at))
			forged := errors.New("not signed by this key")
			o.Trust = func(context.Context, *engine.Pruned) error { return forged }
			if _, err := s.Prune(t.Context(), o); !errors.Is(err, forged) {
				t.Error(err)
			}
			if after := contentOf(t, s); after != before {
				t.Errorf("was\n%s\nis\n%s", before, after)
			}
		})
	}
}

func headAt(t *testing.T, s *Store, size int64) audit.Head {
	t.Helper()
	h, err := s.RootAt(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// Records are as old as the journal's own times say, and a clock that jumps makes none older than a silence may be.
func TestAClockThatIsAheadMakesNothingOld(t *testing.T) {
	s, clock, _ := aged(t, lite(t)) // a thousand days lie behind the old ones
	const day = 24 * time.Hour
	o := orderOf(t, s, clock.Now())
	o.Least = 90 * day
	try := func(want bool) {
		t.Helper()
		o.Heads = orderOf(t, s, time.Time{}).Heads
		_, err := s.Prune(t.Context(), o)
		if want != (err == nil) || err != nil && !errors.Is(err, engine.ErrNotPruned) {
			t.Error(err)
		}
	}
	clock.Add(365 * day)
	appendOne(t, s, engine.Record{Kind: engine.KindRun, Run: "r3"})
	try(false)
	for range 59 {
		clock.Add(day)
		appendOne(t, s, engine.Record{Kind: engine.KindNote})
	}
	was := o.Before
	o.Before = clock.Now().Add(-90*day + 1)
	try(false)
	o.Before = was
	try(true) // 31 days of silence, and 59 of records
}

// All that people had who are under a legal hold stays, also what ended; the tables are compared with that.
func TestHeldTenuresStay(t *testing.T) {
	s, clock, _ := aged(t, lite(t))
	seen := func(data string) {
		appendOne(t, s, engine.Record{Kind: engine.KindSeen, Program: "crm", Data: []byte(data)})
	}
	seen(`{"Complete":true,"Appeared":[["account-of-bob","other"],["nobody","other"]]}`)
	clock.Add(time.Hour)
	seen(`{"Complete":true,"Disappeared":[["account-of-bob","other"],["nobody","other"]]}`)
	appendOne(t, s, engine.Record{Kind: engine.KindHold, Person: "key-of-bob", Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactHold, Person: "key-of-bob"}}}})
	appendOne(t, s, engine.Record{Kind: engine.KindNote, Actor: "cron", Why: []string{"seen with bobby on friday"}})
	clock.Add(time.Hour)
	want := knownOf(t, s, "key-of-bob")
	for range 2 { // the second one goes on from the snapshot of the first
		pruneBefore(t, s, clock.Now())
		if have := knownOf(t, s, "key-of-bob"); have != want || !strings.Contains(have, "other") {
			t.Errorf("was\n%s\nis\n%s", want, have)
		}
		v := verify(t, s)
		if !v.OK() {
			t.Error(v.Wrong)
		}
		clock.Add(time.Hour)
	}
	n := 0
	if err := s.read.Get(&n, "SELECT count(*) FROM tenure t JOIN account a ON a.id = t.account WHERE a.name = 'nobody'"); err != nil || n != 0 {
		t.Errorf("%d tenures of others that ended, %v", n, err)
	}
	if err := s.read.Get(&n, "SELECT count(*) FROM journal WHERE personal LIKE '%bobby on%'"); err != nil || n != 1 {
		t.Errorf("a text that names bob by login: %d, %v", n, err)
	}
	for _, tamper := range []string{"UPDATE tenure SET until_time = until_time + 1 WHERE until_seq > 0", "DELETE FROM tenure WHERE until_seq > 0"} {
		if n, _ := s.write.MustExec(tamper).RowsAffected(); n == 0 {
			t.Error("nothing changed")
		}
		if v := verify(t, s); v.OK() {
			t.Errorf("%s, and nothing is found", tamper)
		}
	}
}

func knownOf(t *testing.T, s *Store, person string) string {
	t.Helper()
	k, err := s.Known(t.Context(), person)
	k.Logins = nil // of what was pruned
	text, wrong := json.Marshal(k)
	if err != nil || wrong != nil {
		t.Fatal(err, wrong)
	}
	return string(text)
}

// A snapshot that does not lead to the journal as it is is found before anything is emptied.
func TestASnapshotIsRehearsed(t *testing.T) {
	s, _, day := aged(t, lite(t))
	o := orderOf(t, s, day)
	err := s.locked(t.Context(), func(x *tx, h *head) error {
		p := &pruning{tx: x, head: h, order: &o, walk: pruneWalk{upTo: 17, random: s.options.Random}}
		if err := p.sure(); err != nil {
			return err
		}
		p.walk.lines = slices.DeleteFunc(p.walk.lines, func(l Stored) bool { return strings.Contains(l.Personal, "text-of-carol") })
		return p.rehearse()
	})
	if !errors.Is(err, engine.ErrNotPruned) || !strings.Contains(err.Error(), "does not go on from its own snapshot") {
		t.Error(err)
	}
}

// Lines without what they must have are damaged, and nothing breaks over them.
func TestLinesThatAreNone(t *testing.T) {
	for _, text := range []string{`{"what":"head"}`, `{"what":"head","rows":[]}`, `{"what":"head","rows":[[1,2,3]]}`, `{"what":"intent","n":1}`, `{"what":"held","rows":[[1]]}`, `{"what":"ended","rows":[[1]]}`,
		`{"what":"link"}`, `{"what":"fact"}`, `{"what":"other"}`, `{}`, ``, `[]`, `{"what":"head","rows":[[1,2,3,4],[1,2,3,4]]}`} {
		s := newSnapshot(1)
		if err := s.add(Stored{Public: text}, map[int64][]string{}); err == nil && text != factLine {
			t.Errorf("%q is taken for a line", text)
		}
	}
}

// The time of the last record that was emptied is in the snapshot, those before lie before it.
func TestTheTimeOfTheLastOneIsKnown(t *testing.T) {
	s, clock, _ := aged(t, lite(t))
	appendOne(t, s, engine.Record{Kind: engine.KindNote, Actor: "cron"})
	clock.Add(24 * time.Hour)
	if done := pruneBefore(t, s, clock.Now()); done.UpTo != 20 {
		t.Fatal(done)
	}
	s.write.MustExec("UPDATE journal SET time = time + 1 WHERE seq = 20")
	if v := verify(t, s); v.OK() {
		t.Error("its time was moved, and nothing is found")
	}
}

// A run of which a record was pruned is never shown as if it were whole; one that began later is.
func TestARunOfWhichPartWasPruned(t *testing.T) {
	bothStores(t, func(t *testing.T, address string) {
		s, _, day := aged(t, address)
		appendOne(t, s, engine.Record{Kind: engine.KindNote, Run: "r1", Actor: "cron"})
		leaf, err := s.HashAt(t.Context(), 3)
		if err != nil || leaf == "" {
			t.Fatal(leaf, err)
		}
		ask := func(q engine.Query, want int, pruned bool) {
			t.Helper()
			n := 0
			err := s.Records(t.Context(), q, func(engine.Record) error { n++; return nil })
			if n != want || errors.Is(err, engine.ErrPruned) != pruned {
				t.Errorf("%+v: %d records, %v", q, n, err)
			}
		}
		ask(engine.Query{Run: "r1"}, 3, false)
		pruneBefore(t, s, day)
		ask(engine.Query{Run: "r1"}, 2, true) // its change was open
		ask(engine.Query{Run: "r1", Kind: engine.KindNote}, 1, true)
		ask(engine.Query{Run: "r1", Kind: engine.KindRun}, 0, true)
		ask(engine.Query{Run: "r1", After: 17}, 1, false)
		ask(engine.Query{Run: "r2"}, 1, false)
		ask(engine.Query{Run: "r9"}, 0, true)
		ask(engine.Query{Kind: engine.KindPolicy, From: day.Add(-2000 * 24 * time.Hour)}, 1, false) // none is ever pruned
		ask(engine.Query{Before: 6}, 0, true)
		ask(engine.Query{From: day}, 4, false)
		if again, err := s.HashAt(t.Context(), 3); err != nil || again != leaf {
			t.Error(again, err)
		}
		if none, err := s.HashAt(t.Context(), 99); err != nil || none != "" {
			t.Error(none, err)
		}
	})
}

// A copy of a pruned journal takes the place of one of either kind, and all proofs hold there too, with every older head.
func TestAPrunedJournalIsRestoredAndProven(t *testing.T) {
	server := servers.Postgres(t)
	s, _, day := aged(t, lite(t))
	heads := []audit.Head{headAt(t, s, 5), headAt(t, s, 17), headAt(t, s, 19)}
	pruneBefore(t, s, day)
	file := filepath.Join(t.TempDir(), "b.db")
	if v, err := s.Backup(t.Context(), file, heads...); err != nil || !v.OK() {
		t.Fatalf("%v %+v", err, v)
	}
	for _, to := range []string{lite(t), server.NewDatabase(t)} {
		now := headAt(t, s, 20)
		restoreInto(t, file, to, now)
		back := openStore(t, to, nil)
		if v := verify(t, back, heads...); !v.OK() || v.Pruned == nil || v.Emptied == 0 {
			t.Errorf("%+v", v)
		}
		for _, h := range heads {
			path, err := back.ProveConsistency(t.Context(), now.Size, h.Size)
			if err != nil || audit.CheckConsistency(path, now, h) != nil {
				t.Errorf("%d: %v", h.Size, err)
			}
		}
		for seq := range int64(20) {
			hash, _ := back.HashAt(t.Context(), seq+1)
			raw, _ := base64.StdEncoding.DecodeString(hash)
			p, err := back.ProveInclusion(t.Context(), seq+1)
			if err != nil || len(raw) != 32 || audit.CheckInclusion(p.Path, p.Head, seq+1, audit.Hash(raw)) != nil {
				t.Errorf("%d: %v", seq+1, err)
			}
		}
	}
}

// Nobody puts back what was pruned: it is not there for good, and what it says is not compared with anything.
func TestWhatWasPrunedDoesNotComeBack(t *testing.T) {
	for _, back := range []string{"INSERT OR REPLACE INTO journal SELECT * FROM all_records WHERE seq = 5", "INSERT INTO tenure SELECT * FROM all_tenures WHERE until_seq > 0"} {
		s, _, day := aged(t, lite(t))
		s.write.MustExec("CREATE TABLE all_records AS SELECT * FROM journal")
		s.write.MustExec("CREATE TABLE all_tenures AS SELECT * FROM tenure")
		pruneBefore(t, s, day)
		if v := verify(t, s); !v.OK() {
			t.Fatal(v.first())
		}
		if n, _ := s.write.MustExec(back).RowsAffected(); n == 0 {
			t.Error("nothing came back")
		}
		if v := verify(t, s); v.OK() {
			t.Errorf("%s, and nothing is found", back)
		}
	}
}
