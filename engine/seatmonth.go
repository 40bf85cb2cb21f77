package engine

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// SeatSpan is a right that an account held for a time, and whose the account was.
type SeatSpan struct {
	Account, Person, Right string
	From, Until            time.Time // Until zero: still
}

// RulesSince are the seats and prices of a program from a time on; nil: it had none.
type RulesSince struct {
	From  time.Time
	Rules *SeatRules
}

// SeatUse is what an account's seat of one kind came to in a time, as a part of the whole time.
type SeatUse struct {
	Kind     string
	Account  string // "": seats that are paid for and nobody took
	Person   string
	Seats    float64 // on average
	Cost     float64 // of a month's price
	Currency string
}

// SeatBill adds up what seats of one program cost from one time to another by the prices of then: at each moment every seat that is paid
// for costs the same share of what is paid for all. tells: the program says which accounts are active. Spans and rules are of the whole
// time, rules in the order of their beginning; before the first of them nothing costs anything. known is the part that may be counted; the
// whole is what a price is of. Sorted by kind, currency, account.
func SeatBill(spans []SeatSpan, rules []RulesSince, tells bool, known, whole [2]time.Time) []SeatUse {
	b := &seatBill{tells: tells, at: known[0], length: whole[1].Sub(whole[0]).Seconds(), rights: map[string]map[string]int{}, person: map[string]string{}, uses: map[useKey]*SeatUse{}}
	moves := b.moves(spans, known)
	for len(moves) > 0 || len(rules) > 0 {
		at := known[1]
		if len(moves) > 0 && moves[0].at.Before(at) {
			at = moves[0].at
		}
		if len(rules) > 0 && rules[0].From.Before(at) {
			at = rules[0].From
		}
		if !at.Before(known[1]) {
			break
		}
		if at.Before(b.at) { // rules of before
			at = b.at
		}
		b.upTo(at)
		for ; len(moves) > 0 && !moves[0].at.After(at); moves = moves[1:] {
			b.move(&moves[0])
		}
		for ; len(rules) > 0 && !rules[0].From.After(at); rules = rules[1:] {
			b.govern(rules[0].Rules)
		}
	}
	b.upTo(known[1])
	b.govern(nil)
	return b.sorted()
}

// rightMove is a right that an account begins or ends to hold.
type rightMove struct {
	at             time.Time
	account, right string
	by             int
}

type useKey struct{ kind, currency, account string }

type seatBill struct {
	tells  bool
	at     time.Time
	length float64
	rules  *SeatRules
	kinds  []kindBill
	rights map[string]map[string]int // by account
	takes  map[string][]taking       // by account, of each kind
	person map[string]string
	uses   map[useKey]*SeatUse
}

// kindBill sums up what one seat of the kind has cost since these rules count.
type kindBill struct {
	taken       int
	cost, shown float64 // of one seat that was there all the time; shown is the time itself
}

// taking is a seat that an account has, and what one had cost when it began.
type taking struct {
	is          bool
	cost, shown float64
}

func (b *seatBill) moves(spans []SeatSpan, known [2]time.Time) (out []rightMove) {
	for i := range spans {
		s := &spans[i]
		if s.Person != "" || b.person[s.Account] == "" {
			b.person[s.Account] = s.Person
		}
		out = append(out, rightMove{s.From, s.Account, s.Right, 1})
		if !s.Until.IsZero() {
			out = append(out, rightMove{s.Until, s.Account, s.Right, -1})
		}
	}
	for i := range out {
		if out[i].at.Before(known[0]) {
			out[i].at = known[0]
		}
	}
	slices.SortStableFunc(out, func(a, b rightMove) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.account, b.account)) })
	return out
}

// upTo lets time pass.
func (b *seatBill) upTo(at time.Time) {
	part := at.Sub(b.at).Seconds() / b.length
	b.at = at
	if b.rules == nil || part <= 0 {
		return
	}
	for i := range b.kinds {
		k, n := &b.rules.Kinds[i], &b.kinds[i]
		n.shown += part
		paid := k.Paid(n.taken)
		if k.Price.Currency == "" || paid <= 0 {
			continue
		}
		each := k.Price.Of(paid) / float64(paid) * part
		n.cost += each
		if free := paid - n.taken; free > 0 {
			b.use(k, "", part*float64(free), each*float64(free))
		}
	}
}

func (b *seatBill) use(k *SeatKind, account string, seats, cost float64) {
	key := useKey{k.Name, k.Price.Currency, account}
	u := b.uses[key]
	if u == nil {
		u = &SeatUse{Kind: k.Name, Account: account, Person: b.person[account], Currency: k.Price.Currency}
		b.uses[key] = u
	}
	u.Seats, u.Cost = u.Seats+seats, u.Cost+cost
}

func (b *seatBill) move(m *rightMove) {
	held := b.rights[m.account]
	if held == nil {
		held = map[string]int{}
		b.rights[m.account] = held
	}
	if held[m.right] += m.by; held[m.right] == 0 {
		delete(held, m.right)
	}
	if b.rules != nil {
		b.seat(m.account, b.kindsOf(held))
	}
	if len(held) == 0 {
		delete(b.rights, m.account)
	}
}

// kindsOf are the kinds of seats that an account with these rights takes.
func (b *seatBill) kindsOf(held map[string]int) []bool {
	usable := len(held) > 0
	if b.tells {
		usable = held[Active] > 0
	}
	return b.rules.taken(usable, func(i int) bool {
		for right := range held {
			if b.rules.Kinds[i].needs(right) {
				return true
			}
		}
		return false
	})
}

// seat has an account take these kinds of seats from now on.
func (b *seatBill) seat(account string, takes []bool) {
	has := b.takes[account]
	if has == nil {
		has = make([]taking, len(takes))
		b.takes[account] = has
	}
	for i := range takes {
		k := &b.kinds[i]
		switch {
		case takes[i] && !has[i].is:
			k.taken++
			has[i] = taking{true, k.cost, k.shown}
		case !takes[i] && has[i].is:
			k.taken--
			if kind := &b.rules.Kinds[i]; kind.Price.Currency != "" {
				b.use(kind, account, k.shown-has[i].shown, k.cost-has[i].cost)
			}
			has[i] = taking{}
		}
	}
}

// govern puts other rules in force: what was taken by the former ones is settled.
func (b *seatBill) govern(rules *SeatRules) {
	for account, has := range b.takes {
		b.seat(account, make([]bool, len(has)))
	}
	b.rules, b.takes, b.kinds = rules, map[string][]taking{}, nil
	if rules == nil {
		return
	}
	b.kinds = make([]kindBill, len(rules.Kinds))
	for account, held := range b.rights {
		b.seat(account, b.kindsOf(held))
	}
}

func (b *seatBill) sorted() (out []SeatUse) {
	for _, u := range b.uses {
		if u.Seats > 0 {
			out = append(out, *u)
		}
	}
	slices.SortFunc(out, func(x, y SeatUse) int {
		return cmp.Or(strings.Compare(x.Kind, y.Kind), strings.Compare(x.Currency, y.Currency), strings.Compare(x.Account, y.Account))
	})
	return out
}
