package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// failsAt has a company's store fail while a process stands still at a point, such as "transaction.before 3", which is its third
// commit. The process stops with one sentence, or comes through if it had no need of the store; it makes no call that is not recorded, and goes on when the store is
// mended. It came there unless it ended before.
func (d *doomed) failsAt(t *testing.T, point, want, sentence string, fail, mend func()) (came, failed bool) {
	t.Helper()
	defer d.end()
	h := d.haltAt(point+" stop", "apply")
	if h == nil {
		return false, false
	}
	may, last := d.claimed(), int64(len(d.records()))
	before := d.rows(fmt.Sprintf(effects, d.name))
	fail()
	said, code := h.goOn()
	if failed = code != exitDone; failed {
		d.clearly(said, code, sentence)
	}
	mend()
	may = append(append(may, d.claimed()...), d.ended(last)...) // a claim may still have found room, and so may its outcome
	for _, what := range without(d.rows(fmt.Sprintf(effects, d.name)), before) {
		if failed && !slices.Contains(may, what) {
			d.wrong("%q was called although the store had failed before it was claimed", what)
		}
	}
	d.recordedFirst()
	d.settle()
	if have := d.state(); have != want {
		d.wrong("the state afterwards differs:\n%s", difference(want, have))
	}
	for _, p := range d.problems {
		t.Errorf("%s: %s", point, p)
	}
	return true, failed
}

func commit(n int) string { return fmt.Sprintf("transaction.before %d", n) }

// failsAtEach has the store fail at each commit of the scene in turn, the last one included. How many there are differs a
// little: how many claims find nothing depends on the order of things.
func (s *scene) failsAtEach(t *testing.T, want string, reached []string, sentence string, breaks func(d *doomed) (fail, mend func())) (tried, failed int) {
	t.Helper()
	for came := true; came; {
		var stopped bool
		d := s.start.copy()
		fail, mend := breaks(d)
		if came, stopped = d.failsAt(t, commit(tried+1), want, sentence, fail, mend); came {
			tried++
		}
		if stopped {
			failed++
		}
	}
	if all := commits(reached); tried < all*3/4 {
		t.Errorf("%s: it came to %d commits only, where %d were expected", s.name, tried, all)
	}
	t.Logf("%s: the store failed at each of %d commits, and %d of them stopped the program", s.name, tried, failed)
	return tried, failed
}

// claimed are the changes of crm that are under way.
func (d *doomed) claimed() (out []string) {
	s := d.journal()
	if s == nil {
		return nil
	}
	defer s.Close()
	m, err := s.Memory(context.Background(), time.Time{})
	if err != nil {
		d.wrong("%v", err)
		return nil
	}
	for _, i := range m.Open {
		if i.Change.Program == "crm" && !i.Claimed.IsZero() {
			out = append(out, effectOf(string(i.Change.Op), i.Change.Account, i.Change.Right()))
		}
	}
	return out
}

// ended are the changes of crm whose outcome was recorded after a record, and names the claim that it is of.
func (d *doomed) ended(last int64) (out []string) {
	for _, r := range d.records() {
		if r.Seq > last && r.Kind == engine.KindOutcome && r.Claim > 0 && r.Program == "crm" {
			out = append(out, effectOf(string(r.Op), r.Account, r.Entitlement))
		}
	}
	return out
}

// without leaves out each of some rows once: what was begun first may show last.
func without(rows, some []string) []string {
	for _, one := range some {
		if i := slices.Index(rows, one); i >= 0 {
			rows = slices.Delete(rows, i, i+1)
		}
	}
	return rows
}

// commits is how often a process of the scene begins a transaction.
func commits(reached []string) (n int) {
	for _, p := range reached {
		if p == "transaction.before" {
			n++
		}
	}
	return n
}

// mount makes a small file system at a folder, which ends with the test. That takes root.
func mount(t *testing.T, dir, size string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a full disk is a small file system that only root can mount: run the tests as root")
	}
	err := errors.Join(os.MkdirAll(dir, 0o700), syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size))
	if err != nil {
		t.Fatalf("mount %s: %v", dir, err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// fillUp takes all the room that a folder's file system has; the returned function gives it back.
func fillUp(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for block := bytes.Repeat([]byte{1}, size); ; {
			if _, err := f.Write(block); err != nil {
				break
			}
		}
	}
	return func() { _ = os.Remove(path) }
}

// onDisk moves the SQLite journal of a company into a folder of its own.
func (d *doomed) onDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(d.dir, "disk")
	mount(t, dir, "2m")
	d.moveTo(t, dir)
	return dir
}

