package engine

import (
	"cmp"
	"context"
	"path"
	"slices"
	"time"
)

// SeatRules is what is configured about the seats of one program.
type SeatRules struct {
	Kinds    []SeatKind    // sorted by name
	Reserve  time.Duration // people who join within it have a seat kept for them; 0: nobody has
	Contract SeatContract
}

// SeatKind is one kind of seat. An account takes a seat of every kind that one of its rights needs; an active account whose
// rights need none takes one of the kind without For.
type SeatKind struct {
	Name      string   // "" where a program has one kind
	For       []string // path.Match patterns of the rights that need it; empty: what takes no other kind
	Count     int      // how many there are; NoSeatLimit: any number
	Suspended bool     // accounts that are suspended and hold such a right take one, too; only with For
	Price     SeatPrice
}

// NoSeatLimit is the Count of a kind of which any number may be taken.
const NoSeatLimit = -1

// called is the kind in sentences.
func (k *SeatKind) called(program string) string {
	if k.Name == "" {
		return "a seat of " + program
	}
	return "a " + quote(k.Name) + " seat of " + program
}

// Paid is how many seats are paid for while so many are taken.
func (k *SeatKind) Paid(taken int) int { return max(taken, k.Count, k.Price.Minimum) }

// needs says whether a right needs a seat of the kind. The account itself and its existence need none by themselves.
func (k *SeatKind) needs(right string) bool {
	return right != Active && right != Exists && slices.ContainsFunc(k.For, func(pattern string) bool {
		ok, err := path.Match(pattern, right)
		return err == nil && ok
	})
}

// SeatPrice is what seats of one kind cost in a month. The zero value is no price.
type SeatPrice struct {
	Month    float64 // of one seat
	Currency string  // ISO 4217, "" if there is no price
	Tiers    []SeatTier
	Minimum  int // seats that are paid for whether taken or not
}

// SeatTier is what each seat above so many costs, up to the next tier. Tiers are sorted by Above.
type SeatTier struct {
	Above int
	Month float64
}

// Seat is what the n-th seat costs in a month; the first is 1.
func (p *SeatPrice) Seat(n int) float64 {
	month := p.Month
	for _, t := range p.Tiers {
		if n > t.Above {
			month = t.Month
		}
	}
	return month
}

// Of is what n seats cost in a month, or the minimum if that is more.
func (p *SeatPrice) Of(n int) (sum float64) {
	n = max(n, p.Minimum)
	bounds := append(slices.Clone(p.Tiers), SeatTier{Above: n})
	from, month := 0, p.Month
	for _, t := range bounds {
		to := max(from, min(n, t.Above))
		sum += float64(to-from) * month
		from, month = to, t.Month
	}
	return sum
}

// SeatContract says when fewer seats can be paid for.
type SeatContract struct {
	Ends   time.Time     // first moment after it, zero: it does not end
	Notice time.Duration // how long before the end it must be given up
	Budget float64       // what may be spent in a month, in the currency of the first kind with a price; 0: it is not said
	Hold   bool          // what goes beyond the budget needs approval
	Renews int           // months by which it goes on by itself if it is not given up in time; 0: it ends
}

// Term is when the contract next ends unless it goes on, and by when it must be given up for that: both zero without an end. One
// that goes on by itself, and whose notice is over, ends a term later.
func (c *SeatContract) Term(now time.Time) (ends, notice time.Time) {
	if c.Ends.IsZero() {
		return ends, notice
	}
	last := c.Ends.AddDate(0, 0, -1) // the day, since it is that which goes on by months: 30 January, 28 February
	for n := 0; ; n++ {
		ends = addMonths(last, n*c.Renews).AddDate(0, 0, 1)
		if notice = ends.Add(-c.Notice); c.Renews == 0 || now.Before(notice) || n == mostTerms {
			return ends, notice
		}
	}
}

// mostTerms bounds how far an old contract is followed: a hundred years of months.
const mostTerms = 1200

// addMonths keeps to the last day of a month that is too short.
func addMonths(t time.Time, n int) time.Time {
	day := t.AddDate(0, n, 0)
	if day.Day() != t.Day() {
		day = day.AddDate(0, 0, -day.Day())
	}
	return day
}

// limited says whether a program has any kind of seat that can run out.
func (r *SeatRules) limited() bool {
	return r != nil && slices.ContainsFunc(r.Kinds, func(k SeatKind) bool { return k.Count != NoSeatLimit })
}

// SeatCounter is the optional ability to say how many seats there are and how many are taken. A kind is named as the
// configuration names it; "" is the only one of a program without kinds. What is not told is no zero: see SeatCount.
type SeatCounter interface {
	Seats(ctx context.Context) ([]SeatCount, error)
}

// SeatCount is what a program says of one kind of seat.
type SeatCount struct {
	Kind  string `json:"kind,omitempty"`
	Total int    `json:"total"` // SeatsUntold: it does not say
	Used  int    `json:"used"`  // the same
}

// SeatsUntold is a number of seats that a program does not tell.
const SeatsUntold = -1

// SeatClaim is somebody who should have a seat of one kind and has none.
type SeatClaim struct {
	Person   string    `json:"person"` // key
	Login    string    `json:"login,omitempty"`
	Name     string    `json:"name,omitempty"`
	Priority int       `json:"priority"`         // of the rules that give what needs it, the highest
	Since    time.Time `json:"since"`            // when it was first seen to be wanted and not there
	Joins    time.Time `json:"joins,omitzero"`   // a seat is kept for whoever joins then
	Joiner   bool      `json:"joiner,omitempty"` // a seat was kept, or is, for whoever joins
	Place    int       `json:"place,omitempty"`  // in the waiting list, 1 is next; 0: gets one

	account uint32
}

// before is the order in which seats are given: by priority, then those for whom one is kept, then who asked first.
func (c *SeatClaim) before(d *SeatClaim) int {
	first := func(yes, other bool) int {
		if yes == other {
			return 0
		} else if yes {
			return -1
		}
		return 1
	}
	return cmp.Or(-cmp.Compare(c.Priority, d.Priority), first(c.Joiner, d.Joiner), c.Since.Compare(d.Since), cmp.Compare(c.Person, d.Person))
}

// AllotSeats decides who of those that have no seat gets one of the free ones. Who has a seat keeps it and is no claim. The
// claims are sorted by their order; the first ones get a seat, and the others have their place in the waiting list. Fewer than
// none are free where too many are taken. AllotSeats is pure but for the order of its argument.
func AllotSeats(free int, claims []SeatClaim) (given, waiting []SeatClaim) {
	slices.SortStableFunc(claims, func(a, b SeatClaim) int { return a.before(&b) })
	n := max(0, min(free, len(claims)))
	for i := range claims[n:] {
		claims[n+i].Place = i + 1
	}
	return claims[:n], claims[n:]
}
