package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"
)

// Bounds of one expression; costs are CEL's, about one per operation and per ten bytes looked at.
const (
	maxExpression = 4000
	maxCost       = 1_000_000
)

// language is what expressions can say.
type language struct{ env *cel.Env }

func newLanguage() (*language, error) {
	options := []cel.EnvOption{cel.Variable("item", cel.DynType), cel.Variable("attributes", cel.MapType(cel.StringType, cel.StringType)),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateComprehensionNestingLimit(2)), ext.Strings()}
	for _, name := range []string{"account", "right", "right_id", "name", "person"} {
		options = append(options, cel.Variable(name, cel.StringType))
	}
	env, err := cel.NewEnv(options...)
	return &language{env}, err
}

// pick takes a value out of JSON: by a pointer (RFC 6901), or by an expression.
type pick struct {
	pointer []string
	program cel.Program // nil: the pointer
}

// pick compiles one; an empty one is nil.
func (l *language) pick(text string) (*pick, error) {
	if text == "" {
		return nil, nil
	}
	if strings.HasPrefix(text, "/") {
		p, err := parsePointer(text)
		return &pick{pointer: p}, err
	}
	checked, issues := l.env.Compile(text)
	if issues.Err() != nil {
		return nil, fmt.Errorf("the expression %q is wrong: %s; a pointer starts with /", text, issues.Errors()[0].Message)
	}
	program, err := l.env.Program(checked, cel.CostLimit(maxCost))
	return &pick{program: program}, err
}

// parsePointer reads a JSON pointer; "" is the whole.
func parsePointer(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("%q is no JSON pointer, which starts with /", text)
	}
	tokens := strings.Split(text[1:], "/")
	for i, t := range tokens {
		if rest := strings.NewReplacer("~0", "", "~1", "").Replace(t); strings.Contains(rest, "~") {
			return nil, fmt.Errorf("%q is no JSON pointer: ~ is written ~0, and / within a name ~1", text)
		}
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return tokens, nil
}

// follow gives what a pointer points to; ok says that it is there.
func follow(pointer []string, v any) (found any, ok bool) {
	for _, token := range pointer {
		switch at := v.(type) {
		case map[string]any:
			if v, ok = at[token]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(at) || strconv.Itoa(i) != token {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// value gives what is picked; nil where a pointer finds nothing.
func (p *pick) value(item any, v values) (any, error) {
	if p.program == nil {
		found, _ := follow(p.pointer, item)
		return found, nil
	}
	attributes := map[string]string{}
	vars := map[string]any{"item": item, "attributes": attributes, "account": v["account"], "right": v["right"], "right_id": v["right.id"], "name": v["name"], "person": v["person"]}
	for name, value := range v {
		if a, ok := strings.CutPrefix(name, "attributes."); ok {
			attributes[a] = value
		}
	}
	out, _, err := p.program.Eval(vars)
	if err != nil {
		return nil, err
	}
	return native(out)
}

// text gives what is picked as text, "" if there is nothing, or no pick.
func (p *pick) text(item any, v values) (string, error) {
	if p == nil {
		return "", nil
	}
	value, err := p.value(item, v)
	if err != nil {
		return "", err
	}
	return textOf(value)
}

func textOf(value any) (string, error) {
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	case bool, int64, uint64:
		return fmt.Sprint(value), nil
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), nil
	}
	return "", errors.New("what is picked is a list or an object, and no text")
}

// truth gives what is picked as true or false; anything else is an error, since nobody knows what it means.
func (p *pick) truth(item any, v values) (bool, error) {
	value, err := p.value(item, v)
	if err != nil {
		return false, err
	}
	is, ok := value.(bool)
	if !ok {
		return false, errors.New("what is picked is neither true nor false")
	}
	return is, nil
}

// texts gives what is picked as a list of texts.
func (p *pick) texts(item any) ([]string, error) {
	value, err := p.value(item, nil)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("what is picked is no list")
	}
	out := make([]string, 0, len(list))
	for _, one := range list {
		text, err := textOf(one)
		if err != nil || text == "" {
			return nil, errors.New("what is picked is no list of names")
		}
		out = append(out, text)
	}
	return out, nil
}

// native turns a value of CEL into one of JSON.
func native(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.String, types.Bool, types.Int, types.Uint, types.Double:
		return v.Value(), nil
	case traits.Mapper:
		out := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key, ok := it.Next().(types.String)
			if !ok {
				return nil, errors.New("an object has a name that is no text")
			}
			value, err := native(v.Get(key))
			if err != nil {
				return nil, err
			}
			out[string(key)] = value
		}
		return out, nil
	case traits.Lister:
		out := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			value, err := native(it.Next())
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		return out, nil
	}
	return nil, fmt.Errorf("a %s has no form in JSON", v.Type())
}

// decodeJSON reads one JSON value; whole numbers stay whole, since ids are such.
func decodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = numbers(value)
		}
	case []any:
		for i, value := range v {
			v[i] = numbers(value)
		}
	case json.Number:
		return number(v)
	}
	return v
}

func number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(n.String(), 10, 64); err == nil {
		return u
	}
	f, err := n.Float64()
	if err != nil || !strings.ContainsAny(n.String(), ".eE") { // a rounded id is another account's
		return n.String()
	}
	return f
}