// moveTo has the SQLite journal of a company in another folder, "disk".
func (d *doomed) moveTo(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"rolecall.db", "rolecall.db-begun"} {
		if err := copyInto(filepath.Join(d.dir, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) { // not on the first day
			t.Fatal(err)
		}
	}
	replace(t, filepath.Join(d.dir, "rolecall.yaml"), "sqlite:rolecall.db", "sqlite:disk/rolecall.db")
	d.file = "disk/rolecall.db"
}

func copyInto(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

func testFullSQLite(t *testing.T, lab *crashLab) {
	mount(t, filepath.Join(t.TempDir(), "try"), "1m") // says early that it takes root
	fills := func(d *doomed) (fail, mend func()) {
		dir, free := d.onDisk(t), func() {}
		return func() { free = fillUp(t, dir) }, func() { free() }
	}
	all := 0
	for _, s := range []*scene{{name: "a day", start: lab.day(true)}, {name: "the first day", start: lab.crowd(true, 4)}} {
		want, reached := s.sane(t)
		tried, failed := s.failsAtEach(t, want, reached, "the disk is full", fills)
		if failed != tried {
			t.Errorf("%s: %d of %d commits failed", s.name, failed, tried)
		}
		for _, point := range []string{"migration.before 1", "migration.torn 1"} { // of the first day only
			d := s.start.copy()
			fail, mend := fills(d)
			if came, failed := d.failsAt(t, point, want, "the disk is full", fail, mend); came != failed {
				t.Errorf("%s: it came there: %v, and failed: %v", point, came, failed)
			}
		}
		all += failed
	}
	survived(t, "the disk is full at a commit, SQLite", all)
}

func testFullPostgres(t *testing.T, lab *crashLab) {
	dir := filepath.Join(lab.server.SocketDir, "full")
	mount(t, dir, "48m")
	if err := lab.server.Own(dir); err != nil {
		t.Fatal(err)
	}
	lab.must(lab.admin, "CREATE TABLESPACE small LOCATION '"+dir+"'")
	s := &scene{name: "the first day", start: lab.crowd(false, 4)}
	want, reached := s.sane(t)
	tried, failed := s.failsAtEach(t, want, reached, "disk is full", func(d *doomed) (fail, mend func()) {
		lab.must(lab.admin, "ALTER DATABASE "+d.name+" SET TABLESPACE small")
		free := func() {}
		return func() { free = fillUp(t, dir) }, func() { free() }
	})
	if failed < tried/2 { // some find room in pages that are there
		t.Errorf("%d of %d commits failed", failed, tried)
	}
	survived(t, "the disk is full at a commit, PostgreSQL", failed)
}

// testLockedSQLite has another process hold the file for longer than the program waits, at the start and in the middle; in
// `make soak` before each commit.
func testLockedSQLite(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(true)}
	want, reached := s.sane(t)
	at := []int{1, 3}
	for n := 1; soaking() && n <= commits(reached)*3/4; n++ {
		at = append(at, n)
	}
	each(at, func(n int) {
		d := s.start.copy()
		db := d.database()
		defer db.Close()
		c, err := db.Conn(context.Background())
		if err != nil {
			t.Error(err)
			return
		}
		say := func(statement string) func() {
			return func() {
				if _, err := c.ExecContext(context.Background(), statement); err != nil {
					t.Error(err)
				}
			}
		}
		if _, failed := d.failsAt(t, commit(n), want, "the database is locked by another process", say("BEGIN IMMEDIATE"), say("ROLLBACK")); !failed {
			t.Errorf("commit %d did not wait for the lock", n)
		}
	})
}

