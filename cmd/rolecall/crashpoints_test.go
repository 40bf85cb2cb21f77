package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// crashSteps are the steps at which a crash matters, each with the points that are before, in the middle of and after it.
func crashSteps() map[string][3]string {
	return map[string][3]string{
		"plan":       {"plan.before", "plan.torn", "plan.after"},
		"commit":     {"commit.before", "commit.torn", "commit.after"},
		"claim":      {"claim.before", "claim.torn", "claim.after"},
		"call":       {"call.before", "call.torn.file", "call.after"},
		"outcome":    {"outcome.before", "save.torn", "outcome.after"},
		"any write":  {"transaction.before", "transaction.torn", "transaction.after"},
		"queue":      {"enqueue.before", "transaction.torn", "enqueue.after"},
		"checkpoint": {"checkpoint.before", "checkpoint.torn", "checkpoint.after"},
		"migration":  {"migration.before", "migration.torn", "migration.after"},
		"backup":     {"backup.before", "backup.torn", "backup.after"},
		"prune":      {"prune.before", "prune.torn.rows", "prune.after"},
		"begun":      {"begun.before", "begun.torn", "begun.after"},
	}
}

// onlyOn are the points that only one store comes to, or that `apply` comes to on none: other tests kill there
// (crashrandom_test.go).
func onlyOn() map[string]string {
	return map[string]string{
		"backup.before": "sqlite", "backup.torn": "sqlite", "backup.after": "sqlite", // PostgreSQL copies tables within the migration
		"begun.before": "sqlite", "begun.torn": "sqlite", "begun.after": "sqlite", // a file beside the database
		"copy.torn":      "postgres", // COPY
		"enqueue.before": "neither", "enqueue.after": "neither", "recover.before": "neither",
		"prune.before": "neither", "prune.torn.verify": "neither", "prune.torn.lines": "neither", "prune.torn.record": "neither", "prune.torn.rows": "neither",
		"prune.torn.views": "neither", "prune.after": "neither", // crashprune_test.go
	}
}

// missed says at which points of the source nothing died on a store although it comes there, and where something did although
// the list says that it doesn't come there. Asked for some points only (as by ROLECALL_CRASH), it speaks of those.
func missed(points []string, tried map[string]bool, store, asked string) (wrong []string) {
	for _, p := range points {
		only, listed := onlyOn()[p]
		switch wanted := !listed || only == store; {
		case !begins(p, asked) || wanted == tried[p]:
		case wanted:
			wrong = append(wrong, fmt.Sprintf("%s: nothing died at %s", storeName(store), p))
		default:
			wrong = append(wrong, fmt.Sprintf("%s: something died at %s, so it is not of %s only; see onlyOn", storeName(store), p, only))
		}
	}
	return wrong
}

// What dies on one store says nothing of the other one.
func TestEachStoreHasItsDeaths(t *testing.T) {
	points := pointsInSource(t)
	for _, store := range []string{"sqlite", "postgres"} {
		tried := map[string]bool{}
		for _, p := range points {
			tried[p] = onlyOn()[p] == "" || onlyOn()[p] == store
		}
		if wrong := missed(points, tried, store, ""); len(wrong) > 0 {
			t.Errorf("%s: all died, and yet: %q", store, wrong)
		}
		for _, p := range points {
			tried[p] = !tried[p]
			if wrong := missed(points, tried, store, ""); len(wrong) != 1 || !strings.Contains(wrong[0], p) {
				t.Errorf("%s, %s: %q", store, p, wrong)
			}
			tried[p] = !tried[p]
		}
	}
	for p := range onlyOn() {
		if !slices.Contains(points, p) {
			t.Errorf("there is no failpoint %s any more", p)
		}
	}
}

// pointsInSource are the names of all failpoints, in order.
func pointsInSource(t *testing.T) (points []string) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				points = append(points, pointOf(t, path, call)...)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(points)
	return slices.Compact(points)
}

// pointOf is the name of the failpoint that a call is, if it is one. Names are written out, so that they can be listed.
func pointOf(t *testing.T, path string, call *ast.CallExpr) []string {
	name := ""
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		name = f.Sel.Name
	}
	if name != "Failpoint" && name != "FailpointTorn" {
		return nil
	}
	text, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		t.Errorf("%s: a failpoint whose name is not written out", path)
		return nil
	}
	point, err := strconv.Unquote(text.Value)
	if err != nil {
		t.Error(err)
	}
	return []string{point}
}

// TestFailpointsAtEachStep wants a point before, in the middle of and after each step, and no point that belongs to none.
func TestFailpointsAtEachStep(t *testing.T) {
	points := pointsInSource(t)
	for step, three := range crashSteps() {
		for _, p := range three {
			if !slices.Contains(points, p) {
				t.Errorf("%s: there is no failpoint %s", step, p)
			}
		}
	}
	for _, p := range points {
		words := strings.SplitN(p, ".", 3)
		if len(words) < 2 || !slices.Contains([]string{"before", "torn", "after"}, words[1]) {
			t.Errorf("failpoint %s: a name is STEP.WHEN or STEP.WHEN.WHAT", p)
		}
	}
}

// TestFailpointsAreEmpty: in the program as it is shipped, a failpoint is a function without a statement, which costs nothing.
func TestFailpointsAreEmpty(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../engine/failpoint.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if first := file.Comments[0].Text(); file.Comments[0].List[0].Text != "//go:build !failpoint" {
		t.Errorf("failpoint.go begins with %q", first)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && len(f.Body.List) > 0 {
			t.Errorf("%s does something", f.Name)
		}
	}
}
