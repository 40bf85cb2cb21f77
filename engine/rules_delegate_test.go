package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// away is a company in which zoe lets bob stand in for her for a week, and some wait for approval, zoe and bob among them.
func away(t *testing.T) *world {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	for _, login := range []string{"bob", "ann", "eve", "joe"} {
		w.hire(login, "a")
	}
	w.apply()
	w.engine.Settings.Limits.RevokeHoldings = tight(0)
	for _, login := range []string{"zoe", "bob", "ann"} {
		w.roles(login)
	}
	w.later()
	if n := len(w.items()); n < 3 {
		t.Fatalf("%d items wait", n)
	}
	return w
}

func (w *world) lets(of, to string, from, until time.Time) error {
	_, err := w.engine.Delegate(w.t.Context(), "zoe", of, to, from, until, "holidays")
	return err
}

func (w *world) today() time.Time { return w.now.Truncate(24 * time.Hour) }

// itemOf is the id of an item about somebody.
func (w *world) itemOf(login string) string {
	for _, i := range w.items() {
		if i.Change.Login == login && i.State == engine.Waiting {
			return i.ID
		}
	}
	w.t.Fatalf("nothing of %s waits", login)
	return ""
}

// standIn approves on the page as bob, who may not by himself.
func (w *world) standIn(login string) error {
	as := w.engine.As(engine.Decider{Person: "k-bob", InPlace: true})
	_, err := as.Approve(w.t.Context(), "oidc:7 (Bob)", []string{w.itemOf(login)}, "agreed")
	return err
}

func TestSomebodyStandsIn(t *testing.T) {
	w := away(t)
	if err := w.standIn("ann"); !errors.Is(err, engine.ErrNoDelegation) {
		t.Fatalf("without a delegation: %v", err)
	}
	if err := w.lets("zoe", "bob", w.today().AddDate(0, 0, 1), w.today().AddDate(0, 0, 7)); err != nil {
		t.Fatal(err)
	}
	if err := w.standIn("ann"); !errors.Is(err, engine.ErrNoDelegation) {
		t.Errorf("before it begins: %v", err)
	}
	w.pass(24 * time.Hour)
	if err := w.standIn("bob"); !errors.Is(err, engine.ErrOwnAccess) {
		t.Errorf("on the own access: %v", err)
	}
	if err := w.standIn("zoe"); !errors.Is(err, engine.ErrStandsFor) {
		t.Errorf("on the access of whom he stands in for: %v", err)
	}
	item := w.itemOf("ann")
	if err := w.standIn("ann"); err != nil {
		t.Fatal(err)
	}
	for _, i := range w.items() {
		if i.ID == item && (i.By != "oidc:7 (Bob)" || i.For != "ZOE (k-zoe)") {
			t.Errorf("%+v", i)
		}
	}
	var why []string
	err := w.journal.Records(t.Context(), engine.Query{Kind: engine.KindApprove}, func(r engine.Record) error { why = r.Why; return nil })
	if err != nil || !slices.Equal(why, []string{"agreed", "in the place of ZOE (k-zoe)"}) {
		t.Errorf("recorded: %v %v", why, err)
	}
	w.pass(8 * 24 * time.Hour)
	if err := w.standIn("bob"); !errors.Is(err, engine.ErrOwnAccess) {
		t.Error(err)
	}
	w.roles("eve")
	w.later()
	if err := w.standIn("eve"); !errors.Is(err, engine.ErrNoDelegation) {
		t.Errorf("after its last day: %v", err)
	}
	if left := w.memory().Facts(engine.FactDelegate); len(left) != 0 {
		t.Errorf("what is over is still remembered: %v", left)
	}
}

// Who may approve by themselves may not approve what is about somebody whom they stand in for, either.
func TestStandInsOnTheCommandLine(t *testing.T) {
	w := away(t)
	if err := w.lets("zoe", "bob", w.today(), w.today()); err != nil {
		t.Fatal(err)
	}
	for _, actor := range []string{"bob", "BOB", "k-bob"} {
		if _, err := w.engine.Reject(t.Context(), actor, []string{w.itemOf("zoe")}, "no"); !errors.Is(err, engine.ErrStandsFor) {
			t.Errorf("%s: %v", actor, err)
		}
	}
	if _, err := w.engine.Reject(t.Context(), "bob", []string{w.itemOf("ann")}, "no"); err != nil {
		t.Error(err)
	}
	if i := w.items(); slices.ContainsFunc(i, func(i engine.Item) bool { return i.For != "" }) {
		t.Error("somebody who may by himself decided in the place of somebody")
	}
}

