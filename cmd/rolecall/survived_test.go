package main

import (
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strconv"
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

const survivedFile = "testdata/survived.json"

// What docs/safety.md tells of crashes and cuts is all that the long tests record, and nothing that none of them records.
func TestSurvivedIsRecorded(t *testing.T) {
	text, err := os.ReadFile(survivedFile)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	if err := json.Unmarshal(text, &times); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, file := range files {
		for _, what := range toldIn(t, file) {
			told[what] = true
			if times[what] == 0 {
				t.Errorf("%s: %q was never recorded; do it with: make soak", file, what)
			}
		}
	}
	for what := range times {
		if !told[what] {
			t.Errorf("%s: no test records %q", survivedFile, what)
		}
	}
}

// toldIn are the names under which the tests of a file tell what was survived. A name is written out, or ends with the name
// of each store.
func toldIn(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 3 {
			return true
		}
		if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "survived" {
			return true
		}
		what, ends := call.Args[1], []string{""}
		if sum, ok := what.(*ast.BinaryExpr); ok {
			what, ends = sum.X, []string{storeName("sqlite"), storeName("postgres")}
		}
		text, ok := what.(*ast.BasicLit)
		if !ok {
			t.Errorf("%s: what was survived is not written out", file)
			return true
		}
		name, err := strconv.Unquote(text.Value)
		if err != nil {
			t.Error(err)
		}
		for _, end := range ends {
			names = append(names, name+end)
		}
		return true
	})
	return names
}
