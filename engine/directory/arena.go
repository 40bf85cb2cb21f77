package directory

import "strings"

// arena hands out small slices of big blocks: one allocation for thousands of people instead of one for each.
type arena[T any] struct {
	free  []T
	block int // the size of the last one
}

// Blocks grow to the largest: a directory of a few people takes little.
const smallestBlock, largestBlock = 64, 4096

// copy gives the values a place of their own; appending to the result never touches a neighbour.
func (a *arena[T]) copy(values []T) []T {
	if len(values) == 0 {
		return nil
	}
	if len(values) > len(a.free) {
		a.block = min(max(smallestBlock, 2*a.block), largestBlock)
		a.free = make([]T, max(a.block, len(values)))
	}
	out := a.free[:len(values):len(values)]
	a.free = a.free[len(values):]
	copy(out, values)
	return out
}

// interner keeps one copy of strings that come again and again (titles, departments). It is a small cache, not a map of
// everything: values that people do not share cost nothing but a look.
type interner struct {
	slots [][]string
	taken int
}

// It grows to so many slots, as people share more strings than it has.
const fewestSlots, mostSlots = 64, 4096

// of gives the text, one gives it as a list of its own.
func (in *interner) of(s string) string { return in.one(s, nil)[0] }

func (in *interner) one(s string, lists *arena[string]) []string {
	slot := in.slot(s)
	if len(*slot) == 0 || (*slot)[0] != s {
		own := [1]string{strings.Clone(s)} // s may be part of a big buffer
		if lists == nil {
			lists = &arena[string]{free: make([]string, 1)}
		}
		if len(*slot) == 0 {
			in.taken++
		}
		*slot = lists.copy(own[:])
	}
	return *slot
}

// slot is the one place where a string may be.
func (in *interner) slot(s string) *[]string {
	if in.taken*2 >= len(in.slots) && len(in.slots) < mostSlots {
		in.grow()
	}
	h := uint32(2166136261) // FNV-1a, 32 bits
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return &in.slots[h%uint32(len(in.slots))]
}

func (in *interner) grow() {
	old := in.slots
	in.slots, in.taken = make([][]string, max(fewestSlots, 4*len(old))), 0
	for _, list := range old {
		if len(list) > 0 {
			*in.slot(list[0]) = list
			in.taken++
		}
	}
}
