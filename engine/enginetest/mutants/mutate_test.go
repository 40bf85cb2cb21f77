package mutants

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// mutant is one small change of one function, chosen by its number when a test starts.
type mutant struct {
	id   int
	name string // "engine/limits.go Budget.over: a < b: < becomes <=", and "(2)" behind the second such: as long-lived as the code
	hash string // of the function's text: what was tried of another text is tried again
}

// insertion puts text into the source, at an offset; closing ones go before those that open at the same place.
type insertion struct {
	at, order int
	text      string
	length    int // of what it takes the place of
}

// mutator finds the changes of one file.
type mutator struct {
	file    string
	source  []byte
	set     *token.FileSet
	inserts []insertion
	mutants []mutant
	first   int
	name    string // of the function
	hash    string
	seen    map[string]int
}

// mutate gives the text of a file with all its changes, each behind its number, and what they are. The numbers go on from
// first. Names and hashes depend on nothing but the text.
func mutate(file string, source []byte, first int) (string, []mutant, error) {
	m := &mutator{file: file, source: source, set: token.NewFileSet(), first: first, seen: map[string]int{}}
	tree, err := parser.ParseFile(m.set, file, source, 0)
	if err != nil {
		return "", nil, err
	}
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		sum := sha256.Sum256([]byte(m.text(f)))
		m.name, m.hash = receiver(f)+f.Name.Name, hex.EncodeToString(sum[:4])
		ast.Inspect(f.Body, m.visit)
	}
	return m.apply(), m.mutants, nil
}

// receiver is "Type." for methods.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	e := f.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return x.Name + "."
		default:
			return "?."
		}
	}
}

func (m *mutator) at(p token.Pos) int { return m.set.Position(p).Offset }

func (m *mutator) text(n ast.Node) string { return string(m.source[m.at(n.Pos()):m.at(n.End())]) }

// add notes a change and gives the call that asks whether it is chosen.
func (m *mutator) add(n ast.Node, what string) string {
	const most = 90
	text := strings.Join(strings.Fields(m.text(n)), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	name := fmt.Sprintf("%s %s: `%s`: %s", m.file, m.name, text, what)
	m.seen[name]++
	if again := m.seen[name]; again > 1 {
		name += fmt.Sprintf(" (%d)", again)
	}
	id := m.first + len(m.mutants)
	m.mutants = append(m.mutants, mutant{id, name, m.hash})
	return strconv.Itoa(id)
}

// around puts text before and behind a node.
func (m *mutator) around(n ast.Node, before, behind string) {
	order := len(m.inserts) + 1
	m.inserts = append(m.inserts, insertion{m.at(n.Pos()), order, before, 0}, insertion{m.at(n.End()), -order, behind, 0})
}

func (m *mutator) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok != token.CONST
	case *ast.ArrayType:
		return false // its length is a constant
	case *ast.IfStmt:
		if onlyFailpoints(n.Body.List) {
			return false
		}
		m.around(n.Cond, "!mutated("+m.add(n.Cond, "never holds")+") && (", ")")
	case *ast.BinaryExpr:
		m.operator(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			m.around(n, "(", " != mutated("+m.add(n, "without the !")+"))")
		}
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			m.around(n, "(", " != mutated("+m.add(n, "becomes "+strconv.FormatBool(n.Name == "false"))+"))")
		}
	case *ast.BlockStmt:
		m.statements(n.List)
	case *ast.CaseClause:
		m.statements(n.Body)
	case *ast.CommClause:
		m.statements(n.Body)
	}
	return true
}

// statements are left out one at a time, where what follows does not need them to compile.
func (m *mutator) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if c, ok := s.X.(*ast.CallExpr); ok && isKept(c.Fun) {
				continue
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE || isBlank(s.Lhs[0]) {
				continue
			}
		case *ast.IncDecStmt:
		default:
			continue
		}
		m.around(s, "if !mutated("+m.add(s, "is left out")+") { ", " }")
	}
}

// isKept: without a panic the rest would not compile, and a failpoint is empty in the program that people use.
func isKept(called ast.Expr) bool {
	switch f := called.(type) {
	case *ast.Ident:
		return f.Name == "panic" || strings.HasPrefix(f.Name, "Failpoint")
	case *ast.SelectorExpr:
		return strings.HasPrefix(f.Sel.Name, "Failpoint")
	}
	return false
}

func onlyFailpoints(list []ast.Stmt) bool {
	return !slices.ContainsFunc(list, func(s ast.Stmt) bool {
		e, ok := s.(*ast.ExprStmt)
		if !ok {
			return true
		}
		c, ok := e.X.(*ast.CallExpr)
		return !ok || !isKept(c.Fun)
	})
}

