package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// gapped is a company whose journal knows nothing of the last day: ann was given something by hand, somebody took zoe's
// wiki/x, and an account of nobody came.
func gapped(t *testing.T) (w *world, ask func() []string) {
	w = company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.hire("ann", "a")
	w.apply()
	w.later()
	w.targets["wiki"].Set("ann", "own", true)
	w.targets["wiki"].Set("zoe", "x", false)
	w.targets["wiki"].AddAccount("eve", engine.AccountInfo{}, engine.Exists, engine.Active, "x")
	return w, func() []string {
		out := []string{}
		for _, task := range w.memory().Tasks() {
			if strings.Contains(task.Text, "gap") && task.Done == "" {
				out = append(out, task.Text)
			}
		}
		slices.Sort(out)
		return out
	}
}

// doubts are what a plan would ask, as "program account entitlement text".
func (w *world) doubts() (facts []engine.Fact, lines []string) {
	w.t.Helper()
	s, err := w.engine.Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	facts = engine.Doubts(s, w.engine.MakePlan(s), w.now)
	for _, f := range facts {
		lines = append(lines, strings.Join([]string{f.Program, f.Account, f.Entitlement, f.Person, f.Text}, " "))
	}
	return facts, lines
}

func (w *world) record(set []engine.Fact) {
	w.t.Helper()
	if err := w.journal.Append(w.t.Context(), engine.Free, []engine.Record{{Kind: engine.KindAccept, Actor: "boss", Set: set}}); err != nil {
		w.t.Fatal(err)
	}
}

