package engine_test

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// departed is a world in which two programs cost 10 EUR a seat, and departments have budgets.
func departed(t *testing.T, budgets map[string]engine.SeatBudget) *world {
	w := newWorld(t, "crm", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"crm/x"}}
	for _, name := range []string{"crm", "wiki"} {
		w.program(name).Seats = &engine.SeatRules{Kinds: []engine.SeatKind{{Count: engine.NoSeatLimit, Price: engine.SeatPrice{Month: 10, Currency: "EUR"}}}}
	}
	w.engine.Settings.Budgets = engine.SeatBudgets{By: "department", Of: budgets}
	return w
}

// works hires somebody with a job in each of some departments.
func (w *world) works(login, departments string, roles ...string) {
	w.hire(login, roles...)
	p := w.person(login)
	p.Jobs = nil
	for department := range strings.SplitSeq(departments, ",") {
		p.Jobs = append(p.Jobs, engine.Job{Attributes: engine.Attributes{{Name: "department", Values: []string{department}}}})
	}
}

// What a department's people cost in all programs is compared with its budget; what goes beyond is told, and held where that is said, and
// nobody else's.
func TestBudgetsOfDepartments(t *testing.T) {
	w := departed(t, map[string]engine.SeatBudget{"Sales": {Month: 25, Currency: "EUR", Hold: true}})
	w.works("ann", "Sales", "a")
	w.works("cid", "Sales,Law", "b") // half a seat
	w.works("joe", "Law", "a", "b")
	w.apply()
	w.has("ann", "x", true)
	if w.noted(engine.NoticePartBudget) {
		t.Error("15 of 25 is told")
	}
	w.roles("ann", "a", "b")
	w.wants("ann", "create crm/.exists ready", "grant crm ready", "grant crm/x ready") // 25 of 25
	w.works("eve", "Sales", "a")
	w.works("kai", "Law", "a", "b")
	const why = `the seats of department "Sales" cost 35.00 EUR a month with this plan, and 25.00 may be spent`
	w.wants("ann", "create crm/.exists blocked", "grant crm needs-approval: "+why, "grant crm/x needs-approval")
	w.wants("eve", "create wiki/.exists blocked", "grant wiki needs-approval: "+why, "grant wiki/x needs-approval")
	w.wants("kai", "create crm/.exists ready", "grant crm ready", "grant crm/x ready", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
	if !w.noted(engine.NoticePartBudget) {
		t.Error("nobody is told")
	}
	w.engine.Settings.Budgets.Of["Sales"] = engine.SeatBudget{Month: 1, Currency: "EUR"}
	if p, _ := w.planFor("eve", ""); noticed(p, engine.NoticePartBudget) {
		t.Error("a plan for one person tells of all")
	}
	w.engine.Settings.Budgets.Of["Sales"] = engine.SeatBudget{Month: 25, Currency: "EUR", Hold: true}
	w.apply()
	w.approve()
	w.later()
	w.has("eve", "x", true)
}

// A budget that nothing is to be held for holds nothing, and seats that are paid for in another currency are no part of it.
func TestBudgetsOfDepartmentsAreTold(t *testing.T) {
	w := departed(t, map[string]engine.SeatBudget{"Sales": {Month: 5, Currency: "EUR"}, "Law": {Month: 5, Currency: "USD", Hold: true}})
	w.works("ann", "Sales", "a")
	w.works("joe", "Law", "a")
	w.wants("ann", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
	w.wants("joe", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
	p := w.mustPlan()
	for _, n := range p.Notices {
		if n.Code == engine.NoticePartBudget && (n.Level != "alarm" || !strings.Contains(n.Text, `"Sales" cost 10.00 EUR`)) {
			t.Errorf("%+v", n)
		}
	}
	if !noticed(p, engine.NoticePartBudget) {
		t.Error("nobody is told")
	}
}

// What costs nothing is not held, and a plan for one program does not know what the others cost.
func TestBudgetsOfDepartmentsHoldWhatCosts(t *testing.T) {
	w := departed(t, map[string]engine.SeatBudget{"Sales": {Month: 5, Currency: "EUR", Hold: true}})
	w.program("wiki").Seats.Kinds[0].Price.Month = 0
	w.works("ann", "Sales", "a", "b")
	w.wants("ann", "create crm/.exists blocked", "grant crm needs-approval", "grant crm/x needs-approval", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
	s, err := w.engine.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Only = "crm"
	if p := w.engine.MakePlan(s); noticed(p, engine.NoticePartBudget) {
		t.Error("a plan for one program tells of all")
	}
}
