package main

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

var survivedFlag = flag.String("write", "", "note in this file what was survived, and how often, for docs/safety.md")

// survived tells what was tried, and how often, where all went well; with -write it stays on file, beside what other tests noted.
func survived(t *testing.T, what string, times int) {
	t.Helper()
	t.Logf("survived: %s: %d", what, times)
	if *survivedFlag == "" || t.Failed() {
		return
	}
	if err := noteIn(*survivedFlag, what, times); err != nil {
		t.Errorf("-write: %v", err)
	}
}

// noteIn changes one number of a file. Tests run side by side, so that the file is locked meanwhile.
func noteIn(file, what string, times int) (err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	all := map[string]int{}
	if err := json.NewDecoder(f).Decode(&all); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	all[what] = times
	text, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	_, err = f.WriteAt(append(text, '\n'), 0)
	return errors.Join(err, f.Truncate(int64(len(text)+1)))
}

// What one test notes does not take the place of what another one did.
func TestSurvivedIsNoted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "survived.json")
	for _, n := range []struct {
		what  string
		times int
	}{{"kills", 12_345}, {"cuts", 7}, {"kills", 3}} {
		if err := noteIn(file, n.what, n.times); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "{\n\t\"cuts\": 7,\n\t\"kills\": 3\n}\n" {
		t.Errorf("%v: %s", err, text)
	}
}
