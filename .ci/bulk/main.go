// Bulk prints, for each package below some folders, the tests that skip themselves or do less under -short, as a pattern for `go test -run` and
// the package. Many of one package come in several lines, so that they can run side by side.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	for _, root := range os.Args[1:] {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "testdata" || path != root && exists(filepath.Join(path, "go.mod")) {
				return filepath.SkipDir
			}
			return bulk(path)
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func bulk(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return err
	}
	uses := map[string]map[string]bool{} // function → the names it uses
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				names(fn, uses)
			}
		}
	}
	for _, hand := range slices.Backward(deal(short(uses))) { // TestCrash takes the longest, so it should not come last
		fmt.Printf("^(%s)$ ./%s\n", strings.Join(hand, "|"), filepath.ToSlash(dir))
	}
	return nil
}

// mostInLine is how many tests come in one line.
const mostInLine = 4

// deal gives the tests out in turn: those of a kind have similar names, and take similarly long.
func deal(tests []string) [][]string {
	hands := make([][]string, (len(tests)+mostInLine-1)/mostInLine)
	for i, test := range tests {
		hands[i%len(hands)] = append(hands[i%len(hands)], test)
	}
	return hands
}

func names(fn *ast.FuncDecl, uses map[string]map[string]bool) {
	if uses[fn.Name.Name] == nil {
		uses[fn.Name.Name] = map[string]bool{}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "testing" && n.Sel.Name == "Short" {
				uses[fn.Name.Name]["testing.Short"] = true
			}
			uses[fn.Name.Name][n.Sel.Name] = true
		case *ast.Ident:
			uses[fn.Name.Name][n.Name] = true
		}
		return true
	})
}

// short finds the tests from which testing.Short is reached; what has the same name counts as the same function.
func short(uses map[string]map[string]bool) (tests []string) {
	reach := map[string]bool{"testing.Short": true}
	for grew := true; grew; {
		grew = false
		for fn, used := range uses {
			if reach[fn] {
				continue
			}
			for name := range used {
				if reach[name] {
					reach[fn], grew = true, true
					break
				}
			}
		}
	}
	for fn := range reach {
		if strings.HasPrefix(fn, "Test") && fn != "TestMain" {
			tests = append(tests, fn)
		}
	}
	slices.Sort(tests)
	return tests
}
