package coverage

import (
	"bufio"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// place is a line and column of a file.
type place struct{ line, column int }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// block is a run of statements, and whether a test came past it.
type block struct {
	from    place
	reached bool
}

// blocksOf reads profiles as `go test -coverprofile` writes them: blocks by file, in order. What several profiles count is
// reached if one of them says so.
func blocksOf(module string, profiles ...string) (map[string][]block, error) {
	reached := map[string]map[place]bool{}
	for _, text := range profiles {
		for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
			// file.go:12.34,56.2 3 1
			line := lines.Text()
			file, rest, ok := strings.Cut(line, ":")
			if !ok || file == "mode" {
				continue
			}
			var from place
			var toLine, toColumn, statements, count int
			if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &from.line, &from.column, &toLine, &toColumn, &statements, &count); err != nil {
				return nil, fmt.Errorf("%s: %w", strconv.Quote(line), err)
			}
			file = strings.TrimPrefix(file, module+"/")
			if reached[file] == nil {
				reached[file] = map[place]bool{}
			}
			reached[file][from] = reached[file][from] || count > 0
		}
	}
	out := map[string][]block{}
	for file, places := range reached {
		for from, ok := range places {
			out[file] = append(out[file], block{from, ok})
		}
		slices.SortFunc(out[file], func(a, b block) int { return a.from.compare(b.from) })
	}
	return out, nil
}

// branch is the body of an if, an else or a case.
type branch struct {
	Name    string // "engine/limits.go Budget.over: if a > b", as long-lived as the code
	Passes  bool   // it only passes an error on
	Reached bool
}

// branchesOf lists the branches of a file, in order.
func branchesOf(file string, source []byte, blocks []block) (out []branch, err error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, 0)
	if err != nil {
		return nil, err
	}
	text := func(from, to token.Pos) string {
		return strings.Join(strings.Fields(string(source[set.Position(from).Offset:set.Position(to).Offset])), " ")
	}
	seen := map[string]int{}
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		add := func(what string, body []ast.Stmt) {
			if len(body) == 0 {
				return
			}
			name := fmt.Sprintf("%s %s: %s", file, f.Name.Name, what)
			if seen[name]++; seen[name] > 1 {
				name += fmt.Sprintf(" (%d)", seen[name])
			}
			at := set.Position(body[0].Pos())
			out = append(out, branch{name, passesOn(what, body), taken(blocks, place{at.Line, at.Column})})
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt:
				what := "if " + text(n.Cond.Pos(), n.Cond.End())
				add(what, n.Body.List)
				if e, ok := n.Else.(*ast.BlockStmt); ok {
					add("else of "+what, e.List)
				}
			case *ast.CaseClause:
				add(text(n.Pos(), n.Colon), n.Body)
			case *ast.CommClause:
				add(text(n.Pos(), n.Colon), n.Body)
			}
			return true
		})
	}
	return out, nil
}

// taken says whether the block that holds a statement was reached: the last one that begins before it.
func taken(blocks []block, statement place) bool {
	i, found := slices.BinarySearchFunc(blocks, statement, func(b block, p place) int { return b.from.compare(p) })
	if !found {
		i--
	}
	return i >= 0 && blocks[i].reached
}

// passesOn says whether a branch does nothing but give back an error that somebody else had.
func passesOn(what string, body []ast.Stmt) bool {
	_, returns := body[0].(*ast.ReturnStmt)
	return strings.HasPrefix(what, "if ") && strings.Contains(what, "err != nil") && len(body) == 1 && returns
}
