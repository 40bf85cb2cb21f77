package enginetest

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Whatever is changed in a record, its hash is another one.
func TestLeafHoldsEveryField(t *testing.T) {
	full := func() *engine.Record {
		return &engine.Record{Rules: []string{"a"}, Why: []string{"b"}, Data: json.RawMessage("{}"), Set: []engine.Fact{{Data: json.RawMessage("{}")}}, Clear: []engine.FactKey{{}}}
	}
	seen := map[string]string{leaf("", full()): "nothing", leaf("x", full()): "the hash before it"}
	check := func(name string, r *engine.Record) {
		hash := leaf("", r)
		if other, ok := seen[hash]; ok {
			t.Errorf("a change of %s makes the same hash as a change of %s", name, other)
		}
		seen[hash] = name
	}
	for _, part := range []func(*engine.Record) reflect.Value{
		func(r *engine.Record) reflect.Value { return reflect.ValueOf(r).Elem() },
		func(r *engine.Record) reflect.Value { return reflect.ValueOf(&r.Set[0]).Elem() },
		func(r *engine.Record) reflect.Value { return reflect.ValueOf(&r.Set[0].FactKey).Elem() },
		func(r *engine.Record) reflect.Value { return reflect.ValueOf(&r.Clear[0]).Elem() },
	} {
		for i := range part(full()).NumField() {
			r := full()
			v := part(r)
			if name := v.Type().Field(i).Name; name != "Hash" && change(v.Field(i)) {
				check(v.Type().String()+"."+name, r)
			}
		}
	}
}

// change puts another value there, and says whether it knew how.
func change(v reflect.Value) bool {
	switch v.Interface().(type) {
	case engine.FactKey: // has fields of its own
		return false
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMicro(1)))
		return true
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	default:
		panic("a field of kind " + v.Kind().String())
	}
	return true
}