// Whoever lets somebody stand in for them does not get their own change of the policy approved by that.
func TestStandInsDoNotApproveTheChangesOfWhomTheyStandInFor(t *testing.T) {
	w := away(t)
	w.engine.Changes = func(context.Context) ([]engine.PolicyChange, error) {
		return []engine.PolicyChange{{Time: w.now, Hash: "h", Authors: []string{"Zoe <zoe@example.com>"}}}, nil
	}
	w.engine.SamePerson = func(names []string, author string) bool { return engine.SameAuthor(nil, names, author) }
	w.policy.rules["a"] = []string{"wiki/z"}
	w.later()
	if err := w.lets("zoe", "bob", w.today(), w.today()); err != nil {
		t.Fatal(err)
	}
	if err := w.standIn("joe"); !errors.Is(err, engine.ErrOwnChange) {
		t.Error(err)
	}
}

// A cut of whom somebody stands in for ends what they lend, and so does leaving; so does saying so.
func TestDelegationsEnd(t *testing.T) {
	for name, end := range map[string]func(w *world){
		"cut":   func(w *world) { _, _, _ = w.engine.Cut(t.Context(), "boss", "zoe", "stolen") },
		"left":  func(w *world) { w.fire("zoe"); w.later() },
		"ended": func(w *world) { _ = w.engine.EndDelegation(t.Context(), "zoe", "zoe", "bob", "back") },
	} {
		w := away(t)
		if err := w.lets("zoe", "bob", w.today(), w.today().AddDate(0, 0, 7)); err != nil {
			t.Fatal(err)
		}
		end(w)
		if err := w.standIn("ann"); !errors.Is(err, engine.ErrNoDelegation) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := away(t)
	if err := w.lets("zoe", "bob", w.today(), w.today().AddDate(0, 0, 7)); err != nil {
		t.Fatal(err)
	}
	w.fire("bob")
	w.later()
	if left := w.memory().Facts(engine.FactDelegate); len(left) != 0 {
		t.Errorf("who has left stands in: %v", left)
	}
	if err := w.engine.EndDelegation(t.Context(), "zoe", "zoe", "bob", ""); !errors.Is(err, engine.ErrNoReason) {
		t.Error(err)
	}
	if err := w.engine.EndDelegation(t.Context(), "zoe", "zoe", "bob", "back"); !errors.Is(err, engine.ErrNoStandIn) {
		t.Error(err)
	}
}

func TestDelegationsAreRefused(t *testing.T) {
	w := away(t)
	day := w.today()
	for want, err := range map[string]error{
		"nobody stands in for themselves": w.lets("zoe", "k-zoe", day, day),
		"a year at most":                  w.lets("zoe", "bob", day, day.AddDate(2, 0, 0)),
		"ends in the future":              w.lets("zoe", "bob", day.AddDate(0, 0, -3), day.AddDate(0, 0, -1)),
		"not before it begins":            w.lets("zoe", "bob", day.AddDate(0, 0, 3), day.AddDate(0, 0, 1)),
		"nobody of that login":            w.lets("zoe", "bert", day, day),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	if _, err := w.engine.Delegate(t.Context(), "zoe", "zoe", "bob", day, day, " "); !errors.Is(err, engine.ErrNoReason) {
		t.Error(err)
	}
}

// What waits for too long is told to others, as long as it waits.
func TestWhatWaitsForTooLongIsEscalated(t *testing.T) {
	w := away(t)
	w.engine.Settings.Escalate = engine.Escalation{After: 4 * time.Hour, To: []string{"chief@example.com"}}
	if w.noted("escalated") {
		t.Error("at once")
	}
	w.pass(4 * time.Hour)
	if !w.noted("escalated") {
		t.Error("not at all")
	}
	for _, login := range []string{"zoe", "bob", "ann"} {
		w.roles(login, "a")
	}
	if w.noted("escalated") {
		t.Error("what has no reason any more")
	}
	for _, login := range []string{"zoe", "bob", "ann"} {
		w.roles(login)
	}
	w.reject()
	if w.noted("escalated") {
		t.Error("what was decided")
	}
	w.engine.Settings.Escalate.After = 0
	i := engine.Item{State: engine.Waiting, Since: w.now}
	if !w.engine.Settings.Escalate.Since(&i, w.now.AddDate(1, 0, 0)).IsZero() {
		t.Error("escalated although it is switched off")
	}
}

// Nobody ticks off what is to be done about their own access.
func TestNobodyTicksOffTheirOwnTask(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.program("wiki").Revoke = engine.RevokeNever
	w.fire("zoe")
	w.later()
	tasks := w.memory().Tasks()
	if len(tasks) != 1 {
		t.Fatal(tasks)
	}
	if err := w.engine.As(engine.Decider{Person: "k-zoe"}).TaskDone(t.Context(), "oidc:1", tasks[0].ID, "done"); !errors.Is(err, engine.ErrOwnAccess) {
		t.Error(err)
	}
	for _, login := range []string{"zoe", "ZOE"} { // as the command line knows her
		if err := w.engine.TaskDone(t.Context(), login, tasks[0].ID, "done"); !errors.Is(err, engine.ErrOwnAccess) {
			t.Errorf("%s: %v", login, err)
		}
	}
	if err := w.engine.TaskDone(t.Context(), "boss", tasks[0].ID, "done"); err != nil {
		t.Error(err)
	}
}
