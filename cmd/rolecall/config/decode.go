package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/rolecall/rolecall/engine"
)

// maxNodes bounds what aliases may blow a file up to: the known attack repeats an alias of an alias some nine times
// (CVE-2019-11253).
const maxNodes = 200_000

// decoder fills Go values from YAML by their `yaml:"name"` tags, collecting mistakes instead of stopping at the first.
// A field without a tag is not read.
type decoder struct {
	file     string
	mistakes engine.Mistakes
	places   map[any]engine.Place // pointer to a filled value → where it stands
	anchors  map[string]ast.Node
	nodes    int
}

// selfDecoder is a value that reads its own node.
type selfDecoder interface{ decode(d *decoder, n ast.Node) }

// checker is a value that can tell whether it makes sense by itself.
type checker interface{ Check() error }

func newDecoder(file string) *decoder {
	return &decoder{file: file, places: map[any]engine.Place{}, anchors: map[string]ast.Node{}}
}

// parse reads the one document of a file.
func (d *decoder) parse(data []byte) (body ast.Node) {
	defer func() { // a panic of the parser must not become ours: the file is refused
		if r := recover(); r != nil {
			body = nil
			d.mistakes = append(d.mistakes, engine.Mistake{Place: engine.Place{File: d.file}, Text: fmt.Sprintf("this can't be read as YAML: %v", r)})
		}
	}()
	data, wrong := checkBytes(d.file, data)
	if wrong != nil {
		d.mistakes = append(d.mistakes, *wrong)
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if wrong = checkTokens(d.file, tokens); wrong != nil {
		d.mistakes = append(d.mistakes, *wrong)
		return nil
	}
	f, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	for _, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			d.complain(doc.Body, "a second document in one file", "remove the line with three dashes, or everything below it")
			return nil
		}
		body = doc.Body
	}
	if body == nil {
		d.mistakes = append(d.mistakes, engine.Mistake{Place: engine.Place{File: d.file}, Text: "the file is empty", Hint: "`rolecall init DIR` writes a commented one"})
		return nil
	}
	switch body.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		return body
	}
	d.complain(body, "this is no configuration, which is lines of key: value", "`rolecall init DIR` writes a commented one")
	return nil
}

func (d *decoder) syntax(err error) {
	m := engine.Mistake{Place: engine.Place{File: d.file, Line: 1, Col: 1}, Text: err.Error()}
	var at yaml.Error
	if errors.As(err, &at) {
		m.Text = at.GetMessage()
		if t := at.GetToken(); t != nil && t.Position != nil {
			m.Line, m.Col = t.Position.Line, t.Position.Column
		}
	}
	m.Text = "this is not YAML: " + strings.SplitN(m.Text, "\n", 2)[0]
	d.mistakes = append(d.mistakes, m)
}

func (d *decoder) place(n ast.Node) engine.Place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return engine.Place{File: d.file, Line: t.Position.Line, Col: t.Position.Column}
	}
	return engine.Place{File: d.file}
}

func (d *decoder) complain(n ast.Node, text, hint string) {
	d.mistakes = append(d.mistakes, engine.Mistake{Place: d.place(n), Text: text, Hint: hint})
}

// value fills v from n.
func (d *decoder) value(n ast.Node, v reflect.Value) {
	n = d.resolve(n)
	if n == nil {
		return
	}
	if v.CanAddr() {
		d.places[v.Addr().Interface()] = d.place(n)
		if self, ok := v.Addr().Interface().(selfDecoder); ok {
			self.decode(d, n)
			return
		}
	}
	before := len(d.mistakes)
	d.byKind(n, v)
	if c, ok := v.Interface().(checker); ok && len(d.mistakes) == before {
		if err := c.Check(); err != nil {
			d.complain(n, err.Error(), "")
		}
	}
}

func (d *decoder) byKind(n ast.Node, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem())
	case reflect.Struct:
		if isText(v) {
			d.scalar(n, v)
			return
		}
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.Slice:
		d.list(n, v)
	case reflect.Interface:
		if free := d.free(n); free != nil {
			v.Set(reflect.ValueOf(free))
		}
	default:
		d.scalar(n, v)
	}
}

// free gives a value whose form is somebody else's business, as JSON knows it: mappings, lists, text, numbers, true and false.
func (d *decoder) free(n ast.Node) any {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		out := map[string]any{}
		d.mapping(n, reflect.ValueOf(&out).Elem())
		return out
	case *ast.SequenceNode:
		out := []any{}
		d.list(n, reflect.ValueOf(&out).Elem())
		return out
	}
	text, ok := d.text(n)
	var typed any
	switch n.Type() {
	case ast.BoolType:
		typed = new(bool)
	case ast.IntegerType:
		typed = new(int64)
	case ast.FloatType:
		typed = new(float64)
	}
	if v := reflect.ValueOf(typed); ok && typed != nil && setScalar(v.Elem(), n, text) == nil {
		return v.Elem().Interface()
	}
	if !ok {
		return nil
	}
	return text
}

// resolve follows anchors and aliases, and counts.
func (d *decoder) resolve(n ast.Node) ast.Node {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.complain(n, "aliases make this file too large", "write the repeated parts out")
		}
		return nil
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		d.anchors[n.Name.GetToken().Value] = n.Value
		return d.resolve(n.Value)
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		if to, ok := d.anchors[name]; ok {
			return d.resolve(to)
		}
		d.complain(n, "no anchor &"+name+" stands above this alias", "")
		return nil
	case *ast.TagNode:
		d.complain(n, "tags are not understood here", "remove "+n.Start.Value)
		return nil
	}
	return n
}

// pairs gives the entries of a mapping; ok is false, and a mistake noted, if n is none.
func (d *decoder) pairs(n ast.Node) (pairs []*ast.MappingValueNode, ok bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		d.complain(n, "this must be a mapping (key: value)", "")
		return nil, false
	}
	return d.distinct(pairs), true
}

// distinct notes duplicate keys and drops them.
func (d *decoder) distinct(pairs []*ast.MappingValueNode) []*ast.MappingValueNode {
	first := map[string]engine.Place{}
	return slices.DeleteFunc(slices.Clone(pairs), func(p *ast.MappingValueNode) bool {
		if p.Key.IsMergeKey() {
			d.complain(p.Key, "merge keys (<<) are not understood here", "write the keys out, or use an alias for the whole value")
			return true
		}
		key := keyOf(p)
		if at, twice := first[key]; twice {
			d.complain(p.Key, "key \""+key+"\" is here a second time; the first is in line "+strconv.Itoa(at.Line), "remove one of the two")
			return true
		}
		first[key] = d.place(p.Key)
		return false
	})
}

func keyOf(p *ast.MappingValueNode) string { return p.Key.GetToken().Value }

func (d *decoder) mapping(n ast.Node, v reflect.Value) {
	pairs, ok := d.pairs(n)
	if !ok {
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(pairs)))
	for _, p := range pairs {
		item := reflect.New(v.Type().Elem()).Elem()
		if d.value(p.Value, item); item.Kind() == reflect.Pointer && item.IsNil() {
			continue // a mistake was noted
		}
		v.SetMapIndex(reflect.ValueOf(keyOf(p)).Convert(v.Type().Key()), item)
	}
}

// list fills a slice; one value alone is a list of one.
func (d *decoder) list(n ast.Node, v reflect.Value) {
	items := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		items = s.Values
	} else if n.Type() == ast.NullType {
		d.complain(n, "a value is missing", "write [] for an empty list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		d.value(rejoin(item), v.Index(i))
	}
}
