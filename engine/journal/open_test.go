package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/migrations"
)

// wantError opens and wants an error with every one of the words.
func wantError(t *testing.T, address string, o Options, words ...string) {
	t.Helper()
	s, err := Open(context.Background(), address, o)
	if err == nil {
		s.Close()
		t.Errorf("%s was opened", address)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

func TestDryRunMakesNothing(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s, err := Open(ctx, "sqlite:"+filepath.Join(dir, "j.db"), Options{ReadOnly: true, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, err := s.Memory(ctx, time.Time{})
	if err != nil || m.Seq != 0 || len(m.Programs) != 0 {
		t.Errorf("an empty journal remembers %+v, %v", m, err)
	}
	if held, err := s.AsOf(ctx, time.Now(), "", "", ""); err != nil || len(held) != 0 {
		t.Errorf("an empty journal knows %v, %v", held, err)
	}
	refusesWrites(t, s)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("the dry run left %v, %v", files, err)
	}
}

func refusesWrites(t *testing.T, s *Store) {
	t.Helper()
	ctx := context.Background()
	_, lead := s.Lead(ctx)
	_, claim := s.Claim(ctx, engine.ClaimRequest{Max: 1})
	_, checkpoint := s.Checkpoint(ctx, nil)
	for _, err := range []error{lead, claim, checkpoint, s.Append(ctx, engine.Free, []engine.Record{{Kind: engine.KindNote}})} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("a dry run's write gave %v", err)
		}
	}
	if _, err := s.write.Exec("DELETE FROM fact"); err == nil && s.path != "" {
		t.Error("the database itself does not refuse writes")
	}
}

func TestDryRunReadsWhatIsThere(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "j.db")
	fill(t, openStore(t, address, nil))
	s, err := Open(context.Background(), address, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if m, err := s.Memory(context.Background(), time.Time{}); err != nil || m.Seq != 9 {
		t.Errorf("%+v, %v", m, err)
	}
	refusesWrites(t, s)
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "j.db")
	wantError(t, "mysql://x:secret@y/z", Options{}, "sqlite:PATH or postgres://")
	wantError(t, "sqlite:", Options{}, "path of the file is missing")
	wantError(t, "sqlite:"+filepath.Join(dir, "none", "j.db"), Options{Migrate: true}, "can't be opened", "folder exists")
	wantError(t, "sqlite:"+path, Options{}, "older than this program", "version 0")
	wantError(t, "postgres://u:secret@127.0.0.1:1/db", Options{}, "127.0.0.1:1")
	s := openStore(t, "sqlite:"+path, nil)
	s.write.MustExec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	wantError(t, "sqlite:"+path, Options{Migrate: true}, "database is newer than this program", "99")
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	wantError(t, "sqlite:"+filepath.Join(dir, "text"), Options{Migrate: true}, "damaged or no database")
}

