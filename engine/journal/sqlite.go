package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

type sqliteDialect struct{}

func (sqliteDialect) name() string      { return "sqlite3" }
func (sqliteDialect) portion(n int) int { return valuesPortion(n) }
func (sqliteDialect) text(query, types string, n int) string {
	return valuesText(query, types, n)
}
func (sqliteDialect) values(r *rows, from, n int) []any {
	return r.values(from, n)
}
func (sqliteDialect) copies() bool    { return false }
func (sqliteDialect) joins() bool     { return true }
func (sqliteDialect) layout() string  { return "" }
func (sqliteDialect) head() string    { return "" } // _txlock=immediate has locked the whole file already
func (sqliteDialect) patient() string { return "SELECT 1" }
func (sqliteDialect) contains(column string) string {
	return "instr(lower(" + column + "), ?) > 0"
}
func (sqliteDialect) holds(column string) string { return "instr(" + column + ", ?) > 0" }
func (sqliteDialect) exists() string {
	return "SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'"
}

// A transaction of SQLite sees the state at its first read (sqlite.org/isolation.html).
func (sqliteDialect) snapshot() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

// explain says what to do about what SQLite reports; the codes are those of sqlite.org/rescode.html.
func (sqliteDialect) explain(err error) string {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return ""
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return "the database is locked by another process; wait for it or end it"
	case sqlite3.SQLITE_READONLY:
		return "the database can't be written; check the owner and mode of the file and its folder"
	case sqlite3.SQLITE_FULL:
		return "the disk is full; free some space, nothing was written"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "the file is damaged or no database; restore it from a backup"
	case sqlite3.SQLITE_CANTOPEN:
		return "the file can't be opened; check that its folder exists and who may write there"
	case sqlite3.SQLITE_IOERR:
		return "the disk reports an error, or it was made read-only; check it before anything else"
	}
	return ""
}

// oldestSQLite is the first version without the WAL-reset bug, which could lose committed writes (sqlite.org/releaselog/3_51_3.html).
const oldestSQLite = "3.51.3"

// openSQLite opens path; read-only, a file that is not there gives an empty database in memory.
func openSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	if path == "" {
		return nil, fmt.Errorf("store \"sqlite:\": the path of the file is missing, as in sqlite:rolecall.db")
	}
	if err := vanished(path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && o.ReadOnly {
		return openEmpty(ctx, o)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: absolute, RawQuery: sqliteOptions(o)}
	s := &Store{options: o, dialect: sqliteDialect{}, place: "sqlite:" + path, path: path}
	return s, s.connect("sqlite", dsn.String(), func() error {
		if err := s.unlocked(ctx); err != nil {
			return err
		}
		return s.checkSQLite(ctx, oldestSQLite)
	})
}

// openingTime is how long the first statement waits for others that open the same file, as long as busy_timeout elsewhere.
const openingTime = 10 * time.Second

// unlocked waits until a connection is made. A change to the write-ahead log is refused at once while another process makes
// the same one, without asking busy_timeout (sqlite.org/c3ref/busy_handler.html: "not guaranteed to be invoked").
func (s *Store) unlocked(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, openingTime)
	defer stop()
	for {
		err := s.write.PingContext(ctx)
		var busy *sqlite.Error
		if !errors.As(err, &busy) || busy.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func sqliteOptions(o Options) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "foreign_keys(1)", "synchronous(FULL)", "cache_size(-65536)"}}
	if o.ReadOnly {
		q.Set("mode", "ro")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	return q.Encode()
}

// openEmpty is what a dry run sees where there is nothing yet: a database in memory, gone with the store.
func openEmpty(ctx context.Context, o Options) (*Store, error) {
	s := &Store{options: o, dialect: sqliteDialect{}, place: "an empty journal in memory"}
	if err := s.connect("sqlite", ":memory:?_txlock=immediate", func() error { return nil }); err != nil {
		return nil, err
	}
	s.read.Close()
	s.write.SetMaxOpenConns(1) // each connection would have a database of its own
	s.read = s.write
	return s, s.migrate(ctx)
}

// checkedWhole is the size of the largest file that is looked at whole each time it is opened, in bytes. That takes some 5 s
// for each GB, for which no cut should wait; a damaged page of a larger file is found when it is read, and by Verify.
const checkedWhole = 64 << 20

func (s *Store) checkSQLite(ctx context.Context, oldest string) error {
	var version, mode string
	var size int64
	db, written := s.write, !s.options.ReadOnly
	if err := db.GetContext(ctx, &version, "SELECT sqlite_version()"); err != nil {
		return err
	}
	if olderVersion(version, oldest) {
		return fmt.Errorf("SQLite %s may lose committed records; this program needs %s or newer, build it with a newer modernc.org/sqlite", version, oldest)
	}
	if err := db.GetContext(ctx, &mode, "PRAGMA journal_mode"); err != nil {
		return err
	}
	if written && mode != "wal" {
		return fmt.Errorf("the file system does not allow SQLite's write-ahead log (journal mode is %s); put the file on a local disk", mode)
	}
	if err := db.GetContext(ctx, &size, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"); err != nil || size > checkedWhole {
		return err
	}
	return checkPages(ctx, db)
}

// checkPages looks at every page of a SQLite file.
func checkPages(ctx context.Context, db sqlx.QueryerContext) error {
	var check string
	if err := sqlx.GetContext(ctx, db, &check, "PRAGMA quick_check(1)"); err != nil {
		return err
	}
	if check != "ok" {
		return fmt.Errorf("the file is damaged (%s); restore it from a backup", check)
	}
	return nil
}

// olderVersion compares versions of up to three numbers.
func olderVersion(a, b string) bool {
	var x, y [3]int
	_, _ = fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2]) // what is missing is 0
	_, _ = fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}
