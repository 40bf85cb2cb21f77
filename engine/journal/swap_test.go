package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What can't take the journal's name leaves the journal where it is.
func TestAFailedSwapPutsTheJournalBack(t *testing.T) {
	dir := t.TempDir()
	path, kept := filepath.Join(dir, "j.db"), filepath.Join(dir, "kept")
	for _, suffix := range []string{"", "-wal"} {
		if err := os.WriteFile(path+suffix, []byte("journal"+suffix), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := swap(path, kept, filepath.Join(dir, "nothing.half")); err == nil {
		t.Error("nothing took its name")
	}
	for _, suffix := range []string{"", "-wal"} {
		if text, err := os.ReadFile(path + suffix); err != nil || string(text) != "journal"+suffix {
			t.Errorf("%s%s: %q %v", path, suffix, text, err)
		}
		if _, err := os.Stat(kept + suffix); err == nil {
			t.Errorf("%s%s is left", kept, suffix)
		}
	}
}

// Nobody gets in between the look whether anybody is there and the new name.
func TestAJournalThatIsReplacedIsClosedToOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	s := openStore(t, "sqlite:"+path, nil)
	note(t, s, 1)
	s.Close()
	_, release, err := quiet(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := quiet(t.Context(), path); !errors.Is(err, ErrInUse) {
		t.Errorf("somebody else got in: %v", err)
	}
	release()
	_, release, err = quiet(t.Context(), path)
	if err != nil {
		t.Errorf("it stays closed: %v", err)
	}
	release()
}

func TestWritable(t *testing.T) {
	dir := t.TempDir()
	if err := Writable(filepath.Join(dir, "j.checkpoint")); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := Writable(filepath.Join(dir, "none", "j.checkpoint")); err == nil {
		t.Error("there is no such folder")
	}
}

// A backup from before a change of the schema can be compared: in a copy, of which nothing is left.
func TestABackupOfAnOlderSchemaIsRead(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "b.db")
	old, err := Open(t.Context(), "sqlite:"+file, Options{Migrate: true, schema: schemaOf(t, 2)})
	if err != nil {
		t.Fatal(err)
	}
	old.Close()
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, done, err := OpenBackup(t.Context(), file, filepath.Join(dir, "copy"))
	if err != nil {
		t.Fatal(err)
	}
	if h, err := s.Head(t.Context()); err != nil || h.Size != 0 {
		t.Errorf("%+v %v", h, err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the backup was changed: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "copy*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
