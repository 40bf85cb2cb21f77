package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// byLogin gives what the login says: crm, wiki or nothing, or can't tell.
type byLogin struct{ silent }

func (byLogin) Entitlements() []engine.Entitlement {
	return []engine.Entitlement{{Program: "crm", Name: "x"}, {Program: "wiki", Name: "x"}}
}

func (byLogin) Decide(p *engine.Person, now time.Time, _ func(int32) bool, out []engine.Verdict) []engine.Verdict {
	if p.State != engine.StateActive || len(p.Jobs) == 0 || p.Jobs[0].Start.After(now) {
		return out
	}
	switch p.Login() {
	case "crm":
		return append(out, engine.Verdict{Entitlement: 0, Say: engine.Desired})
	case "wiki":
		return append(out, engine.Verdict{Entitlement: 1, Say: engine.Desired})
	case "unseen":
		return append(out, engine.Verdict{Entitlement: 0, Say: engine.Undecided})
	}
	return out
}

// Who joins is shown with what blocks them: who just came by the plan, who comes by policy and the seats there are.
func TestJoinersAndWhatBlocksThem(t *testing.T) {
	s, _, _ := guarded(t, Viewer)
	o := outlook("x")
	day := func(n int) time.Time { return noon().AddDate(0, 0, n) }
	person := func(key, login string, state engine.State, start time.Time) engine.Person {
		return engine.Person{Key: key, State: state, Source: "corp", Attributes: engine.Attributes{{Name: "login", Values: []string{login}}, {Name: "name", Values: []string{"Name of " + key}}}, Jobs: []engine.Job{{Start: start}}}
	}
	o.Policy = byLogin{}
	o.People = []engine.Person{person("a", "", engine.StateActive, day(-3)), person("b", "", engine.StateActive, day(-9)), person("c", "crm", engine.StateUpcoming, day(2)), person("d", "wiki", engine.StateUpcoming, day(3)),
		person("e", "none", engine.StateUpcoming, day(4)), person("f", "unseen", engine.StateUpcoming, day(5)), person("g", "none", engine.StateUpcoming, day(31)), person("h", "", engine.StateActive, day(-1)), person("i", "", engine.StateActive, time.Time{})}
	give := func(person, right string, state engine.ChangeState, failures int) engine.Change {
		return engine.Change{Op: engine.OpGrant, Person: person, Program: "crm", Entitlement: "crm/" + right, State: state, Reason: "no seat", Failures: failures}
	}
	taken := give("h", "x", engine.Blocked, 0)
	taken.Op = engine.OpRevoke
	o.Plan.Changes = []engine.Change{give("a", "x", engine.Blocked, 0), give("a", "y", engine.Ready, 2), give("a", "z", engine.Ready, 0), give("b", "x", engine.Blocked, 0), give("h", "z", engine.Ready, 0), taken, give("i", "x", engine.Blocked, 0)}
	o.Programs = []engine.ProgramOutlook{{Name: "crm", Active: 10}, {Name: "wiki", Active: 9}}
	s.Programs = func() []Program { return []Program{{Name: "crm", Seats: 10}, {Name: "wiki", Seats: 10}} }
	s.Outlook, s.Lead = func() *engine.Outlook { return o }, func(string) time.Duration { return 48 * time.Hour }
	want := []joinerJSON{{"a", "Name of a", day(-3), day(-1), []lackJSON{{"crm/x", "blocked: no seat"}, {"crm/y", "failed 2 times"}}}, {"c", "Name of c", day(2), day(4), []lackJSON{{"crm", "no seat is free now"}}}, {"d", "Name of d", day(3), day(5), []lackJSON{}},
		{"e", "Name of e", day(4), day(6), []lackJSON{{"", "policy gives them nothing"}}}, {"f", "Name of f", day(5), day(7), []lackJSON{{"", "what decides on 1 right could not be seen"}}}}
	var got nowJSON
	if err := json.Unmarshal(newProgram(t, s).ask(http.MethodGet, "/api/v1/now", "").Body.Bytes(), &got); err != nil || fmt.Sprint(got.Joiners) != fmt.Sprint(want) {
		t.Errorf("%v\n%v, not\n%v", err, got.Joiners, want)
	}
	body := send(s, http.MethodGet, "/", "").Body.String()
	for _, shown := range []string{"lacks crm/x</span> blocked: no seat", "first day 2027-01-08, access from 2027-01-06 on", "blocked</span> policy gives them nothing"} {
		if !strings.Contains(body, shown) {
			t.Errorf("%q is missing in %s", shown, body)
		}
	}
}
