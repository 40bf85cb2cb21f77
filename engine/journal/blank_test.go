package journal

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// marked are two people with an account each, of whom the first one has nothing any more.
func marked(t *testing.T, s *Store, many ...engine.Fact) audit.Head {
	t.Helper()
	data, err := json.Marshal(engine.Change{Op: engine.OpGrant, Person: "key-of-alice", Login: "login-of-alice", Account: "account-of-alice", Program: "crm", Entitlement: "crm"})
	if err != nil {
		t.Fatal(err)
	}
	seen := func(who string) engine.Record {
		text, _ := json.Marshal(engine.Seen{Baseline: true, Appeared: [][2]string{{"account-of-" + who, ""}}})
		return engine.Record{Kind: engine.KindSeen, Program: "crm", Data: text}
	}
	gone, _ := json.Marshal(engine.Seen{Disappeared: [][2]string{{"account-of-alice", ""}}})
	cut, old := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "key-of-bob"}}, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactBlock, Person: "key-of-bob"}}
	for _, r := range []engine.Record{
		{Kind: engine.KindLink, Person: "key-of-alice", Program: "crm", Account: "account-of-alice", Data: []byte(`{"kind":"personal"}`)},
		{Kind: engine.KindLink, Person: "key-of-bob", Program: "crm", Account: "account-of-bob", Data: []byte(`{"kind":"personal"}`)},
		seen("bob"),
		{Kind: engine.KindIntent, Person: "key-of-alice", Program: "crm", Account: "account-of-alice", Op: engine.OpGrant, Why: []string{"why-of-alice"}, Data: data},
		{Kind: engine.KindOutcome, Of: 4, Person: "key-of-alice", Program: "crm", Account: "account-of-alice", Op: engine.OpGrant, Outcome: engine.Done},
		{Kind: engine.KindNote, Program: "crm", Account: "account-of-alice", Why: []string{"about-the-account"}},
		{Kind: engine.KindSeen, Program: "crm", Data: gone},
		{Kind: engine.KindRelease, Person: "key-of-alice", Program: "crm", Account: "account-of-alice"},
		{Kind: engine.KindAdopt, Person: "key-of-bob", Program: "crm", Account: "account-of-bob"},
		{Kind: engine.KindNote, Set: append([]engine.Fact{cut, old}, many...)},
		{Kind: engine.KindNote, Person: "key-of-alice", Set: []engine.Fact{{FactKey: cut.FactKey, Count: 7}}, Clear: []engine.FactKey{old.FactKey}}, // says the last word about somebody else
		{Kind: engine.KindCut, Actor: "boss", Person: "key-of-bob", Why: []string{"why-of-bob"}},
	} {
		if err := s.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(r.Kind, err)
		}
	}
	v, err := s.Verify(t.Context())
	if err != nil || !v.OK() {
		t.Fatal(v, err)
	}
	return v.Tree.Head()
}

func absent(who string) engine.Fact {
	return engine.Fact{FactKey: engine.FactKey{Kind: engine.FactAbsent, Person: who}, Count: 2}
}

func blankAlice(t *testing.T, s *Store) engine.Blanked {
	t.Helper()
	return blankOne(t, s, "key-of-alice")
}

