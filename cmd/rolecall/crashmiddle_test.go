package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What happens to the file of a journal while a process is in the middle of a run.

// errorFS mounts a small ext4 that turns read-only at an error, as it does on the disks of most machines, and returns how to
// bring the error about and how to mend it.
func errorFS(t *testing.T, dir string) (fail, mend func()) {
	t.Helper()
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("a file system that fails needs a loop device, and this machine has none")
	}
	image := filepath.Join(t.TempDir(), "image")
	mount(t, filepath.Dir(image), "9m")
	run := func(name string, args ...string) string {
		t.Helper()
		said, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v: %s", name, args, err, said)
		}
		return strings.TrimSpace(string(said))
	}
	again := func() { run("mount", "-o", "loop,sync,errors=remount-ro", image, dir) }
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 8<<20), os.MkdirAll(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	run("mkfs.ext4", "-q", "-O", "^has_journal", image)
	again()
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }) // gone already if all went well
	fail = func() {
		device := filepath.Base(run("findmnt", "-n", "-o", "SOURCE", dir))
		if err := os.WriteFile("/sys/fs/ext4/"+device+"/trigger_fs_error", []byte("1"), 0o200); err != nil {
			t.Error(err)
		}
	}
	mend = func() {
		run("umount", dir)
		again()
	}
	return fail, mend
}

// testReadOnlyInTheMiddle has the file system turn read-only before each commit of a run.
func testReadOnlyInTheMiddle(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(true)}
	want, reached := s.sane(t)
	tried, failed := s.failsAtEach(t, want, reached, "it was made read-only", func(d *doomed) (fail, mend func()) {
		dir := filepath.Join(d.dir, "disk")
		fail, mend = errorFS(t, dir)
		d.moveTo(t, dir)
		return fail, mend
	})
	if failed != tried {
		t.Errorf("%d of %d commits failed", failed, tried)
	}
	survived(t, "the file system turns read-only before a commit, SQLite", failed)
}

// testDamageInTheMiddle overwrites pages of the file before a commit of a run: all of them before each, and single ones.
func testDamageInTheMiddle(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(true)}
	want, reached := s.sane(t)
	tried, failed := s.failsAtEach(t, want, reached, damaged, func(d *doomed) (fail, mend func()) { return d.damage(t, func(int) bool { return true }) })
	if failed < tried/2 { // the last ones find what they need in memory
		t.Errorf("%d of %d commits failed", failed, tried)
	}
	file, err := os.Stat(filepath.Join(s.start.dir, s.start.file))
	if err != nil {
		t.Fatal(err)
	}
	for page := 0; page < int(file.Size())/sqlitePage; page += map[bool]int{false: 5, true: 1}[soaking()] {
		d, n := s.start.copy(), 1+page%(commits(reached)*3/4)
		fail, mend := d.damage(t, func(p int) bool { return p == page })
		if came, _ := d.failsAt(t, commit(n), want, damaged, fail, mend); !came {
			t.Errorf("page %d: it does not come to commit %d", page, n)
		}
		tried++
	}
	survived(t, "pages of the SQLite file are damaged before a commit", tried)
}

// testLogLostInTheMiddle takes the write-ahead log away before each commit of a run, which has it open and comes through.
func testLogLostInTheMiddle(t *testing.T, lab *crashLab) {
	s := &scene{name: "a day", start: lab.day(true)}
	want, reached := s.sane(t)
	tried, _ := s.failsAtEach(t, want, reached, "", func(d *doomed) (fail, mend func()) {
		return func() {
			for _, suffix := range []string{"-wal", "-shm"} { // not there before the first commit
				_ = os.Remove(filepath.Join(d.dir, d.file+suffix))
			}
		}, func() {}
	})
	survived(t, "the write-ahead log of SQLite is removed before a commit", tried)
}

const (
	sqlitePage = 4096
	damaged    = "the file is damaged"
)

// damage overwrites pages of the file in the middle of a run. Where some are left that nobody wrote meanwhile, the next run is
// refused; then they are mended.
func (d *doomed) damage(t *testing.T, which func(page int) bool) (fail, mend func()) {
	path, broken := filepath.Join(d.dir, "rolecall.db"), bytes.Repeat([]byte{0xa5}, sqlitePage)
	var sound []byte
	fail = func() {
		var err error
		if sound, err = os.ReadFile(path); err != nil {
			t.Error(err)
		}
		overwrite(t, path, func(page int, _ []byte) []byte {
			if which(page) {
				return broken
			}
			return nil
		})
	}
	mend = func() {
		if now, err := os.ReadFile(path); err != nil || bytes.Contains(now, broken) {
			d.refuses(t, "", damaged, func() {}, "apply")
		}
		overwrite(t, path, func(page int, now []byte) []byte {
			if bytes.Equal(now, broken) {
				return sound[page*sqlitePage : (page+1)*sqlitePage]
			}
			return nil
		})
	}
	return fail, mend
}

// overwrite puts other pages in the place of some of a file's; nil leaves one as it is now.
func overwrite(t *testing.T, path string, with func(page int, now []byte) []byte) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	now := make([]byte, sqlitePage)
	for page := 0; ; page++ {
		if _, err := f.ReadAt(now, int64(page*sqlitePage)); err != nil {
			return // its end
		}
		if other := with(page, now); other != nil {
			if _, err := f.WriteAt(other, int64(page*sqlitePage)); err != nil {
				t.Error(err)
			}
		}
	}
}
