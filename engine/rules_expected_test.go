package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// announce is a wave of removals that begins now and lasts for two days.
func (w *world) announce(scope, name string, n int) *engine.Expected {
	w.engine.Settings.Expected = []engine.Expected{{Scope: scope, Name: name, Class: engine.ChargeRevoke, People: n, Holdings: 10 * n,
		From: w.now, Until: w.now.Add(48 * time.Hour), Approver: "boss", Reason: "they move"}}
	return &w.engine.Settings.Expected[0]
}

// lose takes role b from people, which gives wiki/y.
func (w *world) lose(logins ...string) {
	for _, login := range logins {
		w.roles(login, "a")
	}
}

func (w *world) revokes(want map[engine.ChangeState]int) {
	w.t.Helper()
	got := states(w.mustPlan(), engine.OpRevoke)
	if got[engine.Ready] != want[engine.Ready] || got[engine.NeedsApproval] != want[engine.NeedsApproval] {
		w.t.Errorf("%v of the removals, want %v: %v", got, want, lines(w.mustPlan()))
	}
}

func TestAnnouncedWave(t *testing.T) {
	type is = map[engine.ChangeState]int
	for _, scope := range [][2]string{{"program", "wiki"}, {"source", "corp"}, {"all", ""}} {
		w := crowd(t)
		w.engine.Settings.Limits.RevokePeople = tight(1)
		w.announce(scope[0], scope[1], 3)
		w.lose("p0", "p1", "p2", "p3")
		w.revokes(is{engine.Ready: 4}) // one as ever, three as announced
		if !w.noted("expected") || w.noted("limit") {
			t.Errorf("%s: %v", scope, w.mustPlan().Notices)
		}
		w.lose("p4")
		w.revokes(is{engine.NeedsApproval: 5}) // all of them, never a first few
		w.roles("p4", "a", "b")
		w.pass(time.Hour)
		w.apply()
		w.pass(time.Hour)
		w.lose("p5")
		w.revokes(is{engine.NeedsApproval: 1}) // the wave is used up
		if p := w.mustPlan(); !strings.Contains(noticeOf(p, "expected"), "4 people, so it is used up") || p.Budgets()[0].Announced != 3 {
			t.Errorf("%s: %s", scope, noticeOf(p, "expected"))
		}
	}
}

func noticeOf(p *engine.Plan, code string) string {
	for _, n := range p.Notices {
		if n.Code == code {
			return n.Text
		}
	}
	return ""
}

// What was used before the window of the limit is used up all the same.
func TestAnnouncedWaveIsUsedOnce(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.announce("program", "wiki", 2).Until = w.now.Add(100 * time.Hour)
	w.lose("p0", "p1")
	w.pass(time.Hour)
	w.applied("p0", "revoke wiki/y ready")
	w.pass(90 * time.Hour)
	w.lose("p2")
	w.wants("p2", "revoke wiki/y needs-approval: limit revoke: people")
}

func TestAnnouncedWaveEnds(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(1)
	x := w.announce("program", "wiki", 5)
	x.From, x.Until = w.now.Add(time.Hour), w.now.Add(3*time.Hour)
	w.lose("p0", "p1", "p2")
	w.wants("p0", "revoke wiki/y needs-approval: limit") // not yet
	w.pass(2 * time.Hour)
	w.applied("p0", "revoke wiki/y ready")
	w.pass(time.Hour)
	w.lose("p3")
	w.wants("p3", "revoke wiki/y ready") // what it covered counts for nothing afterwards, either
	w.lose("p4")
	w.wants("p3", "revoke wiki/y needs-approval: limit")
	if w.noted("expected") {
		t.Error("a wave that ended is shown")
	}
}

// A wave raises nothing but its own budget: not that of other programs, sources or kinds of change, and no other guard.
func TestAnnouncedWaveRaisesNothingElse(t *testing.T) {
	for name, change := range map[string]func(*engine.Expected){
		"another program": func(x *engine.Expected) { x.Name = "git" },
		"another source":  func(x *engine.Expected) { x.Scope, x.Name = "source", "hr" },
		"leavers":         func(x *engine.Expected) { x.Class = engine.ChargeLeaver },
		"holdings only":   func(x *engine.Expected) { x.People = 0 },
	} {
		w := crowd(t)
		w.engine.Settings.Limits.RevokePeople = tight(0)
		change(w.announce("program", "wiki", 5))
		w.fire("p9") // who is charged to the wave, if it is one of leavers
		w.later()
		w.lose("p0")
		w.pass(time.Hour)
		if s := states(w.mustPlan(), engine.OpRevoke); s[engine.NeedsApproval] != 1 {
			t.Errorf("%s: %v", name, lines(w.mustPlan()))
		}
	}
}