func blankOne(t *testing.T, s *Store, people ...string) engine.Blanked {
	t.Helper()
	of, err := s.Subject(t.Context(), people)
	if err != nil || of.Blanking.Person == "" {
		t.Fatal(of, err)
	}
	m, err := s.Memory(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	records := []engine.Record{{Kind: engine.KindNote, Actor: "dpo", Person: people[0]}}
	for _, f := range of.Set {
		records = append(records, engine.Record{Kind: engine.KindNote, Person: f.Person, Set: []engine.Fact{f}})
	}
	for _, k := range of.Clear {
		records = append(records, engine.Record{Kind: engine.KindNote, Person: k.Person, Clear: []engine.FactKey{k}})
	}
	for kind := range map[string]bool{engine.FactAbsent: true, engine.FactFailing: true} {
		for _, f := range m.Facts(kind) {
			if slices.Contains(people, f.Person) || slices.Contains(of.Accounts, [2]string{f.Program, f.Account}) {
				records[0].Clear = append(records[0].Clear, f.FactKey)
			}
		}
	}
	records = append(records, engine.Record{Kind: engine.KindBlank, Actor: "dpo", Why: []string{"asked for"}})
	if _, err := s.Blank(t.Context(), engine.Guard{Control: m.Control - 1}, of, records); !errors.Is(err, engine.ErrStale) {
		t.Errorf("somebody decided meanwhile, and it was blanked: %v", err)
	}
	done, err := s.Blank(t.Context(), engine.Guard{Control: m.Control}, of, records)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func subject(t *testing.T, s *Store, person string) engine.Subject {
	t.Helper()
	of, err := s.Subject(t.Context(), []string{person})
	if err != nil {
		t.Fatal(err)
	}
	return of
}

// Of somebody unknown no key is known, and a journal that is only read blanks nobody.
func TestNothingToBlank(t *testing.T) {
	file := filepath.Join(t.TempDir(), "j.db")
	s := openStore(t, "sqlite:"+file, time.Now)
	marked(t, s)
	if of, err := s.Subject(t.Context(), []string{"nobody"}); err != nil || len(of.People) > 0 {
		t.Errorf("%+v, %v", of, err)
	}
	if of, err := s.Subject(t.Context(), []string{"key-of-bob"}); err != nil || len(of.People) != 1 {
		t.Errorf("%+v, %v", of, err)
	}
	r, err := Open(t.Context(), "sqlite:"+file, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Blank(t.Context(), engine.Free, subject(t, s, "key-of-alice"), []engine.Record{{Kind: engine.KindNote}}); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
}

// A salt that somebody has changed stops it, and nothing is blanked.
func TestNobodyIsBlankedWhoseSaltCannotBeRead(t *testing.T) {
	for _, salt := range []string{"no base64!", "AAAA", strings.Repeat("A", 43) + "=!"} {
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
		marked(t, s)
		if _, err := s.write.ExecContext(t.Context(), "UPDATE journal SET salt = ? WHERE seq = 5", salt); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Blank(t.Context(), engine.Free, subject(t, s, "key-of-alice"), []engine.Record{{Kind: engine.KindNote}}); err == nil || !strings.Contains(err.Error(), "the salt of record 5 can't be read") {
			t.Error(err)
		}
		left := 0
		if err := s.read.GetContext(t.Context(), &left, "SELECT count(*) FROM journal WHERE personal IS NULL"); err != nil || left != 0 {
			t.Errorf("%d records are blanked, %v", left, err)
		}
	}
}

// Who is blanked has no name any more, in no record that is about them and in no table; whose records they were can be told from
// others, every proof stays, and nobody else lost anything. Another process that knew the names gives the person a new number.
func TestBlank(t *testing.T) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		s, other := openStore(t, address, time.Now), openStore(t, address, time.Now)
		before := marked(t, s, absent("key-of-bob"), absent("key-of-alice"))
		epoch, err := other.Lead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Person: "key-of-alice", Program: "crm", Account: "account-of-alice"}}); err != nil {
			t.Fatal(err)
		}
		if n := blankAlice(t, s).Records; n != 8 {
			t.Errorf("%s: %d records are blanked, not 8", name, n)
		}
		v, err := s.Verify(t.Context(), before)
		if err != nil || !v.OK() || v.Blanked != 8 || !v.Folded || v.People != 1 || v.Accounts != 1 || v.Left != 2 {
			t.Errorf("%s: %+v %v", name, v, err)
		}
		var all strings.Builder
		told := 0
		err = s.StoredRecords(t.Context(), engine.Query{}, func(r engine.Record, stored Stored) error {
			if len(r.Set) > 1 { // of many people: it stays whole
				return nil
			}
			text, _ := json.Marshal([]any{r, stored})
			all.Write(text)
			if r.Person == "#1" {
				told++
			}
			return nil
		})
		if err != nil || told != 7 {
			t.Errorf("%s: %d records are told from others, %v", name, told, err)
		}
		for text, left := range map[string]bool{"key-of-alice": false, "login-of-alice": false, "why-of-alice": false, "about-the-account": false, "key-of-bob": true, "why-of-bob": true, "asked for": true} {
			if strings.Contains(all.String(), text) != left {
				t.Errorf("%s: %q is there: %v", name, text, !left)
			}
		}
		if known, err := s.Known(t.Context(), "key-of-alice"); err != nil || len(known.Links)+len(known.Held)+len(known.Facts) > 0 {
			t.Errorf("%s: %+v is known, %v", name, known, err)
		}
		known, err := s.Known(t.Context(), "#1")
		if err != nil || len(known.Links) != 1 || known.Links[0].Account != "#1" || known.Links[0].Until.IsZero() || len(known.Held) != 1 {
			t.Errorf("%s: %+v is known by the number, %v", name, known, err)
		}
		if err := other.Append(t.Context(), engine.Guard{Epoch: epoch, Control: -1}, []engine.Record{{Kind: engine.KindNote}}); !errors.Is(err, engine.ErrDeposed) {
			t.Errorf("%s: who leads plans on with names that are gone: %v", name, err)
		}
		if err := other.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Person: "key-of-alice"}}); err != nil {
			t.Fatal(err)
		}
		if of, err := other.Subject(t.Context(), []string{"key-of-alice"}); err != nil || of.Blanking.Person == "#1" || of.Blanking.Person == "" {
			t.Errorf("%s: who came back is %+v, %v", name, of, err)
		}
		if v, err := s.Verify(t.Context(), before); err != nil || !v.OK() {
			t.Errorf("%s: %+v %v", name, v, err)
		}
		tamper(t, name, s)
	}
}

