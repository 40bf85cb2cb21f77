package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNumbers does the same to numbers and to a map, with few, with many, and with as many as are kept in a list.
func TestNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		a, mapA := someNumbers(r)
		b, mapB := someNumbers(r)
		was := [2][]uint32{list(a), list(b)}
		for name, c := range map[string]struct {
			have *numbers
			want func(x uint32) bool
		}{
			"minus":  {minus(a, b), func(x uint32) bool { return mapA[x] && !mapB[x] }},
			"both":   {both(a, b), func(x uint32) bool { return mapA[x] && mapB[x] }},
			"either": {either(a, b), func(x uint32) bool { return mapA[x] || mapB[x] }},
			"clone":  {a.clone(), func(x uint32) bool { return mapA[x] }},
		} {
			var want []uint32
			for x := range uint32(mostNumber) {
				if c.want(x) {
					want = append(want, x)
				}
				if c.have.has(x) != c.want(x) {
					t.Fatalf("%s of %v and %v: has %d is %v", name, was[0], was[1], x, c.have.has(x))
				}
			}
			if have := list(c.have); !slices.Equal(have, want) || c.have.len() != len(want) {
				t.Fatalf("%s of %v and %v: %v, want %v", name, was[0], was[1], have, want)
			}
		}
		if !slices.Equal(was[0], list(a)) || !slices.Equal(was[1], list(b)) {
			t.Fatalf("operands were changed: %v, %v", was, [2][]uint32{list(a), list(b)})
		}
	}
}

const mostNumber = 2*mostFew + 10

func someNumbers(r *rand.Rand) (*numbers, map[uint32]bool) {
	n, held := &numbers{}, map[uint32]bool{}
	for range []int{0, 1, 3, 10, mostFew + 2, 4 * mostFew}[r.IntN(6)] {
		x := r.Uint32N(mostNumber)
		if r.IntN(5) == 0 {
			n.remove(x)
			delete(held, x)
		} else {
			n.add(x)
			held[x] = true
		}
	}
	if len(held) == 0 && r.IntN(2) == 0 {
		return nil, held
	}
	return n, held
}

func list(n *numbers) (out []uint32) {
	n.each(func(x uint32) { out = append(out, x) })
	return out
}
