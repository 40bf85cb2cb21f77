package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine"
)

// ErrVanished is what opening a SQLite journal gives that was there once and is not any more. Nobody would be a leaver then,
// nothing managed and nobody cut off, and no alarm would say so.
var ErrVanished = errors.New("the journal was begun once and is not there any more")

// begunSuffix makes the name of the file that says that a journal was begun.
const begunSuffix = "-begun"

// vanished refuses to begin a journal where there was one.
func vanished(path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // there, or nobody knows: opening it tells
	}
	if _, err := os.Stat(path + begunSuffix); err != nil {
		return nil
	}
	return fmt.Errorf("%w; bring %s back from a backup, or remove %s%s to begin a new one that knows nothing", ErrVanished, path, path, begunSuffix)
}

// hasBegun says whether a journal was begun in the SQLite file: its schema was there.
func (s *Store) hasBegun() bool {
	if s.path == "" {
		return false
	}
	_, err := os.Stat(s.path + begunSuffix)
	return err == nil
}

// begun says beside a SQLite file that there is a journal in it.
func (s *Store) begun() error {
	if s.path == "" || s.options.ReadOnly {
		return nil
	}
	engine.Failpoint("begun.before")
	f, err := os.OpenFile(s.path+begunSuffix, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	engine.Failpoint("begun.torn")
	defer engine.Failpoint("begun.after")
	_, err = f.WriteString("Here is the journal of Rolecall. As long as this file stands beside it, a journal that is missing is an error and no new beginning.\n")
	return errors.Join(err, f.Sync(), f.Close())
}

// Fact is one fact as it is now, where reading all of Memory would be too much.
func (s *Store) Fact(ctx context.Context, k engine.FactKey) (f engine.Fact, ok bool, err error) {
	query := s.read.Rebind("SELECT * FROM fact WHERE kind = ? AND program = ? AND account = ? AND entitlement = ? AND person = ? AND key = ?")
	err = each(s.read.QueryxContext(ctx, query, k.Kind, k.Program, k.Account, k.Entitlement, k.Person, k.Key))(func(r *sqlx.Rows) error {
		f, err = scanFact(r)
		ok = err == nil
		return err
	})
	return f, ok, s.wrap("read a fact", err)
}

// Facts are those of one kind as they are now, in the order of their keys.
func (s *Store) Facts(ctx context.Context, kind string) (out []engine.Fact, err error) {
	query := s.read.Rebind("SELECT * FROM fact WHERE kind = ? ORDER BY program, account, entitlement, person, key")
	err = each(s.read.QueryxContext(ctx, query, kind))(func(r *sqlx.Rows) error {
		f, err := scanFact(r)
		out = append(out, f)
		return err
	})
	return out, s.wrap("read facts", err)
}