// tamper changes what is somebody else's, in each of several ways, and puts it back.
func tamper(t *testing.T, name string, s *Store) {
	t.Helper()
	for _, way := range [][2]string{
		{"UPDATE link SET from_time = from_time + 1 WHERE person = 2", "UPDATE link SET from_time = from_time - 1 WHERE person = 2"},
		{"UPDATE link SET person = 1 WHERE person = 2", "UPDATE link SET person = 2 WHERE account = 2"},
		{"UPDATE tenure SET from_time = from_time + 1 WHERE account = 2", "UPDATE tenure SET from_time = from_time - 1 WHERE account = 2"},
		{"UPDATE tenure SET account = 1 WHERE account = 2 AND managed = 1", "UPDATE tenure SET account = 2 WHERE account = 1 AND until_seq = 0"},
		{"UPDATE holding SET managed = 1 - managed WHERE account = 2", "UPDATE holding SET managed = 1 - managed WHERE account = 2"},
		{"UPDATE holding SET account = 1 WHERE account = 2", "UPDATE holding SET account = 2 WHERE account = 1"},
		{"UPDATE fact SET n = n + 1 WHERE kind = 'cut'", "UPDATE fact SET n = n - 1 WHERE kind = 'cut'"},
		{"UPDATE fact SET n = n + 1 WHERE kind = 'absent'", "UPDATE fact SET n = n - 1 WHERE kind = 'absent'"},
		{"UPDATE fact SET person = 'key-of-alice' WHERE kind = 'absent'", "UPDATE fact SET person = 'key-of-bob' WHERE kind = 'absent'"},
		{"UPDATE account SET name = 'zzz' WHERE id = 2", "UPDATE account SET name = 'account-of-bob' WHERE id = 2"},
		{"UPDATE account SET id = 99 WHERE id = 2", "UPDATE account SET id = 2 WHERE id = 99"},
		{"UPDATE person SET key = key || 'x' WHERE id = 1", "UPDATE person SET key = substr(key, 1, length(key) - 1) WHERE id = 1"},
		{"UPDATE account SET name = 'account-of-alice' WHERE id = 1", "UPDATE account SET name = '\x1f#1' WHERE id = 1"},
		{"UPDATE mention SET name = 'bosses' WHERE what = 'actor' AND name = 'boss'", "UPDATE mention SET name = 'boss' WHERE what = 'actor' AND name = 'bosses'"},
	} {
		if n, _ := s.write.MustExec(way[0]).RowsAffected(); n == 0 {
			t.Fatalf("%s: %s touches nothing", name, way[0])
		}
		if v, err := s.Verify(t.Context()); err != nil || v.OK() {
			t.Errorf("%s: not found: %s: %+v, %v", name, way[0], v, err)
		}
		s.write.MustExec(way[1])
	}
	if v, err := s.Verify(t.Context()); err != nil || !v.OK() {
		t.Fatalf("%s: %+v %v", name, v, err)
	}
}

// In a SQLite file nothing is left of what was deleted, and neither beside it.
func TestBlankedBytes(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), time.Now)
	marked(t, s)
	gone := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactFailing, Person: "key-of-alice", Key: strings.Repeat("long ago ", 100)}, Text: "gone-before-of-alice"}
	for _, r := range []engine.Record{{Kind: engine.KindNote, Person: "key-of-alice", Set: []engine.Fact{gone}}, {Kind: engine.KindNote, Person: "key-of-alice", Clear: []engine.FactKey{gone.FactKey}}} {
		if err := s.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "j.db.before-3"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if done := blankAlice(t, s); len(done.Remains) != 1 || !strings.Contains(done.Remains[0], "j.db.before-3 is an older copy") {
		t.Error(done.Remains)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"key-of-alice", "login-of-alice", "why-of-alice", "about-the-account", "gone-before-of-alice"} {
			if strings.Contains(string(text), name) {
				t.Errorf("%s has %s", filepath.Base(file), name)
			}
		}
	}
}

