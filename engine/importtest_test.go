package engine_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/rolecall/rolecall"

// row says what the packages whose path below the module matches may import, besides the standard library. The first
// row that matches decides. "*" at the end matches the rest of a path.
type row struct {
	packages string
	internal []string // below the module
	external []string
}

// importTable is the direction in which the project's parts may know each other.
func importTable() []row {
	goLDAP := []string{"github.com/go-ldap/*", "github.com/go-asn1-ber/*", "github.com/jcmturner/*", "golang.org/x/text/*"}
	return []row{
		{"engine", nil, []string{"github.com/RoaringBitmap/roaring/v2"}},
		{"engine/conformance", []string{"engine"}, nil},
		{"engine/enginetest/sim", []string{"engine", "engine/conformance", "engine/enginetest*", "engine/directory", "engine/ldapconn", "connectors/scim"}, nil}, // of some histories the directory and a program are real
		{"engine/enginetest*", []string{"engine", "engine/conformance", "engine/enginetest*"}, []string{"*"}},
		{"engine/ldapconn*", []string{"engine", "engine/ldapconn*"}, append(goLDAP, "github.com/sethvargo/go-retry")},
		{"engine/directory*", []string{"engine", "engine/directory*", "engine/ldapconn"}, goLDAP},
		{"engine/audit*", []string{"engine", "engine/audit*"}, []string{"golang.org/x/mod/*"}},
		{"engine/journal*", []string{"engine", "engine/journal*", "engine/audit", "migrations"}, []string{"github.com/jmoiron/sqlx",
			"github.com/lib/pq", "modernc.org/sqlite*", "github.com/pressly/goose/*", "github.com/riverqueue/*", "golang.org/x/mod/*"}},
		{"engine/web*", []string{"engine"}, nil},
		{"engine/*", []string{"engine"}, []string{"*"}},
		{"policies*", []string{"engine"}, []string{"github.com/goccy/go-yaml*", "cel.dev/*", "google.golang.org/*", "golang.org/x/text/*"}},
		{"connectors", []string{"engine", "connectors/*"}, []string{"github.com/goccy/go-yaml*"}},
		{"connectors/ldap*", []string{"engine", "engine/ldapconn"}, goLDAP},
		{"connectors/scim", []string{"engine", "engine/httpconn"}, nil},
		{"connectors/http", []string{"engine", "engine/httpconn"}, []string{"cel.dev/*", "google.golang.org/*"}},
		{"connectors/plugin/sdk", nil, nil}, // authors need nothing of ours
		{"connectors/plugin/examples/*", []string{"connectors/plugin/sdk"}, nil},
		{"connectors/baton", []string{"connectors/plugin/sdk", "connectors/plugin", "engine"}, []string{"*"}}, // a module of its own; only its tests need the latter two
		{"connectors/*", []string{"engine"}, []string{"*"}},
		{"migrations", nil, nil},
		{"cmd/*", []string{"*"}, []string{"*"}},
	}
}

func matches(pattern, name string) bool {
	if prefix, open := strings.CutSuffix(pattern, "*"); open {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

func anyMatches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// mayImport says whether the table lets one package import another. A package may import the ones below its own folder
// only where the row says so. Tests may also use the shared suites.
func mayImport(table []row, from, imported string, test bool) bool {
	i := slices.IndexFunc(table, func(r row) bool { return matches(r.packages, from) })
	if i < 0 {
		return false
	}
	if below, ours := strings.CutPrefix(imported, module+"/"); ours {
		return below == from && test || anyMatches(table[i].internal, below) || test && (strings.HasPrefix(below, "engine/enginetest") || below == "engine/conformance")
	}
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".") || test || anyMatches(table[i].external, imported)
}

type sourceFile struct {
	folder, name string
	test         bool
	ast          *ast.File
}

// sources parses every Go file of the module, sorted by path.
func sources(t *testing.T, fset *token.FileSet) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || len(d.Name()) > 2 && d.Name()[0] == '.') {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(filepath.ToSlash(p), "../")
		files = append(files, sourceFile{path.Dir(rel), rel, strings.HasSuffix(rel, "_test.go"), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found: the walk is wrong", len(files))
	}
	return files
}

func TestImportTable(t *testing.T) {
	table := importTable()
	for _, f := range sources(t, token.NewFileSet()) {
		for _, spec := range f.ast.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			if !mayImport(table, f.folder, imported, f.test) {
				t.Errorf("%s imports %s, which the import table does not allow", f.name, imported)
			}
		}
	}
}