// refuses wants a command to stop clearly and to change nothing in the programs; after that the store is mended, and the state
// in the end is the wanted one.
func (d *doomed) refuses(t *testing.T, want, sentence string, mend func(), args ...string) {
	t.Helper()
	before := d.rows(fmt.Sprintf(effects, d.name))
	wiki, _ := os.ReadFile(filepath.Join(d.dir, "wiki.csv"))
	said, code := d.rolecall(nil, args...)
	d.clearly(said, code, sentence)
	if now, _ := os.ReadFile(filepath.Join(d.dir, "wiki.csv")); string(now) != string(wiki) || len(d.rows(fmt.Sprintf(effects, d.name))) != len(before) {
		d.wrong("it changed something")
	}
	mend()
	if want != "" {
		d.settle()
		if have := d.state(); have != want {
			d.wrong("the state afterwards differs:\n%s", difference(want, have))
		}
	}
	for _, p := range d.problems {
		t.Error(p)
	}
	d.problems = nil
}

func testReadOnlySQLite(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(true)}
	want, _ := s.sane(t)
	d := s.start.copy()
	defer d.end()
	dir := d.onDisk(t)
	remount := func(flags uintptr) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	d.refuses(t, want, "can't be", func() { remount(0) }, "apply")
}

// testStandby has the server become a standby, at the start and in the middle, as after a fail-over to the wrong side.
func testStandby(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(false)}
	want, _ := s.sane(t)
	d := s.start.copy()
	lab.server.Standby(t, true)
	d.refuses(t, want, "the server takes no writes; is it a standby", func() { lab.server.Standby(t, false) }, "apply")
	d.end()
	for n := 1; n <= 4; n++ {
		d := s.start.copy()
		if _, failed := d.failsAt(t, commit(n), want, "journal postgres://", func() { lab.server.Standby(t, true) }, func() { lab.server.Standby(t, false) }); !failed {
			t.Errorf("commit %d was written", n)
		}
	}
}

// testDamagedSQLite overwrites each page of the file in turn.
func testDamagedSQLite(t *testing.T, lab *crashLab) {
	d := lab.day(true)
	defer d.end()
	path := filepath.Join(d.dir, "rolecall.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for from := 0; from < len(whole); from += page {
		broken := slices.Clone(whole)
		copy(broken[from:from+page], bytes.Repeat([]byte{0xa5}, page))
		d.write("rolecall.db", string(broken))
		d.refuses(t, "", "the file is damaged", func() {}, "apply")
	}
	d.write("rolecall.db", string(whole))
	d.settle()
	for _, p := range d.problems {
		t.Error(p)
	}
	survived(t, "a damaged page of the SQLite file, one at a time", len(whole)/page)
}

// testLostLog takes the write-ahead log away in which the last, sealed records are.
func testLostLog(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(true)}
	want, _ := s.sane(t)
	d := s.start.copy()
	defer d.end()
	if said, code := d.rolecall([]string{"ROLECALL_FAILPOINT=checkpoint.after 1 kill"}, "apply"); code != -1 {
		t.Fatalf("it did not die: %s", said)
	}
	d.withoutLog(t, want, "does not continue the checkpoint")
}

// testLostFirstLog does the same where all there is is in the log, and nothing was sealed yet.
func testLostFirstLog(t *testing.T, lab *crashLab) {
	s := &scene{name: "the first day", start: lab.crowd(true, 4)}
	want, _ := s.sane(t)
	d := s.start.copy()
	defer d.end()
	if said, code := d.rolecall([]string{"ROLECALL_FAILPOINT=outcome.after 1 kill"}, "apply"); code != -1 {
		t.Fatalf("it did not die: %s", said)
	}
	d.withoutLog(t, want, "is not there any more")
}

func (d *doomed) withoutLog(t *testing.T, want, sentence string) {
	t.Helper()
	log, away := filepath.Join(d.dir, "rolecall.db-wal"), filepath.Join(d.dir, "away")
	if err := errors.Join(os.Rename(log, away), os.Remove(filepath.Join(d.dir, "rolecall.db-shm"))); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(d.dir, "rolecall.db"))
	people, err2 := os.ReadFile(filepath.Join(d.dir, "people.csv"))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	d.people("ann,Engineer,", "zoe,Clerk,") // there would be something to do
	d.refuses(t, want, sentence, func() {
		d.write("people.csv", string(people))
		d.write("rolecall.db", string(file))
		for _, suffix := range []string{"-wal", "-shm"} {
			_ = os.Remove(filepath.Join(d.dir, "rolecall.db"+suffix))
		}
		if err := os.Rename(away, log); err != nil {
			t.Fatal(err)
		}
	}, "apply")
}
