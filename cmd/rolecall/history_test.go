package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The daemon keeps the last good policy in force while its files are edited; what is recorded under its hash must be that
// policy, or the former policy that judges a wave of removals would be another one.
func TestWhatIsInForceIsRecorded(t *testing.T) {
	dir := company(t)
	a := &app{configFile: "rolecall.yaml", process: process{Dir: dir, Stderr: os.Stderr, Env: func(string) string { return "" }, Now: time.Now, Random: rand1()}}
	s, err := a.open(t.Context(), writing)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	files, err := filepath.Glob(filepath.Join(dir, "policies", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range append(files[1:], filepath.Join(dir, "rolecall.yaml")) {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(files[0], []byte("version: 1\nrules:\n  - {name: other, when: 'true', grant: [wiki], reason: none}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.remember(t.Context(), "tester"); err != nil {
		t.Fatal(err)
	}
	p, err := s.engine.Former(t.Context(), s.policy.Hash())
	if err != nil || p.Hash() != s.policy.Hash() {
		t.Errorf("recorded under %s is %v (%v)", s.policy.Hash(), p, err)
	}
}
