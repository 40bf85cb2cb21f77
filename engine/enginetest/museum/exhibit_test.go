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
				if top, _, _ := strings.Cut(test, "/"); !known[topOf(test)] {
					t.Errorf("%s: there is no test %s", e.name(kind), top)
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

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
