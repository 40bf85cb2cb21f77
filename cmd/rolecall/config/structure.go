package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/rolecall/rolecall/engine"
)

// field is one key that a struct reads.
type field struct {
	name  string
	index []int
}

// fields lists the keys of a struct type. An embedded struct with the tag `yaml:",inline"` lends its keys.
func fields(t reflect.Type) (out []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if option == "inline" {
			for _, inner := range fields(f.Type) {
				out = append(out, field{inner.name, append([]int{i}, inner.index...)})
			}
			continue
		}
		if name != "" && name != "-" && f.IsExported() {
			out = append(out, field{name, []int{i}})
		}
	}
	return out
}

func names(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

// structure fills a struct. Keys that it does not know go to its Section, if it has one, else they are mistakes.
func (d *decoder) structure(n ast.Node, v reflect.Value) {
	if _, isScalar := n.(ast.ScalarNode); isScalar && v.Type() == reflect.TypeFor[engine.Secret]() {
		d.complain(n, "a secret is named here, never written", "write {env: NAME}, {file: PATH} or {credential: NAME}")
		return
	}
	pairs, ok := d.pairs(n)
	if !ok {
		return
	}
	known := fields(v.Type())
	rest := sectionOf(v)
	if rest != nil {
		*rest = Section{d: d, at: d.place(n), all: pairs, known: names(known)}
	}
	for _, p := range pairs {
		i := slices.IndexFunc(known, func(f field) bool { return f.name == keyOf(p) })
		switch {
		case i >= 0:
			d.value(p.Value, v.FieldByIndex(known[i].index))
		case rest == nil:
			d.unknownKey(p, names(known))
		}
	}
}

func (d *decoder) unknownKey(p *ast.MappingValueNode, known []string) {
	hint := engine.Suggest(keyOf(p), known)
	if hint == "" {
		known = slices.Clone(known)
		slices.Sort(known)
		hint = "keys that may stand here: " + strings.Join(known, ", ")
	}
	d.complain(p.Key, "unknown key \""+keyOf(p)+"\"", hint)
}

// Section is a mapping of which a part belongs to somebody else, who decodes it later.
type Section struct {
	d     *decoder
	at    engine.Place
	all   []*ast.MappingValueNode
	known []string // keys that the owner of the mapping reads
}

func sectionOf(v reflect.Value) *Section {
	for i := range v.NumField() {
		if v.Type().Field(i).Type != reflect.TypeFor[Section]() {
			continue
		}
		if s, ok := v.Field(i).Addr().Interface().(*Section); ok {
			return s
		}
	}
	return nil
}

// Decode fills a pointer to a struct from the keys that the mapping's owner does not read, and from those that both do.
// Any other key is a mistake. The error is an engine.Mistakes.
func (s Section) Decode(into any) error {
	if s.d == nil {
		return nil
	}
	d := newDecoder(s.d.file)
	d.anchors = s.d.anchors
	v := reflect.ValueOf(into).Elem()
	keys := fields(v.Type())
	for _, p := range s.all {
		i := slices.IndexFunc(keys, func(f field) bool { return f.name == keyOf(p) })
		switch {
		case i >= 0:
			d.value(p.Value, v.FieldByIndex(keys[i].index))
		case !slices.Contains(s.known, keyOf(p)):
			d.unknownKey(p, slices.Concat(names(keys), s.known))
		}
	}
	return d.mistakes.Err()
}

// Place is where the mapping stands.
func (s Section) Place() engine.Place { return s.at }

// shortOr fills a struct from a mapping, or only its main key from a single value.
func (d *decoder) shortOr(n ast.Node, short *string, whole any) {
	if _, isMapping := n.(*ast.MappingNode); isMapping {
		d.structure(n, reflect.ValueOf(whole).Elem())
		return
	}
	d.scalar(n, reflect.ValueOf(short).Elem())
}
