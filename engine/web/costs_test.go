package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// What a change costs or saves stands beside it, wherever changes are listed: those that wait, those that the newest run made, and the sums.
func TestWhatChangesCost(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	o := outlook("x")
	costs := []engine.Cost{{Kind: "full", Month: 19.5, Currency: "EUR"}}
	for i := range o.Plan.Changes {
		if c := &o.Plan.Changes[i]; c.State == engine.NeedsApproval || c.State == engine.Ready {
			c.Costs = costs
		}
	}
	o.Plan.Changes[0].Costs = []engine.Cost{{Month: 7, Currency: "USD", Paid: true}}
	o.Plan.Money = []engine.Money{{Currency: "EUR", Costs: 19.5, Saves: 1200}}
	s.Outlook = func() *engine.Outlook { return o }
	s.Items = func(context.Context) ([]engine.Item, error) {
		return []engine.Item{{ID: "i1", State: engine.Waiting, Change: o.Plan.Changes[0]}}, nil
	}
	const line, sums = "+19.50 EUR a month for full", "<dd>19.50 EUR <small>a month</small></dd></div><div><dt>Decided saves</dt><dd>1\u202f200 EUR"
	for path, want := range map[string][]string{"/": {"+7 USD a month, paid for already", sums}, "/runs/r1": {line, "+7 USD", sums}, "/people/p1": {"+7 USD"}, "/waiting": {"+7 USD"}} {
		body := send(s, http.MethodGet, path, "").Body.String()
		for _, one := range want {
			if !strings.Contains(strings.ReplaceAll(body, "&#43;", "+"), one) {
				t.Errorf("%s: %q is missing in %s", path, one, body)
			}
		}
	}
	var now nowJSON
	var run runWhole
	p := newProgram(t, s)
	if err := json.Unmarshal(p.ask(http.MethodGet, "/api/v1/now", "").Body.Bytes(), &now); err != nil || len(now.Money) != 1 || len(now.Approvals) == 0 || len(now.Approvals[0].Costs) != 1 {
		t.Errorf("%+v, %v", now.Money, err)
	}
	if err := json.Unmarshal(p.ask(http.MethodGet, "/api/v1/runs/r1", "").Body.Bytes(), &run); err != nil || len(run.Money) != 1 || len(run.Changes) != 1 || len(run.Changes[0].Change.Costs) != 1 || run.Changes[0].Change.Costs[0].Month != 19.5 {
		t.Errorf("%+v, %v", run, err)
	}
	o.Run = "r2"
	if body := send(s, http.MethodGet, "/runs/r1", "").Body.String(); strings.Contains(body, "EUR") {
		t.Error("what another run's changes cost is shown")
	}
}

// Words for costs say when they count.
func TestCostsInWords(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	end := noon()
	for want, c := range map[string]engine.Cost{
		"+19 EUR a month":                                {Month: 19, Currency: "EUR"},
		"+19 EUR a month, from 2027-01-04 on":            {Month: 19, Currency: "EUR", From: &end},
		"+0 EUR a month for free":                        {Kind: "free", Currency: "EUR"},
		"−19 EUR a month":                                {Month: -19, Currency: "EUR"},
		"−19 EUR a month, from 2027-01-04 on":            {Month: -19, Currency: "EUR", Paid: true, From: &end},
		"−19 EUR a month, once fewer seats are paid for": {Month: -19, Currency: "EUR", Paid: true},
		"+1 EUR a month for a\\u202eb, paid for already": {Kind: "a\u202eb", Month: 1, Currency: "EUR", Paid: true},
	} {
		if got := s.costSays(c); got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
	if s.Zone = func() *time.Location { return time.FixedZone("east", 13*60*60) }; s.costSays(engine.Cost{Currency: "EUR", From: &end}) != "+0 EUR a month, from 2027-01-05 on" {
		t.Error("days are of another zone")
	}
}
