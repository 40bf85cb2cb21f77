package journal

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/migrations"
)

// Options of Open.
type Options struct {
	Now      func() time.Time // nil: time.Now
	Random   io.Reader        // for the records' salts, safe for concurrent use; nil: crypto/rand
	ReadOnly bool             // a dry run: no new database, no schema, no write; what is not there yet is empty
	Migrate  bool             // bring an older schema up to date; otherwise it is refused
	Stays    bool             // a daemon: Restore refuses while the store is open; PostgreSQL, since SQLite's file shows who has it open
	schema   fs.FS            // nil: that of the program
	// Enqueue, nil: nothing, is called in the transaction that writes intents, with the sorted names of their programs, so
	// that a queue in the same PostgreSQL has them if and only if the journal has. It must not wait for locks: the head is
	// held. Its error undoes the transaction. PostgreSQL only.
	Enqueue func(ctx context.Context, tx *sql.Tx, programs []string) error
}

// Store is a journal in a database. It implements engine.Journal, Outbox, Log and AsOf, and is safe for concurrent use;
// several processes may open the same database.
type Store struct {
	options Options
	dialect dialect
	place   string // for messages, without password
	path    string // of SQLite's file, "" otherwise

	write      *sqlx.DB // one transaction at a time
	read       *sqlx.DB
	statements map[statement]*sqlx.Stmt // of write
	names      *names
	writing    turn // held for one transaction; guards statements and names
	writeTime  time.Duration
	group      group
	fresh      fresh

	own own // guarded by writing
}

// ErrOlder is wrapped when the schema is older than the program's, and may not be brought up to date.
var ErrOlder = errors.New("database is older than this program")

// ErrReadOnly is what a write to a store gives that was opened for a dry run.
var ErrReadOnly = errors.New("journal: opened for reading only, nothing is recorded")

// Open opens "sqlite:PATH" or "postgres://…". The schema must be that of this program: an older one needs Options.Migrate, a
// newer one is refused.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	return openWith(ctx, address, o, func(*Store) error { return nil })
}

// openWith calls first when the store is reached and nothing of it was looked at or changed yet.
func openWith(ctx context.Context, address string, o Options, first func(s *Store) error) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.schema == nil {
		o.schema = migrations.Files()
	}
	s, err := open(ctx, address, o)
	if err == nil {
		err = first(s)
	}
	if err == nil {
		err = s.ready(ctx)
	}
	if err != nil {
		if s == nil {
			return nil, fmt.Errorf("journal %s: %w", redact(address), err)
		}
		err = s.wrap("open", err)
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(ctx context.Context, address string, o Options) (*Store, error) {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		if o.Enqueue != nil {
			return nil, fmt.Errorf("a queue can share the store only on PostgreSQL; use a store postgres://USER@HOST/DATABASE")
		}
		return openSQLite(ctx, path, o)
	}
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return nil, fmt.Errorf("a store is sqlite:PATH or postgres://USER@HOST/DATABASE")
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("the address can't be read; a store is sqlite:PATH or postgres://USER@HOST/DATABASE")
	}
	return openPostgres(ctx, u, o)
}

// connect opens both pools and runs the check on a first connection.
func (s *Store) connect(driver, dsn string, check func() error) error {
	var err error
	if s.write, err = s.pool(driver, dsn); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(2) // one writes, the other one prepares a statement for it the first time
	s.statements, s.names = map[statement]*sqlx.Stmt{}, newNames()
	s.writing, s.writeTime = make(turn, 1), writeTime
	if err := s.connectReader(driver, dsn); err != nil {
		return err
	}
	return check()
}

func (s *Store) connectReader(driver, dsn string) (err error) {
	s.read, err = s.pool(driver, dsn)
	if err == nil {
		s.read.SetMaxOpenConns(8)
		s.read.SetMaxIdleConns(2)
	}
	return err
}

// ready sees to the schema.
func (s *Store) ready(ctx context.Context) error {
	begun := s.hasBegun() // before the version is read: another process may just begin
	have, err := s.version(ctx)
	if err != nil {
		return err
	}
	want, err := s.latest()
	switch {
	case err != nil:
		return err
	case have == 0 && begun:
		return fmt.Errorf("%w: nothing is in the file, perhaps because %[2]s-wal was taken away; bring both back, or remove %[2]s%[3]s to begin a new one that knows nothing", ErrVanished, s.path, begunSuffix)
	case have > want:
		return newerError(have, want)
	case have == want:
		return s.begun()
	case s.options.ReadOnly || !s.options.Migrate:
		return fmt.Errorf("%w: its schema is version %d, the program needs %d; let the daemon or a writing command bring it up to date", ErrOlder, have, want)
	}
	if err := s.migrate(ctx); err != nil {
		return err // nothing was begun: where the disk was full, the next try must find a new file and not one that lost everything
	}
	return s.begun()
}

// Close ends the connections. Appends that are under way fail.
func (s *Store) Close() error {
	var all []error
	for _, db := range []*sqlx.DB{s.write, s.read} {
		if db != nil {
			all = append(all, db.Close())
		}
	}
	return errors.Join(all...)
}

// wrap makes one sentence of what went wrong, with the place and a hint.
func (s *Store) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	if hint := s.dialect.explain(err); hint != "" {
		return fmt.Errorf("journal %s: %s: %s: %w", s.place, what, hint, err)
	}
	return fmt.Errorf("journal %s: %s: %w", s.place, what, err)
}

func newerError(have, want int64) error {
	return fmt.Errorf("database is newer than this program: its schema is version %d, the program knows %d; use the newer program", have, want)
}
