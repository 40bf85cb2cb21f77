package journal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// fill writes one of everything.
func fill(t testing.TB, s *Store) {
	t.Helper()
	must := func(records ...engine.Record) {
		t.Helper()
		if err := s.Append(context.Background(), engine.Free, records); err != nil {
			t.Fatal(err)
		}
	}
	change := engine.Change{Op: engine.OpCreate, Person: "p1", Account: "new:p1", Program: "wiki", Entitlement: "wiki/.exists", Cause: engine.CauseRule,
		Rules: []string{"rule"}, New: &engine.NewAccount{Name: "p1"}}
	must(engine.Record{Kind: engine.KindRun, Run: "r1", Actor: "daemon"},
		engine.Record{Kind: engine.KindSeen, Program: "wiki", Data: []byte(`{"baseline":true,"appeared":[["a","r"],["b","r"]]}`)},
		engine.Record{Kind: engine.KindAdopt, Program: "wiki", Account: "a", Entitlement: "r", Person: "p2", Rules: []string{"rule"}},
		engine.Record{Kind: engine.KindLink, Program: "wiki", Account: "a", Person: "p2"})
	must(engine.IntentRecord("r1", "daemon", "corp", change, engine.ChargeGrant))
	must(engine.Record{Kind: engine.KindOutcome, Of: 5, Outcome: engine.Done, Person: "p1", Program: "wiki", Account: "17", Entitlement: ".exists"},
		engine.Record{Kind: engine.KindSeen, Program: "wiki", Data: []byte(`{"disappeared":[["b","r"]]}`)},
		engine.Record{Kind: engine.KindCut, Person: "p2", Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "p2"}, Text: "reason"}}})
	change.Op, change.Account, change.Entitlement, change.New = engine.OpSuspend, "a", "wiki", &engine.NewAccount{Name: "x"}
	must(engine.IntentRecord("r1", "daemon", "corp", change, engine.ChargeLeaver))
}

