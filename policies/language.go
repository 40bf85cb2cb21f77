package policies

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/cel"
)

// Bounds of one condition. Costs are CEL's: about one per operation and per ten bytes looked at.
const (
	maxCondition = 4000   // code points
	maxDepth     = 64     // nesting
	maxCost      = 100000 // of one evaluation; what costs more is unknown
	maxSuggested = 8      // mistakes shown of one condition
)

// language is what conditions can say: CEL with the declared attributes as variables. Read-only after newLanguage.
type language struct {
	env       *cel.Env
	variables map[string]*variable
	parseOnly bool // attributes are not known; what compiles so must not be run
}

// variable is a declared attribute as conditions name it.
type variable struct {
	name      string // person.country, job.title; in state expressions also country, title
	attribute string
	multi     bool
	job       bool
	slot      int // place in a view's cache; one per attribute and owner
	pattern   *cel.AttributePatternType
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// newLanguage makes the language of rules: person.*, job.*, now, today.
func newLanguage(s *Schema) (*language, error) { return makeLanguage(s, false) }

// makeLanguage adds the plain names of attributes where plain is set; a person's attribute goes before a job's.
func makeLanguage(s *Schema, plain bool) (*language, error) {
	l := &language{variables: map[string]*variable{}}
	options := []cel.EnvOption{
		cel.Variable("now", cel.TimestampType), cel.Variable("today", cel.StringType),
		cel.ParserExpressionSizeLimit(maxCondition), cel.ParserRecursionLimit(maxDepth),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals(),
			cel.ValidateComprehensionNestingLimit(2), cel.ValidateHomogeneousAggregateLiterals()),
	}
	for slot, d := range s.Attributes {
		if !identifier.MatchString(d.Name) {
			continue // can't be named in CEL; rules reach it as a role only
		}
		for _, name := range names(d, plain) {
			if old := l.variables[name]; old != nil && !(old.job && !d.Job) {
				continue
			}
			l.variables[name] = &variable{name: name, attribute: d.Name, multi: d.Multi, job: d.Job, slot: slot, pattern: cel.AttributePattern(name)}
		}
	}
	for _, name := range sortedKeys(l.variables) {
		kind := cel.StringType
		if l.variables[name].multi {
			kind = cel.ListType(cel.StringType)
		}
		options = append(options, cel.Variable(name, kind))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("the language of conditions can't be set up: %w", err)
	}
	l.env = env
	return l, nil
}

func names(d Declared, plain bool) []string {
	owner := "person."
	if d.Job {
		owner = "job."
	}
	if plain && d.Name != "now" && d.Name != "today" && d.Name != "person" && d.Name != "job" {
		return []string{owner + d.Name, d.Name}
	}
	return []string{owner + d.Name}
}

// celMistake is one mistake of a condition with its place within the text, from 1.
type celMistake struct {
	line, col int
	problem
}

// compile checks a condition and makes it ready to run; mistakes come all at once.
func (l *language) compile(text string) (*condition, []celMistake) {
	read := l.env.Compile
	if l.parseOnly {
		read = l.env.Parse
	}
	checked, issues := read(text)
	if issues.Err() != nil {
		var out []celMistake
		for _, e := range issues.Errors() {
			if len(out) < maxSuggested {
				out = append(out, celMistake{max(1, e.Location.Line()), max(1, e.Location.Column()+1), l.explain(e.Message)})
			}
		}
		return nil, out
	}
	if l.parseOnly {
		return &condition{text: text, language: l}, nil
	}
	if checked.OutputType() != cel.BoolType {
		return nil, []celMistake{{1, 1, problem{text: fmt.Sprintf("the condition gives a %s, not true or false", checked.OutputType()), hint: "compare it with something"}}}
	}
	program, err := l.env.Program(checked, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(maxCost))
	if err != nil {
		return nil, []celMistake{{1, 1, problem{text: "the condition can't be run: " + oneLine(err.Error())}}}
	}
	c := &condition{text: text, language: l, program: program}
	c.uses = l.uses(checked.NativeRep())
	c.fast, c.need = l.fastPath(checked.NativeRep())
	return c, nil
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']+)'`)
	didYouMean = regexp.MustCompile(`\((did you mean [^)]+)\)$`)
)

// explain puts CEL's words for a name that is not there into ours, with the nearest name.
func (l *language) explain(message string) problem {
	m := undeclared.FindStringSubmatch(message)
	if m == nil {
		return problem{text: "the condition is wrong: " + oneLine(message)}
	}
	known := append(sortedKeys(l.variables), "now", "today")
	p := unknownName("attribute", m[1], known)
	if m[1] == "person" || m[1] == "job" {
		p.hint = "an absent attribute is \"\" or [], compare with that; name one attribute, such as " + first(known)
	} else if p.hint == "" || !strings.HasPrefix(p.hint, "did") {
		if said := didYouMean.FindStringSubmatch(message); said != nil {
			p.hint = said[1]
		}
	}
	return *p
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

// condition compiles the text of a node; mistakes point into the file.
func (r *reader) condition(n *node) *condition {
	text, ok := r.text(n)
	if !ok {
		return nil
	}
	c, wrong := r.language.compile(text)
	for _, w := range wrong {
		line, col := r.within(n, w.line, w.col)
		r.wrongAt(line, col, w.text, w.hint)
	}
	return c
}

// within translates a place inside a text to one in the file; escapes and folded lines make it approximate.
func (r *reader) within(n *node, line, col int) (int, int) {
	switch {
	case n.block:
		at := n.line + line - 1 // index of the text's line
		if at < 0 || at >= len(r.lines) {
			return n.line, n.col
		}
		body := r.lines[min(n.line, len(r.lines)-1)]
		return at + 1, len(body) - len(strings.TrimLeft(body, " ")) + col
	case line > 1:
		return n.line + line - 1, 1
	case n.quoted:
		return n.line, n.col + col
	}
	return n.line, n.col + col - 1
}

// slots counts the attributes that can be cached.
func (l *language) slots() int {
	n := 0
	for _, v := range l.variables {
		n = max(n, v.slot+1)
	}
	return n
}
