package engine

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// numbers is a set of numbers: a sorted list while they are few, as are the holders of most rights, and a bitmap once there are many.
// The zero value is empty, and so is nil, to which nothing can be added.
type numbers struct {
	few   []uint32
	many  *roaring.Bitmap // instead, if not nil
	first [4]uint32       // where few begins, to spare an allocation
}

// mostFew is how many are kept in a list.
const mostFew = 32

func (n *numbers) add(x uint32) {
	if n.many != nil {
		n.many.Add(x)
		return
	}
	at, found := slices.BinarySearch(n.few, x)
	switch {
	case found:
	case len(n.few) >= mostFew:
		n.many, n.few = n.bitmap(), nil
		n.many.Add(x)
	case n.few == nil:
		n.few = append(n.first[:0], x)
	default:
		n.few = slices.Insert(n.few, at, x)
	}
}

func (n *numbers) remove(x uint32) {
	if n == nil {
		return
	}
	if n.many != nil {
		n.many.Remove(x)
	} else if at, found := slices.BinarySearch(n.few, x); found {
		n.few = slices.Delete(n.few, at, at+1)
	}
}

func (n *numbers) has(x uint32) bool {
	if n == nil {
		return false
	}
	if n.many != nil {
		return n.many.Contains(x)
	}
	_, found := slices.BinarySearch(n.few, x)
	return found
}

func (n *numbers) len() int {
	switch {
	case n == nil:
		return 0
	case n.many != nil:
		return int(n.many.GetCardinality())
	}
	return len(n.few)
}

// each gives them in ascending order.
func (n *numbers) each(f func(x uint32)) {
	if n == nil {
		return
	}
	for _, x := range n.few {
		f(x)
	}
	if n.many != nil {
		for it := n.many.Iterator(); it.HasNext(); {
			f(it.Next())
		}
	}
}

// bitmap is for reading: it may be the set itself.
func (n *numbers) bitmap() *roaring.Bitmap {
	if n.many != nil {
		return n.many
	}
	return roaring.BitmapOf(n.few...)
}

func (n *numbers) clone() *numbers {
	switch {
	case n == nil:
		return nil
	case n.many != nil:
		return &numbers{many: n.many.Clone()}
	}
	return &numbers{few: slices.Clone(n.few)}
}

// those of a list that are asked for, nil if none.
func (n *numbers) those(which func(x uint32) bool) *numbers {
	out := &numbers{}
	for _, x := range n.few {
		if which(x) {
			out.add(x)
		}
	}
	if len(out.few) == 0 {
		return nil
	}
	return out
}

// minus is a − b. Like the others it may be one of the two itself.
func minus(a, b *numbers) *numbers {
	switch {
	case a.len() == 0 || b.len() == 0:
		return a
	case a.many == nil:
		return a.those(func(x uint32) bool { return !b.has(x) })
	}
	switch common(a, b) {
	case 0:
		return a
	case a.len():
		return nil
	}
	return &numbers{many: roaring.AndNot(a.many, b.bitmap())}
}

// both is a ∩ b.
func both(a, b *numbers) *numbers {
	switch {
	case a.len() == 0 || b.len() == 0:
		return nil
	case a.many == nil:
		return a.those(b.has)
	case b.many == nil:
		return b.those(a.has)
	}
	switch common(a, b) {
	case a.len():
		return a
	case b.len():
		return b
	}
	return &numbers{many: roaring.And(a.many, b.many)}
}

// either is a ∪ b.
func either(a, b *numbers) *numbers {
	switch {
	case b.len() == 0:
		return a
	case a.len() == 0:
		return b
	case a.many == nil && b.many == nil:
		out := a.clone()
		for _, x := range b.few {
			out.add(x)
		}
		return out
	}
	switch common(a, b) {
	case a.len():
		return b
	case b.len():
		return a
	}
	return &numbers{many: roaring.Or(a.bitmap(), b.bitmap())}
}

// common counts a ∩ b, which most often is all of one of the two or nothing: nothing new is needed then.
func common(a, b *numbers) (n int) {
	if a.many != nil && b.many != nil {
		return int(a.many.AndCardinality(b.many))
	}
	if a.many == nil {
		a, b = b, a
	}
	for _, x := range b.few {
		if a.many.Contains(x) {
			n++
		}
	}
	return n
}
