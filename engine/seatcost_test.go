package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// priced shows what a plan's lines cost, and the sums.
func priced(p *engine.Plan) string {
	var out []string
	for _, c := range p.Changes {
		for _, cost := range c.Costs {
			line := fmt.Sprintf("%s %s %g", c.Op, c.Person, cost.Month)
			if cost.Paid {
				line += " paid"
			}
			if cost.From != nil {
				line += " from " + cost.From.Format(time.DateOnly)
			}
			out = append(out, line)
		}
	}
	for _, m := range p.Money {
		out = append(out, fmt.Sprintf("%s +%g -%g bill %g", m.Currency, m.Costs, m.Saves, m.Bill))
	}
	return strings.Join(out, ", ")
}

func (w *world) costs(want string) {
	w.t.Helper()
	p, err := w.engine.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if got := priced(p); got != want {
		w.t.Errorf("the plan costs\n  %s\nwant\n  %s", got, want)
	}
}

// Each line says what its seat costs or saves: by tier, against what is paid for anyway, and from when.
func TestPlansSayWhatTheyCost(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Count: engine.NoSeatLimit, Price: engine.SeatPrice{Month: 10, Currency: "EUR", Minimum: 1, Tiers: []engine.SeatTier{{Above: 2, Month: 8}}}})
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.hire("carl", "c")
	w.costs("grant k-ann 10 paid, grant k-bob 10, grant k-carl 8, EUR +28 -0 bill 18")
	w.apply()
	w.program("wiki").Seats.Contract = engine.SeatContract{Ends: w.now.Add(60 * 24 * time.Hour), Notice: 90 * 24 * time.Hour, Renews: 12}
	w.costs("")
	w.fire("bob")
	w.costs("suspend k-bob -8, EUR +0 -8 bill -8")
	w.program("wiki").Seats.Kinds[0].Count = 3 // all are paid for
	w.costs("suspend k-bob -8 paid from 2027-05-01, EUR +0 -8 bill 0")
}

// Whoever waits for a seat costs nothing.
func TestWhoWaitsCostsNothing(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Count: 1, Price: engine.SeatPrice{Month: 10, Currency: "EUR"}})
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.costs("grant k-ann 10 paid, EUR +10 -0 bill 0")
}

func TestSeatPrices(t *testing.T) {
	p := engine.SeatPrice{Month: 10, Currency: "EUR", Minimum: 5, Tiers: []engine.SeatTier{{Above: 10, Month: 8}, {Above: 20, Month: 5}}}
	for n, want := range map[int]float64{0: 50, 5: 50, 10: 100, 11: 108, 20: 180, 22: 190} {
		if got := p.Of(n); got != want {
			t.Errorf("%d seats cost %g, want %g", n, got, want)
		}
	}
	sum := 0.0
	for n := 1; n <= 22; n++ {
		sum += p.Seat(n)
	}
	if sum != p.Of(22) {
		t.Errorf("one by one they cost %g, together %g", sum, p.Of(22))
	}
}

// A contract that goes on by itself ends a term later once its notice is over.
func TestContractTerms(t *testing.T) {
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	c := engine.SeatContract{Ends: day("2027-01-31"), Notice: 10 * 24 * time.Hour, Renews: 1} // the last day is the 30th
	for now, want := range map[string]string{"2027-01-01": "2027-01-31", "2027-01-21": "2027-03-01", "2027-02-19": "2027-03-31"} {
		if ends, notice := c.Term(day(now)); ends.Format(time.DateOnly) != want || ends.Sub(notice) != c.Notice {
			t.Errorf("on %s it ends on %s (notice by %s), want %s", now, ends, notice, want)
		}
	}
	c.Ends = day("2027-02-01") // the last of the month
	if ends, _ := c.Term(day("2027-01-25")); !ends.Equal(day("2027-03-01")) {
		t.Errorf("after January it ends on %s", ends)
	}
	c.Renews = 0
	if ends, _ := c.Term(day("2028-01-01")); !ends.Equal(c.Ends) {
		t.Errorf("one that does not go on ended on %s", ends)
	}
	if ends, notice := (&engine.SeatContract{}).Term(day("2028-01-01")); !ends.IsZero() || !notice.IsZero() {
		t.Error("no end is none")
	}
}

// More than may be spent is told; where it is to be held it waits for an approval, and seats that are paid for anyway do not.
func TestBudgetOfSeats(t *testing.T) {
	world := func(count int, hold bool) *world {
		w := seated(t, 0, engine.SeatKind{Count: count, Price: engine.SeatPrice{Month: 10, Currency: "EUR"}})
		w.program("wiki").Seats.Contract = engine.SeatContract{Budget: 15, Hold: hold}
		w.hire("ann", "a")
		w.apply()
		w.hire("bob", "a")
		return w
	}
	held := []string{"create wiki/.exists blocked: what the account is for", "grant wiki needs-approval: the seats of wiki cost 20.00 EUR a month with this plan, and 15.00 may be spent", "grant wiki/x needs-approval"}
	ready := []string{"create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready"}
	w := world(engine.NoSeatLimit, true)
	w.wants("bob", held...)
	w.apply()
	w.approve()
	w.later()
	w.has("bob", "x", true)
	w = world(engine.NoSeatLimit, false)
	w.wants("bob", ready...)
	if !w.noted(engine.NoticeBudget) {
		t.Error("nobody is told")
	}
	w = world(3, true)
	w.wants("bob", ready...)
	w = world(engine.NoSeatLimit, true)
	w.program("wiki").Seats.Contract.Budget = 20
	w.wants("bob", ready...)
	if w.noted(engine.NoticeBudget) {
		t.Error("what is within the budget is told")
	}
}

// What takes seats of a kind that costs no more is not held for the budget, and sums of money are compared by the cent.
func TestBudgetHoldsWhatCostsMore(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: engine.NoSeatLimit, Price: engine.SeatPrice{Month: 10, Currency: "EUR"}},
		engine.SeatKind{Name: "light", Count: 100, Price: engine.SeatPrice{Month: 0.01, Currency: "EUR"}})
	w.program("wiki").Seats.Contract = engine.SeatContract{Budget: 15, Hold: true}
	w.hire("ann", "c")
	w.apply()
	w.hire("bob", "c")
	w.hire("carl", "a")
	w.wants("bob", "create wiki/.exists blocked: what the account is for", "grant wiki needs-approval: the seats of wiki cost 21.00 EUR", "grant wiki/edit needs-approval")
	w.wants("carl", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")

	w = seated(t, 0, engine.SeatKind{Count: engine.NoSeatLimit, Price: engine.SeatPrice{Month: 1.1, Currency: "EUR"}})
	w.program("wiki").Seats.Contract = engine.SeatContract{Budget: 3.3, Hold: true}
	for _, who := range []string{"ann", "bob", "carl"} {
		w.hire(who, "a")
	}
	w.wants("carl", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
}
