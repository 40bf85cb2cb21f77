package engine_test

import (
	"slices"
	"strings"
	"testing"

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
