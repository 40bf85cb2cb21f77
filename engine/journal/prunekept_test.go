package journal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

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

// Seats by day, and whatever else asks how long accounts held something, are not told of days of which what ended is gone.
func TestHowLongIsNotToldOfWhatWasPruned(t *testing.T) {
	s, _, day := aged(t, lite(t))
	pruneBefore(t, s, day)
	if _, err := s.Stays(t.Context(), "crm", nil, day.Add(-time.Hour)); !errors.Is(err, engine.ErrPruned) {
		t.Error(err)
	}
	if stays, err := s.Stays(t.Context(), "crm", nil, day); err != nil || len(stays) == 0 {
		t.Error(stays, err)
	}
}

// Nobody puts back what was pruned: it is not there for good, and what it says is not compared with anything.
func TestWhatWasPrunedDoesNotComeBack(t *testing.T) {
	for _, back := range []string{"INSERT OR REPLACE INTO journal SELECT * FROM all_records WHERE seq = 5", "INSERT INTO tenure SELECT * FROM all_tenures WHERE until_seq > 0"} {
		s, _, day := aged(t, lite(t))
		s.write.MustExec("CREATE TABLE all_records AS SELECT * FROM journal")
		s.write.MustExec("CREATE TABLE all_mentions AS SELECT * FROM mention")
		s.write.MustExec("CREATE TABLE all_tenures AS SELECT * FROM tenure")
		pruneBefore(t, s, day)
		if v := verify(t, s); !v.OK() {
			t.Fatal(v.first())
		}
		if strings.Contains(back, "all_records") { // with all that a search needs to find it
			s.write.MustExec("INSERT OR IGNORE INTO mention SELECT * FROM all_mentions")
		}
		if n, _ := s.write.MustExec(back).RowsAffected(); n == 0 {
			t.Error("nothing came back")
		}
		if v := verify(t, s); v.OK() {
			t.Errorf("%s, and nothing is found", back)
		}
	}
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
