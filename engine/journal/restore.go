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
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
)

// ErrInUse is what Restore gives while another process has the SQLite file open, or a daemon the PostgreSQL store.
var ErrInUse = errors.New("another process uses the journal; stop it first (rolecall serve, or a command that still runs)")

// Comparison is how a backup and the journal that it is to replace go together.
type Comparison struct {
	Backup, Present audit.Head
	Same            int64     // records that both begin with
	Last            time.Time // the backup's last record
}

// Compare finds where the two part. It reads a few stored hashes of each.
func Compare(ctx context.Context, backup, present *Store) (c Comparison, err error) {
	if c.Backup, err = backup.Head(ctx); err != nil {
		return c, err
	}
	if c.Present, err = present.Head(ctx); err != nil {
		return c, err
	}
	var last int64
	if err = backup.read.GetContext(ctx, &last, "SELECT time FROM head"); err != nil {
		return c, backup.wrap("read the head", err)
	}
	c.Last = instant(last)
	low, high := int64(0), min(c.Backup.Size, c.Present.Size)
	for low < high { // equal trees of one size have equal beginnings, so the last equal size can be searched for
		middle := (low + high + 1) / 2
		a, err := backup.RootAt(ctx, middle)
		if err != nil {
			return c, err
		}
		b, err := present.RootAt(ctx, middle)
		if err != nil {
			return c, err
		}
		if a == b {
			low = middle
		} else {
			high = middle - 1
		}
	}
	c.Same = low
	return c, nil
}

// RootAt is the tree's head when the journal had so many records.
func (s *Store) RootAt(ctx context.Context, size int64) (h audit.Head, err error) {
	err = s.reading(ctx, func(t *sqlx.Tx) error {
		f, err := audit.FrontierAt(size, runs{ctx, t})
		h = f.Head()
		return err
	})
	return h, s.wrap("read the tree", err)
}

// Replacement says what Restore does.
type Replacement struct {
	Address  string // of the journal
	Backup   string // file
	Folder   string // where a PostgreSQL journal that is replaced is kept
	Actor    string
	Restored engine.Restored // Kept is set here
}

// Restore puts a backup in the place of the journal and keeps that beside. The backup is read whole before, and carries a
// mark afterwards because of which nothing acts on it, but for cuts. Nothing is replaced if anything is wrong.
func Restore(ctx context.Context, r Replacement, o Options) (kept string, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	path, lite := strings.CutPrefix(r.Address, "sqlite:")
	stamp := o.Now().UTC().Format("20060102T150405Z")
	half := filepath.Join(r.Folder, "rolecall-restore.half")
	kept = filepath.Join(r.Folder, "rolecall.before-restore-"+stamp+".db")
	if lite {
		half, kept = path+".restore.half", path+".before-restore-"+stamp
	}
	defer func() { err = errors.Join(err, removeAll(half)) }()
	if err := removeAll(half); err != nil {
		return "", err
	}
	if lite {
		return replaceFile(ctx, r, o, path, half, kept)
	}
	return replaceTables(ctx, r, o, half, kept)
}

// replaceFile renames. Whoever has the old file open would go on writing there, so nobody may.
func replaceFile(ctx context.Context, r Replacement, o Options, path, half, kept string) (string, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		kept = ""
	}
	r.Restored.Kept = kept
	epoch, release, err := quiet(ctx, path)
	if err != nil {
		return "", err
	}
	defer release() // when another file has the name
	if err := prepare(ctx, r, o, half, epoch); err != nil {
		return "", err
	}
	if kept != "" {
		if _, err := os.Lstat(kept); !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s is there already, so the journal can't be kept under that name; try again", kept)
		}
	}
	return kept, swap(path, kept, half)
}

