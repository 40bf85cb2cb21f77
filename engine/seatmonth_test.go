package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A seat costs by the time for which it was taken, by the price of each moment, and what nobody took is a use of its own.
func TestSeatBill(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2027, 1, n, 0, 0, 0, 0, time.UTC) }
	whole := [2]time.Time{day(1), day(11)} // ten days
	euros := func(month float64, seats int) *SeatRules {
		return &SeatRules{Kinds: []SeatKind{{Count: seats, Price: SeatPrice{Month: month, Currency: "EUR"}}}}
	}
	span := func(account, right string, from, until int) SeatSpan {
		s := SeatSpan{Account: account, Person: "of " + account, Right: right, From: day(from)}
		if until > 0 {
			s.Until = day(until)
		}
		return s
	}
	kinds := &SeatRules{Kinds: []SeatKind{{Name: "full", For: []string{"edit"}, Count: NoSeatLimit, Suspended: true, Price: SeatPrice{Month: 20, Currency: "EUR"}}, {Name: "view", Count: NoSeatLimit, Price: SeatPrice{Month: 5, Currency: "EUR"}}}}
	for name, c := range map[string]struct {
		spans []SeatSpan
		rules []RulesSince
		known [2]time.Time
		want  string
	}{
		"all the time":                    {[]SeatSpan{span("a", Active, -5, 0)}, []RulesSince{{day(-9), euros(10, NoSeatLimit)}}, whole, " a 1.00 10.00 EUR"},
		"a part":                          {[]SeatSpan{span("a", Active, 3, 5)}, []RulesSince{{day(-9), euros(10, NoSeatLimit)}}, whole, " a 0.20 2.00 EUR"},
		"twice":                           {[]SeatSpan{span("a", Active, -3, 2), span("a", Active, 10, 0)}, []RulesSince{{day(-9), euros(10, NoSeatLimit)}}, whole, " a 0.20 2.00 EUR"},
		"two rights are one seat":         {[]SeatSpan{span("a", Active, 1, 6), span("a", "x", 2, 3)}, []RulesSince{{day(1), euros(10, NoSeatLimit)}}, whole, " a 0.50 5.00 EUR"},
		"free":                            {[]SeatSpan{span("a", Active, 1, 6)}, []RulesSince{{day(1), euros(10, 2)}}, whole, "  1.50 15.00 EUR;  a 0.50 5.00 EUR"},
		"another price from then on":      {[]SeatSpan{span("a", Active, 1, 0)}, []RulesSince{{day(-9), euros(10, NoSeatLimit)}, {day(6), euros(30, NoSeatLimit)}}, whole, " a 1.00 20.00 EUR"},
		"no price at first":               {[]SeatSpan{span("a", Active, 1, 0)}, []RulesSince{{day(-9), nil}, {day(6), euros(30, NoSeatLimit)}}, whole, " a 0.50 15.00 EUR"},
		"what is known":                   {[]SeatSpan{span("a", Active, 1, 0)}, []RulesSince{{day(-9), euros(10, 2)}}, [2]time.Time{day(6), day(9)}, "  0.30 3.00 EUR;  a 0.30 3.00 EUR"},
		"suspended, and a right of it":    {[]SeatSpan{span("a", Active, 1, 6), span("a", "edit", 1, 0)}, []RulesSince{{day(1), kinds}}, whole, "full a 1.00 20.00 EUR"},
		"another kind":                    {[]SeatSpan{span("a", Active, 1, 0), span("a", "edit", 6, 0)}, []RulesSince{{day(1), kinds}}, whole, "full a 0.50 10.00 EUR; view a 0.50 2.50 EUR"},
		"one leaves and another takes it": {[]SeatSpan{span("a", Active, 1, 6), span("b", Active, 6, 0)}, []RulesSince{{day(1), euros(10, 1)}}, whole, " a 0.50 5.00 EUR;  b 0.50 5.00 EUR"},
		"not active":                      {[]SeatSpan{span("a", Exists, 1, 0)}, []RulesSince{{day(1), euros(10, NoSeatLimit)}}, whole, ""},
		"nothing is known":                {nil, nil, whole, ""},
	} {
		got := ""
		for i, u := range SeatBill(c.spans, c.rules, true, c.known, whole) {
			if i > 0 {
				got += "; "
			}
			if got += fmt.Sprintf("%s %s %.2f %.2f %s", u.Kind, u.Account, u.Seats, u.Cost, u.Currency); u.Account != "" && u.Person != "of "+u.Account {
				t.Errorf("%s: %+v", name, u)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q instead of %q", name, got, c.want)
		}
	}
}

// Whoever adds up finds what was paid: the price of all that is paid for, moment by moment.
func TestSeatBillComesToWhatIsPaid(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	hour := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Hour) }
	const hours = 240
	for range 200 {
		price := SeatPrice{Month: 10, Currency: "EUR", Minimum: random.IntN(4), Tiers: []SeatTier{{Above: 2 + random.IntN(3), Month: 6}}}
		rules := &SeatRules{Kinds: []SeatKind{{Count: random.IntN(6) - 1, Price: price}}}
		var spans []SeatSpan
		for n := range random.IntN(12) {
			s := SeatSpan{Account: fmt.Sprint("a", n%5), Right: Active, From: hour(random.IntN(hours) - 50)}
			if random.IntN(3) > 0 {
				s.Until = s.From.Add(time.Duration(1+random.IntN(hours)) * time.Hour)
			}
			if s.Until.IsZero() || s.Until.After(begin) {
				spans = append(spans, s)
			}
		}
		want := 0.0
		for n := range hours {
			taken := map[string]bool{}
			for _, s := range spans {
				if !s.From.After(hour(n)) && (s.Until.IsZero() || s.Until.After(hour(n))) {
					taken[s.Account] = true
				}
			}
			k := &rules.Kinds[0]
			want += price.Of(k.Paid(len(taken))) / hours
		}
		got := 0.0
		for _, u := range SeatBill(spans, []RulesSince{{begin, rules}}, true, [2]time.Time{begin, hour(hours)}, [2]time.Time{begin, hour(hours)}) {
			got += u.Cost
		}
		if math.Abs(got-want) > 1e-6 {
			t.Fatalf("%v instead of %v: %+v, %+v", got, want, rules, spans)
		}
	}
}
