package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Leavers are shown with their clocks, the oldest first: since when access that is to be taken is there, or waits for an approval, and
// from when on that is an alarm.
func TestLeaversWithTheirClocks(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	o := outlook("x")
	take := func(person string, cause engine.Cause, state engine.ChangeState, item string) engine.Change {
		return engine.Change{Op: engine.OpRevoke, Person: person, Name: "Name of " + person, Program: "crm", Entitlement: "crm/x", Cause: cause, State: state, Item: item}
	}
	o.Plan.Changes = []engine.Change{take("new", engine.CauseMarked, engine.Ready, ""), take("approved", engine.CauseAbsent, engine.NeedsApproval, "i7"), take("stuck", engine.CauseMarked, engine.Blocked, ""),
		take("slow", engine.CauseMarked, engine.Ready, ""), take("cut", engine.CauseCut, engine.Ready, ""), take("slow", engine.CauseMarked, engine.Ready, ""), take("later", engine.CauseMarked, engine.Scheduled, ""), take("moved", engine.CauseRule, engine.Ready, "")}
	ago := func(h int) time.Time { return noon().Add(time.Duration(-h) * time.Hour) }
	fact := func(kind, program, person, key string, since time.Time) engine.Fact {
		return engine.Fact{FactKey: engine.FactKey{Kind: kind, Program: program, Person: person, Key: key}, Since: since}
	}
	o.Cuts = []engine.Fact{fact(engine.FactCut, "", "cut", "", ago(2)), fact(engine.FactCut, "", "new", "", ago(99))}
	b := records("x")
	b.facts = append(b.facts, fact(engine.FactLeaving, "crm", "stuck", "", ago(30)), fact(engine.FactLeaving, "crm", "slow", "", ago(3)), fact(engine.FactLeaving, "vpn", "slow", "", ago(5)), fact(engine.FactLeaving, "crm", "moved", "", ago(90)), fact(engine.FactItem, "", "", "i7", ago(4)))
	s.Outlook, s.Journal = func() *engine.Outlook { return o }, func() Journal { return b }
	s.Overdue = func() time.Duration { return 24 * time.Hour }
	want := []leaverJSON{{"stuck", "Name of stuck", 1, 1, ago(30), ago(6)}, {"slow", "Name of slow", 2, 0, ago(5), ago(-19)}, {"approved", "Name of approved", 1, 1, ago(4), time.Time{}}, {"cut", "Name of cut", 1, 0, ago(2), time.Time{}}, {"new", "Name of new", 1, 0, time.Time{}, time.Time{}}}
	var got nowJSON
	if err := json.Unmarshal(newProgram(t, s).ask(http.MethodGet, "/api/v1/now", "").Body.Bytes(), &got); err != nil || len(got.Leavers) != len(want) {
		t.Fatal(err, got.Leavers)
	}
	for i := range want {
		if got.Leavers[i] != want[i] {
			t.Errorf("%+v instead of %+v", got.Leavers[i], want[i])
		}
	}
	body := send(s, http.MethodGet, "/", "").Body.String()
	for _, shown := range []string{"2027-01-03 06:00</time> (30 hours ago)", "alarm since 2027-01-04 06:00", "an alarm from 2027-01-05 07:00 on", "1 change open, new"} {
		if !strings.Contains(body, shown) {
			t.Errorf("%q is missing in %s", shown, body)
		}
	}
	s.Overdue = func() time.Duration { return 0 }
	if body := send(s, http.MethodGet, "/", "").Body.String(); strings.Contains(body, "alarm since") || strings.Contains(body, "an alarm from") {
		t.Error("there is no such alarm")
	}
}
