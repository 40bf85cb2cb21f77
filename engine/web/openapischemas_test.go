package web

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// schemas are JSON schemas of types, with what their comments say.
type schemas struct {
	schemas      map[string]any
	types        map[string]reflect.Type // by the same names
	comments     map[string]string       // of "package.Type" and "package.Type.Field"
	closed       bool                    // nothing else may be sent
	undocumented []string
}

func newSchemas(t *testing.T) *schemas {
	t.Helper()
	g := &schemas{schemas: map[string]any{}, types: map[string]reflect.Type{}, comments: map[string]string{}}
	for _, pattern := range []string{"*.go", "../*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool { g.note(file.Name.Name, n); return true })
		}
	}
	return g
}

func (g *schemas) note(pkg string, n ast.Node) {
	decl, ok := n.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, s := range decl.Specs {
		spec, ok := s.(*ast.TypeSpec)
		if !ok {
			continue
		}
		name := pkg + "." + spec.Name.Name
		g.comments[name] = text(decl.Doc, spec.Doc)
		fields, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, f := range fields.Fields.List {
			for _, id := range f.Names {
				g.comments[name+"."+id.Name] = text(f.Doc, f.Comment)
			}
		}
	}
}

func text(groups ...*ast.CommentGroup) string {
	for _, c := range groups {
		if c != nil {
			return strings.Join(strings.Fields(c.Text()), " ")
		}
	}
	return ""
}

// operation describes one address.
func (g *schemas) operation(o operation, needs Permission) map[string]any {
	if o.summary == "" || o.gives == nil {
		g.undocumented = append(g.undocumented, o.pattern)
	}
	says := strings.TrimSpace(o.says + " For everybody who is signed in.")
	out := map[string]any{"summary": o.summary, "operationId": operationID(o.pattern)}
	switch {
	case needs == Anybody:
		says, out["security"] = "For everybody.", []any{}
	case needs > Own:
		says = strings.TrimSpace(o.says + " Needs the permission " + needs.String() + ".")
	}
	out["description"] = says
	if list := g.parameters(o); len(list) > 0 {
		out["parameters"] = list
	}
	if o.takes != nil {
		g.closed = true
		out["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": g.of(reflect.TypeOf(o.takes))}}}
		g.closed = false
	}
	content := map[string]any{}
	if len(o.kinds) == 0 {
		o.kinds = []string{"application/json"}
	}
	for _, kind := range o.kinds {
		content[kind] = map[string]any{"schema": map[string]any{"type": "string"}}
		if strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "jsonl") {
			content[kind] = map[string]any{"schema": g.of(reflect.TypeOf(o.gives))}
		}
	}
	wrong := map[string]any{"description": "What is wrong", "content": map[string]any{"application/problem+json": map[string]any{"schema": g.of(reflect.TypeFor[problem]())}}}
	out["responses"] = map[string]any{"200": map[string]any{"description": o.summary, "content": content}, "default": wrong}
	return out
}

// operationID is a name for generated programs: getPeopleByKey.
func operationID(pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	id := strings.ToLower(method)
	for part := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(path, "/api/"), "v1/"), "/") {
		name, variable := strings.CutPrefix(strings.TrimSuffix(part, "}"), "{")
		name = strings.ReplaceAll(name, ".json", "")
		if variable {
			id += "By"
		}
		id += strings.ToUpper(name[:1]) + name[1:]
	}
	return id
}

func (g *schemas) parameters(o operation) (out []any) {
	_, path, _ := strings.Cut(o.pattern, " ")
	says := map[string]string{"key": "of the person, as the directory has it", "name": "of the program", "run": "its name, r12", "report": "its name", "seq": "number of the record"}
	for part := range strings.SplitSeq(path, "/") {
		if name, variable := strings.CutPrefix(strings.TrimSuffix(part, "}"), "{"); variable {
			out = append(out, map[string]any{"name": name, "in": "path", "required": true, "description": says[name], "schema": map[string]any{"type": "string"}})
		}
	}
	for _, p := range o.query {
		one := map[string]any{"name": p.name, "in": "query", "schema": map[string]any{"type": "string"}}
		if p.says != "" {
			one["description"] = p.says
		}
		out = append(out, one)
	}
	return out
}

// of is the schema of a type; structs get a place of their own.
func (g *schemas) of(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	case reflect.TypeFor[engine.Kind]():
		return enum(engine.Kinds())
	case reflect.TypeFor[engine.Op]():
		return enum(engine.Ops())
	case reflect.TypeFor[engine.Outcome]():
		return enum(engine.Outcomes())
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": g.of(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object"}
	case reflect.Struct:
		return g.object(t)
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer", "format": "int64"}
	}
	panic("no schema for " + t.String())
}

func enum[W ~string](words []W) map[string]any {
	return map[string]any{"type": "string", "enum": slices.Sorted(slices.Values(words))}
}

func (g *schemas) object(t reflect.Type) map[string]any {
	name := strings.ToUpper(t.Name()[:1]) + t.Name()[1:]
	name = strings.TrimSuffix(name, "JSON")
	if other := g.types[name]; other != nil && other != t {
		panic(name + " is two types: " + t.String() + " and " + other.String())
	}
	if g.types[name] = t; g.schemas[name] == nil {
		s := map[string]any{"type": "object"}
		g.schemas[name] = s // before its fields, which may lead back to it
		says := g.comments[t.String()]
		if says == "" {
			g.undocumented = append(g.undocumented, t.String())
		}
		_, says, _ = strings.Cut(says, " ")
		if first, rest, _ := strings.Cut(says, " "); first == "is" || first == "are" {
			says = rest
		}
		s["description"] = strings.ToUpper(says[:1]) + says[1:]
		properties, required := map[string]any{}, []string{}
		g.fields(t, properties, &required)
		slices.Sort(required)
		s["properties"], s["required"] = properties, required
		if g.closed {
			s["additionalProperties"] = false
		}
	}
	return map[string]any{"$ref": "#/components/schemas/" + name}
}

func (g *schemas) fields(t reflect.Type, properties map[string]any, required *[]string) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			g.fields(f.Type, properties, required)
			continue
		case name == "-" || !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		s := g.of(f.Type)
		if says := g.comments[t.String()+"."+f.Name]; says != "" {
			s["description"] = says
		}
		properties[name] = s
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}
