package journal

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/migrations"
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
func latest() (int64, error) {
	entries, err := fs.ReadDir(migrations.Files(), ".")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(entries[len(entries)-1].Name())
}

// migrate brings the schema up to date, after a backup of a SQLite file that has one.
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
	provider, err := goose.NewProvider(goose.Dialect(s.dialect.name()), s.write.DB, migrations.Files(), options...)
	if err != nil {
		return err
	}
	engine.Failpoint("migration.torn")
	if _, err := provider.Up(ctx); err != nil {
		return s.migratedByOther(ctx, err)
	}
	engine.Failpoint("migration.after")
	return nil
}

// migratedByOther forgives a failure if another process was quicker (SQLite has no lock across goose's transactions).
func (s *Store) migratedByOther(ctx context.Context, failure error) error {
	have, err := s.version(ctx)
	if want, _ := latest(); err == nil && have == want {
		return nil
	}
	return failure
}

// backup copies a SQLite file that holds a schema to FILE.before-N, N being the version that comes. A copy that is there
// already is of an earlier try, and is kept.
func (s *Store) backup(ctx context.Context) error {
	have, err := s.version(ctx)
	if err != nil || have == 0 || s.path == "" {
		return err
	}
	copied := fmt.Sprintf("%s.before-%d", s.path, have+1)
	if _, err := os.Stat(copied); err == nil {
		return nil
	}
	half := copied + ".half"
	engine.Failpoint("backup.before")
	if err := os.RemoveAll(half); err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, "VACUUM INTO ?", half); err != nil {
		return err
	}
	engine.Failpoint("backup.torn")
	defer engine.Failpoint("backup.after")
	return os.Rename(half, copied)
}
