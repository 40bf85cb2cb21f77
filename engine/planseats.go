package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// seatKept is the text of a FactSeat of somebody who joins, or joined, and for whom one is kept.
const seatKept = "kept"

// SeatPlan is what a plan says of the seats of one kind.
type SeatPlan struct {
	Program   string      `json:"program"`
	Kind      string      `json:"kind,omitempty"`
	Seats     int         `json:"seats"`             // that may be taken; NoSeatLimit: any number
	Taken     int         `json:"taken"`             // now, by whomever, with what is under way
	Given     int         `json:"given"`             // by this plan, also what waits for approval
	Free      int         `json:"free"`              // after what is given and kept; less than 0: too many are taken
	Told      *SeatCount  `json:"told,omitempty"`    // by the program itself
	Unknown   string      `json:"unknown,omitempty"` // why nobody knows how many are free: then none is given
	Kept      []SeatClaim `json:"kept"`              // for those who join
	Waiting   []SeatClaim `json:"waiting"`           // in their order
	Displaced []SeatClaim `json:"displaced"`         // who would make room for them if priority alone decided; nobody has to
	Buy       int         `json:"buy"`               // so many more, and nobody waits
}

// seating is the seats of one program while a plan is made.
type seating struct {
	p      *programPlan
	rules  *SeatRules
	kinds  []kindSeats
	base   Set                  // what the program shows or may show: what is taken counts until it is seen to be gone
	giving Set                  // the same with what is being given
	asking map[uint32][]*Change // what is to be given, by account,
	gains  map[uint32][]*Change // and of that what can be given yet
	facts  map[FactKey]bool     // that stay
	plans  []SeatPlan
}

// kindSeats is one kind with who takes it.
type kindSeats struct {
	*SeatKind
	rights map[uint32]bool // that need it, by number
	taken  *roaring.Bitmap
	seen   *roaring.Bitmap // of taken, what the program shows
}

// seats decides who gets a seat where there are too few: the changes of the others are blocked, with their place in the list. It
// takes a seat from nobody.
func (b *builder) seats() {
	for _, p := range b.programs {
		if p.program.Seats == nil {
			p.forgetSeats(nil)
			continue
		}
		s := p.newSeating()
		for _, rest := range []bool{false, true} { // who gets none of a kind that a right needs may take one of the kind for the rest
			for i := range s.kinds {
				if rest == (len(s.kinds[i].For) == 0) {
					s.plans = append(s.plans, s.allot(i))
				}
			}
		}
		slices.SortFunc(s.plans, func(x, y SeatPlan) int { return strings.Compare(x.Kind, y.Kind) })
		s.mark()
		s.budget()
		p.forgetSeats(s)
		s.notices()
		b.plan.Seats = append(b.plan.Seats, s.plans...)
		p.seating = s
	}
}

func (p *programPlan) newSeating() *seating {
	s := &seating{p: p, rules: p.program.Seats, facts: map[FactKey]bool{}}
	s.base = p.reading.held.Or(&p.sets.Actual)
	s.giving = s.base.Or(&p.sets.Giving)
	s.othersGiving()
	for i := range s.rules.Kinds {
		k := kindSeats{SeatKind: &s.rules.Kinds[i], rights: map[uint32]bool{}}
		for n := range uint32(p.reading.rights.Len()) {
			if k.needs(p.reading.rights.Name(n)) {
				k.rights[n] = true
			}
		}
		s.kinds = append(s.kinds, k)
	}
	now, then := s.takers(&s.base), s.takers(&s.giving)
	for i := range s.kinds {
		s.kinds[i].seen, s.kinds[i].taken = now[i], roaring.Or(now[i], then[i])
	}
	s.asking = p.given()
	p.dependencies() // what can't be made anyway takes no seat
	s.gains = p.given()
	for account, changes := range s.gains { // an account that nobody may use is not made
		if !slices.ContainsFunc(changes, func(c *Change) bool { return c.right != p.exists }) {
			delete(s.gains, account)
		}
	}
	return s
}

// given are the changes that give something, by account.
func (p *programPlan) given() map[uint32][]*Change {
	out := map[uint32][]*Change{}
	for i := range p.changes() {
		if c := &p.changes()[i]; c.Op.Gives() && c.Op != OpAdopt && c.account != none && (c.State == Ready || c.State == NeedsApproval) {
			out[c.account] = append(out[c.account], c)
		}
	}
	return out
}

