package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func watched(t *testing.T) *world {
	w := crowd(t)
	w.engine.Settings.Alarms = engine.Alarms{Quiet: 2, Unread: 3, Unfinished: 4 * time.Hour}
	return w
}

func noticesOf(p *engine.Plan, code string) (out []engine.Notice) {
	for _, n := range p.Notices {
		if n.Code == code {
			out = append(out, n)
		}
	}
	return out
}

// leavesEvery lets somebody leave every so many days, n times.
func (w *world) leavesEvery(days, n int) {
	for i := range n {
		login := "old" + string(rune('a'+i))
		w.hire(login, "a")
		w.later()
		w.fire(login)
		w.later()
		w.later()
		w.vanish(login)
		w.pass(time.Duration(days)*24*time.Hour - 3*time.Hour)
	}
}

func TestNoLeaversForLongerThanUsual(t *testing.T) {
	w := watched(t)
	w.leavesEvery(5, 8) // 35 days from the first to the last
	if p := w.later(); noticed(p, engine.NoticeNoLeavers) {
		t.Error("an alarm after five days, as usual")
	}
	w.pass(4 * 24 * time.Hour)
	if p := w.later(); noticed(p, engine.NoticeNoLeavers) {
		t.Error("an alarm after nine days, where five were usual")
	}
	last := w.memory().Facts(engine.FactLeavers)[0].Since.UTC().Truncate(24 * time.Hour) // as days are compared
	w.pass(last.Add(10 * 24 * time.Hour).Sub(w.now))
	if noticed(w.mustPlan(), engine.NoticeNoLeavers) {
		t.Error("an alarm after exactly twice what was usual")
	}
	w.pass(24 * time.Hour)
	p := w.later()
	if text := noticeOf(p, engine.NoticeNoLeavers); !strings.Contains(text, "nobody has left for 11 days") || !strings.Contains(text, "never longer than 5 days") {
		t.Errorf("no alarm after eleven days: %q", text)
	}
	if n := noticesOf(p, engine.NoticeNoLeavers); len(n) != 1 || n[0].Level != "alarm" {
		t.Errorf("%v", n)
	}
	w.engine.Settings.Alarms.Quiet = 0
	if p := w.mustPlan(); noticed(p, engine.NoticeNoLeavers) {
		t.Error("an alarm that is switched off")
	}
	w.engine.Settings.Alarms.Quiet = 2
	w.fire("p0")
	if p := w.later(); noticed(p, engine.NoticeNoLeavers) {
		t.Error("an alarm while somebody leaves")
	}
}

func TestNoLeaversSaysNothingWithoutHistory(t *testing.T) {
	for name, leave := range map[string]func(w *world){"too few": func(w *world) { w.leavesEvery(9, 7) }, "too short": func(w *world) { w.leavesEvery(1, 20) }, "none": func(*world) {}} {
		w := watched(t)
		leave(w)
		w.pass(6 * 24 * time.Hour)
		if name == "too few" {
			w.pass(300 * 24 * time.Hour)
		}
		if p := w.later(); noticed(p, engine.NoticeNoLeavers) {
			t.Errorf("%s: %v", name, p.Notices)
		}
	}
}

// Somebody who waits for an approval, was rejected, or is in a program that is down leaves on one day, not on each.
func TestLeaverLeavesOnOneDay(t *testing.T) {
	for name, hold := range map[string]func(w *world){
		"held":     func(w *world) { w.program("wiki").Protected = []string{"p0"} },
		"rejected": func(w *world) { w.program("wiki").Protected = []string{"p0"}; w.fire("p0"); w.later(); w.reject() },
		"down":     func(w *world) { w.stuck() },
		"paused":   func(w *world) { _ = w.engine.Pause(w.t.Context(), "boss", "wiki", "x") },
	} {
		w := watched(t)
		hold(w)
		w.fire("p0")
		for range 4 {
			w.later()
			w.pass(23 * time.Hour)
		}
		f, _ := w.memory().Fact(engine.FactKey{Kind: engine.FactLeavers})
		var days []time.Time
		if err := json.Unmarshal(f.Data, &days); err != nil || len(days) != 1 {
			t.Errorf("%s: left on %v, %v", name, days, err)
		}
	}
}

func TestSourceThatIsNotReadForRuns(t *testing.T) {
	w := watched(t)
	unread := func() []engine.Notice { return noticesOf(w.later(), engine.NoticeUnread) }
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial, Detail: "half"}}}
	w.lists(enginetest.Unreachable)
	if unread(); len(unread()) != 0 {
		t.Error("an alarm after two runs")
	}
	w.lists(enginetest.NoFault)
	got := unread()
	if len(got) != 1 || got[0].Program != "" || !strings.Contains(got[0].Text, "corp was not read completely in 3 runs in a row, since 2026-") {
		t.Errorf("%v", got)
	}
	w.proof = engine.Proof{}
	if len(unread()) != 0 {
		t.Error("an alarm after a complete read")
	}
	w.lists(enginetest.Unreachable)
	if unread(); len(unread()) != 0 {
		t.Error("runs before a complete read count")
	}
	if got := unread(); len(got) != 1 || got[0].Program != "wiki" {
		t.Errorf("%v", got)
	}
	w.engine.Settings.Alarms.Unread = 0
	if got := unread(); len(got) != 0 {
		t.Errorf("switched off: %v", got)
	}
}