func TestOpenKeepsPasswordsOut(t *testing.T) {
	for _, address := range []string{"postgres://u:secret@127.0.0.1:1/db", "mysql://u:secret@h/d", "postgres://u:secret@h:port/d"} {
		if _, err := Open(context.Background(), address, Options{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// Each page of the file is damaged in turn: a single one is found when the file is opened, not when it is needed.
func TestOpenFindsDamage(t *testing.T) {
	const pageSize = 4096
	path := filepath.Join(t.TempDir(), "j.db")
	s := openStore(t, "sqlite:"+path, nil)
	fill(t, s)
	s.write.MustExec("VACUUM") // no page is free, which nobody would miss
	s.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := pageSize; at < len(data); at += pageSize {
		damaged := slices.Clone(data)
		copy(damaged[at:], "\xff\xff\xff")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		wantError(t, "sqlite:"+path, Options{}, "damaged", "backup")
	}
}

func TestLockedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	a, b := openStore(t, "sqlite:"+path, nil), openStore(t, "sqlite:"+path, nil)
	b.write.SetMaxOpenConns(1)
	b.write.MustExec("PRAGMA busy_timeout = 1")
	holder, err := a.write.Beginx()
	if err != nil {
		t.Fatal(err)
	}
	err = b.Append(context.Background(), engine.Free, []engine.Record{{Kind: engine.KindNote}})
	if err == nil || !strings.Contains(err.Error(), "locked by another process") {
		t.Errorf("got %v", err)
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	fill(t, s)
	s.write.MustExec("PRAGMA max_page_count = 1") // the least possible is what the file has
	big := []engine.Record{{Kind: engine.KindNote, Why: []string{strings.Repeat("x", 1<<20)}}}
	err := s.Append(context.Background(), engine.Free, big)
	if err == nil || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("got %v", err)
	}
	s.write.MustExec("PRAGMA max_page_count = 1000000")
	if err := s.Append(context.Background(), engine.Free, big); err != nil || big[0].Seq != 10 {
		t.Errorf("after space was made: record %d, %v", big[0].Seq, err)
	}
	if v := verify(t, s); !v.OK() {
		t.Errorf("%+v", v)
	}
}

func forEachStore(t *testing.T, test func(t *testing.T, address string)) {
	for name, address := range map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "j.db"), "postgres": servers.Postgres(t).NewDatabase(t)} {
		t.Run(name, func(t *testing.T) { test(t, address) })
	}
}

// later is the schema of a program that comes after this one.
func later(t *testing.T, sql string) fs.FS {
	t.Helper()
	all := schemaOf(t, newest)
	all[fmt.Sprintf("%05d_later.sql", newest+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql)}
	return all
}

// newest is the number of this program's last migration.
const newest = 6

// schemaOf is the schema of the program that had so many migrations.
func schemaOf(t *testing.T, n int) fstest.MapFS {
	t.Helper()
	names, err := fs.Glob(migrations.Files(), "*.sql")
	if err != nil || len(names) != newest {
		t.Fatalf("%q, %v", names, err)
	}
	all := fstest.MapFS{}
	for _, name := range names[:n] {
		data, err := fs.ReadFile(migrations.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: data}
	}
	return all
}

// A journal from before says of its open intents, too, whom they are about.
func TestAJournalFromBeforeKnowsWhomOpenIntentsAreAbout(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		ctx := context.Background()
		before, err := Open(ctx, address, Options{Migrate: true, schema: schemaOf(t, 2)})
		if err != nil {
			t.Fatal(err)
		}
		defer before.Close()
		for _, sql := range []string{
			`INSERT INTO person VALUES (3, 'ann')`, `INSERT INTO account VALUES (7, 'wiki', 'ann')`,
			`INSERT INTO open_intent VALUES (1, 'wiki', 7, '', 'suspend', 1, 0, 0, 0, 0)`,
			`INSERT INTO journal VALUES (1, 1, 'intent', '', 3, 'wiki', 7, '', 'suspend', '', 0, '', '', '', 0, '{}', '', '', NULL, '')`,
		} {
			before.write.MustExec(sql)
		}
		var person int64
		if err := openStore(t, address, nil).write.Get(&person, "SELECT person FROM open_intent"); err != nil || person != 3 {
			t.Errorf("it is about %d, %v", person, err)
		}
	})
}

func TestANewerProgramBringsTheSchemaUpToDateAfterACopy(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		ctx := context.Background()
		old := openStore(t, address, nil)
		fill(t, old)
		wantError(t, address, Options{schema: later(t, "CREATE TABLE later (n BIGINT);")}, "older than this program", fmt.Sprint("version ", newest))
		if n := copies(t, old); n != 0 {
			t.Errorf("%d copies although nothing was to be changed", n)
		}
		var started sync.WaitGroup
		for range 3 { // as when several daemons are brought up to date
			started.Go(func() {
				s, err := Open(ctx, address, Options{Migrate: true, schema: later(t, "CREATE TABLE later (n BIGINT);")})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if v := verify(t, s); !v.OK() || v.Records != 9 {
					t.Errorf("after the change: %+v", v)
				}
			})
		}
		started.Wait()
		if n := copies(t, old); n != 9 {
			t.Errorf("%d records in the copy", n)
		}
		wantError(t, address, Options{Migrate: true}, "newer than this program", fmt.Sprint("version ", newest+1))
	})
}

// Of several that copy at once the first one's copy stays: the others may have copied what it has changed since.
func TestTheFirstCopyStays(t *testing.T) {
	dir := t.TempDir()
	copied := filepath.Join(dir, "j.db.before-3")
	for _, text := range []string{"first", "second"} {
		half := filepath.Join(dir, text)
		if err := os.WriteFile(half, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := place(half, copied); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(copied); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAChangeOfTheSchemaThatFailsChangesNothing(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		old := openStore(t, address, nil)
		fill(t, old)
		wantError(t, address, Options{Migrate: true, schema: later(t, "CREATE TABLE half (n BIGINT);\nINSERT INTO nowhere VALUES (1);")}, "nowhere")
		if copies(t, old) != 9 {
			t.Error("no copy was made")
		}
		if v := verify(t, openStore(t, address, nil)); !v.OK() || v.Records != 9 { // by the program from before
			t.Errorf("%+v", v)
		}
	})
}

// copies counts the records in the copy that is made before a change of the schema, 0 if there is none.
func copies(t *testing.T, s *Store) (n int64) {
	t.Helper()
	if s.path == "" {
		var there bool
		if err := s.read.Get(&there, fmt.Sprintf("SELECT to_regclass('before_%d_journal') IS NOT NULL", newest+1)); err != nil || !there {
			return 0
		}
		if err := s.read.Get(&n, fmt.Sprintf("SELECT count(*) FROM before_%d_journal", newest+1)); err != nil {
			t.Error(err)
		}
		return n
	}
	copied := fmt.Sprintf("%s.before-%d", s.path, newest+1)
	if _, err := os.Stat(copied); err != nil {
		return 0
	}
	v := verify(t, openStore(t, "sqlite:"+copied, nil))
	if !v.OK() {
		t.Errorf("the copy: %+v", v)
	}
	return v.Records
}

func TestANewDatabaseIsNotCopied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	openStore(t, "sqlite:"+path, nil)
	if _, err := os.Stat(path + ".before-1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new database was copied: %v", err)
	}
}