// sealedTwice adds two checkpoints, with records between, and a link that takes the place of another one.
func sealedTwice(t testing.TB, s *Store) {
	t.Helper()
	skey, _, err := audit.GenerateKey(strings.NewReader(strings.Repeat("seed", 16)), "example.com/journal")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := audit.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"a", "b"} {
		link := engine.Record{Kind: engine.KindLink, Program: "crm", Account: account, Person: "p3"}
		if err := s.Append(context.Background(), engine.Free, []engine.Record{link}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Checkpoint(context.Background(), signer); err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t testing.TB, s *Store, heads ...audit.Head) Verification {
	t.Helper()
	v, err := s.Verify(context.Background(), heads...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerifyFindsTampering(t *testing.T) {
	good := "sqlite:" + filepath.Join(t.TempDir(), "good.db")
	s := openStore(t, good, enginetest.NewClock().Now)
	fill(t, s)
	sealedTwice(t, s)
	v := verify(t, s)
	if !v.OK() || !v.Folded || v.Records != 11 {
		t.Fatalf("an untouched journal: %+v", v)
	}
	for _, sql := range []string{
		"UPDATE journal SET personal = replace(personal, 'reason', 'season') WHERE seq = 8",
		"UPDATE journal SET public = replace(public, 'grant', 'GRANT') WHERE seq = 5",
		"UPDATE journal SET leaf = 'nonsense' WHERE seq = 2",
		"UPDATE journal SET person = 1 WHERE seq = 5",
		"UPDATE journal SET source = 'other' WHERE seq = 5",
		"UPDATE journal SET program = 'crm' WHERE seq = 7",
		"UPDATE journal SET public = 'nonsense' WHERE seq = 3",
		"UPDATE journal SET salt = '!' WHERE seq = 3",
		"DELETE FROM journal WHERE seq = 4",
		"DELETE FROM journal WHERE seq = 11",
		"UPDATE link SET until_seq = 0, until_time = 0 WHERE until_seq > 0",
		"UPDATE link SET until_time = until_time - 1 WHERE until_seq > 0",
		"UPDATE link SET until_seq = until_seq + 1 WHERE until_seq > 0",
		"UPDATE link SET from_time = from_time + 1 WHERE until_seq > 0",
		"UPDATE link SET from_seq = from_seq - 1 WHERE until_seq > 0",
		"UPDATE link SET account = 1 WHERE until_seq > 0",
		"DELETE FROM link WHERE until_seq > 0",
		"INSERT INTO link SELECT person, program, 'admin', account, from_seq, from_time, until_seq, until_time FROM link WHERE until_seq > 0",
		"UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 10) WHERE size = 11",
		"UPDATE checkpoint SET size = 9 WHERE size = 10",
		"UPDATE checkpoint SET size = 12 WHERE size = 11",
		"UPDATE checkpoint SET note = substr(note, 1, 30) WHERE size = 10",
		"UPDATE checkpoint SET note = '' WHERE size = 10",
		"UPDATE head SET control = 1",
		"UPDATE head SET frontier = '0'",
		"UPDATE head SET frontier = 'nonsense'",
		"UPDATE head SET size = 8",
		"UPDATE holding SET managed = 0 WHERE managed = 1",
		"UPDATE holding SET rules = 0",
		"DELETE FROM holding WHERE account = 1",
		"INSERT INTO holding VALUES (1, 2, 1, 1, 1, 0, 0)",
		"UPDATE link SET account = 2 WHERE account = 1",
		"DELETE FROM link WHERE person = 1",
		"UPDATE tenure SET from_time = from_time + 1000000 WHERE until_seq = 0",
		"DELETE FROM tenure WHERE until_seq > 0",
		"DELETE FROM open_intent",
		"UPDATE open_intent SET uncertain = 1",
		"UPDATE open_intent SET op = 'grant'",
		"UPDATE open_intent SET repeatable = 0",
		"UPDATE open_intent SET program = 'crm'",
		"UPDATE open_intent SET account = 99",
		"UPDATE open_intent SET entitlement = 'r'",
		"UPDATE open_intent SET person = 99",
		"UPDATE holding SET account = 99 WHERE account = 1",
		"UPDATE holding SET since = since + 1 WHERE managed = 1",
		"UPDATE holding SET rules = 99",
		"UPDATE head SET runs = 7",
		"UPDATE head SET time = time + 1",
		"UPDATE link SET from_time = from_time + 1",
		"UPDATE fact SET text = 'other'",
		"DELETE FROM fact",
		"DELETE FROM baseline",
		"UPDATE person SET key = 'somebody else' WHERE key = 'p2'",
		"UPDATE account SET name = 'x' WHERE name = 'a'",
		"UPDATE entitlement SET name = 'x' WHERE name = 'r'",
		`UPDATE ruleset SET rules = '["x"]' WHERE id = 1`,
	} {
		t.Run(sql, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.db")
			s.write.MustExec("VACUUM INTO ?", path)
			bad := openStore(t, "sqlite:"+path, nil)
			if n, _ := bad.write.MustExec(sql).RowsAffected(); n == 0 {
				t.Fatal("the tampering touched nothing")
			}
			if v := verify(t, bad); v.OK() {
				t.Errorf("not found: %+v", v)
			}
		})
	}
}

// blank deletes what is personal of a record, as the law may ask; the tree stays as it is.
func blank(t *testing.T, s *Store, seq int64) {
	t.Helper()
	var stored struct{ Salt, Personal string }
	if err := s.write.Get(&stored, "SELECT salt, personal FROM journal WHERE seq = ?", seq); err != nil {
		t.Fatal(err)
	}
	salt, err := base64.StdEncoding.DecodeString(stored.Salt)
	if err != nil {
		t.Fatal(err)
	}
	c := audit.Commitment([audit.SaltSize]byte(salt), []byte(stored.Personal))
	s.write.MustExec("UPDATE journal SET salt = NULL, personal = NULL, commitment = ? WHERE seq = ?", c.String(), seq)
}

func TestBlanked(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	fill(t, s)
	blank(t, s, 8)
	v := verify(t, s)
	if v.OK() || v.Fault != nil || v.Blanked != 1 || !v.Folded || !strings.Contains(v.Wrong[0], "record 8 is blanked, and no record says that it was") {
		t.Errorf("%+v", v)
	}
	err := s.Records(context.Background(), engine.Query{After: 7, Before: 9}, func(r engine.Record) error {
		if r.Person != "#1" || r.Actor != "" || len(r.Set) != 0 {
			t.Errorf("a blanked record reads %+v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Whichever record is blanked by somebody who can write no record of it, that is found.
func TestBlankedAnywhere(t *testing.T) {
	for seq := int64(1); ; seq++ {
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
		fill(t, s)
		if h, err := s.Head(t.Context()); err != nil || h.Size < seq {
			if err != nil || seq < 9 {
				t.Errorf("%d records, %v", h.Size, err)
			}
			return
		}
		blank(t, s, seq)
		if v := verify(t, s); v.OK() || v.Fault != nil || v.Blanked != 1 {
			t.Errorf("record %d is blanked: %+v", seq, v)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	fill(t, s)
	s.write.MustExec("VACUUM INTO ?", filepath.Join(dir, "older.db"))
	skey, vkey, err := audit.GenerateKey(strings.NewReader(strings.Repeat("seed", 16)), "example.com/journal")
	if err != nil {
		t.Fatal(err)
	}
	signer, err1 := audit.NewSigner(skey)
	keys, err2 := audit.NewKeys(vkey)
	fill2 := s.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindNote}})
	signed, err3 := s.Checkpoint(ctx, signer)
	file := filepath.Join(dir, "checkpoint")
	if err := errors.Join(err1, err2, fill2, err3, WriteCheckpoint(file, signed), WriteCheckpoint(file, signed)); err != nil {
		t.Fatal(err)
	}
	read, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := keys.Open(read)
	if err != nil || c.Size != 10 {
		t.Fatal(c, err)
	}
	if err := s.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindNote}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Continues(ctx, c); err != nil {
		t.Error(err)
	}
	if kept, err := s.Checkpoints(ctx); err != nil || len(kept) != 1 || kept[0].Size != 10 || kept[0].Note != string(signed) {
		t.Errorf("kept beside the journal: %+v, %v", kept, err)
	}
	if v := verify(t, s, c.Head); !v.OK() || v.Covered != 10 {
		t.Errorf("%+v", v)
	}
	older := openStore(t, "sqlite:"+filepath.Join(dir, "older.db"), nil)
	if err := older.Continues(ctx, c); !errors.Is(err, ErrRolledBack) {
		t.Errorf("restored from an older copy: %v", err)
	}
	if err := older.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindNote}, {Kind: engine.KindNote}}); err != nil {
		t.Fatal(err)
	}
	if err := older.Continues(ctx, c); !errors.Is(err, ErrRolledBack) {
		t.Errorf("and grown past it: %v", err)
	}
	if v := verify(t, older, c.Head); v.OK() {
		t.Error("verify does not see the roll-back")
	}
	older.write.MustExec("ALTER TABLE head RENAME TO elsewhere")
	if err := older.Continues(ctx, c); err == nil || errors.Is(err, ErrRolledBack) {
		t.Errorf("what can't be read was not rolled back: %v", err)
	}
}

func TestManyRecordsKeepTheTree(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	for range 3 {
		records := make([]engine.Record, 700)
		for i := range records {
			records[i] = engine.Record{Kind: engine.KindNote, Run: time.Duration(i).String()}
		}
		if err := s.Append(context.Background(), engine.Free, records); err != nil {
			t.Fatal(err)
		}
	}
	sealedTwice(t, s) // more than a page after the beginning
	if v := verify(t, s); !v.OK() || v.Records != 2102 {
		t.Errorf("%+v", v)
	}
	if n, _ := s.write.MustExec("UPDATE node SET hash = (SELECT leaf FROM journal WHERE seq = 1) WHERE idx = 3").RowsAffected(); n != 1 {
		t.Fatal("no such node")
	}
	if v := verify(t, s); v.OK() {
		t.Error("a wrong node was not found")
	}
}

// Behind a record that was changed no more is read than is under way: a damaged journal of years is known to be one at once.
func TestVerifyEndsAtTheFirstFault(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	const all = 40_000
	for range all / mostRecords {
		records := make([]engine.Record, mostRecords)
		for i := range records {
			records[i].Kind = engine.KindNote
		}
		if err := s.Append(t.Context(), engine.Free, records); err != nil {
			t.Fatal(err)
		}
	}
	s.write.MustExec("UPDATE journal SET leaf = (SELECT leaf FROM journal WHERE seq = 2) WHERE seq = 1")
	pages := 0
	faulty(t, s, &faults{query: func(text string) (string, error) {
		if strings.Contains(text, "FROM journal") {
			pages++
		}
		return text, nil
	}})
	if v := verify(t, s); v.OK() || v.Fault.First != 1 || pages == 0 || pages > all/page*3/4 {
		t.Errorf("%d pages, %+v", pages, v.Fault)
	}
}

// TestVerifyNamesWhatDiffers: of a link that ended, and of a checkpoint that the store keeps.
func TestVerifyNamesWhatDiffers(t *testing.T) {
	for tampering, want := range map[string]string{
		"UPDATE link SET until_time = until_time + 1 WHERE until_seq > 0":                            "link {LinkKey:{Person:p3 Program:crm Kind:personal} From:10}",
		"UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 11) WHERE size = 10": "the checkpoint of 10 records that the store keeps is of 11 records",
		"UPDATE checkpoint SET size = 30 WHERE size = 11":                                            "keeps a checkpoint of 30 records, but there are 11",
		"UPDATE checkpoint SET note = 'x' WHERE size = 10":                                           "the checkpoint of 10 records that the store keeps can't be read",
		"INSERT INTO checkpoint SELECT 0, time, note FROM checkpoint WHERE size = 10":                "the checkpoint of 0 records",
	} {
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
		fill(t, s)
		sealedTwice(t, s)
		s.write.MustExec(tampering)
		if v := verify(t, s); v.Fault != nil || !strings.Contains(strings.Join(v.Wrong, "\n"), want) {
			t.Errorf("%s: %v, %q, not %q", tampering, v.Fault, v.Wrong, want)
		}
	}
}

// TestVerifyNamesWhatCannotBeRead: a number that is none, and an intent whose data are of another shape.
func TestVerifyNamesWhatCannotBeRead(t *testing.T) {
	for tampering, want := range map[string]string{
		"UPDATE journal SET intent = 'six' WHERE seq = 6":                                                `first record after number 5 can't be read; was it changed in the database? sql: Scan error on column index 10, name "intent": a number is six, a string`,
		"UPDATE journal SET intent = 'six' WHERE seq = 1":                                                "first record after number 0 can't be read",
		`UPDATE journal SET personal = replace(personal, '"source":"corp"', '"source":1') WHERE seq = 5`: "record 5 can't be read: json",
	} {
		s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
		fill(t, s)
		if n, err := s.write.MustExec(tampering).RowsAffected(); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		v, err := s.Verify(t.Context())
		if got := fmt.Sprint(err, strings.Join(v.Wrong, "\n")); !strings.Contains(got, want) {
			t.Errorf("%s: %q, not %q, fault %v", tampering, got, want, v.Fault)
		}
	}
}
