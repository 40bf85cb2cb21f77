package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/rolecall/rolecall/engine"
)

// version is the number of the last migration that the database has, 0 for an empty database. It writes nothing.
func (s *Store) version(ctx context.Context) (int64, error) {
	var n int64
	if err := s.write.GetContext(ctx, &n, s.dialect.exists()); err != nil || n == 0 {
		return 0, err
	}
	err := s.write.GetContext(ctx, &n, "SELECT coalesce(max(version_id), 0) FROM goose_db_version")
	return n, err
}

// latest is the number of the last migration that the program has.
func (s *Store) latest() (int64, error) {
	entries, err := fs.ReadDir(s.options.schema, ".")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(entries[len(entries)-1].Name())
}

// migrate brings the schema up to date, after a copy of a database that has one.
func (s *Store) migrate(ctx context.Context) error {
	engine.Failpoint("migration.before")
	if err := s.backup(ctx); err != nil {
		return fmt.Errorf("the copy before a change of the schema: %w", err)
	}
	var options []goose.ProviderOption
	if s.dialect.name() == "postgres" {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // several may start at once; tries each second, for 5 minutes
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(goose.Dialect(s.dialect.name()), s.write.DB, s.options.schema, options...)
	if err != nil {
		return err
	}
	engine.Failpoint("migration.torn")
	if err := s.up(ctx, provider); err != nil {
		return err
	}
	engine.Failpoint("migration.after")
	if layout := s.dialect.layout(); layout != "" {
		_, err = s.write.ExecContext(ctx, layout)
	}
	return err
}

// up makes the migrations that are missing. SQLite has no lock across goose's transactions: a step that fails because another
// process made it meanwhile is left to that one, and the next is tried.
func (s *Store) up(ctx context.Context, provider *goose.Provider) error {
	for {
		before, err := s.step(ctx)
		if err != nil {
			return err
		}
		_, failure := provider.Up(ctx)
		if failure == nil {
			return nil
		}
		if now, err := s.step(ctx); err != nil || now <= before {
			return failure
		}
	}
}

// step is the version, or -1 before goose made its own table.
func (s *Store) step(ctx context.Context) (n int64, err error) {
	if err := s.write.GetContext(ctx, &n, s.dialect.exists()); err != nil || n == 0 {
		return -1, err
	}
	return s.version(ctx)
}

// backup copies a journal that has a schema, N being the version that comes: a SQLite file to FILE.before-N, the tables in
// PostgreSQL to before_N_TABLE. A copy that is there already is of an earlier try, and is kept.
func (s *Store) backup(ctx context.Context) error {
	have, err := s.version(ctx)
	want, wrong := s.latest()
	switch {
	case err != nil || wrong != nil || have == 0 || have >= want: // another process was quicker
		return errors.Join(err, wrong)
	case s.dialect.name() == "postgres":
		return s.copyTables(ctx, fmt.Sprintf("before_%d_", have+1))
	}
	return s.copyFile(ctx, have)
}

func (s *Store) copyFile(ctx context.Context, have int64) error {
	copied := fmt.Sprintf("%s.before-%d", s.path, have+1)
	if isThere(copied) {
		return removeHalves(copied)
	}
	engine.Failpoint("backup.before")
	half, err := os.CreateTemp(filepath.Dir(copied), filepath.Base(copied)+".*.half") // another process may do the same
	if err != nil {
		return err
	}
	defer os.Remove(half.Name()) // gone already if all went well
	if err := half.Close(); err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, "VACUUM INTO ?", half.Name()); err != nil && !isThere(copied) { // else another one was quicker and removed ours
		return err
	}
	engine.Failpoint("backup.torn")
	defer engine.Failpoint("backup.after")
	return errors.Join(place(half.Name(), copied), removeHalves(copied))
}

// removeHalves removes what processes that died over the same copy left, once the copy is there: a whole journal each. One that
// is still at it finds the copy, too.
func removeHalves(copied string) error {
	beside, err := os.ReadDir(filepath.Dir(copied))
	errs := []error{err}
	for _, entry := range beside {
		rest, of := strings.CutPrefix(entry.Name(), filepath.Base(copied)+".")
		if of && strings.Contains(rest, ".half") { // and what SQLite has beside it
			errs = append(errs, removed(filepath.Join(filepath.Dir(copied), entry.Name())))
		}
	}
	return errors.Join(errs...)
}

func isThere(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func removed(file string) error {
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// place gives a copy its name, unless another process was quicker: that one has perhaps changed the schema since, and only its
// copy is sure to be from before.
func place(half, copied string) error {
	err := os.Link(half, copied)
	if err == nil || isThere(copied) {
		return nil
	}
	return os.Rename(half, copied) // a file system without links
}

// copyTables copies the journal's tables within their schema, at one moment at which nobody writes. Several processes may
// start at once: whoever comes second waits, and finds the copy.
func (s *Store) copyTables(ctx context.Context, prefix string) error {
	t, err := s.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if _, err := t.ExecContext(ctx, "LOCK TABLE head IN EXCLUSIVE MODE"); err != nil {
		return err
	}
	var there bool
	if err := t.GetContext(ctx, &there, "SELECT to_regclass($1) IS NOT NULL", prefix+"head"); err != nil || there {
		return err
	}
	var tables []string
	if err := t.SelectContext(ctx, &tables, `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()
		AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'river\_%' AND table_name NOT LIKE 'before\_%' ORDER BY table_name`); err != nil {
		return err
	}
	for _, table := range tables {
		if _, err := t.ExecContext(ctx, "CREATE TABLE "+pq.QuoteIdentifier(prefix+table)+" AS TABLE "+pq.QuoteIdentifier(table)); err != nil {
			return err
		}
	}
	return t.Commit()
}
