package journal

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// What PostgreSQL answers is said with what to do about it.
func TestErrorsOfPostgresAreExplained(t *testing.T) {
	for code, says := range map[pqerror.Code]string{
		"53100": "disk is full", "53300": "max_connections", "25006": "standby", "0A000": "standby", "28P01": "user or password", "28000": "user or password", "3D000": "createdb",
		"42501": "lacks a right", "57P01": "stopping or starting", "57P03": "stopping or starting", "XX001": "damage", "XX000": "damage", "42601": "",
	} {
		if got := (postgresDialect{}).explain(fmt.Errorf("append: %w", &pq.Error{Code: code})); !strings.Contains(got, says) || (got == "") != (says == "") {
			t.Errorf("%s: %q", code, got)
		}
	}
	if got := (postgresDialect{}).explain(&net.OpError{Op: "dial", Err: errors.New("refused")}); !strings.Contains(got, "can't be reached") {
		t.Error(got)
	}
}

// A file that can't be written is said to be one.
func TestAnUnwritableFileIsExplained(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	fill(t, s)
	s.write.SetMaxIdleConns(0)
	faulty(t, s, &faults{query: func(text string) (string, error) {
		if strings.HasPrefix(text, selectHead) {
			return "PRAGMA query_only = 1; " + text, nil
		}
		return text, nil
	}})
	err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote}})
	if err == nil || !strings.Contains(err.Error(), "can't be written; check the owner") {
		t.Error(err)
	}
}

// What is read of a PostgreSQL that is only to be read is what is there, and nothing is made where there is nothing.
func TestDryRunOfPostgres(t *testing.T) {
	address := servers.Postgres(t).NewDatabase(t)
	open := func() *Store {
		s, err := Open(t.Context(), address, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open()
	if m, err := s.Memory(t.Context(), time.Time{}); err != nil || m.Seq != 0 {
		t.Errorf("%+v %v", m, err)
	}
	refusesWrites(t, s)
	fill(t, openStore(t, address, nil)) // still new
	s = open()
	if m, err := s.Memory(t.Context(), time.Time{}); err != nil || m.Seq != 9 {
		t.Errorf("%+v %v", m, err)
	}
	refusesWrites(t, s)
	if _, err := s.write.Exec("DELETE FROM fact"); err == nil {
		t.Error("the server does not refuse writes")
	}
}

// A schema without numbers, or none at all, is a broken program.
func TestASchemaThatCannotBeRead(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "j.db")
	wantError(t, address, Options{schema: fstest.MapFS{"later.sql": &fstest.MapFile{}}}, "no filename separator")
}

// A charge that can't be read is an error, not one charge less.
func TestAChargeThatCannotBeRead(t *testing.T) {
	if k, err := chargeKind("revoke\x1fwiki\x1fcorp\x1f0\x1frule"); err == nil || !strings.Contains(err.Error(), "can't be read") {
		t.Errorf("%+v %v", k, err)
	}
}

// People without a link are named, however many they are: budgets count them by their keys.
func TestManyChargedPeopleAreNamed(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	for _, n := range []int{3, 1001} {
		records := make([]engine.Record, n)
		for i := range records {
			records[i] = engine.IntentRecord("r1", "daemon", "corp", engine.Change{Op: engine.OpRevoke, Person: fmt.Sprintf("p%d-%d", n, i), Account: fmt.Sprintf("a%d-%d", n, i), Program: "wiki", Entitlement: "wiki/x"}, engine.ChargeRevoke)
		}
		if err := s.Append(t.Context(), engine.Free, records); err != nil {
			t.Fatal(err)
		}
		statements := 0
		faulty(t, s, &faults{query: func(text string) (string, error) { statements++; return text, nil }})
		m, err := s.Memory(t.Context(), time.Time{})
		if err != nil || statements > 100 {
			t.Fatalf("%d statements, %v", statements, err)
		}
		people := map[string]bool{}
		for c := range m.Charges.All() {
			people[c.Person] = true
			if c.Account != "a"+strings.TrimPrefix(c.Person, "p") {
				t.Errorf("%+v", c)
			}
		}
		if want := n + 3*(n/1001); len(people) != want {
			t.Errorf("%d people are charged, not %d", len(people), want)
		}
	}
}

// What was intended for a proposed account is, once that is made, for the account that it became.
func TestWhatWasProposedIsRememberedAsMade(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		s := openStore(t, address, nil)
		change := engine.Change{Op: engine.OpCreate, Person: "p1", Account: engine.ProposedPrefix + "p1", Proposed: true, Program: "wiki", Entitlement: "wiki/.exists", New: &engine.NewAccount{Name: "p1"}}
		grant := change
		grant.Op, grant.Entitlement = engine.OpGrant, "wiki/x"
		for _, r := range []engine.Record{engine.IntentRecord("r1", "daemon", "corp", change, ""), engine.IntentRecord("r1", "daemon", "corp", grant, engine.ChargeGrant),
			{Kind: engine.KindOutcome, Of: 1, Outcome: engine.Done, Person: "p1", Program: "wiki", Account: "17", Entitlement: engine.Exists, Op: engine.OpCreate}} {
			if err := s.Append(t.Context(), engine.Free, []engine.Record{r}); err != nil {
				t.Fatal(err)
			}
		}
		m, err := s.Memory(t.Context(), time.Time{})
		if err != nil || len(m.Open) != 1 || m.Open[0].Change.Account != "17" || m.Open[0].Change.Proposed {
			t.Errorf("%v %+v", err, m.Open)
		}
	})
}

