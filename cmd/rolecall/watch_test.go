package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
)

// An edit during a reload must not be taken for what was loaded.
func TestWatchSeesEditsDuringALoad(t *testing.T) {
	dir := company(t)
	cfg, err := config.Load(dir, "rolecall.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := newWatch(cfg)
	w.around(func() *config.File {
		replace(t, filepath.Join(dir, "policies", "company.yaml"), "grant: [wiki]", "grant: [wiki, gitea]")
		return cfg
	})
	if w.changed() || !w.changed() {
		t.Error("the edit is not seen at the second look")
	}
}

// A file that is still being written is left alone until it stands still, and one that comes back as it was changes nothing.
func TestWatchWaitsForFilesToStandStill(t *testing.T) {
	dir := company(t)
	cfg, err := config.Load(dir, "rolecall.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w, extra := newWatch(cfg), filepath.Join(dir, "policies", "more.yaml")
	for _, text := range []string{"version: 1\n", "version: 1\nrules:\n", "version: 1\nrules: []\n"} {
		if err := os.WriteFile(extra, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if w.changed() {
			t.Error("a file was taken over while it grew")
		}
	}
	if !w.changed() {
		t.Error("a new file is not seen")
	}
	if err := os.Remove(extra); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if w.changed() {
			t.Error("the content is as it was, but counts as changed")
		}
	}
}