// While somebody reads the database its log can't be emptied, and that is said.
func TestBlankedWhileSomebodyReads(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), time.Now)
	marked(t, s)
	s.write.SetMaxOpenConns(1)
	s.write.MustExec("PRAGMA busy_timeout = 1")
	reader, err := s.read.BeginTxx(t.Context(), s.dialect.snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.Get(&n, "SELECT count(*) FROM journal"); err != nil {
		t.Fatal(err)
	}
	done := blankAlice(t, s)
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if len(done.Remains) != 1 || !strings.Contains(done.Remains[0], "j.db-wal still holds what was deleted") {
		t.Error(done.Remains)
	}
}

// What is left of somebody is never blanked, whoever asks: it could not be found again. Neither is anything where something was written
// since it was looked at.
func TestBlankLeavesNothingBehind(t *testing.T) {
	for want, r := range map[string]engine.Record{
		"a holding":                       {Kind: engine.KindSeen, Program: "crm", Data: []byte(`{"appeared":[["account-of-alice",""]]}`)},
		"an open change":                  engine.IntentRecord("r", "d", "corp", engine.Change{Op: engine.OpGrant, Person: "key-of-alice", Program: "wiki", Account: "other", Entitlement: "wiki/x"}, ""),
		"something decided or remembered": {Kind: engine.KindNote, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactHold, Person: "key-of-alice"}}}},
		"(record":                         {Kind: engine.KindNote},
	} {
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
		marked(t, s)
		before, err := s.Subject(t.Context(), []string{"key-of-alice"})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(err)
		}
		now, err := s.Subject(t.Context(), []string{"key-of-alice"})
		if err != nil {
			t.Fatal(err)
		}
		records := []engine.Record{{Kind: engine.KindNote, Person: "key-of-alice"}, {Kind: engine.KindBlank}}
		if _, err := s.Blank(t.Context(), engine.Free, before, records); !errors.Is(err, engine.ErrStale) {
			t.Errorf("%s: %v", want, err)
		}
		if want == "(record" {
			continue
		}
		if _, err := s.Blank(t.Context(), engine.Free, now, records); !errors.Is(err, engine.ErrNotBlanked) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if v, err := s.Verify(t.Context()); err != nil || !v.OK() || v.Blanked > 0 {
			t.Errorf("%s: %+v, %v", want, v, err)
		}
	}
}

// All accounts that were ever somebody's alone are theirs: those of former links, and those that were only proposed. One that is somebody
// else's too is not.
func TestAccountsOfASubject(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), time.Now)
	link := func(person, account string) engine.Record {
		return engine.Record{Kind: engine.KindLink, Person: person, Program: "crm", Account: account}
	}
	change := engine.Change{Op: engine.OpCreate, Person: "alice", Account: "new:al@example.com", Program: "wiki", Entitlement: "wiki/.exists"}
	for _, r := range []engine.Record{link("alice", "old"), link("alice", "now"), link("alice", "shared"), link("bob", "shared"), link("alice", "now"),
		engine.IntentRecord("r", "d", "corp", change, ""), {Kind: engine.KindOutcome, Of: 6, Person: "alice", Program: "wiki", Account: "new:al@example.com", Entitlement: ".exists", Outcome: engine.Failed},
		{Kind: engine.KindRelease, Person: "alice", Program: "wiki", Account: "new:al@example.com", Entitlement: ".exists"},
		{Kind: engine.KindNote, Person: "bob", Program: "wiki", Account: "bobs"}, {Kind: engine.KindNote, Person: "alice", Program: "wiki", Account: "bobs"}} {
		if err := s.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
	of, err := s.Subject(t.Context(), []string{"alice", "nobody"})
	if want := [][2]string{{"crm", "old"}, {"crm", "now"}, {"wiki", "new:al@example.com"}}; err != nil || !slices.Equal(of.Accounts, want) || !slices.Equal(of.People, []string{"alice"}) {
		t.Errorf("%+v, %v", of, err)
	}
	blankOne(t, s, "alice")
	var left []string
	if err := s.read.Select(&left, "SELECT name FROM account ORDER BY id"); err != nil || !slices.Equal(left, []string{"\x1f#1", "\x1f#2", "shared", "new:\x1f#4", "bobs"}) {
		t.Errorf("%q, %v", left, err)
	}
	if v, err := s.Verify(t.Context()); err != nil || !v.OK() || v.Accounts != 3 {
		t.Errorf("%+v, %v", v, err)
	}
}
