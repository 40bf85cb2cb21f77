package engine_test

import (
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// tiered is a world with a seat that the right edit needs, and one for the rest, at two prices.
func tiered(t *testing.T) *world {
	return seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: engine.NoSeatLimit, Price: engine.SeatPrice{Month: 30, Currency: "EUR"}},
		engine.SeatKind{Name: "light", Count: engine.NoSeatLimit, Price: engine.SeatPrice{Month: 10, Currency: "EUR"}})
}

// The cost stands beside the right that needs the seat; who goes from one kind to another frees one and takes one by the same change.
func TestCostsOfKinds(t *testing.T) {
	w := tiered(t)
	w.hire("cat", "c") // or somebody would be the last who has it
	w.apply()
	w.hire("ann", "a", "c")
	w.costs("grant k-ann 30, EUR +30 -0 bill 30")
	p, err := w.engine.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Changes {
		if (len(c.Costs) > 0) != (c.Entitlement == "wiki/edit") {
			t.Errorf("%s costs %v", c.Entitlement, c.Costs)
		}
	}
	w.apply()
	w.hire("bob", "a")
	w.costs("grant k-bob 10, EUR +10 -0 bill 10")
	w.apply()
	w.roles("ann", "a")
	w.engine.Settings.Apart = 0
	w.costs("revoke k-ann -30, revoke k-ann 10, EUR +10 -30 bill -20")
	w.roles("ann", "a", "c")
	w.roles("bob", "a", "c")
	w.costs("grant k-bob 30, grant k-bob -10, EUR +30 -10 bill 20")
	w.program("wiki").Seats.Kinds[1].Price = engine.SeatPrice{}
	w.costs("grant k-bob 30, EUR +30 -0 bill 30")
}

// What is taken later saves from then on, also where the contract ends before.
func TestWhatIsTakenLaterSavesFromThen(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Count: 5, Price: engine.SeatPrice{Month: 10, Currency: "EUR"}})
	w.policy.rules = map[string][]string{"d": {"wiki"}}
	w.policy.grace = 100 * 24 * time.Hour
	w.program("wiki").Seats.Contract = engine.SeatContract{Ends: w.now.Add(20 * 24 * time.Hour)}
	w.hire("ann", "d")
	w.hire("bob", "d")
	w.apply()
	w.roles("ann")
	w.costs("suspend k-ann -10 paid from 2026-06-10")
}
