// Package museum keeps what went wrong elsewhere: public incidents and the faults that may come, each with the tests that
// replay it here, the guard that stops it, and proof that the test dies without the guard. docs/safety.md is made of it.
package museum

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// root is the folder of the repository, as seen from here.
const root = "../../.."

// exhibit is one incident or one fault.
type exhibit struct {
	n      int
	what   string   // happened, or may happen
	source string   // where it was told; "" for a fault
	holds  string   // what must hold; "" for an incident
	guard  string   // what stops it, in words
	tests  []string // "package Test/subtest"; the first one dies without the guard
	cuts   []cut    // takes the guard out; none: there is no single one
}

// cut replaces text that stands once in a file of the repository.
type cut struct{ file, old, new string }

func (e *exhibit) name(kind string) string { return fmt.Sprintf("%s %d", kind, e.n) }

// tried are the rows that must have a test.
func tried(rows []exhibit, atLeast int) error {
	if n := replayed(rows); n < atLeast {
		return fmt.Errorf("%d of %d rows have a test, at least %d must", n, len(rows), atLeast)
	}
	return nil
}

// Each incident is replayed, and nearly every fault.
func TestRowsAreTried(t *testing.T) {
	for what, err := range map[string]error{"incidents": tried(incidents, 41), "faults": tried(faults, 60), "guards": tried(guards, len(guards))} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if tried([]exhibit{{tests: []string{"x TestX"}}, {}}, 2) == nil {
		t.Error("a row without a test passes")
	}
}

// Every guard that can be taken out was, its first test died of it, and what it said is told. What is told is of rows that are there.
func TestDeathsAreRecorded(t *testing.T) {
	died, rows := kept(t), map[string]bool{}
	for name, e := range named {
		if rows[name] = len(e.cuts) > 0 && len(e.tests) > 0; !rows[name] {
			continue
		}
		for _, wrong := range unproven(e, died[name]) {
			t.Errorf("%s: %s; see it die with: go test ./engine/enginetest/museum -run Without -without '%s$' -update", name, wrong, name)
		}
	}
	for name := range died {
		if !rows[name] {
			t.Errorf("%s: a death is recorded, but there is no such row with a guard to take out", name)
		}
	}
}

// unproven says what is missing of the death of an exhibit's first test.
func unproven(e *exhibit, d death) (wrong []string) {
	_, name, _ := strings.Cut(e.tests[0], " ")
	switch {
	case d.Test == "":
		return []string{"it was never seen to die without its guard"}
	case d.Said == "":
		wrong = append(wrong, "nobody knows what the test said")
	}
	if at := underscored(d.Test); at != underscored(name) && !strings.HasPrefix(at, underscored(name)+"/") {
		wrong = append(wrong, fmt.Sprintf("%s died, not %s", d.Test, name))
	}
	return wrong
}

// underscored is a name of a test as it is printed.
func underscored(name string) string { return strings.ReplaceAll(name, " ", "_") }

func TestUnproven(t *testing.T) {
	e := &exhibit{tests: []string{"x TestX/one way"}}
	for d, want := range map[death]int{{"TestX/one_way", "no"}: 0, {"TestX/one_way/deeper", "no"}: 0, {}: 1, {"TestX/one_way", ""}: 1, {"TestX/another", "no"}: 1, {"TestX", "no"}: 1} {
		if got := unproven(e, d); len(got) != want {
			t.Errorf("%+v: %q", d, got)
		}
	}
}

// testNames finds the test functions of the repository, as "package Test".
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "." && d.Name() != "..") {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
				out[filepath.ToSlash(folder)+" "+fn.Name.Name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every test that is named exists, every guard stands where it is said to stand, and each row is there once.
func TestExhibits(t *testing.T) {
	known := testNames(t)
	check := func(kind string, rows []exhibit, most int) {
		for i := range rows {
			e := &rows[i]
			if e.n != i+1 {
				t.Errorf("%s: row %d is out of order", e.name(kind), i+1)
			}
			for _, test := range e.tests {
				if !known[topOf(test)] {
					t.Errorf("%s: there is no test %s", e.name(kind), topOf(test))
				} else if part := unknownPart(t, test); part != "" {
					t.Errorf("%s: nothing in %s is called %q", e.name(kind), topOf(test), part)
				}
			}
			for _, c := range e.cuts {
				if n := strings.Count(read(t, c.file), c.old); n != 1 {
					t.Errorf("%s: the guard stands %d times in %s, not once: %q", e.name(kind), n, c.file, c.old)
				}
			}
			if len(e.cuts) > 0 && len(e.tests) == 0 {
				t.Errorf("%s: a guard without a test", e.name(kind))
			}
		}
		if len(rows) != most {
			t.Errorf("%d of %s, there are %d", len(rows), kind, most)
		}
	}
	check("incident", incidents, 41)
	check("fault", faults, 66)
	check("guard", guards, len(guards))
}

// topOf is the function of "package Test/subtest".
func topOf(test string) string {
	folder, name, _ := strings.Cut(test, " ")
	name, _, _ = strings.Cut(name, "/")
	return folder + " " + name
}

// unknownPart is the first part of a subtest's name that nothing is called in the tests of its package, in the suites that
// several packages run, or among its scripts; "" if there is none.
func unknownPart(t *testing.T, test string) string {
	t.Helper()
	folder, name, _ := strings.Cut(test, " ")
	for _, part := range strings.Split(name, "/")[1:] {
		part = strings.ReplaceAll(part, "_", " ")
		script := filepath.Join(root, folder, "testdata", "script", part+".txtar")
		if _, err := os.Stat(script); err == nil && strings.HasPrefix(name, "TestScripts/") {
			continue
		}
		if strings.HasPrefix(name, "TestScripts/") || !texts(t, folder)[part] && !texts(t, "engine/enginetest")[part] {
			return part
		}
	}
	return ""
}

// texts are what is written out in the tests of a folder; in engine/enginetest everything belongs to tests.
func texts(t *testing.T, folder string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") && folder != "engine/enginetest" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil {
					out[text] = true
				}
			}
			return true
		})
	}
	return out
}

func TestUnknownPart(t *testing.T) {
	for test, want := range map[string]string{"engine/journal TestSQLite/guard": "", "engine/journal TestSQLite/late_outcomes": "", "engine/journal TestSQLite/later_outcomes": "later outcomes", "cmd/rolecall TestScripts/first": "",
		"cmd/rolecall TestScripts/never": "never", "cmd/rolecall TestScripts/guard": "guard", "engine TestJudge": ""} {
		if got := unknownPart(t, test); got != want {
			t.Errorf("%s: %q, want %q", test, got, want)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
