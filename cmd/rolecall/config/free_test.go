package config

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a plug-in is configured with is nobody's business but its own.
func TestFreeValues(t *testing.T) {
	for text, want := range map[string]any{
		"config: {path: a.json, size: 12, share: 0.5, on: true, code: \"007\", tags: [x, 1], more: {Deep: {a: b}}, big: 1_000}\n": map[string]any{
			"path": "a.json", "size": int64(12), "share": 0.5, "on": true, "code": "007", "tags": []any{"x", int64(1)}, "more": map[string]any{"Deep": map[string]any{"a": "b"}}, "big": int64(1000)},
		"config: {}\n": map[string]any{},
	} {
		var into struct {
			Config map[string]any `yaml:"config"`
		}
		d := newDecoder("x")
		d.value(d.parse([]byte(text)), reflect.ValueOf(&into).Elem())
		if diff := cmp.Diff(want, any(into.Config)); diff != "" || len(d.mistakes) > 0 {
			t.Errorf("%s: %v\n%s", text, d.mistakes, diff)
		}
	}
	for _, text := range []string{"config: {a: }\n", "config: {a: 1, a: 2}\n", "config: {a: !!binary x}\n", "config: [1]\n"} {
		var into struct {
			Config map[string]any `yaml:"config"`
		}
		d := newDecoder("x")
		if d.value(d.parse([]byte(text)), reflect.ValueOf(&into).Elem()); len(d.mistakes) == 0 {
			t.Errorf("%s is accepted", text)
		}
	}
}