// A large file is not looked at whole whenever a command opens it; what verifies does so.
func TestALargeFileIsLookedAtWholeByVerify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j.db")
	s := openStore(t, "sqlite:"+path, nil)
	fill(t, s)
	s.write.MustExec("CREATE TABLE ballast (x BLOB)")
	s.write.MustExec("INSERT INTO ballast VALUES (zeroblob(?))", checkedWhole)
	var page, size int64
	if err := errors.Join(s.write.Get(&page, "SELECT rootpage FROM sqlite_master WHERE name = 'journal_person'"), s.write.Get(&size, "PRAGMA page_size"), s.closeWhole()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), (page-1)*size)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, "sqlite:"+path, nil)
	if v, err := s.Verify(context.Background()); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestOldSQLiteIsRefused(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "j.db"), nil)
	if err := s.checkSQLite(context.Background(), "99.0.0"); err == nil || !strings.Contains(err.Error(), "may lose committed records") {
		t.Errorf("an old SQLite was taken: %v", err)
	}
	for version, older := range map[string]bool{"3.51.2": true, "3.51.3": false, "3.6.99": true, "3.54.1": false, "4.0.0": false} {
		if olderVersion(version, oldestSQLite) != older {
			t.Errorf("%s", version)
		}
	}
}

func TestAVanishedJournalIsNotBegunAnew(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "j.db")
	for _, loss := range []func() error{func() error { return os.Remove(path) }, func() error { return os.Truncate(path, 0) }} {
		s, err := Open(ctx, "sqlite:"+path, Options{Migrate: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), loss()); err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{Migrate: true}, {ReadOnly: true}} {
			wantError(t, "sqlite:"+path, o, "is not there any more", "j.db-begun")
		}
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			t.Error("a new journal was begun")
		}
		if err := errors.Join(os.RemoveAll(path), os.Remove(path+begunSuffix)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAJournalFromBeforeIsKnownFromNowOn(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "j.db")
	for range 2 {
		s, err := Open(ctx, "sqlite:"+path, Options{Migrate: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), os.Remove(path+begunSuffix)); err != nil {
			t.Fatal(err)
		}
	}
}

// The very first migration may fail, as where the disk is full: nothing was begun, and so nothing is missing afterwards.
func TestAJournalThatCouldNotBeMadeWasNotBegun(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "j.db")
	wantError(t, address, Options{Migrate: true, schema: fstest.MapFS{"00001_first.sql": &fstest.MapFile{Data: []byte("-- +goose Up\nINSERT INTO nowhere VALUES (1);")}}}, "nowhere")
	openStore(t, address, nil)
}

// A journal all of which is still in its write-ahead log leaves an empty database behind when that is taken away.
func TestAJournalWithoutItsLogIsNotBegunAnew(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, "sqlite:"+filepath.Join(dir, "j.db"), nil)
	fill(t, s)
	path := filepath.Join(dir, "copy.db") // as a kill leaves it
	for _, suffix := range []string{"", begunSuffix} {
		if err := copyFile(filepath.Join(dir, "j.db"+suffix), path+suffix); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Fatalf("%v %v", info, err)
	}
	for _, o := range []Options{{Migrate: true}, {ReadOnly: true}} {
		wantError(t, "sqlite:"+path, o, "is not there any more", "copy.db-wal", "copy.db-begun")
	}
	if err := copyFile(filepath.Join(dir, "j.db-wal"), path+"-wal"); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, openStore(t, "sqlite:"+path, nil)); !v.OK() || v.Records != 9 {
		t.Errorf("with its log it is %+v", v)
	}
}

// A program that has the journal open does not go on writing once a newer one has changed the schema.
func TestAProgramStopsOnceTheSchemaIsNewer(t *testing.T) {
	forEachStore(t, func(t *testing.T, address string) {
		old := openStore(t, address, nil)
		fill(t, old)
		newer, err := Open(t.Context(), address, Options{Migrate: true, schema: later(t, "CREATE TABLE later (n BIGINT);")})
		if err != nil {
			t.Fatal(err)
		}
		defer newer.Close()
		err = old.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Person: "p"}})
		if err == nil || !strings.Contains(err.Error(), "newer than this program") {
			t.Errorf("it wrote on: %v", err)
		}
		note(t, newer, 1)
	})
}