// A leaver's revoke in a program that stays down becomes an alarm and a task, which ends by itself.
func TestLeaverInAProgramThatStaysDown(t *testing.T) {
	for name, fire := range map[string]func(w *world){
		"marked": func(w *world) { w.fire("p0"); w.later() },
		"cut":    func(w *world) { _, _, _ = w.engine.Cut(w.t.Context(), "boss", "p0", "stop") },
	} {
		w := watched(t)
		w.targets["wiki"].Before = func(enginetest.ProgramCall) enginetest.Fault { return enginetest.Unreachable }
		fire(w)
		for range 3 {
			if p := w.later(); noticed(p, engine.NoticeUnfinished) || len(w.memory().Tasks()) != 0 {
				t.Fatalf("%s: an alarm within four hours: %v", name, p.Notices)
			}
		}
		w.later()
		p := w.later()
		if n := noticesOf(p, engine.NoticeUnfinished); len(n) != 1 || n[0].Program != "wiki" || n[0].Person != "k-p0" || n[0].Level != "alarm" {
			t.Errorf("%s: %v", name, p.Notices)
		}
		if tasks := w.memory().Tasks(); len(tasks) != 1 || !strings.Contains(tasks[0].Text, "P0 is out and still has access to wiki") {
			t.Errorf("%s: tasks %v", name, tasks)
		}
		w.targets["wiki"].Before = nil
		w.pass(25 * time.Hour) // beyond any back-off
		w.apply()
		w.later()
		if p := w.later(); noticed(p, engine.NoticeUnfinished) || len(w.memory().Tasks()) != 0 {
			t.Errorf("%s: still told although it is done: %v", name, w.memory().Tasks())
		}
		w.has("p0", engine.Active, false)
		if f := w.memory().Facts(engine.FactLeaving); len(f) != 0 { // else the next time would count from then
			t.Errorf("%s: %v", name, f)
		}
	}
}

func TestLeaverWhileAProgramIsPaused(t *testing.T) {
	w := watched(t)
	if err := w.engine.Pause(t.Context(), "boss", "wiki", "incident"); err != nil {
		t.Fatal(err)
	}
	w.fire("p0")
	w.later()
	w.pass(4 * time.Hour)
	if p := w.later(); !noticed(p, engine.NoticeUnfinished) {
		t.Errorf("%v", p.Notices)
	}
}

// What somebody decided to leave to a leaver is no alarm.
func TestRejectedLeaverIsNotUnfinished(t *testing.T) {
	w := watched(t)
	w.program("wiki").Protected = []string{"p0"}
	w.fire("p0")
	w.later()
	w.reject()
	for range 8 {
		if p := w.later(); noticed(p, engine.NoticeUnfinished) {
			t.Fatalf("%v", p.Notices)
		}
	}
}

// A leaver whose access is taken at once leaves nothing behind in the journal but what was done.
func TestLeaverWithoutTroubleIsNotWatched(t *testing.T) {
	w := watched(t)
	w.fire("p0")
	w.later()
	w.later()
	if f := w.memory().Facts(engine.FactLeaving); len(f) != 0 {
		t.Errorf("%v", f)
	}
}

func TestAccountsOfNobody(t *testing.T) {
	w := watched(t)
	for _, name := range []string{"x1", "x2", "x3", "x4", "off"} {
		w.targets["wiki"].AddAccount(name, engine.AccountInfo{Name: name}, engine.Exists, engine.Active)
	}
	w.targets["wiki"].Set("off", engine.Active, false)
	w.targets["wiki"].AddAccount("bot", engine.AccountInfo{Name: "bot", Kind: "service"}, engine.Exists, engine.Active)
	if text := noticeOf(w.mustPlan(), engine.NoticeOrphans); !strings.HasPrefix(text, "4 accounts of wiki belong to nobody in the directory (x1, x2, x3 and 1 more)") {
		t.Errorf("%q", text)
	}
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
	if noticed(w.mustPlan(), engine.NoticeOrphans) {
		t.Error("nobody is called unknown by a read that did not see everybody")
	}
}

func TestRevocationThatIsOff(t *testing.T) {
	w := watched(t)
	if noticed(w.mustPlan(), engine.NoticeNever) {
		t.Error("revocation is on")
	}
	w.program("wiki").Revoke = engine.RevokeNever
	if text := noticeOf(w.mustPlan(), engine.NoticeNever); !strings.Contains(text, "12 accounts are there") {
		t.Errorf("%q", text)
	}
}
