package httpconn

import (
	"slices"
	"sync"
	"testing"
)

// What panics beside others ends with a panic of the caller, who tells what is not known because of it; the others are finished.
func TestPanicInALane(t *testing.T) {
	var mu sync.Mutex
	var done []int
	defer func() {
		if p := recover(); p != "oops" {
			t.Errorf("the caller panics with %v", p)
		}
		if slices.Sort(done); !slices.Equal(done, []int{0, 2, 3}) {
			t.Errorf("done are %v", done)
		}
	}()
	Lanes(2, 0, 4, func(i int) string { return string(rune('a' + i)) }, func(all []int) {
		if all[0] == 1 {
			panic("oops")
		}
		mu.Lock()
		defer mu.Unlock()
		done = append(done, all...)
	})
	t.Error("nobody panics")
}