func isBlank(e ast.Expr) bool {
	i, ok := e.(*ast.Ident)
	return ok && i.Name == "_"
}

// operator swaps an operator for the neighbour that a mistake would write. Each operand is evaluated as before: a && b is
// (a != m) && (b != m) != m, which is a || b when m holds.
func (m *mutator) operator(n *ast.BinaryExpr) {
	becomes := func(to token.Token) string { return m.add(n, n.Op.String()+" becomes "+to.String()) }
	call := func(function, id string) {
		m.around(n, function+"("+id+", ", ")")
		m.inserts = append(m.inserts, insertion{m.at(n.OpPos), 0, ",", len(n.Op.String())})
	}
	switch n.Op {
	case token.LAND, token.LOR:
		to := token.LOR
		if n.Op == token.LOR {
			to = token.LAND
		}
		chosen := " != mutated(" + becomes(to) + ")"
		m.around(n, "((", ")"+chosen+")")
		m.around(n.X, "((", ")"+chosen+")")
		m.around(n.Y, "((", ")"+chosen+")")
	case token.EQL:
		m.around(n, "((", ") != mutated("+becomes(token.NEQ)+"))")
	case token.NEQ:
		m.around(n, "((", ") != mutated("+becomes(token.EQL)+"))")
	case token.LSS:
		call("mutatedLess", becomes(token.LEQ))
	case token.LEQ:
		call("mutatedAtMost", becomes(token.LSS))
	case token.GTR:
		call("mutatedMore", becomes(token.GEQ))
	case token.GEQ:
		call("mutatedAtLeast", becomes(token.GTR))
	case token.ADD:
		if !isText(n) {
			call("mutatedSum", becomes(token.SUB))
		}
	}
}

// isText says whether an expression shows itself that it is text.
func isText(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.BinaryExpr:
		return e.Op == token.ADD && (isText(e.X) || isText(e.Y))
	case *ast.CallExpr:
		f, ok := e.Fun.(*ast.SelectorExpr)
		return ok && (f.Sel.Name == "String" || f.Sel.Name == "Sprintf" || f.Sel.Name == "Sprint" || f.Sel.Name == "Join")
	}
	return false
}

func (m *mutator) apply() string {
	slices.SortStableFunc(m.inserts, func(a, b insertion) int {
		if a.at != b.at {
			return a.at - b.at
		}
		return a.order - b.order
	})
	var b strings.Builder
	at := 0
	for _, i := range m.inserts {
		b.Write(m.source[at:i.at])
		b.WriteString(i.text)
		at = i.at + i.length
	}
	b.Write(m.source[at:])
	return b.String()
}

// hook is what the copies ask; a package gets it as one more file. What is reached is written down once, where somebody
// wants to know.
const hook = `package %s

import (
	"cmp"
	"os"
	"reflect"
	"strconv"
	"sync"
)

var mutatedNow, _ = strconv.Atoi(os.Getenv("ROLECALL_MUTANT"))
var mutatedReach = os.Getenv("ROLECALL_REACHED")
var mutatedSeen sync.Map

func mutated(id int) bool {
	if mutatedReach != "" {
		if _, before := mutatedSeen.LoadOrStore(id, 0); !before {
			f, err := os.OpenFile(mutatedReach, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err == nil {
				f.WriteString(strconv.Itoa(id) + "\n")
				f.Close()
			}
		}
	}
	return id == mutatedNow
}

func mutatedLess[T cmp.Ordered](id int, a, b T) bool    { if mutated(id) { return a <= b }; return a < b }
func mutatedAtMost[T cmp.Ordered](id int, a, b T) bool  { if mutated(id) { return a < b }; return a <= b }
func mutatedMore[T cmp.Ordered](id int, a, b T) bool    { if mutated(id) { return a >= b }; return a > b }
func mutatedAtLeast[T cmp.Ordered](id int, a, b T) bool { if mutated(id) { return a > b }; return a >= b }

func mutatedSum[T cmp.Ordered](id int, a, b T) T {
	if !mutated(id) {
		return a + b
	}
	v, w := reflect.ValueOf(&a).Elem(), reflect.ValueOf(b)
	switch {
	case v.CanInt():
		v.SetInt(v.Int() - w.Int())
	case v.CanUint():
		v.SetUint(v.Uint() - w.Uint())
	case v.CanFloat():
		v.SetFloat(v.Float() - w.Float())
	}
	return a // of texts, the first alone
}
`
