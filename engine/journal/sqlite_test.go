package journal

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite/vfs"
)

// worn is a disk of which nothing can be read any more once it is broken.
type worn struct {
	fs.FS
	broken *bool
}

type wornFile struct {
	fs.File
	broken *bool
}

func (w worn) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return wornFile{f, w.broken}, nil
}

func (f wornFile) Read(b []byte) (int, error) {
	if *f.broken {
		return 0, errors.New("input/output error")
	}
	return f.File.Read(b)
}

func (f wornFile) Seek(offset int64, whence int) (int64, error) {
	return f.File.(io.Seeker).Seek(offset, whence)
}

// An error of the disk is said to be one, and not taken for a damaged file.
func TestAWornDiskIsExplained(t *testing.T) {
	_, file := backedUp(t)
	broken := false
	name, disk, err := vfs.New(worn{os.DirFS(filepath.Dir(file)), &broken})
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	db, err := sqlx.Open("sqlite", "file:b.db?vfs="+name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	s := &Store{dialect: sqliteDialect{}, place: "sqlite:b.db", read: db}
	if h, err := s.Head(t.Context()); err != nil || h.Size != 9 {
		t.Fatal(h, err)
	}
	broken = true
	if _, err := s.RootAt(t.Context(), 5); err == nil || !strings.Contains(err.Error(), "the disk reports an error") {
		t.Error(err)
	}
}

// A file system on which SQLite can't have its write-ahead log is refused: readers and the writer would lock each other out.
func TestWithoutAWriteAheadLog(t *testing.T) {
	db, err := sqlx.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := &Store{dialect: sqliteDialect{}, write: db}
	if err := s.checkSQLite(t.Context(), oldestSQLite); err == nil || !strings.Contains(err.Error(), "does not allow SQLite's write-ahead log (journal mode is memory)") {
		t.Error(err)
	}
	s.options.ReadOnly = true
	if err := s.checkSQLite(t.Context(), oldestSQLite); err != nil {
		t.Error(err)
	}
}

// Whoever opens a file waits for others that make it a write-ahead log, as long as its context lets it.
func TestOpeningWaitsForOthers(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	holder, err := s.write.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	other := openStore(t, "sqlite:"+s.path, nil)
	other.write.MustExec("PRAGMA busy_timeout = 0")
	other.write.SetMaxOpenConns(1)
	_, busy := other.write.Beginx()
	if err := holder.Rollback(); err != nil || busy == nil {
		t.Fatal(err, busy)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, c := range []struct {
		times int // busy
		gives int // up after so many
	}{{3, 9}, {1_000_000, 3}} {
		n := 0
		faulty(t, s, &faults{connect: func() error {
			if n++; n == c.gives {
				cancel()
			}
			if n <= c.times {
				return busy
			}
			return nil
		}})
		if err := s.unlocked(ctx); (c.times < c.gives) != (err == nil) || err != nil && !errors.Is(err, busy) || n != min(c.times+1, c.gives) {
			t.Errorf("busy %d times: %v after %d", c.times, err, n)
		}
	}
}
