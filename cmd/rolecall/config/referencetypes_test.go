package config

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/file"
	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/connectors/manual"
	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
)

// reference knows the types of the configuration and their comments.
type reference struct {
	comments     map[string]string // package.Type.Field → comment in one line
	undocumented []string
}

// kind is a kind of directory or program and the settings that belong to it.
type kind struct {
	name     string
	settings reflect.Type
}

func directoryKinds() []kind {
	return []kind{{"csv", reflect.TypeFor[FileSource]()}, {"ldif", reflect.TypeFor[FileSource]()}, {"ldap", reflect.TypeFor[LDAPSource]()}}
}

func programKinds() []kind {
	return []kind{{"file", reflect.TypeFor[file.Config]()}, {"git", reflect.TypeFor[file.GitConfig]()}, {"http", reflect.TypeFor[rest.Config]()}, {"ldap-group", reflect.TypeFor[ldapgroup.Config]()},
		{"manual", reflect.TypeFor[manual.Config]()}, {"scim", reflect.TypeFor[scim.Config]()}, {"sql", reflect.TypeFor[sql.Config]()}}
}

// words are the values of keys that take one of a few words.
func words() map[string][]any {
	return map[string][]any{
		"config.Program.Revoke": {"never", "managed", "all"}, "config.Program.Repair": {"report", "regrant"}, "config.Program.Away": {"keep", "suspend"},
		"config.Leavers.Unmanaged": {"suspend", "approve", "report"}, "config.Directory.Authority": {"people"}, "config.Price.Per": {"month", "year"}, "config.Contract.Renews": {"month", "quarter", "year"},
		"config.LDAPSource.Profile": {"openldap", "ad", "389ds", "freeipa"}, "config.File.Version": {Version}, "config.Expect.Of": {"revoke", "leavers", "grant"},
	}
}

func newReference(t *testing.T) *reference {
	t.Helper()
	r := &reference{comments: map[string]string{}}
	for _, dir := range []string{".", "../../../engine", "../../../engine/directory", "../../../engine/httpconn", "../../../connectors/file", "../../../connectors/http", "../../../connectors/ldapgroup", "../../../connectors/manual", "../../../connectors/scim", "../../../connectors/sql"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			r.read(f.Name.Name, f)
		}
	}
	return r
}

func (r *reference) read(pkg string, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					text := strings.Join(strings.Fields(field.Doc.Text()+field.Comment.Text()), " ")
					r.comments[pkg+"."+spec.Name.Name+"."+name.Name] = text
				}
			}
		}
		return true
	})
}

func id(t reflect.Type, f reflect.StructField) string {
	return t.PkgPath()[strings.LastIndexByte(t.PkgPath(), '/')+1:] + "." + t.Name() + "." + f.Name
}

func (r *reference) comment(t reflect.Type, f reflect.StructField) string {
	text := r.comments[id(t, f)]
	if text == "" && !strings.HasPrefix(t.PkgPath(), "github.com/rolecall/rolecall/connectors") { // a connector's key may speak for itself
		r.undocumented = append(r.undocumented, id(t, f))
	}
	return text
}

func (r *reference) schema() map[string]any {
	root := r.object(reflect.TypeFor[File](), nil)
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "Rolecall configuration"
	root["required"] = []string{"version", "directories", "programs", "leavers"}
	p := root["properties"].(map[string]any)
	p["directories"] = map[string]any{"type": "array", "minItems": 1, "items": r.oneOf(reflect.TypeFor[Directory](), directoryKinds(), "name")}
	p["programs"] = map[string]any{"type": "object", "minProperties": 1, "propertyNames": map[string]any{"pattern": nameForm.String()},
		"additionalProperties": r.oneOf(reflect.TypeFor[Program](), programKinds(), "revoke")}
	return root
}

func (r *reference) oneOf(common reflect.Type, kinds []kind, required string) map[string]any {
	var all []any
	for _, k := range kinds {
		s := r.object(common, k.settings)
		s["properties"].(map[string]any)["kind"] = map[string]any{"const": k.name}
		s["required"] = []string{"kind", required}
		all = append(all, s)
	}
	return map[string]any{"oneOf": all}
}

// object is the schema of a struct, with the keys of a second one added or put in their place.
func (r *reference) object(t, more reflect.Type) map[string]any {
	properties := map[string]any{}
	for _, of := range []reflect.Type{t, more} {
		if of == nil {
			continue
		}
		for _, f := range fields(of) {
			field := of.FieldByIndex(f.index)
			s := r.value(field.Type)
			if list, ok := words()[id(of, field)]; ok {
				s = map[string]any{"enum": list}
			}
			if text := r.comment(of, field); text != "" {
				s["description"] = text
			}
			properties[f.name] = s
		}
	}
	return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
}

