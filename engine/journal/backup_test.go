package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// backedUp is a journal with a backup of it.
func backedUp(t *testing.T) (s *Store, file string) {
	t.Helper()
	dir := t.TempDir()
	s = openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	fill(t, s)
	file = filepath.Join(dir, "b.db")
	if _, err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	return s, file
}

func TestBackupRefuses(t *testing.T) {
	s, file := backedUp(t)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	note(t, s, 1)
	if _, err := s.Backup(t.Context(), file); err == nil || !strings.Contains(err.Error(), "overwrites nothing") {
		t.Errorf("a file that is there: %v", err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("it was overwritten: %v", err)
	}
	nothing, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "none.db"), Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nothing.Close()
	if _, err := nothing.Backup(t.Context(), file+".2"); !errors.Is(err, ErrNothing) {
		t.Errorf("of no journal: %v", err)
	}
	s.write.MustExec("UPDATE journal SET personal = replace(personal, 'reason', 'season') WHERE seq = 8")
	if _, err := s.Backup(t.Context(), file+".2"); err == nil || !strings.Contains(err.Error(), "record 8: ") {
		t.Errorf("of a changed journal: %v", err)
	}
	if _, err := os.Stat(file + ".2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

// An index that does not go with its table is found in a backup: what asks by it would find nothing.
func TestABackupWithAWrongIndexIsDamaged(t *testing.T) {
	_, file := backedUp(t)
	db, err := sqlx.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	db.MustExec("PRAGMA writable_schema = 1")
	db.MustExec("UPDATE sqlite_schema SET sql = replace(sql, '(person,', '(time,') WHERE name = 'journal_person'")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err := CheckFile(t.Context(), file); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("%v %+v", err, v)
	}
}

func TestOpenBackup(t *testing.T) {
	_, file := backedUp(t)
	s, done, err := OpenBackup(t.Context(), file, file+".copy")
	if err != nil {
		t.Fatal(err)
	}
	if h, err := s.Head(t.Context()); err != nil || h.Size != 9 {
		t.Errorf("%+v %v", h, err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenBackup(t.Context(), file, file+".copy"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v", err)
	}
	if left, _ := filepath.Glob(file + ".copy*"); len(left) > 0 {
		t.Errorf("a copy was made: %v", left)
	}
}

// SQLite may answer that what it keeps beside a file stays there, without an error; then somebody uses it.
func TestWhatSQLiteKeepsBesideAFile(t *testing.T) {
	db, err := sqlx.Open("sqlite", ":memory:") // which can't be put into any file
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := gather(t.Context(), db.DB); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
}

// A journal that is not there is replaced by nothing's loss, and what bears the name under which it would be kept stays.
func TestRestoreWhereNothingIs(t *testing.T) {
	s, file := backedUp(t)
	now := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	o := Options{Now: func() time.Time { return now }}
	r := Replacement{Address: "sqlite:" + filepath.Join(t.TempDir(), "k.db"), Backup: file, Actor: "boss"}
	kept, err := Restore(t.Context(), r, o)
	if err != nil || kept != "" {
		t.Errorf("kept as %q: %v", kept, err)
	}
	if v := verify(t, openStore(t, r.Address, nil)); !v.OK() || v.Records != 10 {
		t.Errorf("%+v", v)
	}
	s.Close()
	r.Address = "sqlite:" + s.path
	there := s.path + ".before-restore-20270104T090000Z"
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), r, o); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Error(err)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "mine" {
		t.Errorf("%q %v", text, err)
	}
	if v := verify(t, openStore(t, r.Address, nil)); !v.OK() || v.Records != 9 {
		t.Errorf("%+v", v)
	}
}

// What can't be kept under another name is not replaced.
func TestASwapThatCannotKeep(t *testing.T) {
	dir := t.TempDir()
	path, half, file := filepath.Join(dir, "j.db"), filepath.Join(dir, "half"), filepath.Join(dir, "file")
	for _, name := range []string{path, half, file} {
		if err := os.WriteFile(name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := swap(path, filepath.Join(file, "kept"), half); err == nil {
		t.Error("it was kept in a file")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != path {
		t.Errorf("%q %v", text, err)
	}
}

// An empty journal in PostgreSQL is not kept; what somebody writes to while it is being kept is not replaced.
func TestRestoreOfTables(t *testing.T) {
	_, file := backedUp(t)
	address := servers.Postgres(t).NewDatabase(t)
	other := openStore(t, address, nil)
	r := Replacement{Address: address, Backup: file, Folder: t.TempDir(), Actor: "boss"}
	kept, err := Restore(t.Context(), r, Options{})
	if left, _ := os.ReadDir(r.Folder); err != nil || kept != "" || len(left) > 0 {
		t.Errorf("kept as %q: %v, %v", kept, err, left)
	}
	asked := 0
	meanwhile := func() time.Time {
		if asked++; asked == 2 { // for the mark of the backup, when the journal was kept
			note(t, other, 1)
		}
		return time.Now()
	}
	if _, err := Restore(t.Context(), r, Options{Now: meanwhile}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "while it was being kept") {
		t.Errorf("asked %d times: %v", asked, err)
	}
	if v := verify(t, other); !v.OK() || v.Records != 11 {
		t.Errorf("%+v", v)
	}
}

// A checkpoint of what both have proves nothing of what came after it, but must be right.
func TestFollowBehindTheSeal(t *testing.T) {
	s, _ := backedUp(t)
	third, err := s.RootAt(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	base, proven, err := s.Follow(t.Context(), exported(t, s), &third)
	if err != nil || base != 9 || proven {
		t.Errorf("%d %v %v", base, proven, err)
	}
	third.Root[0]++
	if _, _, err := s.Follow(t.Context(), exported(t, s), &third); !errors.Is(err, ErrOtherHistory) {
		t.Error(err)
	}
}

// What a journal was at a record, what it is now and what came between are computed anew, unless something of it is gone.
func TestFolded(t *testing.T) {
	s, _ := backedUp(t)
	upTo, now, since, err := s.Folded(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	_, cut := now.Fact(engine.FactKey{Kind: engine.FactCut, Person: "p2"})
	_, before := upTo.Fact(engine.FactKey{Kind: engine.FactCut, Person: "p2"})
	if len(since) != 2 || since[0].Seq != 8 || !cut || before {
		t.Errorf("%+v, cut %v, before %v", since, cut, before)
	}
	blank(t, s, 8)
	if _, _, _, err := s.Folded(t.Context(), 7); err == nil || !strings.Contains(err.Error(), "record 8 was blanked") {
		t.Error(err)
	}
}

// Hashes that are missing are no proof of anything.
func TestContinuesNeedsEveryHash(t *testing.T) {
	s, _ := backedUp(t)
	h, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := audit.Checkpoint{Head: h}
	if err := s.Continues(t.Context(), c); err != nil {
		t.Error(err)
	}
	s.write.MustExec("DELETE FROM journal WHERE seq = 9")
	if err := s.Continues(context.Background(), c); err == nil || errors.Is(err, ErrRolledBack) || !strings.Contains(err.Error(), "are missing") {
		t.Error(err)
	}
}