// othersGiving: a plan for one person knows no others, whose open work takes seats all the same.
func (s *seating) othersGiving() {
	if s.p.b.s.Person == "" {
		return
	}
	for i := range s.p.b.s.Memory.Open {
		if c := &s.p.b.s.Memory.Open[i].Change; c.Program == s.p.program.Name && c.Person != s.p.b.s.Person && c.Op.Gives() {
			s.giving.Add(s.p.reading.rights.Number(c.Right()), s.p.reading.accounts.Number(c.Account))
		}
	}
}

// takers are the accounts that take a seat, by kind.
func (s *seating) takers(of *Set) []*roaring.Bitmap {
	active := s.usable(of)
	out, rest := make([]*roaring.Bitmap, len(s.kinds)), active.Clone()
	for i := range s.kinds {
		out[i] = roaring.New()
		for right := range s.kinds[i].rights {
			if row := of.row(right); row != nil {
				out[i].Or(row)
			}
		}
		if !s.kinds[i].Suspended {
			out[i].And(active)
		}
		rest.AndNot(out[i])
	}
	for i := range s.kinds {
		if len(s.kinds[i].For) == 0 {
			out[i] = rest
		}
	}
	return out
}

// usable are the accounts that can be used: those that are active, or being made; all of a program that does not tell.
func (s *seating) usable(of *Set) *roaring.Bitmap {
	if s.p.active == none {
		return of.accounts()
	}
	out := roaring.New()
	if row := of.row(s.p.active); row != nil {
		out.Or(row)
	}
	if s.p.exists == none {
		return out
	}
	if made := s.giving.row(s.p.exists); made != nil && of == &s.giving {
		before := roaring.New()
		if row := s.base.row(s.p.exists); row != nil {
			before = row
		}
		out.Or(roaring.AndNot(made, before))
	}
	return out
}

// claimed is what an account holds and is given.
type claimed struct {
	s       *seating
	account uint32
	gained  map[uint32]bool
}

func (c *claimed) has(right uint32) bool {
	return c.gained[right] || c.s.giving.Has(right, c.account)
}

// needs says which kinds an account takes once it is given what it gains, and does not take yet.
func (s *seating) needs(account uint32) []bool {
	c := claimed{s, account, map[uint32]bool{}}
	for _, change := range s.gains[account] {
		c.gained[change.right] = true
	}
	usable := s.p.active == none || c.has(s.p.active) || s.p.exists != none && c.gained[s.p.exists]
	out := s.kindsOf(len(c.gained) > 0 && usable, usable, c.has)
	for i := range out {
		out[i] = out[i] && !s.kinds[i].taken.Contains(account)
	}
	return out
}

// kindsOf says which kinds an account takes; rest: it takes one of the kind for the rest unless it takes another one.
func (s *seating) kindsOf(rest, usable bool, has func(right uint32) bool) []bool {
	out := make([]bool, len(s.kinds))
	for i := range s.kinds {
		for right := range s.kinds[i].rights {
			out[i] = out[i] || has(right) && (usable || s.kinds[i].Suspended)
		}
		rest = rest && !out[i]
	}
	for i := range s.kinds {
		if len(s.kinds[i].For) == 0 {
			out[i] = rest
		}
	}
	return out
}

// allot gives the free seats of one kind.
func (s *seating) allot(i int) SeatPlan {
	k := &s.kinds[i]
	sp := SeatPlan{Program: s.p.program.Name, Kind: k.Name, Seats: k.Count, Taken: int(k.taken.GetCardinality()), Kept: []SeatClaim{}, Waiting: []SeatClaim{}, Displaced: []SeatClaim{}}
	claims := s.claims(i)
	if k.Count == NoSeatLimit {
		sp.Given = len(claims)
		return sp
	}
	s.limit(k, &sp)
	free := sp.Free
	if sp.Unknown != "" {
		free = 0
	}
	given, waiting := AllotSeats(free, claims)
	for j := range given {
		s.give(k, &given[j], &sp, len(waiting) > 0)
	}
	sp.Free -= len(given)
	for j := range waiting {
		s.wait(i, &waiting[j], len(waiting), &sp)
	}
	sp.Buy = max(0, len(waiting)-max(0, sp.Free))
	if sp.Unknown == "" {
		sp.Displaced = s.displaced(k, waiting)
	}
	return sp
}

// limit counts what is free: by what the list shows and by what the program says, whichever is less.
func (s *seating) limit(k *kindSeats, sp *SeatPlan) {
	r := s.p.reading
	if !s.p.complete {
		sp.Unknown = "the list of " + s.p.program.Name + " is not complete"
	}
	if r.countsSeats {
		s.told(k, sp)
	}
	sp.Free = sp.Seats - sp.Taken
}

