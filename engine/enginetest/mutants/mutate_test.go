// Package mutants measures the tests of what keeps people's access safe: it changes one condition, comparison or statement
// of the source at a time, and sees whether a test dies.
package mutants

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
)

// mutant is one small change of one file.
type mutant struct {
	file string // below the root of the repository
	line int
	what string // "< becomes <="
	text []byte // the whole file with the change
}

func (m *mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

// edit replaces source[from:to].
type edit struct {
	from, to int
	with     string
	what     string
}

// swapped are operators and what takes their place: the neighbour that a mistake would write.
var swapped = map[token.Token]token.Token{token.LAND: token.LOR, token.LOR: token.LAND, token.LSS: token.LEQ, token.LEQ: token.LSS,
	token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL, token.ADD: token.SUB, token.SUB: token.ADD}

// mutantsOf lists the changes of one file, in the order of its text.
func mutantsOf(file string, source []byte) ([]mutant, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, 0)
	if err != nil {
		return nil, err
	}
	var edits []edit
	at := func(p token.Pos) int { return set.Position(p).Offset }
	ast.Inspect(tree, func(n ast.Node) bool {
		edits = append(edits, editsOf(n, source, at)...)
		return true
	})
	slices.SortFunc(edits, func(a, b edit) int { return a.from - b.from })
	out := make([]mutant, 0, len(edits))
	for _, e := range edits {
		text := slices.Concat(source[:e.from], []byte(e.with), source[e.to:])
		out = append(out, mutant{file, 1 + bytes.Count(source[:e.from], []byte("\n")), e.what, text})
	}
	return out, nil
}

// editsOf gives the changes that begin at a node.
func editsOf(n ast.Node, source []byte, at func(token.Pos) int) []edit {
	src := func(from, to token.Pos) string { return string(source[at(from):at(to)]) }
	switch n := n.(type) {
	case *ast.BinaryExpr:
		to, ok := swapped[n.Op]
		if !ok || isText(n.X) || isText(n.Y) {
			return nil
		}
		return []edit{{at(n.OpPos), at(n.OpPos) + len(n.Op.String()), to.String(), n.Op.String() + " becomes " + to.String()}}
	case *ast.IfStmt:
		cond := src(n.Cond.Pos(), n.Cond.End())
		return []edit{{at(n.Cond.Pos()), at(n.Cond.End()), "false && (" + cond + ")", "if " + cond + " never holds"}}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			return []edit{{at(n.Pos()), at(n.Pos()) + 1, "", "without the ! of " + src(n.Pos(), n.End())}}
		}
	case *ast.ExprStmt:
		return []edit{{at(n.Pos()), at(n.End()), "", "without " + src(n.Pos(), n.End())}}
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			to := strconv.FormatBool(n.Name == "false")
			return []edit{{at(n.Pos()), at(n.End()), to, n.Name + " becomes " + to}}
		}
	}
	return nil
}

func isText(e ast.Expr) bool {
	l, ok := e.(*ast.BasicLit)
	return ok && l.Kind == token.STRING
}
