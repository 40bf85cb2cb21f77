package policies

import (
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/rolecall/rolecall/engine"
)

// fastPath compiles comparisons, in, startsWith, endsWith, contains, &&, || and ! over attributes and literals to
// closures that allocate nothing; nil for any other shape. Within these shapes nothing can fail, so CEL's logic is
// Kleene's: a differential test holds the two together. The need is found in other shapes too.
func (l *language) fastPath(a *celast.AST) (test, *need) {
	c := fastCompiler{l, a.ReferenceMap()}
	return c.truth(a.Expr()), c.needOf(a.Expr())
}

type fastCompiler struct {
	language *language
	refs     map[int64]*celast.ReferenceInfo
}

func (c fastCompiler) truth(e celast.Expr) test {
	switch e.Kind() {
	case celast.LiteralKind:
		return constant(e)
	case celast.CallKind:
		return c.call(e.AsCall())
	}
	return nil
}

func constant(e celast.Expr) test {
	switch e.AsLiteral() {
	case types.True:
		return func(*view) engine.Tri { return engine.Yes }
	case types.False:
		return func(*view) engine.Tri { return engine.No }
	}
	return nil
}

func (c fastCompiler) call(e celast.CallExpr) test {
	args := e.Args()
	switch e.FunctionName() {
	case operators.LogicalAnd:
		return c.logic(args, engine.No)
	case operators.LogicalOr:
		return c.logic(args, engine.Yes)
	case operators.LogicalNot:
		return c.not(args[0])
	case operators.In:
		return c.in(args[0], args[1])
	case "startsWith":
		return c.method(e, strings.HasPrefix)
	case "endsWith":
		return c.method(e, strings.HasSuffix)
	case "contains":
		return c.method(e, strings.Contains)
	}
	if len(args) == 2 {
		return c.compare(e.FunctionName(), args[0], args[1])
	}
	return nil
}

// logic is && where the decisive value is No, || where it is Yes: that value decides whatever the rest is.
func (c fastCompiler) logic(args []celast.Expr, decisive engine.Tri) test {
	parts := make([]test, len(args))
	for i, a := range args {
		if parts[i] = c.truth(a); parts[i] == nil {
			return nil
		}
	}
	otherwise := engine.Yes
	if decisive == engine.Yes {
		otherwise = engine.No
	}
	return func(v *view) engine.Tri {
		result := otherwise
		for _, p := range parts {
			switch p(v) {
			case decisive:
				return decisive
			case engine.Unknown:
				result = engine.Unknown
			}
		}
		return result
	}
}

func (c fastCompiler) not(arg celast.Expr) test {
	inner := c.truth(arg)
	if inner == nil {
		return nil
	}
	return func(v *view) engine.Tri {
		switch inner(v) {
		case engine.Yes:
			return engine.No
		case engine.No:
			return engine.Yes
		}
		return engine.Unknown
	}
}

// operand is a string: an attribute with one value, or a literal.
type operand struct {
	variable *variable
	literal  string
}

func (o *operand) value(v *view) (s string, known bool) {
	if o.variable == nil {
		return o.literal, true
	}
	a := v.get(o.variable)
	return single(a), !a.Unknown
}

func (c fastCompiler) variable(e celast.Expr) *variable {
	if ref := c.refs[e.ID()]; ref != nil && (e.Kind() == celast.SelectKind && !e.AsSelect().IsTestOnly() || e.Kind() == celast.IdentKind) {
		return c.language.variables[ref.Name]
	}
	return nil
}

func (c fastCompiler) operand(e celast.Expr) *operand {
	if e.Kind() == celast.LiteralKind {
		if s, ok := e.AsLiteral().(types.String); ok {
			return &operand{literal: string(s)}
		}
		return nil
	}
	if v := c.variable(e); v != nil && !v.multi {
		return &operand{variable: v}
	}
	return nil
}

func (c fastCompiler) compare(op string, left, right celast.Expr) test {
	a, b, holds := c.operand(left), c.operand(right), ordering(op)
	if a == nil || b == nil || holds == nil {
		return nil
	}
	return binary(a, b, holds)
}

func ordering(op string) func(a, b string) bool {
	switch op {
	case operators.Equals:
		return func(a, b string) bool { return a == b }
	case operators.NotEquals:
		return func(a, b string) bool { return a != b }
	case operators.Less:
		return func(a, b string) bool { return a < b }
	case operators.LessEquals:
		return func(a, b string) bool { return a <= b }
	case operators.Greater:
		return func(a, b string) bool { return a > b }
	case operators.GreaterEquals:
		return func(a, b string) bool { return a >= b }
	}
	return nil
}

func (c fastCompiler) method(e celast.CallExpr, holds func(a, b string) bool) test {
	if !e.IsMemberFunction() || len(e.Args()) != 1 {
		return nil
	}
	a, b := c.operand(e.Target()), c.operand(e.Args()[0])
	if a == nil || b == nil {
		return nil
	}
	return binary(a, b, holds)
}

func binary(a, b *operand, holds func(a, b string) bool) test {
	return func(v *view) engine.Tri {
		x, known := a.value(v)
		if !known {
			return engine.Unknown
		}
		y, known := b.value(v)
		if !known {
			return engine.Unknown
		}
		return tri(holds(x, y))
	}
}

func tri(b bool) engine.Tri {
	if b {
		return engine.Yes
	}
	return engine.No
}

// in takes a list of literals or an attribute with several values on the right.
func (c fastCompiler) in(element, of celast.Expr) test {
	a := c.operand(element)
	if a == nil {
		return nil
	}
	if u := c.variable(of); u != nil && u.multi {
		return func(v *view) engine.Tri {
			s, known := a.value(v)
			values := v.get(u)
			if !known || values.Unknown {
				return engine.Unknown
			}
			return tri(slices.Contains(values.Values, s))
		}
	}
	literals := c.literals(of)
	if literals == nil {
		return nil
	}
	return func(v *view) engine.Tri {
		s, known := a.value(v)
		if !known {
			return engine.Unknown
		}
		return tri(literals(s))
	}
}

// literals gives a membership test: for short lists comparing is quicker than hashing.
func (c fastCompiler) literals(e celast.Expr) func(string) bool {
	texts := c.texts(e)
	switch {
	case texts == nil:
		return nil
	case len(texts) <= 8:
		return func(s string) bool { return slices.Contains(texts, s) }
	}
	set := make(map[string]struct{}, len(texts))
	for _, t := range texts {
		set[t] = struct{}{}
	}
	return func(s string) bool { _, found := set[s]; return found }
}

// texts is a list of nothing but string literals, else nil.
func (c fastCompiler) texts(e celast.Expr) []string {
	if e.Kind() != celast.ListKind {
		return nil
	}
	texts := []string{}
	for _, item := range e.AsList().Elements() {
		o := c.operand(item)
		if o == nil || o.variable != nil {
			return nil
		}
		texts = append(texts, o.literal)
	}
	return texts
}