// What appeared or went while the journal has a gap is a question, and only where a list is complete.
func TestWhatChangedWithinAGapIsDoubted(t *testing.T) {
	w, _ := gapped(t)
	_, got := w.doubts()
	want := []string{"wiki ann own k-ann appeared", "wiki eve   appeared", "wiki eve .exists  appeared", "wiki eve x  appeared", "wiki zoe x k-zoe missing"}
	if !slices.Equal(got, want) {
		t.Errorf("doubts are\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	w.lists(enginetest.PartialList)
	if _, got := w.doubts(); len(got) > 0 {
		t.Errorf("half a list shows what appeared: %v", got)
	}
}

// A doubt is asked until it has an answer: what appeared is gone or managed, what was missing is there, or the task was
// ticked off. Until then what is missing is not given back.
func TestADoubtIsAskedUntilItIsAnswered(t *testing.T) {
	w, asked := gapped(t)
	facts, _ := w.doubts()
	w.record(facts)
	w.later()
	want := []string{
		`wiki, wiki/.exists, wiki/x of the account "eve", which is nobody's, appeared while the journal has a gap; link the account with rolecall adopt, or take the access away by hand`,
		`wiki/own of the account "ann" appeared while the journal has a gap, and policy does not give it: nobody knows who did, so it stays; take it away by hand, or tick this off`,
		`wiki/x was taken from the account "zoe" while the journal has a gap: nobody knows by whom, so it is not given back; tick this off to let policy decide again`,
	}
	if got := asked(); !slices.Equal(got, want) {
		t.Errorf("asked are\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	w.lists(enginetest.PartialList)
	w.later()
	if got := asked(); !slices.Equal(got, want) {
		t.Errorf("half a list answered something: %v", got)
	}
	w.lists(enginetest.NoFault)
	w.targets["wiki"].Set("ann", "own", false)
	w.later()
	if got := asked(); !slices.Equal(got, []string{want[0], want[2]}) {
		t.Errorf("what is gone is asked about: %v", got)
	}
	for _, task := range w.memory().Tasks() {
		if task.Person == "k-zoe" {
			if err := w.engine.TaskDone(t.Context(), "boss", task.ID, "it was me"); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.later()
	w.later()
	if got := asked(); !slices.Equal(got, want[:1]) {
		t.Errorf("what was ticked off is asked about: %v", got)
	}
	for _, f := range w.memory().Facts(engine.FactDoubt) {
		if f.Account != "eve" {
			t.Errorf("a doubt that was answered stays: %+v", f)
		}
	}
}

// What was lost is asked about, unless exported records prove what it was.
func TestQuestionsAboutAGap(t *testing.T) {
	from, sealed := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		gap  engine.Gap
		says string // "": nothing is asked
	}{
		"nothing is known":            {engine.Gap{From: from}, "since 2026-03-01T08:00:00Z"},
		"sealed later":                {engine.Gap{From: from, Sealed: 9, SealedAt: sealed}, "between 2026-03-01T08:00:00Z and 2026-03-02T08:00:00Z, or later"},
		"replayed, proven":            {engine.Gap{From: from, Sealed: 9, SealedAt: sealed, Events: &engine.Evidence{Proven: true}}, ""},
		"replayed, not proven":        {engine.Gap{From: from, Sealed: 9, SealedAt: sealed, Events: &engine.Evidence{}}, "between 2026-03-01T08:00:00Z"},
		"replayed, nothing was known": {engine.Gap{From: from, Events: &engine.Evidence{}}, ""},
	} {
		asked := c.gap.Questions(sealed)
		if c.says == "" && len(asked) == 0 {
			continue
		}
		if len(asked) != 2 || c.says == "" || !strings.Contains(asked[0].Text, "who was cut off "+c.says) || !strings.Contains(asked[1].Text, "undos "+c.says) {
			t.Errorf("%s: %+v", name, asked)
		}
	}
}

// A question about the gap as a whole is a task with its own words, until somebody ticks it off.
func TestAQuestionStaysUntilItIsTickedOff(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.record([]engine.Fact{engine.Question("cuts", "who was cut off?", w.now)})
	w.later()
	w.later()
	tasks := w.memory().Tasks()
	if len(tasks) != 1 || tasks[0].Text != "who was cut off?" {
		t.Fatalf("%+v", tasks)
	}
	if err := w.engine.TaskDone(t.Context(), "boss", tasks[0].ID, "nobody"); err != nil {
		t.Fatal(err)
	}
	w.later()
	w.later()
	if m := w.memory(); len(m.Facts(engine.FactDoubt)) != 0 || len(m.Tasks()) != 0 {
		t.Errorf("%+v %+v", m.Facts(engine.FactDoubt), m.Tasks())
	}
}

// After a gap what policy grants and is there becomes managed again, and nothing else; leavers and people cut off whose
// access is still there are named.
func TestWhatIsAdoptedAfterAGap(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.program("wiki").Match = "key"
	for _, login := range []string{"ann", "bob", "yan", "zoe"} {
		w.hire(login, "a")
		w.targets["wiki"].AddAccount(login, engine.AccountInfo{Attributes: map[string]string{"key": "k-" + login}}, engine.Exists, engine.Active, "x", "own")
	}
	w.roles("bob")
	w.fire("zoe")
	p := w.mustPlan()
	var got []string
	for _, r := range engine.Readopted(p, "boss") {
		if r.Kind != engine.KindAdopt || r.Cause != engine.CauseAccept || r.Actor != "boss" || r.Why[0] != "adopted again after a gap in the journal" {
			t.Errorf("%+v", r)
		}
		got = append(got, r.Account+" "+r.Entitlement)
	}
	want := []string{"ann ", "ann .exists", "ann x", "yan ", "yan .exists", "yan x"}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("adopted are %q, want %q", got, want)
	}
	if open := engine.OpenEnds(p); len(open) != 1 || !strings.HasPrefix(open[0], "ZOE (k-zoe): suspend wiki of account zoe, ") {
		t.Errorf("open: %q", open)
	}
}

// A journal that lost what was taken within the window knows of it again once the gap is accepted: the budget is not full anew.
func TestWhatWasLostIsChargedAgain(t *testing.T) {
	for lost, want := range map[int]engine.ChangeState{0: engine.Ready, 1: engine.Ready, 2: engine.NeedsApproval} {
		w := crowd(t)
		w.engine.Settings.Limits.RevokePeople = tight(2)
		for n := range lost {
			who := strings.Repeat("x", n+1)
			intent := engine.IntentRecord("r9", "daemon", "corp", engine.Change{Op: engine.OpRevoke, Person: "k-" + who, Account: who, Program: "wiki", Entitlement: "wiki/y", Cause: engine.CauseRule}, engine.ChargeRevoke)
			again, charged := engine.ChargeAgain(&intent, "lost")
			if !charged {
				t.Fatal("it is not charged")
			}
			w.append(again)
		}
		w.lose("p0")
		w.revokes(map[engine.ChangeState]int{want: 1})
	}
	if _, charged := engine.ChargeAgain(&engine.Record{Kind: engine.KindNote}, "lost"); charged {
		t.Error("a note is charged")
	}
}
