package policies

import (
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// need is a value that an attribute must have for a condition to hold: unless it has one of them, or is unknown, the
// condition is false whatever the rest of it says. Rules without roles are found by it.
type need struct {
	variable *variable
	values   []string
}

// needOf looks for attr == "x" and attr in ["x", …] among what is joined by &&, and takes the shortest list.
func (c fastCompiler) needOf(e celast.Expr) *need {
	if e.Kind() != celast.CallKind {
		return nil
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		var best *need
		for _, arg := range call.Args() {
			if n := c.needOf(arg); n != nil && (best == nil || len(n.values) < len(best.values)) {
				best = n
			}
		}
		return best
	case operators.Equals:
		return c.needEqual(call.Args())
	case operators.In:
		v, of := c.variable(call.Args()[0]), c.texts(call.Args()[1])
		if v != nil && !v.multi && of != nil {
			return &need{v, of}
		}
	}
	return nil
}

func (c fastCompiler) needEqual(args []celast.Expr) *need {
	a, b := c.operand(args[0]), c.operand(args[1])
	switch {
	case a == nil || b == nil:
	case a.variable != nil && b.variable == nil:
		return &need{a.variable, []string{b.literal}}
	case b.variable != nil && a.variable == nil:
		return &need{b.variable, []string{a.literal}}
	}
	return nil
}

// valueIndex finds matchers by the value of one attribute.
type valueIndex struct {
	variable *variable
	of       map[string][]int32
	all      []int32 // tried where the attribute is unknown
}

func (ix *valueIndex) add(n *need, matcher int32) {
	seen := map[string]bool{}
	for _, value := range n.values {
		if !seen[value] {
			seen[value] = true
			ix.of[value] = append(ix.of[value], matcher)
		}
	}
	ix.all = append(ix.all, matcher)
}

func (ix *valueIndex) candidates(v *view) []int32 {
	a := v.get(ix.variable)
	if a.Unknown {
		return ix.all
	}
	return ix.of[single(a)]
}

// indexByValue finds or makes the index of a need's attribute.
func (p *Policy) indexByValue(n *need) *valueIndex {
	for i := range p.byValue {
		if p.byValue[i].variable == n.variable {
			return &p.byValue[i]
		}
	}
	p.byValue = append(p.byValue, valueIndex{variable: n.variable, of: map[string][]int32{}})
	return &p.byValue[len(p.byValue)-1]
}
