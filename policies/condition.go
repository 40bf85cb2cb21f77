package policies

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"github.com/rolecall/rolecall/engine"
)

// condition is a compiled expression. Safe for concurrent use; each evaluation has a view of its own.
type condition struct {
	text     string
	language *language
	program  cel.Program
	fast     test        // nil where the shape is not a simple one
	uses     []*variable // attributes that it names, by name
	need     *need       // nil if none is plain to see
}

// test is a compiled simple shape.
type test func(v *view) engine.Tri

// eval says whether the condition holds. Unknown comes with its reason: what could not be seen or went wrong.
func (c *condition) eval(v *view) (engine.Tri, error) {
	if c.fast != nil {
		return c.fast(v), nil
	}
	return c.slow(v)
}

// slow runs CEL's own program. An error, such as an index out of range or too high a cost, is never a yes or a no.
func (c *condition) slow(v *view) (engine.Tri, error) {
	var unknown []*cel.AttributePatternType
	for _, u := range c.uses {
		if v.get(u).Unknown {
			unknown = append(unknown, u.pattern)
		}
	}
	input, err := cel.PartialVars(activation{v, c.language}, unknown...)
	if err != nil {
		return engine.Unknown, err
	}
	out, _, err := c.program.Eval(input)
	if err != nil {
		return engine.Unknown, fmt.Errorf("condition %s can't be evaluated: %s", quote(c.text), oneLine(err.Error()))
	}
	switch out {
	case types.True:
		return engine.Yes, nil
	case types.False:
		return engine.No, nil
	}
	return engine.Unknown, nil
}

// unseen names the attributes of the condition that could not be seen.
func (c *condition) unseen(v *view) (names []string) {
	for _, u := range c.uses {
		if v.get(u).Unknown {
			names = append(names, u.name)
		}
	}
	return names
}

// values shows the attributes that the condition names, as it saw them.
func (c *condition) values(v *view) string {
	var parts []string
	for _, u := range c.uses {
		a := v.get(u)
		switch {
		case a.Unknown:
			parts = append(parts, u.name+" could not be seen")
		case u.multi:
			parts = append(parts, fmt.Sprintf("%s is %q", u.name, a.Values))
		default:
			parts = append(parts, u.name+" is "+quote(single(a)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// uses lists the variables of a checked expression, by name.
func (l *language) uses(a *celast.AST) (out []*variable) {
	used := map[string]bool{}
	for _, ref := range a.ReferenceMap() {
		used[ref.Name] = true
	}
	for _, name := range sortedKeys(used) {
		if v := l.variables[name]; v != nil {
			out = append(out, v)
		}
	}
	return out
}

// view is one person in one job at one moment. Each attribute is looked up once per epoch.
type view struct {
	person *engine.Person
	job    *engine.Job
	now    time.Time
	zone   *time.Location // of the person
	epoch  uint64         // of the job; a cached attribute of another epoch is stale
	cache  []cached       // by slot
}

type cached struct {
	epoch uint64
	value engine.Attribute
}

// newView makes room for the attributes of a language; its epoch is never that of an empty cache.
func newView(slots int) view { return view{epoch: 1, cache: make([]cached, slots)} }

// get gives the attribute as it is in this epoch; the result is valid until the next one.
func (v *view) get(u *variable) *engine.Attribute {
	c := &v.cache[u.slot]
	if c.epoch != v.epoch {
		c.epoch, c.value = v.epoch, v.find(u)
	}
	return &c.value
}

func (v *view) find(u *variable) engine.Attribute {
	switch {
	case !u.job:
		return v.person.Attributes.Get(u.attribute)
	case v.job != nil:
		return v.job.Attributes.Get(u.attribute)
	}
	return engine.Attribute{Name: u.attribute}
}

func single(a *engine.Attribute) string {
	if len(a.Values) == 0 {
		return ""
	}
	return a.Values[0]
}

// activation shows a view to CEL.
type activation struct {
	view     *view
	language *language
}

// ResolveName gives the value of a variable.
func (a activation) ResolveName(name string) (any, bool) {
	switch name {
	case "now":
		return a.view.now, true
	case "today":
		return a.view.now.In(a.view.zone).Format(time.DateOnly), true
	}
	u := a.language.variables[name]
	if u == nil {
		return nil, false
	}
	value := a.view.get(u)
	if !u.multi {
		return single(value), true
	}
	if value.Values == nil {
		return []string{}, true
	}
	return value.Values, true
}

// Parent is none.
func (a activation) Parent() cel.Activation { return nil }

// CompileCondition compiles an expression of the configuration, such as status == "terminated". Declared attributes are
// variables under their plain names (a person's before a job's) and as person.* and job.*; now is a timestamp, today the
// date like "2027-01-31" in the person's zone. The error is an engine.Mistakes with line and column within the expression.
// A runtime error is Unknown.
func CompileCondition(expression string, schema Schema) (engine.Condition, error) {
	l, err := makeLanguage(&schema, true)
	if err != nil {
		return nil, err
	}
	c, wrong := l.compile(expression)
	if len(wrong) > 0 {
		var mistakes engine.Mistakes
		for _, w := range wrong {
			mistakes = append(mistakes, engine.Mistake{Place: engine.Place{File: "condition", Line: w.line, Col: w.col}, Text: w.text, Hint: w.hint})
		}
		return nil, mistakes
	}
	zones := newZones(schema.zone())
	slots := l.slots()
	pool := sync.Pool{New: func() any { v := newView(slots); return &v }}
	return func(p *engine.Person, job *engine.Job, now time.Time) engine.Tri {
		v := pool.Get().(*view)
		v.person, v.job, v.now, v.zone = p, job, now, zones.of(p)
		v.epoch++
		answer, _ := c.eval(v)
		v.person, v.job = nil, nil
		pool.Put(v)
		return answer
	}, nil
}
