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

// Set is a set of (account, entitlement) of one program, both by number: a bitmap of accounts for each entitlement.
// Ten million holdings are some 16 MiB. The zero Set is empty. Not safe for concurrent changes.
type Set struct{ of []*roaring.Bitmap }

// Add puts one holding in.
func (s *Set) Add(entitlement, account uint32) {
	for int(entitlement) >= len(s.of) {
		s.of = append(s.of, nil)
	}
	if s.of[entitlement] == nil {
		s.of[entitlement] = roaring.New()
	}
	s.of[entitlement].Add(account)
}

// Remove takes one holding out.
func (s *Set) Remove(entitlement, account uint32) {
	if b := s.row(entitlement); b != nil {
		b.Remove(account)
	}
}

// Has says whether a holding is in the set.
func (s *Set) Has(entitlement, account uint32) bool {
	b := s.row(entitlement)
	return b != nil && b.Contains(account)
}

// Len counts the holdings.
func (s *Set) Len() int {
	n := 0
	for _, b := range s.of {
		if b != nil {
			n += int(b.GetCardinality())
		}
	}
	return n
}

// Holders counts the accounts that hold one entitlement.
func (s *Set) Holders(entitlement uint32) int {
	if b := s.row(entitlement); b != nil {
		return int(b.GetCardinality())
	}
	return 0
}

// Accounts is the set of accounts that hold anything, as numbers in ascending order.
func (s *Set) Accounts() []uint32 { return s.accounts().ToArray() }

func (s *Set) accounts() *roaring.Bitmap {
	all := roaring.New()
	for _, b := range s.of {
		if b != nil {
			all.Or(b)
		}
	}
	return all
}

// Each calls f for each holding, by ascending entitlement, then account.
func (s *Set) Each(f func(entitlement, account uint32)) {
	for e, b := range s.of {
		if b == nil {
			continue
		}
		for it := b.Iterator(); it.HasNext(); {
			f(uint32(e), it.Next())
		}
	}
}

// Clone copies the set.
func (s *Set) Clone() Set {
	c := Set{of: make([]*roaring.Bitmap, len(s.of))}
	for e, b := range s.of {
		if b != nil {
			c.of[e] = b.Clone()
		}
	}
	return c
}

// Minus is s − t. Like And and Or it changes neither operand, but the result may share rows with them: it is for reading.
func (s *Set) Minus(t *Set) Set {
	out := Set{of: make([]*roaring.Bitmap, len(s.of))}
	for e, a := range s.of {
		if b := t.row(uint32(e)); isEmpty(a) || isEmpty(b) {
			out.of[e] = a
		} else {
			out.of[e] = roaring.AndNot(a, b)
		}
	}
	return out
}

// And is s ∩ t.
func (s *Set) And(t *Set) Set {
	out := Set{of: make([]*roaring.Bitmap, min(len(s.of), len(t.of)))}
	for e := range out.of {
		if a, b := s.of[e], t.of[e]; !isEmpty(a) && !isEmpty(b) {
			out.of[e] = roaring.And(a, b)
		}
	}
	return out
}

// Or is s ∪ t.
func (s *Set) Or(t *Set) Set {
	out := Set{of: make([]*roaring.Bitmap, max(len(s.of), len(t.of)))}
	for e := range out.of {
		switch a, b := s.row(uint32(e)), t.row(uint32(e)); {
		case isEmpty(b):
			out.of[e] = a
		case isEmpty(a):
			out.of[e] = b
		default:
			out.of[e] = roaring.Or(a, b)
		}
	}
	return out
}

func isEmpty(b *roaring.Bitmap) bool { return b == nil || b.IsEmpty() }

func (s *Set) row(entitlement uint32) *roaring.Bitmap {
	if int(entitlement) < len(s.of) {
		return s.of[entitlement]
	}
	return nil
}