// A person's account that becomes another one twice within one Append: the first link ends where the second begins.
func TestLinksOfOneAppendFollowEachOther(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		s := openStore(t, address, nil)
		link := func(account string) engine.Record {
			return engine.Record{Kind: engine.KindLink, Program: "wiki", Account: account, Person: "p1"}
		}
		if err := s.Append(t.Context(), engine.Free, []engine.Record{link("a"), link("b"), link("c")}); err != nil {
			t.Fatal(err)
		}
		var ended int
		if err := s.read.Get(&ended, "SELECT count(*) FROM link WHERE until_seq > 0"); err != nil || ended != 2 {
			t.Errorf("%d links have ended: %v", ended, err)
		}
		if v := verify(t, s); !v.OK() || !v.Folded {
			t.Errorf("%+v", v)
		}
	})
}

// Rows are numbers and texts.
func TestRowsAreNumbersAndTexts(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an int was taken")
		}
	}()
	newRows("i").add(1)
}

// What COPY needs no word for stays as it is, and no rows are no part.
func TestTextsOfCopy(t *testing.T) {
	if got := string(appendCopyText(nil, "a\x01b\vc\rd\\")); got != "a\x01b\vc\\rd\\\\" {
		t.Errorf("%q", got)
	}
	if err := newRows("ti").lines(func(part string) error { t.Errorf("%q", part); return nil }); err != nil {
		t.Error(err)
	}
}

// A text without an end is not read by hand.
func TestATornTextIsNotReadByHand(t *testing.T) {
	if new(public).quick([]byte(`{"seq":1,"time":2,"kind":"no`), nil) {
		t.Error("it was")
	}
}

// A record from elsewhere is whole or blanked, and what is blanked names people by their numbers only.
func TestStoredFormsFromElsewhere(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	fill(t, s)
	blank(t, s, 8)
	err := s.StoredRecords(t.Context(), engine.Query{}, func(r engine.Record, st Stored) error {
		d, err := st.Decode()
		if err != nil || d.Blanked != (r.Seq == 8) || d.Record.Seq != r.Seq || d.Proven.Seq != r.Seq || d.Record.Person != r.Person || len(d.Record.Set) != len(r.Set) {
			t.Errorf("%+v, %v\n%+v", d, err, r)
		}
		mixed := st
		if d.Blanked {
			mixed.Personal = `{"actor":"x"}`
		} else {
			mixed.Commitment = mixed.Salt
		}
		if _, err := mixed.Decode(); err == nil || !strings.Contains(err.Error(), "neither whole nor blanked") {
			t.Errorf("%+v: %v", mixed, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A store that is only read signs nothing.
func TestNothingIsSignedForADryRun(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "j.db")
	fill(t, openStore(t, address, nil))
	skey, vkey, err := audit.GenerateKey(strings.NewReader(strings.Repeat("seed", 16)), "example.com/journal")
	signer, err2 := audit.NewSigner(skey)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), address, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if signed, err := s.Handover(t.Context(), vkey, nil, signer, vkey); !errors.Is(err, ErrReadOnly) || signed != nil {
		t.Errorf("%q %v", signed, err)
	}
	written := openStore(t, address, nil)
	signed, err := written.Handover(t.Context(), "the-old-one", nil, signer, vkey)
	if err != nil || !strings.Contains(string(signed), "lost-key the-old-one") {
		t.Errorf("%q %v", signed, err)
	}
}

// A copy from before a change of the schema that is there already is of an earlier try, and stays; what was cut short goes.
func TestACopyFromBeforeStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	fill(t, openStore(t, "sqlite:"+path, nil))
	copied := fmt.Sprintf("%s.before-%d", path, newest+1)
	beside := map[string]string{"": "earlier", ".1.half": "", ".1.half-journal": "", ".kept": ""}
	for suffix, text := range beside {
		if err := os.WriteFile(copied+suffix, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), "sqlite:"+path, Options{Migrate: true, schema: later(t, "CREATE TABLE later (n BIGINT);")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got, err := os.ReadFile(copied); err != nil || string(got) != "earlier" {
		t.Errorf("%q, %v", got, err)
	}
	if left, err := filepath.Glob(copied + ".*"); err != nil || len(left) != 1 || left[0] != copied+".kept" {
		t.Errorf("%q, %v", left, err)
	}
}