// told takes into account what the program says of its seats. What it should say and does not is not enough.
func (s *seating) told(k *kindSeats, sp *SeatPlan) {
	r := s.p.reading
	n := slices.IndexFunc(r.seatCounts, func(c SeatCount) bool { return c.Kind == k.Name })
	switch {
	case r.seatsUnread != "":
		sp.Unknown = s.p.program.Name + " does not say how many seats are taken: " + r.seatsUnread
	case n < 0 || r.seatCounts[n].Used < 0:
		sp.Unknown = s.p.program.Name + " does not say how many of these seats are taken"
	default:
		t := r.seatCounts[n]
		sp.Told = &t
		sp.Taken = max(sp.Taken, t.Used+int(roaring.AndNot(k.taken, k.seen).GetCardinality()))
		sp.Seats = t.most(sp.Seats)
	}
}

// claims are all those who should have a seat of one kind and take none.
func (s *seating) claims(i int) (out []SeatClaim) {
	k := &s.kinds[i]
	for account, changes := range s.gains {
		if len(changes) == 0 || !s.needs(account)[i] {
			continue
		}
		c := SeatClaim{Person: changes[0].Person, Login: changes[0].Login, Name: changes[0].Name, Since: Instant(s.p.b.s.Now), account: account}
		for _, change := range s.asking[account] {
			if len(k.For) == 0 || k.rights[change.right] {
				c.Priority = max(c.Priority, s.priority(change.Rules))
			}
		}
		if f, ok := s.fact(k, c.Person); ok {
			c.Since, c.Joiner = f.Since, f.Text == seatKept
		}
		out = append(out, c)
	}
	if k.Count == NoSeatLimit {
		return out
	}
	return append(append(out, s.joiners(i)...), s.others(k)...)
}

// priority is the highest of some rules.
func (s *seating) priority(rules []string) (most int) {
	for _, name := range rules {
		if r, ok := s.p.b.rule(name); ok {
			most = max(most, r.Priority)
		}
	}
	return most
}

func (s *seating) key(k *kindSeats, person string) FactKey {
	return FactKey{Kind: FactSeat, Program: s.p.program.Name, Person: person, Key: k.Name}
}

func (s *seating) fact(k *kindSeats, person string) (Fact, bool) {
	return s.p.b.s.Memory.Fact(s.key(k, person))
}

// remember keeps since when somebody asks, from the first time that seats are too few: until they have one, or should have none.
func (s *seating) remember(k *kindSeats, c *SeatClaim) {
	f := Fact{FactKey: s.key(k, c.Person), Since: Instant(c.Since), Count: c.Priority}
	if c.Joiner {
		f.Text = seatKept
	}
	s.p.b.set(f)
	s.facts[f.FactKey] = true
}

// give notes a seat that is given, or kept for somebody who joins.
func (s *seating) give(k *kindSeats, c *SeatClaim, sp *SeatPlan, scarce bool) {
	_, asked := s.fact(k, c.Person)
	switch {
	case c.account == none && c.Joins.IsZero(): // another one than the plan is for
		sp.Given++
		return
	case c.account == none:
		sp.Kept = append(sp.Kept, *c)
	default:
		sp.Given++
	}
	if scarce || asked || c.Joiner {
		s.remember(k, c)
	}
}

// wait blocks what needs the seat, and what would be of no use without.
func (s *seating) wait(i int, c *SeatClaim, of int, sp *SeatPlan) {
	if c.account == none && c.Joins.IsZero() {
		return
	}
	sp.Waiting = append(sp.Waiting, *c)
	s.remember(&s.kinds[i], c)
	if c.account == none {
		return
	}
	reason := fmt.Sprintf("waiting for %s: %s of %d, since %s (%s)", s.kinds[i].called(s.p.program.Name), ordinal(c.Place), of, c.Since.UTC().Format(time.DateOnly), sp.short())
	s.block(c.account, reason, func(change *Change) bool { return s.kinds[i].rights[change.right] })
	if s.needs(c.account)[i] || !s.ofUse(c.account) {
		s.block(c.account, reason, func(*Change) bool { return true })
	}
}

func (s *seating) block(account uint32, reason string, which func(*Change) bool) {
	var rest []*Change
	for _, c := range s.gains[account] {
		if which(c) {
			c.State, c.Reason = Blocked, reason
		} else {
			rest = append(rest, c)
		}
	}
	s.gains[account] = rest
}

// ofUse: what is left gives more than an account that nothing can be done with.
func (s *seating) ofUse(account uint32) bool {
	return slices.ContainsFunc(s.gains[account], func(c *Change) bool { return c.right != s.p.active && c.right != s.p.exists || len(c.Rules) > 0 })
}