func (r *reference) value(t reflect.Type) map[string]any {
	either := func(list ...any) map[string]any { return map[string]any{"anyOf": list} }
	text := map[string]any{"type": []string{"string", "number", "boolean"}}
	switch t {
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^(\d+[wdhms]|\d+ms)+$|^0$`}
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date"}
	case reflect.TypeFor[Attribute](), reflect.TypeFor[Canary]():
		return either(text, r.object(t, nil))
	case reflect.TypeFor[Seats]():
		return either(map[string]any{"type": "integer"}, map[string]any{"type": "object", "additionalProperties": r.value(reflect.TypeFor[SeatKind]())})
	case reflect.TypeFor[SeatKind]():
		return either(map[string]any{"type": "integer"}, r.object(t, nil))
	case reflect.TypeFor[Patterns]():
		return either(text, map[string]any{"type": "array", "items": text}, map[string]any{"type": "object"})
	case reflect.TypeFor[engine.Secret]():
		s := r.object(t, nil)
		s["minProperties"], s["maxProperties"] = 1, 1
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return r.value(t.Elem())
	case reflect.Struct:
		return r.object(t, nil)
	case reflect.Slice:
		item := r.value(t.Elem())
		return either(item, map[string]any{"type": "array", "items": item})
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": r.value(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": text["type"]}
}

// section is one table of the reference.
type section struct {
	title, text string
	rows        []rowOf
}

type rowOf struct{ key, value, standard, text string }

func (r *reference) sections() []section {
	out := r.tables("The file", "", "", reflect.ValueOf(Defaults()).Elem())
	out = append(out, r.tables("directories", "A list.", "directories[].", reflect.ValueOf(Directory{}))...)
	for _, k := range directoryKinds() {
		if k.name != "ldif" { // it shares its keys with csv
			name := strings.Replace(k.name, "csv", "csv and ldif", 1)
			out = append(out, r.kind("directories", name, k.settings)...)
		}
	}
	out = append(out, r.tables("programs", "A mapping from the program's name.", "programs.NAME.", reflect.ValueOf(Program{}))...)
	for _, k := range programKinds() {
		out = append(out, r.kind("programs", k.name, k.settings)...)
	}
	return out
}

// kind is the tables of what one kind has of its own; each title says the kind, for several have keys of one name.
func (r *reference) kind(of, name string, settings reflect.Type) []section {
	out := r.tables(of, "", "", reflect.Zero(settings))
	for i := range out {
		out[i].title += " of kind " + name
	}
	return out
}

// tables is the table of a struct, and those of the structs in it.
func (r *reference) tables(title, text, prefix string, v reflect.Value) []section {
	s := section{title: title, text: text}
	var below []section
	for _, f := range fields(v.Type()) {
		field, value := v.Type().FieldByIndex(f.index), v.FieldByIndex(f.index)
		row := rowOf{key: f.name, value: word(field.Type), standard: standard(value), text: r.comment(v.Type(), field)}
		if list, ok := words()[id(v.Type(), field)]; ok {
			row.value = joined(list)
		}
		s.rows = append(s.rows, row)
		if inner := nested(field.Type); inner != nil && inner != reflect.TypeFor[Directory]() && inner != reflect.TypeFor[Program]() {
			if value.Kind() != reflect.Struct {
				value = reflect.Zero(inner)
			}
			below = append(below, r.tables(prefix+f.name, "", prefix+f.name+".", value)...)
		}
	}
	return append([]section{s}, below...)
}

func joined(list []any) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = fmt.Sprintf("`%v`", w)
	}
	return strings.Join(out, ", ")
}

// nested is the struct that a key's value is made of, nil if it is none worth a table.
func nested(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[engine.Secret]() || t == reflect.TypeFor[time.Time]() {
		return nil
	}
	return t
}

func word(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "span"
	case reflect.TypeFor[time.Time]():
		return "date"
	case reflect.TypeFor[engine.Secret]():
		return "secret"
	case reflect.TypeFor[Patterns]():
		return "list or mapping"
	case reflect.TypeFor[Seats]():
		return "number or mapping"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return word(t.Elem())
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct:
		return "mapping"
	case reflect.Bool:
		return "true, false"
	case reflect.Int, reflect.Float64:
		return "number"
	}
	return "text"
}

func standard(v reflect.Value) string {
	if v.IsZero() || v.Kind() == reflect.Struct || v.Kind() == reflect.Pointer {
		return ""
	}
	if d, ok := v.Interface().(time.Duration); ok {
		return "`" + FormatDuration(d) + "`"
	}
	return fmt.Sprintf("`%v`", v.Interface())
}
