package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine/audit"
)

// ErrNothing is what a backup of a journal gives that was not begun yet.
var ErrNothing = errors.New("there is no journal yet, so there is nothing to copy")

// Backup writes the journal, as it was at one moment, into a new SQLite file, whichever database it is in; others may write
// meanwhile. The copy is read back: SQLite's own check, all hashes, the views, and the given heads, of checkpoints from
// outside, and the present one. A file that is there already is refused, and one that is wrong is not left behind.
func (s *Store) Backup(ctx context.Context, file string, heads ...audit.Head) (v Verification, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return v, fmt.Errorf("%s is there already, or can't be looked at; a backup overwrites nothing, choose another name", file)
	}
	if s.path == "" && s.dialect.name() == "sqlite3" {
		return v, s.wrap("backup", ErrNothing)
	}
	now, err := s.Head(ctx)
	if err != nil {
		return v, err
	}
	half := file + ".half"
	defer func() { err = errors.Join(err, removeAll(half)) }() // gone already if all went well
	if err := errors.Join(removeAll(half), s.copyInto(ctx, half)); err != nil {
		return v, s.wrap("backup", err)
	}
	if v, err = CheckFile(ctx, half, append(heads, now)...); err != nil {
		return v, err
	}
	if !v.OK() {
		return v, fmt.Errorf("the copy is not the journal, so it was thrown away: %s", v.first())
	}
	return v, settleFile(half, file)
}

// first is what is wrong, in one sentence.
func (v *Verification) first() string {
	if v.Fault != nil {
		return v.Fault.String()
	}
	return v.Wrong[0]
}

// Head is the size and root of the journal as they are now.
func (s *Store) Head(ctx context.Context) (h audit.Head, err error) {
	var text string
	if err = s.read.GetContext(ctx, &text, "SELECT frontier FROM head"); err != nil {
		return h, s.wrap("read the head", err)
	}
	f, err := audit.ParseFrontier(text)
	return f.Head(), s.wrap("read the head", err)
}

// copyInto makes the file with the journal in it, readable by its owner alone.
func (s *Store) copyInto(ctx context.Context, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if s.dialect.name() == "sqlite3" {
		_, err := s.read.ExecContext(ctx, "VACUUM INTO ?", file)
		return err
	}
	to, err := Open(ctx, "sqlite:"+file, Options{Now: s.options.Now, Migrate: true})
	if err != nil {
		return err
	}
	err = s.reading(ctx, func(from *sqlx.Tx) error { return to.refill(ctx, from, nil) })
	return errors.Join(err, to.closeWhole())
}

// CheckFile reads a backup: SQLite's own check of the whole file, and everything that Verify does.
func CheckFile(ctx context.Context, file string, heads ...audit.Head) (v Verification, err error) {
	s, err := Open(ctx, "sqlite:"+file, Options{ReadOnly: true})
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var check string
	if err := s.read.GetContext(ctx, &check, "PRAGMA integrity_check(1)"); err != nil {
		return v, s.wrap("check", err)
	}
	if check != "ok" {
		return v, fmt.Errorf("the backup %s is damaged: %s", file, check)
	}
	return s.Verify(ctx, heads...)
}

// OpenBackup opens a backup for reading. One of an older schema stays as it is: it is brought up to date in a copy, which is made
// in a file of this name and gone when done is called.
func OpenBackup(ctx context.Context, file, copied string) (s *Store, done func() error, err error) {
	s, err = Open(ctx, "sqlite:"+file, Options{ReadOnly: true})
	if err == nil {
		return s, s.Close, nil
	}
	if !errors.Is(err, ErrOlder) {
		return nil, nil, err
	}
	old, err := open(ctx, "sqlite:"+file, Options{ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	err = errors.Join(removeAll(copied), old.copyInto(ctx, copied), old.Close())
	if err == nil {
		s, err = Open(ctx, "sqlite:"+copied, Options{Migrate: true})
	}
	if err != nil {
		return nil, nil, errors.Join(err, removeCopies(copied))
	}
	return s, func() error { return errors.Join(s.Close(), removeCopies(copied)) }, nil
}

// removeCopies removes a database with what migrating kept of it.
func removeCopies(file string) error {
	errs := []error{removeAll(file)}
	older, _ := filepath.Glob(file + ".before-*")
	for _, one := range older {
		errs = append(errs, removeAll(one))
	}
	return errors.Join(errs...)
}

// closeWhole closes a SQLite store so that its file is all there is of it.
func (s *Store) closeWhole() error {
	_ = s.read.Close() // the mode changes only while nobody else is connected
	s.write.SetMaxIdleConns(1)
	return errors.Join(gather(context.Background(), s.write.DB), s.Close(), removeAll(s.path+begunSuffix))
}

// gather puts what SQLite keeps beside a file into it. SQLite may say no without an error.
func gather(ctx context.Context, db *sql.DB) error {
	mode := ""
	err := db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode)
	if err == nil && mode != "delete" {
		err = ErrInUse
	}
	return err
}

// removeAll removes a database that is not one yet, with what SQLite keeps beside it.
func removeAll(file string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", begunSuffix} {
		if err := os.Remove(file + suffix); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// settleFile gives a file that is complete its name, and sees both to the disk.
func settleFile(half, file string) error {
	f, err := os.OpenFile(half, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(half, file)); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(file))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
