package engine

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// taken says, by kind, which seats an account takes: usable, if it can be used; needs, whether it holds a right that needs the kind.
// Plans, their marks and costs, and reports all go by it.
func (r *SeatRules) taken(usable bool, needs func(kind int) bool) []bool {
	out, rest := make([]bool, len(r.Kinds)), usable
	for i := range r.Kinds {
		if k := &r.Kinds[i]; len(k.For) > 0 {
			out[i] = (usable || k.Suspended) && needs(i)
			rest = rest && !out[i]
		}
	}
	for i := range r.Kinds {
		if len(r.Kinds[i].For) == 0 {
			out[i] = rest
		}
	}
	return out
}

// kindSeats is one kind with who takes it.
type kindSeats struct {
	*SeatKind
	rights map[uint32]bool // that need it, by number
	taken  *roaring.Bitmap // now, or once what is under way and what this plan takes has happened, or a part of that
	seen   *roaring.Bitmap // of taken, what the program shows
}

func (s *seating) kind(k *SeatKind) kindSeats {
	out := kindSeats{SeatKind: k, rights: map[uint32]bool{}, taken: roaring.New(), seen: roaring.New()}
	for n := range uint32(s.p.reading.rights.Len()) {
		if k.needs(s.p.reading.rights.Name(n)) {
			out.rights[n] = true
		}
	}
	return out
}

// kindsOf says which kinds an account takes that holds these rights.
func (s *seating) kindsOf(account uint32, has func(right uint32) bool) []bool {
	return s.rules.taken(s.usable(account, has), func(i int) bool {
		for right := range s.kinds[i].rights {
			if has(right) {
				return true
			}
		}
		return false
	})
}

// usable: it is active, or is being made; any of a program that does not tell which are, if it holds anything.
func (s *seating) usable(account uint32, has func(right uint32) bool) bool {
	if s.p.active != none {
		return has(s.p.active) || s.p.exists != none && has(s.p.exists) && !s.base.Has(s.p.exists, account)
	}
	for right := range uint32(s.p.reading.rights.Len()) {
		if has(right) {
			return true
		}
	}
	return false
}

// takers notes who takes a seat, by kind.
func (s *seating) takers() {
	rows, usable := make([]*roaring.Bitmap, len(s.kinds)), s.base.accounts()
	for i := range s.kinds {
		rows[i] = roaring.New()
		for right := range s.kinds[i].rights {
			if row := s.base.row(right); row != nil {
				rows[i].Or(row)
			}
		}
	}
	all := usable
	if s.p.active != none {
		if usable = s.base.row(s.p.active); usable == nil {
			usable = roaring.New()
		}
	}
	for it := all.Iterator(); it.HasNext(); {
		account := it.Next()
		s.note(account, s.rules.taken(usable.Contains(account), func(i int) bool { return rows[i].Contains(account) }), true)
	}
	s.mayTake()
}

// mayTake adds what accounts may take that something is given to or taken from: who loses a right may need a seat of another kind.
func (s *seating) mayTake() {
	touched := s.under.accounts()
	touched.Or(s.losing.accounts())
	for it := touched.Iterator(); it.HasNext(); {
		account := it.Next()
		for _, from := range []*Set{&s.base, &s.giving} {
			for _, less := range []*Set{{}, &s.taking, &s.losing} {
				s.note(account, s.kindsOf(account, func(right uint32) bool { return from.Has(right, account) && !less.Has(right, account) }), false)
			}
		}
	}
}

func (s *seating) note(account uint32, takes []bool, seen bool) {
	for i := range takes {
		if takes[i] {
			s.kinds[i].taken.Add(account)
		}
		if takes[i] && seen {
			s.kinds[i].seen.Add(account)
		}
	}
}

// needs says which kinds an account takes once it is given what it gains, whether or not it has lost by then what this plan takes, and
// does not take yet.
func (s *seating) needs(account uint32) []bool {
	gained := map[uint32]bool{}
	for _, change := range s.gains[account] {
		gained[change.right] = true
	}
	out := make([]bool, len(s.kinds))
	if len(gained) == 0 {
		return out
	}
	for _, less := range []*Set{{}, &s.losing} {
		takes := s.kindsOf(account, func(right uint32) bool {
			return gained[right] || s.giving.Has(right, account) && !less.Has(right, account)
		})
		for i := range takes {
			out[i] = out[i] || takes[i] && !s.kinds[i].taken.Contains(account)
		}
	}
	return out
}

// loses is what is being taken, and then what this plan takes as well: what waits for its time is not lost before.
func (s *seating) loses() {
	s.taking = s.p.sets.Taking.Clone()
	s.others(Op.Takes, &s.taking)
	s.losing = s.taking.Clone()
	for i := range s.p.changes() {
		if c := &s.p.changes()[i]; c.Op.Takes() && c.account != none && (c.State == Ready || c.State == NeedsApproval) {
			s.losing.Add(c.right, c.account)
		}
	}
}

// others: a plan for one person knows no others, whose open work gives and takes seats all the same.
func (s *seating) others(way func(Op) bool, to *Set) {
	if s.p.b.s.Person == "" {
		return
	}
	for i := range s.p.b.s.Memory.Open {
		if c := &s.p.b.s.Memory.Open[i].Change; c.Program == s.p.program.Name && c.Person != s.p.b.s.Person && way(c.Op) {
			to.Add(s.p.reading.rights.Number(c.Right()), s.p.reading.accounts.Number(c.Account))
		}
	}
}

// gives are the changes that give something, by account. What can't be made anyway takes no seat, and an account that nobody may
// use is not made.
func (s *seating) gives() map[uint32][]*Change {
	s.p.dependencies()
	out := map[uint32][]*Change{}
	for i := range s.p.changes() {
		c := &s.p.changes()[i]
		if !c.Op.Gives() || c.Op == OpAdopt || c.account == none {
			continue
		}
		made := c.State == Ready || c.State == NeedsApproval
		if made {
			out[c.account] = append(out[c.account], c)
		}
		if made || c.baseless { // what waits for the account itself says how much it is wanted
			s.named[c.account] = append(s.named[c.account], c)
		}
	}
	for account, changes := range out {
		if !slices.ContainsFunc(changes, func(c *Change) bool { return c.right != s.p.exists }) {
			delete(out, account)
		}
	}
	return out
}