// TestImportTableRefuses tries the directions that matter most, so that a table that allows everything fails.
func TestImportTableRefuses(t *testing.T) {
	for _, c := range [][2]string{
		{"engine", module + "/engine/journal"}, {"engine", "github.com/jmoiron/sqlx"}, {"engine/web", module + "/policies"},
		{"engine/directory", module + "/engine/journal"}, {"policies", module + "/engine/directory"}, {"policies", module + "/connectors"},
		{"connectors/scim", module + "/connectors/file"}, {"connectors/scim", module + "/policies"}, {"connectors/file", module + "/engine/journal"},
		{"connectors/scim", module + "/engine/ldapconn"}, {"migrations", module + "/engine"}, {"nowhere", module + "/engine"},
		{"connectors/plugin/sdk", module + "/engine"}, {"connectors/plugin", module + "/connectors/plugin/sdk"},
	} {
		if mayImport(importTable(), c[0], c[1], false) {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
}

// forbiddenCalls are calls that no package may make, with the one file that may.
func forbiddenCalls() map[string]string {
	return map[string]string{
		"os.Exit": "cmd/rolecall/main.go", "log.Fatal": "", "log.Fatalf": "", "log.Fatalln": "", "log.Panic": "", "log.Panicf": "",
		"context.WithValue": "",
	}
}

func TestNoExitNoInit(t *testing.T) {
	fset := token.NewFileSet()
	for _, f := range sources(t, fset) {
		if f.test {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					t.Errorf("%s: init function", fset.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok {
					if only, no := forbiddenCalls()[x.Name+"."+n.Sel.Name]; no && f.name != only {
						t.Errorf("%s: %s.%s", fset.Position(n.Pos()), x.Name, n.Sel.Name)
					}
				}
			}
			return true
		})
	}
}

// TestNoMutableGlobals allows package variables that are tables, sentinels or compiled patterns, and refuses any that
// are assigned, counted or handed out by address.
func TestNoMutableGlobals(t *testing.T) {
	fset := token.NewFileSet()
	byFolder := map[string][]*ast.File{}
	for _, f := range sources(t, fset) {
		if !f.test {
			byFolder[f.folder] = append(byFolder[f.folder], f.ast)
		}
	}
	for _, files := range byFolder {
		for _, complaint := range mutableGlobals(fset, files) {
			t.Error(complaint)
		}
	}
}

func TestMutableGlobalsAreSeen(t *testing.T) {
	const text = `package p
import ("errors"; "sync")
var ErrFine = errors.New("fine")
var table = map[string]int{"a": 1}
var lock sync.Mutex
var count = 0
var list = []int{1}
func f() { list[0]++; g(&table); var count int; count = 1; _ = count }
func g(any) {}
`
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := mutableGlobals(fset, []*ast.File{f})
	if want := 4; len(got) != want { // lock, count, list[0]++, &table
		t.Errorf("%d complaints, want %d:\n%s", len(got), want, strings.Join(got, "\n"))
	}
}

func mutableGlobals(fset *token.FileSet, files []*ast.File) (complaints []string) {
	// Imports stay unresolved on purpose: only the package's own names matter.
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Error: func(error) {}, Importer: nil}
	pkg, _ := conf.Check("p", fset, files, info)
	complain := func(n ast.Node, text string) {
		complaints = append(complaints, fset.Position(n.Pos()).String()+": "+text)
	}
	written := func(e ast.Expr) {
		if id := root(e); id != nil {
			if v, ok := info.Uses[id].(*types.Var); ok && v.Parent() == pkg.Scope() {
				complain(id, "package variable "+id.Name+" is changed")
			}
		}
	}
	for _, f := range files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, s := range g.Specs {
					if v := s.(*ast.ValueSpec); !constantLike(g, v) {
						complain(v, "package variable "+v.Names[0].Name+" is neither a table nor a sentinel")
					}
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					written(l)
				}
			case *ast.IncDecStmt:
				written(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					written(n.X)
				}
			}
			return true
		})
	}
	return complaints
}

// root is the variable that an expression reaches into; dereferenced pointers are somebody else's.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}

// constantLike says whether a package variable is written once, where it is declared, with something that is not meant
// to change: a composite literal, a function, an error, a compiled pattern or template, an embedded file, an interface
// assertion.
func constantLike(g *ast.GenDecl, v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" || embedded(g.Doc) || embedded(v.Doc) {
		return true
	}
	if len(v.Values) != len(v.Names) {
		return false
	}
	return !slices.ContainsFunc(v.Values, func(e ast.Expr) bool { return !constantExpr(e) })
}

func embedded(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

func constantExpr(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.CompositeLit, *ast.FuncLit:
		return true
	case *ast.UnaryExpr:
		_, literal := e.X.(*ast.CompositeLit)
		return e.Op == token.AND && literal
	case *ast.CallExpr:
		return slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "template.Must", "strings.NewReplacer",
			"big.NewInt", "netip.MustParsePrefix", "time.Date", "cases.Fold"}, types.ExprString(e.Fun))
	}
	return false
}