// swap gives the journal's name to what is to be the journal; what had it is kept under another one, "" if there is nothing. If
// that fails, it has its name again.
func swap(path, kept, half string) (err error) {
	var moved []string
	defer func() {
		for i := len(moved) - 1; err != nil && i >= 0; i-- {
			err = errors.Join(err, os.Rename(kept+moved[i], path+moved[i]))
		}
	}()
	for _, suffix := range []string{"-wal", "-shm", ""} { // the last one says that there is a journal
		if kept == "" {
			break
		}
		switch err := os.Rename(path+suffix, kept+suffix); {
		case err == nil:
			moved = append(moved, suffix)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return settleFile(half, path)
}

// replaceTables fills the tables anew, all at once; the old ones are kept as a backup.
func replaceTables(ctx context.Context, r Replacement, o Options, half, kept string) (_ string, err error) {
	o.ReadOnly, o.Migrate, o.Stays = false, true, false
	release := func() error { return nil }
	present, err := openWith(ctx, r.Address, o, func(s *Store) error { // before the schema is changed, which daemons may still use
		free, err := s.alone(ctx)
		if err == nil {
			release = free
		}
		return err
	})
	if err != nil {
		return "", errors.Join(err, release())
	}
	defer func() { err = errors.Join(err, release(), present.Close()) }()
	var before head
	err = present.read.GetContext(ctx, &before, selectHead)
	if err == nil && before.Size == 0 {
		kept = ""
	} else if err == nil {
		err = present.keep(ctx, kept)
	}
	r.Restored.Kept = kept
	if err == nil {
		err = prepare(ctx, r, o, half, before.Epoch)
	}
	if err != nil {
		return "", err
	}
	unchanged := func(h *head) error {
		if h.Size != before.Size || h.Epoch != before.Epoch {
			return fmt.Errorf("%w: it was written to while it was being kept", ErrInUse)
		}
		return nil
	}
	from, err := Open(ctx, "sqlite:"+half, Options{ReadOnly: true})
	if err != nil {
		return "", err
	}
	err = from.reading(ctx, func(t *sqlx.Tx) error { return present.refill(ctx, t, unchanged) })
	return kept, errors.Join(present.wrap("restore", err), from.Close())
}

// keep copies the journal before it is replaced. One that is wrong is the very reason for a restore: it is kept as it is.
func (s *Store) keep(ctx context.Context, file string) error {
	if _, err := s.Backup(ctx, file); err == nil {
		return nil
	}
	return s.copyInto(ctx, file)
}

// muchLater is what is added to the leader's epoch, so that every process that planned on the replaced journal is deposed,
// and forgets the numbers of names that it knows.
const muchLater = 1_000_000

// prepare makes of the backup the file that is to be the journal: of this program's schema, read back, and marked.
func prepare(ctx context.Context, r Replacement, o Options, half string, epoch int64) error {
	if _, err := os.Stat(r.Backup); errors.Is(err, fs.ErrNotExist) { // it would be taken for an empty journal
		return fmt.Errorf("there is no backup %s", r.Backup)
	}
	backup, err := open(ctx, "sqlite:"+r.Backup, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	if err := errors.Join(backup.copyInto(ctx, half), backup.Close()); err != nil {
		return err
	}
	o.ReadOnly, o.Migrate, o.Enqueue = false, true, nil
	s, err := Open(ctx, "sqlite:"+half, o)
	if err != nil {
		return err
	}
	v, err := s.Verify(ctx)
	if err == nil && !v.OK() {
		err = fmt.Errorf("the backup is not what it was, so it is not restored: %s", v.first())
	}
	if err == nil {
		_, err = s.write.ExecContext(ctx, "UPDATE head SET epoch = max(epoch, ?) + ?", epoch, muchLater)
	}
	if err == nil {
		err = s.Append(ctx, engine.Free, []engine.Record{r.Restored.Record(r.Actor, s.options.Now().UTC())})
	}
	older, _ := filepath.Glob(half + ".before-*") // what migrating keeps; the backup itself is there
	for _, file := range older {
		err = errors.Join(err, removeAll(file))
	}
	return errors.Join(err, s.closeWhole())
}

// quiet sees that nobody has the file open, puts what SQLite keeps beside it into it, and lets nobody in before release is called;
// it gives the leader's epoch. A file that is missing or damaged is as it is: its epoch is 0.
func quiet(ctx context.Context, path string) (epoch int64, release func(), err error) {
	release = func() {}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		return 0, release, nil
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return 0, release, err
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: absolute, RawQuery: "_pragma=busy_timeout(500)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return 0, release, err
	}
	defer func() {
		if err != nil {
			_ = db.Close()
		}
	}()
	release = func() { _ = db.Close() }
	db.SetMaxOpenConns(1)
	_ = db.QueryRowContext(ctx, "SELECT epoch FROM head").Scan(&epoch) // 0 where it can't be read
	if err = gather(ctx, db); err == nil {
		_, err = db.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		switch failure.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return 0, release, fmt.Errorf("%s: %w", path, ErrInUse)
		}
		return epoch, release, nil // damaged: it can't be in use for anything
	}
	return epoch, release, err
}

// own is the last record that this process wrote, and the epoch then. Where the journal has it, it has all before it, and so what
// this process knows of it.
type own struct {
	size, epoch    int64
	leaf, frontier string
}

// recognise forgets what this process knows of the journal, what numbers names have and its own intents, once it was replaced by
// another one.
func (s *Store) recognise(t *tx, h *head) error {
	same := h.Size >= s.own.size && h.Epoch < s.own.epoch+muchLater
	switch {
	case !same:
	case h.Size == s.own.size:
		same = h.Frontier == s.own.frontier || s.own.size == 0
	case s.own.size > 0:
		n := 0
		if err := t.GetContext(t.ctx, &n, t.Rebind("SELECT count(*) FROM journal WHERE seq = ? AND leaf = ?"), s.own.size, s.own.leaf); err != nil {
			return err
		}
		same = n > 0
	}
	if !same {
		s.names, s.own = newNames(), own{}
		s.fresh.clear()
	}
	s.own.epoch = h.Epoch
	return nil
}
