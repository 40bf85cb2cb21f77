package engine_test

import (
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// Who loses a right may need a seat of another kind by that: it is taken, and is not given to somebody else.
func TestWhoLosesARightMayTakeASeat(t *testing.T) {
	kinds := func() []engine.SeatKind {
		return []engine.SeatKind{{Name: "full", For: []string{"edit"}, Count: 5}, {Name: "light", Count: 1}}
	}
	w := seated(t, 0, kinds()...)
	w.hire("ann", "c", "a")
	w.hire("ed", "c")
	w.apply()
	w.later()
	w.hire("bob", "a")
	w.roles("ann", "a")
	w.wants("bob", `create wiki/.exists blocked: waiting for a "light" seat of wiki: 1st of 1, since 2026-03-02 (1 of 1 taken)`, "grant wiki blocked", "grant wiki/x blocked")
	w.wants("ann", "revoke wiki/edit ready")
	w.later()
	w.later()
	w.listed("light", "1/1 free 0 waiting [bob] kept [] displaced [] buy 1")

	w = seated(t, 0, kinds()...) // none is free: what is to be taken is taken all the same, and everybody is told
	w.hire("ann", "c")
	w.hire("ed", "c")
	w.hire("bob", "a")
	w.apply()
	w.later()
	w.roles("ann", "a")
	w.wants("ann", "grant wiki/x ready", "revoke wiki/edit ready")
	if w.list("light"); !w.noted(engine.NoticeSeats) {
		t.Error("nobody is told that too many seats are taken")
	}
}

// Where only rights tell who has an account, who changes from one kind to another gets no seat that is not there.
func TestWhoChangesTheKindWaitsForASeat(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: 5}, engine.SeatKind{Name: "light", Count: 1})
	w.targets["wiki"].Describes = engine.Description{Keyed: true}
	w.hire("ann", "c")
	w.hire("ed", "c")
	w.hire("bob", "a")
	w.apply()
	w.later()
	w.listed("light", "1/1 free 0 waiting [] kept [] displaced [] buy 0")
	w.roles("ann", "a")
	w.wants("ann", `grant wiki/x blocked: waiting for a "light" seat of wiki: 1st of 1`, "revoke wiki/edit ready")
}

// A suspended account takes a seat of a kind that says so, in the plan and in the report.
func TestSuspendedAccountsTakeSeats(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: 1, Suspended: true}, engine.SeatKind{Name: "light", Count: 2})
	w.targets["wiki"].AddAccount("asleep", engine.AccountInfo{Name: "asleep"}, engine.Exists, "edit")
	w.listed("full", "1/1 free 0 waiting [] kept [] displaced [] buy 0")
	w.listed("light", "0/2 free 2 waiting [] kept [] displaced [] buy 0")
	s, err := w.engine.Seats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Seats) != 1 || len(s.Seats[0].Takes) != 1 || s.Seats[0].Takes[0] != "full" {
		t.Errorf("the report shows %+v", s.Seats)
	}
}
