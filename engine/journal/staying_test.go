package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestRestoreRefusesWhileDaemonsStay: a daemon would go on from what it knows of the replaced journal. One that crashed, or
// whose connection was lost, holds up nothing, and one that comes back is seen again.
func TestRestoreRefusesWhileDaemonsStay(t *testing.T) {
	address := servers.Postgres(t).NewDatabase(t)
	s, folder := openStore(t, address, nil), t.TempDir()
	fill(t, s)
	file := filepath.Join(t.TempDir(), "b.db")
	if _, err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	note(t, s, 1)
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	restore := func() error {
		_, err := Restore(t.Context(), Replacement{Address: address, Backup: file, Folder: folder, Actor: "boss"}, Options{})
		return err
	}
	stay := func() (*Store, error) { return Open(t.Context(), address, Options{Stays: true}) }
	first, err1 := stay()
	second, err2 := stay()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	defer second.Close()
	refused(t, restore(), folder, s, head)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, restore(), folder, s, head)
	const crash = "SELECT pg_terminate_backend(pid, 60000) FROM pg_locks WHERE locktype = 'advisory'"
	s.write.MustExec(crash)
	if _, err := second.Head(t.Context()); err != nil { // it is only the connection that was lost
		t.Fatal(err)
	}
	refused(t, restore(), folder, s, head)
	s.write.MustExec(crash)
	if err := restore(); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	release, err := s.alone(t.Context())
	if err != nil {
		t.Fatalf("the restore is over, but the lock is not free: %v", err)
	}
	if _, err := stay(); !errors.Is(err, errRestoring) {
		t.Errorf("a daemon starts in the middle of a restore: %v", err)
	}
	note(t, openStore(t, address, nil), 1) // a cut does not wait for it
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if third, err := stay(); err != nil {
		t.Error(err)
	} else if err := third.Close(); err != nil {
		t.Error(err)
	}
}

// TestRestoreChangesNoSchemaBeforeItIsAlone: daemons of the program before go on with the schema that they know, and a
// change of the schema that fails frees the lock again.
func TestRestoreChangesNoSchemaBeforeItIsAlone(t *testing.T) {
	address := servers.Postgres(t).NewDatabase(t)
	s, file := openStore(t, address, nil), filepath.Join(t.TempDir(), "b.db")
	fill(t, s)
	if _, err := s.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	restore := func(change string) error {
		_, err := Restore(t.Context(), Replacement{Address: address, Backup: file, Folder: t.TempDir(), Actor: "boss"}, Options{schema: later(t, change)})
		return err
	}
	daemon, err := Open(t.Context(), address, Options{Stays: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := restore("CREATE TABLE later (n BIGINT);"); !errors.Is(err, ErrInUse) {
		t.Fatalf("not refused: %v", err)
	}
	if v, err := s.version(t.Context()); err != nil || v != newest {
		t.Errorf("under a daemon that knows %d the schema is version %d now: %v", newest, v, err)
	}
	note(t, daemon, 1)
	if err := daemon.Close(); err != nil {
		t.Fatal(err)
	}
	if err := restore("INSERT INTO nowhere VALUES (1);"); err == nil || !strings.Contains(err.Error(), "nowhere") || strings.Contains(err.Error(), "closed") {
		t.Errorf("a change that can't be made: %v", err)
	}
	if again, err := Open(t.Context(), address, Options{Stays: true}); err != nil {
		t.Errorf("the lock is not free: %v", err)
	} else if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// refused: it says who is there, and nothing was replaced or left behind.
func refused(t *testing.T, err error, folder string, s *Store, want audit.Head) {
	t.Helper()
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "backend ") {
		t.Errorf("not refused: %v", err)
	}
	if h, err := s.Head(t.Context()); err != nil || h != want {
		t.Errorf("the journal was replaced: %v, %v", h, err)
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
