package engine

import (
	"reflect"
	"testing"
	"time"
)

// TestChangeJSON: whatever is in a change, it is written as json does. Each field is given some value, by itself and with all others.
func TestChangeJSON(t *testing.T) {
	texts := []string{"", "plain", "é", "<b>&", "a\"b\\c", "line\nend", "\u2028", "\xff", "\x7f"}
	due, all := time.Date(2027, 1, 4, 9, 0, 0, 5000, time.UTC), Change{}
	compare := func(c Change) {
		t.Helper()
		if have, want := string(c.appendJSON(nil)), string(mustJSON(&c)); have != want {
			t.Errorf("%s\nwant %s", have, want)
		}
	}
	compare(all)
	for i := range reflect.TypeFor[Change]().NumField() {
		if !reflect.TypeFor[Change]().Field(i).IsExported() {
			continue
		}
		for _, text := range texts {
			one := Change{}
			for _, c := range []*Change{&one, &all} {
				v := reflect.ValueOf(c).Elem().Field(i)
				switch f := v.Addr().Interface().(type) {
				case *[]string:
					*f = []string{text, "more"}
				case **time.Time:
					*f = &due
				case **NewAccount:
					*f = &NewAccount{Name: text, Person: "p" + text}
					if text != "" {
						(*f).Attributes = map[string]string{text: text}
					}
				case *[]Cost:
					*f = make([]Cost, 1)
				default:
					setPlain(t, v, text)
				}
			}
			compare(one)
			compare(all)
		}
	}
	if n := reflect.TypeFor[NewAccount]().NumField(); n != 3 {
		t.Errorf("a new account has %d fields: write them, too", n)
	}
	compare(Change{Why: []string{}, Rules: []string{}, Seats: []string{}, Costs: []Cost{}})
}

func setPlain(t *testing.T, v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(text != "")
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(-len(text)))
	default:
		t.Fatalf("a field of type %s is new: write it, too", v.Type())
	}
}
