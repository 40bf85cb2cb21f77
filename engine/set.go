package engine

import "github.com/RoaringBitmap/roaring/v2"

// Names gives small numbers to strings for the time of one plan, in the order in which they are first seen.
type Names struct {
	number map[string]uint32
	names  []string
}

// NewNames makes room for n names.
func NewNames(n int) *Names {
	return &Names{number: make(map[string]uint32, n), names: make([]string, 0, n)}
}

// Number finds or gives the number of a name.
func (n *Names) Number(name string) uint32 {
	if i, ok := n.number[name]; ok {
		return i
	}
	i := uint32(len(n.names))
	n.number[name] = i
	n.names = append(n.names, name)
	return i
}

// Find gives the number of a name that was seen.
func (n *Names) Find(name string) (uint32, bool) { i, ok := n.number[name]; return i, ok }

// Name is the inverse of Number.
func (n *Names) Name(i uint32) string { return n.names[i] }

// Len counts the names.
func (n *Names) Len() int { return len(n.names) }

// Set is a set of (account, entitlement) of one program, both by number: the accounts of each entitlement.
// Ten million holdings are some 16 MiB. The zero Set is empty. Not safe for concurrent changes.
type Set struct{ of []*numbers }

// Add puts one holding in.
func (s *Set) Add(entitlement, account uint32) {
	for int(entitlement) >= len(s.of) {
		s.of = append(s.of, nil)
	}
	if s.of[entitlement] == nil {
		s.of[entitlement] = &numbers{}
	}
	s.of[entitlement].add(account)
}

// Remove takes one holding out.
func (s *Set) Remove(entitlement, account uint32) { s.holders(entitlement).remove(account) }

// Has says whether a holding is in the set.
func (s *Set) Has(entitlement, account uint32) bool { return s.holders(entitlement).has(account) }

// Len counts the holdings.
func (s *Set) Len() int {
	n := 0
	for _, holders := range s.of {
		n += holders.len()
	}
	return n
}

// Holders counts the accounts that hold one entitlement.
func (s *Set) Holders(entitlement uint32) int { return s.holders(entitlement).len() }

// Accounts is the set of accounts that hold anything, as numbers in ascending order.
func (s *Set) Accounts() []uint32 {
	all := s.all()
	if all.many != nil {
		return all.many.ToArray()
	}
	return all.few
}

func (s *Set) accounts() *roaring.Bitmap { return s.all().bitmap() }

// all is a set of its own.
func (s *Set) all() *numbers {
	all := &numbers{}
	for _, holders := range s.of {
		switch {
		case holders.len() == 0:
		case holders.many == nil:
			holders.each(all.add)
		default:
			all.many, all.few = all.bitmap(), nil
			all.many.Or(holders.many)
		}
	}
	return all
}

// Each calls f for each holding, by ascending entitlement, then account.
func (s *Set) Each(f func(entitlement, account uint32)) {
	for e, holders := range s.of {
		holders.each(func(account uint32) { f(uint32(e), account) })
	}
}

// Clone copies the set.
func (s *Set) Clone() Set {
	c := Set{of: make([]*numbers, len(s.of))}
	for e, holders := range s.of {
		c.of[e] = holders.clone()
	}
	return c
}

// Minus is s − t. Like And and Or it changes neither operand, but the result may share rows with them: it is for reading.
func (s *Set) Minus(t *Set) Set {
	out := Set{of: make([]*numbers, len(s.of))}
	for e, holders := range s.of {
		out.of[e] = minus(holders, t.holders(uint32(e)))
	}
	return out
}

// And is s ∩ t.
func (s *Set) And(t *Set) Set {
	out := Set{of: make([]*numbers, min(len(s.of), len(t.of)))}
	for e := range out.of {
		out.of[e] = both(s.of[e], t.of[e])
	}
	return out
}

// Or is s ∪ t.
func (s *Set) Or(t *Set) Set {
	out := Set{of: make([]*numbers, max(len(s.of), len(t.of)))}
	for e := range out.of {
		out.of[e] = either(s.holders(uint32(e)), t.holders(uint32(e)))
	}
	return out
}

// holders are those of one entitlement, nil if there never was one.
func (s *Set) holders(entitlement uint32) *numbers {
	if int(entitlement) < len(s.of) {
		return s.of[entitlement]
	}
	return nil
}

// row is that as a bitmap, for reading; nil if there never was one.
func (s *Set) row(entitlement uint32) *roaring.Bitmap {
	if holders := s.holders(entitlement); holders != nil {
		return holders.bitmap()
	}
	return nil
}
