package engine_test

import (
	"fmt"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// TestDiff goes through all combinations of the seven sets for one holding, against the definitions of the design.
func TestDiff(t *testing.T) {
	for bits := range 1 << 7 {
		in := func(n int) bool { return bits>>n&1 == 1 }
		actual, giving, taking, desired, managed, withheld, keep := in(0), in(1), in(2), in(3), in(4), in(5), in(6)
		var s engine.Sets
		for n, set := range []*engine.Set{&s.Actual, &s.Giving, &s.Taking, &s.Desired, &s.Managed, &s.Withheld, &s.Keep} {
			set.Add(0, 7) // a neighbour, so that rows are shared now and then
			if in(n) {
				set.Add(1, 1)
			}
		}
		before := fmt.Sprint(show(&s.Actual), show(&s.Giving), show(&s.Taking), show(&s.Desired), show(&s.Managed))
		d := engine.Diff(&s)
		expected := (actual || giving) && !taking
		want := []bool{expected, actual && desired && !managed, desired && !expected && !withheld, expected && managed && !desired && !keep}
		for n, set := range []*engine.Set{&d.Expected, &d.Adopt, &d.Grant, &d.Revoke} {
			if set.Has(1, 1) != want[n] {
				t.Errorf("sets %07b: %s is %v", bits, []string{"expected", "adopt", "grant", "revoke"}[n], !want[n])
			}
		}
		if after := fmt.Sprint(show(&s.Actual), show(&s.Giving), show(&s.Taking), show(&s.Desired), show(&s.Managed)); after != before {
			t.Errorf("the diff changed its operands: %s, before %s", after, before)
		}
	}
}

func show(s *engine.Set) (out []string) {
	s.Each(func(e, a uint32) { out = append(out, fmt.Sprint(e, ":", a)) })
	return out
}