func TestAnnouncedWaveOfLeaversAndGrants(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.Leavers, w.engine.Settings.Limits.Grant = tight(0), tight(0)
	w.fire("p0")
	w.fire("p1")
	w.hire("new", "a")
	w.pass(100 * time.Hour)
	w.wants("p0", "suspend wiki needs-approval", "revoke wiki/x needs-approval", "revoke wiki/y needs-approval")
	x := w.announce("all", "", 2)
	x.Class = engine.ChargeLeaver
	grants := *x
	grants.Class, grants.People, grants.Holdings = engine.ChargeGrant, 0, 3
	w.engine.Settings.Expected = append(w.engine.Settings.Expected, grants)
	w.wants("p0", "suspend wiki ready", "revoke wiki/x ready", "revoke wiki/y ready")
	w.wants("new", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready")
}

// The share is of the highest count that stood at any time of the window, also where it began before.
func TestShareIsOfTheHighestCountInTheWindow(t *testing.T) {
	w := crowd(t)
	w.pass(100 * time.Hour)
	for _, login := range []string{"p0", "p1", "p2", "p3", "p4", "p5"} {
		w.fire(login)
	}
	w.apply()
	w.later()
	w.pass(20 * time.Hour)
	highest := func(window time.Duration) (of int) {
		w.engine.Settings.Limits.RevokeHoldings.Window = window
		for _, b := range w.mustPlan().Budgets() {
			if b.Name == "revoke: holdings" && b.Scope != "program wiki" && window == 24*time.Hour && b.Of != 48 {
				t.Errorf("%s: counted are %d holdings, and there is only one program", b.Scope, b.Of)
			}
			if b.Scope == "program wiki" && b.Name == "revoke: holdings" {
				of = b.Of
			}
		}
		return of
	}
	if day, night := highest(24*time.Hour), highest(10*time.Hour); day != 48 || night != 30 {
		t.Errorf("48 were held 21 hours ago and 30 are now, counted are %d and %d", day, night)
	}
}

// The limit of all programs together is raised for what happens in the announced one only.
func TestAnnouncedWaveRaisesTheWholeForItsScopeOnly(t *testing.T) {
	for name, want := range map[string]engine.ChangeState{"git": engine.Ready, "app": engine.NeedsApproval} {
		w := newWorld(t, "app", "git", "wiki")
		w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"git/x"}, "c": {"wiki", "git", "app"}}
		for _, login := range []string{"p0", "p1", "p2", "p3"} {
			w.hire(login, "a", "b", "c")
		}
		w.apply()
		w.pass(100 * time.Hour)
		w.apply()
		w.engine.Settings.Limits.RevokePeople = tight(1)
		w.announce("program", name, 1)
		w.roles("p0", "b", "c") // one in each of two programs
		w.roles("p1", "a", "c")
		w.wants("p0", "revoke wiki/x "+string(want))
		w.wants("p1", "revoke git/x "+string(want))
	}
}

// What was approved is charged to nothing, so it uses up no announced wave either.
func TestApprovalsUseUpNoWave(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.lose("p0", "p1")
	w.later()
	w.approve()
	w.announce("program", "wiki", 2)
	w.pass(time.Minute)
	w.applied("p0", "revoke wiki/y ready")
	w.lose("p2", "p3")
	w.pass(time.Hour)
	w.wants("p2", "revoke wiki/y ready")
	w.lose("p4")
	w.wants("p2", "revoke wiki/y needs-approval")
}

// What is charged to another budget while a wave lasts makes no room for removals elsewhere.
func TestOtherChargesMakeNoRoom(t *testing.T) {
	w := newWorld(t, "app", "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"git/x"}, "c": {"wiki", "git", "app"}, "d": {"app/x"}}
	for _, login := range []string{"p0", "p1", "p2", "p3"} {
		w.hire(login, "a", "b", "c", "d")
	}
	w.apply()
	w.pass(100 * time.Hour)
	w.apply()
	w.engine.Settings.Limits.RevokePeople = tight(1)
	w.announce("program", "git", 3)
	w.pass(time.Minute)
	w.hire("n1", "b")
	w.hire("n2", "b")
	w.apply()
	w.pass(time.Minute)
	w.roles("p0", "b", "c", "d")
	w.wants("p0", "revoke wiki/x ready")
	w.roles("p1", "a", "b", "c") // one in each of two programs
	w.wants("p0", "revoke wiki/x needs-approval: limit revoke: people")
}

func TestAWaveSaysWhatItIsAbout(t *testing.T) {
	for want, x := range map[string]engine.Expected{
		"revoke of program wiki: 1 person":                {Scope: "program", Name: "wiki", Class: engine.ChargeRevoke, People: 1},
		"revoke of program wiki: 2 people and 3 holdings": {Scope: "program", Name: "wiki", Class: engine.ChargeRevoke, People: 2, Holdings: 3},
		"grant of all programs together: 1 holding":       {Scope: "all", Class: engine.ChargeGrant, Holdings: 1},
		"leavers of program wiki: 4 people":               {Scope: "program", Name: "wiki", Class: engine.ChargeLeaver, People: 4},
	} {
		if got := x.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
