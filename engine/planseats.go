package engine

import (
	"slices"

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
	under  Set                  // what is being given
	giving Set                  // base with that
	taking Set                  // what is being taken
	losing Set                  // the same with what this plan takes
	named  map[uint32][]*Change // what would be given if the account were there, by account
	asking map[uint32][]*Change // what is to be given, by account,
	pass
	facts map[FactKey]bool // that stay
	wants map[uint64]int   // kind, account → priority, once it was asked for

	out          map[uint32]int  // accounts that get none of any kind in this plan, since they wait for this one
	retry, tried map[uint32]bool // of those: for whom there is one after all
}

// pass is one try to give all kinds.
type pass struct {
	gains   map[uint32][]*Change // of what is asked what can be given yet
	blocked map[*Change]string   // reasons
	gave    map[uint32]bool      // accounts that are given a seat of any kind
	noted   []Fact               // who asks
	plans   []SeatPlan
	again   bool // who was given a seat waits for one of another kind, and gave it back
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
		s.allotAll()
		s.mark()
		s.budget()
		p.forgetSeats(s)
		s.notices()
		b.plan.Seats = append(b.plan.Seats, s.plans...)
		p.seating = s
	}
}

func (p *programPlan) newSeating() *seating {
	s := &seating{p: p, rules: p.program.Seats, facts: map[FactKey]bool{}, wants: map[uint64]int{}, named: map[uint32][]*Change{}, out: map[uint32]int{}, tried: map[uint32]bool{}}
	s.base = p.reading.held.Or(&p.sets.Actual)
	s.under = p.sets.Giving.Clone()
	s.others(Op.Gives, &s.under)
	s.giving = s.base.Or(&s.under)
	s.loses()
	for i := range s.rules.Kinds {
		s.kinds = append(s.kinds, s.kind(&s.rules.Kinds[i]))
	}
	s.takers()
	s.asking = s.gives()
	return s
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
		counted := roaring.AndNot(k.seen, s.givenLately())
		sp.Taken = max(sp.Taken, t.Used+int(roaring.AndNot(k.taken, counted).GetCardinality()))
		sp.Seats = t.most(sp.Seats)
	}
}

// givenLately are accounts that Rolecall gave something within the lag of the program: it need not count them yet.
func (s *seating) givenLately() *roaring.Bitmap {
	out, lag := roaring.New(), s.p.program.Describes.Lag
	since := s.p.reading.Proof.Started.Add(-lag)
	for i := range s.p.mem.Rows {
		if row := &s.p.mem.Rows[i]; lag > 0 && row.Managed && row.Seen && !s.p.changedAt(row).Before(since) {
			out.Add(row.Account)
		}
	}
	return out
}
