package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzPlanFile: a file that is handed to apply is no plan, or one whose every byte that counts is in its hash: written again
// and read again it is the same plan.
func FuzzPlanFile(f *testing.F) {
	dir := f.TempDir()
	for _, args := range [][]string{{"init", "."}, {"plan", "--out", "plan.json"}} {
		var said bytes.Buffer
		code := run(f.Context(), process{Args: args, Dir: dir, Stdin: strings.NewReader(""), Stdout: &said, Stderr: &said, Env: func(string) string { return "" }, Now: time.Now, Random: rand1()})
		if code != exitDone {
			f.Fatalf("rolecall %v: %d\n%s", args, code, said.String())
		}
	}
	plan, err := os.ReadFile(filepath.Join(dir, "plan.json"))
	if err != nil {
		f.Fatal(err)
	}
	if p, err := readPlan(filepath.Join(dir, "plan.json")); err != nil || len(p.Changes) == 0 {
		f.Fatalf("no plan to begin with: %v", err)
	}
	f.Add(plan)
	for _, edit := range [][2]string{{"example.com", "evil.com"}, {`"op"`, `"OP"`}, {`"version"`, `"Version":1,"version"`}, {"create", "delete"}} {
		f.Add(bytes.Replace(plan, []byte(edit[0]), []byte(edit[1]), 1))
	}
	f.Add([]byte(`{"id":"","changes":[{}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readPlan(path)
		if (got == nil) == (err == nil) {
			t.Fatal("either a plan or an error")
		}
		if err != nil {
			return
		}
		if err := writePlan(path, got); err != nil {
			t.Fatal(err)
		}
		again, err := readPlan(path)
		if err != nil {
			t.Fatalf("written again it is no plan: %v", err)
		}
		one, err1 := json.Marshal(got)
		two, err2 := json.Marshal(again)
		if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
			t.Fatalf("%s\nbecame\n%s", one, two)
		}
	})
}
