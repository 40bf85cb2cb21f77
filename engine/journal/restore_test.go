package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestBackupFromEachIntoEach: a backup is the same journal, whichever database it comes from and goes to, and what is there is
// kept. A restored journal carries its mark, deposes who planned on the former one, and is whole.
func TestBackupFromEachIntoEach(t *testing.T) {
	server := servers.Postgres(t)
	for name, address := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(t.TempDir(), "j.db") },
		"postgres": func() string { return server.NewDatabase(t) },
	} {
		t.Run(name, func(t *testing.T) {
			from := openStore(t, address(), nil)
			fill(t, from)
			file := filepath.Join(t.TempDir(), "b.db")
			v, err := from.Backup(t.Context(), file)
			if err != nil || !v.OK() || !v.Folded {
				t.Fatalf("%v %+v", err, v)
			}
			head, err := from.Head(t.Context())
			if err != nil || v.Tree.Head() != head {
				t.Fatalf("%v: the copy's head is %v, not %v", err, v.Tree.Head(), head)
			}
			for _, to := range []string{"sqlite:" + filepath.Join(t.TempDir(), "k.db"), server.NewDatabase(t)} {
				restoreInto(t, file, to, head)
			}
		})
	}
}

func restoreInto(t *testing.T, file, to string, head audit.Head) {
	t.Helper()
	present := openStore(t, to, nil)
	fill(t, present)
	note(t, present, 3)
	c, err := Compare(t.Context(), openReading(t, file), present)
	if err != nil || c.Backup != head || c.Same != 0 { // salts differ, so they part at once
		t.Errorf("%+v %v", c, err)
	}
	old, err := present.Lead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if present.path != "" {
		present.Close()
	}
	r := Replacement{Address: to, Backup: file, Folder: t.TempDir(), Actor: "boss", Restored: engine.Restored{Records: head.Size}}
	kept, err := Restore(t.Context(), r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := CheckFile(t.Context(), kept, c.Present); err != nil || !v.OK() {
		t.Errorf("what was kept: %v %+v", err, v)
	}
	s := openStore(t, to, nil)
	if v := verify(t, s, head); !v.OK() || v.Records != head.Size+1 {
		t.Errorf("%+v", v)
	}
	if _, marked, err := s.Fact(t.Context(), engine.FactKey{Kind: engine.FactRestored}); err != nil || !marked {
		t.Errorf("no mark: %v", err)
	}
	if epoch, err := s.Lead(t.Context()); err != nil || epoch <= old+1 {
		t.Errorf("epoch %d after %d: %v", epoch, old, err)
	}
	if present.path == "" { // who had it open goes on, and knows no numbers from before
		err := present.Append(t.Context(), engine.Guard{Epoch: old, Control: -1}, []engine.Record{{Kind: engine.KindNote}})
		if !errors.Is(err, engine.ErrDeposed) {
			t.Errorf("a plan of before: %v", err)
		}
		note(t, present, 1)
		if v := verify(t, s); !v.OK() {
			t.Errorf("%+v", v)
		}
	}
}

func openReading(t *testing.T, file string) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite:"+file, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func note(t testing.TB, s *Store, n int) {
	t.Helper()
	for range n {
		if err := s.Append(context.Background(), engine.Free, []engine.Record{{Kind: engine.KindNote, Person: "p"}}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackupWhileOthersWrite: each copy is of one moment.
func TestBackupWhileOthersWrite(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	fill(t, s)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			note(t, s, 1)
		}
	}()
	before := int64(0)
	for _, name := range []string{"a", "b", "c"} {
		v, err := s.Backup(t.Context(), filepath.Join(dir, name))
		if err != nil || !v.OK() || v.Records <= before {
			t.Errorf("%v %+v", err, v)
		}
		before = v.Records
		note(t, s, 1)
	}
	stop()
	<-ended
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	path, file := filepath.Join(dir, "j.db"), filepath.Join(dir, "b.db")
	s := openStore(t, "sqlite:"+path, nil)
	fill(t, s)
	if _, err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	r := Replacement{Address: "sqlite:" + path, Backup: file, Folder: dir}
	if _, err := Restore(t.Context(), r, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("while it is open: %v", err)
	}
	note(t, s, 1)
	s.Close()
	damaged, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := len(damaged) / 3; at < len(damaged)/3+4096; at++ {
		damaged[at] ^= 0x55
	}
	bad := filepath.Join(dir, "bad.db")
	if err := os.WriteFile(bad, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, backup := range map[string]string{"damaged": bad, "missing": filepath.Join(dir, "none.db")} {
		if _, err := Restore(t.Context(), Replacement{Address: "sqlite:" + path, Backup: backup, Folder: dir}, Options{}); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
	edited := openStore(t, "sqlite:"+file, nil)
	edited.write.MustExec("UPDATE journal SET cause = 'cut' WHERE seq = 2")
	edited.Close()
	if _, err := Restore(t.Context(), r, Options{}); err == nil {
		t.Error("an edited backup was restored")
	}
	if v := verify(t, openStore(t, "sqlite:"+path, nil)); !v.OK() {
		t.Errorf("the journal was touched: %+v", v)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*.half*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestBackupIsReadBack: a copy of a journal that is wrong gets no name.
func TestBackupIsReadBack(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	fill(t, s)
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.write.MustExec("UPDATE holding SET managed = 1 - managed")
	if _, err := s.Backup(t.Context(), filepath.Join(dir, "b.db")); err == nil {
		t.Error("views that are wrong were copied")
	}
	s.write.MustExec("UPDATE holding SET managed = 1 - managed")
	other := audit.Head{Size: head.Size, Root: audit.Hash{1}}
	if v, err := s.Backup(t.Context(), filepath.Join(dir, "b.db"), other); err == nil {
		t.Errorf("a journal that differs from the checkpoint was copied: %+v", v)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "b.db*")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
	if _, err := s.Backup(t.Context(), filepath.Join(dir, "b.db")); err != nil {
		t.Error(err)
	}
}

// TestNumbersAreForgotten: a process that has the store open when it is replaced must not use the numbers of names that
// it knows.
func TestNumbersAreForgotten(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), func() time.Time { return time.Unix(1_800_000_000, 0) })
	note(t, s, 1)
	older := filepath.Join(dir, "b.db")
	if _, err := s.Backup(t.Context(), older); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Person: "new"}}); err != nil {
		t.Fatal(err)
	}
	from := openReading(t, older)
	tx, err := from.read.BeginTxx(t.Context(), from.dialect.snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.refill(t.Context(), tx, nil); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Person: "new"}}); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, s); !v.OK() {
		t.Errorf("%+v", v)
	}
}

