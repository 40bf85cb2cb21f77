package engine

import (
	"slices"
	"time"
)

// Stay is how long an account took a seat, or held one of the rights that show it does, as far as was seen.
type Stay struct {
	Account string
	From    time.Time
	Until   time.Time // zero: still
}

// SeatDay is how many seats were taken on a day.
type SeatDay struct {
	Day     time.Time // when it began
	Peak    int
	Average float64 // over the part of the day that is known and over
}

// SeatDays counts the seats of one program on each day from the beginning of one up to now. Days before anything was seen are left out:
// nothing is known of them.
func SeatDays(stays []Stay, from, now time.Time) (out []SeatDay) {
	c := newSeatCount(stays)
	if c.first.IsZero() {
		return nil
	}
	for day := from; day.Before(now); day = day.AddDate(0, 0, 1) {
		end := day.AddDate(0, 0, 1)
		if end.After(now) {
			end = now
		}
		if !end.After(c.first) {
			c.pass(end)
			continue
		}
		begin := day
		if begin.Before(c.first) {
			begin = c.first
		}
		c.pass(begin)
		d := SeatDay{Day: day, Peak: c.taken()}
		d.Average = c.over(begin, end, &d.Peak)
		out = append(out, d)
	}
	return out
}

// seatMove is an account that begins or ends to hold something.
type seatMove struct {
	at      time.Time
	account string
	by      int
}

// seatCount goes through moves in their order.
type seatCount struct {
	moves []seatMove
	next  int
	holds map[string]int // by account that holds anything
	first time.Time      // when something was seen first
}

func newSeatCount(stays []Stay) *seatCount {
	c := &seatCount{holds: map[string]int{}}
	for _, s := range stays {
		if c.first.IsZero() || s.From.Before(c.first) {
			c.first = s.From
		}
		c.moves = append(c.moves, seatMove{s.From, s.Account, 1})
		if !s.Until.IsZero() {
			c.moves = append(c.moves, seatMove{s.Until, s.Account, -1})
		}
	}
	slices.SortStableFunc(c.moves, func(a, b seatMove) int {
		if n := a.at.Compare(b.at); n != 0 {
			return n
		}
		return a.by - b.by // a seat that one leaves and another takes is one
	})
	return c
}

func (c *seatCount) taken() int { return len(c.holds) }

// pass makes the moves up to an instant and at it, so that what ends with it is over.
func (c *seatCount) pass(to time.Time) {
	for ; c.next < len(c.moves) && !c.moves[c.next].at.After(to); c.next++ {
		c.move()
	}
}

func (c *seatCount) move() {
	m := c.moves[c.next]
	if c.holds[m.account] += m.by; c.holds[m.account] == 0 {
		delete(c.holds, m.account)
	}
}

// over gives the average from one instant to before another, and raises the peak.
func (c *seatCount) over(from, to time.Time, peak *int) float64 {
	area, at := 0.0, from
	for c.next < len(c.moves) && c.moves[c.next].at.Before(to) {
		now := c.moves[c.next].at
		area += float64(c.taken()) * now.Sub(at).Seconds()
		for at = now; c.next < len(c.moves) && c.moves[c.next].at.Equal(at); c.next++ {
			c.move()
		}
		*peak = max(*peak, c.taken())
	}
	area += float64(c.taken()) * to.Sub(at).Seconds()
	return area / to.Sub(from).Seconds()
}
