package journal

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// marked are two people with an account each, of whom the first one has nothing any more.
func marked(t *testing.T, s *Store) audit.Head {
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
	for _, r := range []engine.Record{
		{Kind: engine.KindLink, Person: "key-of-alice", Program: "crm", Account: "account-of-alice", Data: []byte(`{"kind":"personal"}`)},
		{Kind: engine.KindLink, Person: "key-of-bob", Program: "crm", Account: "account-of-bob", Data: []byte(`{"kind":"personal"}`)},
		seen("bob"),
		{Kind: engine.KindIntent, Person: "key-of-alice", Program: "crm", Account: "account-of-alice", Op: engine.OpGrant, Why: []string{"why-of-alice"}, Data: data},
		{Kind: engine.KindOutcome, Of: 4, Person: "key-of-alice", Program: "crm", Account: "account-of-alice", Op: engine.OpGrant, Outcome: engine.Done},
		{Kind: engine.KindNote, Program: "crm", Account: "account-of-alice", Why: []string{"about-the-account"}},
		{Kind: engine.KindSeen, Program: "crm", Data: gone},
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

func blankAlice(t *testing.T, s *Store) int {
	t.Helper()
	number, err := s.Number(t.Context(), "key-of-alice")
	if err != nil || number == "" {
		t.Fatal(number, err)
	}
	data, _ := json.Marshal(engine.Blanking{Person: number})
	m, err := s.Memory(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	records := func() []engine.Record {
		return []engine.Record{{Kind: engine.KindNote, Actor: "dpo", Person: "key-of-alice"}, {Kind: engine.KindBlank, Actor: "dpo", Why: []string{"asked for"}, Data: data}}
	}
	if _, err := s.Blank(t.Context(), engine.Guard{Control: m.Control - 1}, "key-of-alice", records()); !errors.Is(err, engine.ErrStale) {
		t.Errorf("somebody decided meanwhile, and it was blanked: %v", err)
	}
	n, err := s.Blank(t.Context(), engine.Guard{Control: m.Control}, "key-of-alice", records())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Somebody unknown has no number, and a journal that is only read blanks nobody.
func TestNothingToBlank(t *testing.T) {
	file := filepath.Join(t.TempDir(), "j.db")
	s := openStore(t, "sqlite:"+file, time.Now)
	marked(t, s)
	if number, err := s.Number(t.Context(), "nobody"); err != nil || number != "" {
		t.Errorf("%q, %v", number, err)
	}
	if number, err := s.Number(t.Context(), "key-of-bob"); err != nil || number == "" {
		t.Errorf("%q, %v", number, err)
	}
	r, err := Open(t.Context(), "sqlite:"+file, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Blank(t.Context(), engine.Free, "key-of-alice", []engine.Record{{Kind: engine.KindNote}}); !errors.Is(err, ErrReadOnly) {
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
		if _, err := s.Blank(t.Context(), engine.Free, "key-of-alice", []engine.Record{{Kind: engine.KindNote}}); err == nil || !strings.Contains(err.Error(), "the salt of record 5 can't be read") {
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
		before := marked(t, s)
		epoch, err := other.Lead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Person: "key-of-alice", Program: "crm", Account: "account-of-alice"}}); err != nil {
			t.Fatal(err)
		}
		if n := blankAlice(t, s); n != 6 {
			t.Errorf("%s: %d records are blanked, not 6", name, n)
		}
		v, err := s.Verify(t.Context(), before)
		if err != nil || !v.OK() || v.Blanked != 6 || v.Folded {
			t.Errorf("%s: %+v %v", name, v, err)
		}
		var all strings.Builder
		told := 0
		err = s.StoredRecords(t.Context(), engine.Query{}, func(r engine.Record, stored Stored) error {
			text, _ := json.Marshal([]any{r, stored})
			all.Write(text)
			if r.Person == "#1" {
				told++
			}
			return nil
		})
		if err != nil || told != 5 {
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
		if number, err := other.Number(t.Context(), "key-of-alice"); err != nil || number == "#1" || number == "" {
			t.Errorf("%s: who came back is %q, %v", name, number, err)
		}
		if v, err := s.Verify(t.Context(), before); err != nil || !v.OK() {
			t.Errorf("%s: %+v %v", name, v, err)
		}
	}
}

// In a SQLite file nothing is left of what was deleted, and neither beside it.
func TestBlankedBytes(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), time.Now)
	marked(t, s)
	blankAlice(t, s)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"key-of-alice", "login-of-alice", "why-of-alice", "about-the-account"} {
			if strings.Contains(string(text), name) {
				t.Errorf("%s has %s", filepath.Base(file), name)
			}
		}
	}
}