// TestAWrongJournalIsReplaced: what is wrong is the reason for a restore, so it is kept as it is and replaced.
func TestAWrongJournalIsReplaced(t *testing.T) {
	server, dir := servers.Postgres(t), t.TempDir()
	from := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	fill(t, from)
	file := filepath.Join(dir, "b.db")
	if _, err := from.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(dir, "k.db"), "postgres": server.NewDatabase(t)} {
		wrong := openStore(t, address, nil)
		fill(t, wrong)
		wrong.write.MustExec("UPDATE holding SET managed = 1 - managed")
		wrong.Close()
		kept, err := Restore(t.Context(), Replacement{Address: address, Backup: file, Folder: t.TempDir(), Actor: "boss"}, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if v := verify(t, openReading(t, kept)); v.OK() {
			t.Errorf("%s: what was wrong is kept as if it were right", name)
		}
		if v := verify(t, openStore(t, address, nil)); !v.OK() {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestRefillLooksAtTheHead: what was written after the journal was kept would be lost for good.
func TestRefillLooksAtTheHead(t *testing.T) {
	dir := t.TempDir()
	a, b := openStore(t, "sqlite:"+filepath.Join(dir, "a.db"), nil), openStore(t, "sqlite:"+filepath.Join(dir, "b.db"), nil)
	fill(t, a)
	note(t, b, 2)
	err := a.reading(t.Context(), func(tx *sqlx.Tx) error {
		return b.refill(t.Context(), tx, func(h *head) error {
			if h.Size == 2 {
				return ErrInUse
			}
			return nil
		})
	})
	if h, _ := b.Head(t.Context()); !errors.Is(err, ErrInUse) || h.Size != 2 {
		t.Errorf("%v, %d records", err, h.Size)
	}
}

// Two journals are compared by the last record up to which they are the same.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	open := func(name string) *Store { return openStore(t, "sqlite:"+filepath.Join(dir, name), nil) }
	full := open("a.db")
	note(t, full, 5)
	if _, err := full.Backup(t.Context(), filepath.Join(dir, "b.db")); err != nil {
		t.Fatal(err)
	}
	backup := open("b.db")
	for n, more := range []int{0, 1, 7} {
		note(t, full, more)
		c, err := Compare(t.Context(), backup, full)
		if want := int64(5 + []int{0, 1, 8}[n]); err != nil || c.Same != 5 || c.Backup.Size != 5 || c.Present.Size != want {
			t.Errorf("%+v, %v", c, err)
		}
	}
	note(t, backup, 2) // which are others: each has its own salt
	if c, err := Compare(t.Context(), backup, full); err != nil || c.Same != 5 {
		t.Errorf("%+v, %v", c, err)
	}
}
