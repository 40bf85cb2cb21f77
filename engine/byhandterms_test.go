package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// handmade is a program that shows what it holds, and that people change.
type handmade struct {
	*enginetest.Program
	terms   engine.HandTerms
	started time.Time // of what is listed; zero: now
}

func (h handmade) Hand() engine.HandTerms { return h.terms }

func (h handmade) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof, err := h.Program.Holdings(ctx, yield)
	if !h.started.IsZero() {
		proof.Started = h.started
	}
	return proof, err
}

// byHandWorld is a crowd whose program people change from now on.
func byHandWorld(t *testing.T, terms engine.HandTerms) *world {
	w := watched(t)
	w.program("wiki").Connector = handmade{Program: w.targets["wiki"], terms: terms}
	return w
}

// Whoever names no time wants no date, and no alarm: a task is not late from the start.
func TestATaskWithoutATimeIsNeverDue(t *testing.T) {
	_, j, programs := byHand(t)
	programs[0].Connector = handmade{}
	mem, err := j.Memory(t.Context(), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range engine.HandTasks(mem.Open, programs) {
		if task.Due != nil {
			t.Errorf("%s is due by %s", task.Text, task.Due)
		}
	}
	w := byHandWorld(t, engine.HandTerms{})
	w.lose("p0")
	w.later()
	w.pass(1000 * time.Hour)
	if p, err := w.engine.Plan(t.Context()); err != nil || noticed(p, engine.NoticeOverdue) {
		t.Error(p.Notices, err)
	}
}

// Who reads a task must not take an account away for a right, nor give what is to be taken.
func TestTasksSayWhatIsToBeDone(t *testing.T) {
	for op, want := range map[engine.Op]string{
		engine.OpGrant:  `give "read" to the account "ann" in legacy`,
		engine.OpRevoke: `take "read" from the account "ann" in legacy`,
		engine.OpUpdate: `update the account "ann" in legacy`,
	} {
		open := []engine.Intent{{Seq: 1, Change: engine.Change{Op: op, Program: "legacy", Account: "ann", Entitlement: "legacy/read"}}}
		if got := engine.HandTasks(open, []engine.Program{{Name: "legacy", Connector: handmade{}}})[0].Text; got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}

// What a connector does is not for people to tick off: it would be believed, and never be made.
func TestOnlyWhatPeopleMakeIsTickedOff(t *testing.T) {
	for name, programs := range map[string][]engine.Program{"a connector's": {{Name: "legacy", Connector: enginetest.NewProgram("legacy", nil)}}, "of no program": nil} {
		e, j, _ := byHand(t)
		e.Programs = programs
		if err := e.TaskDone(t.Context(), "ann", "t4", "locked"); err == nil || !strings.Contains(err.Error(), "no such task") {
			t.Errorf("%s: %v", name, err)
		}
		if mem, err := j.Memory(t.Context(), e.Now()); err != nil || len(mem.Open) != 4 {
			t.Errorf("%s: %v %v", name, mem.Open, err)
		}
	}
}

// A plan says how much of it people are asked to do: not what waits, what is only recorded, what comes with an account, and what is
// called.
func TestForPeopleCountsTasks(t *testing.T) {
	programs := []engine.Program{{Name: "legacy", Connector: handmade{}}, {Name: "wiki", Connector: enginetest.NewProgram("wiki", nil)}}
	task := engine.Change{Op: engine.OpGrant, Program: "legacy", Entitlement: "legacy/read", State: engine.Ready}
	for name, c := range map[string]struct {
		change func(c *engine.Change)
		want   int
	}{
		"a task":                {func(*engine.Change) {}, 1},
		"of a program called":   {func(c *engine.Change) { c.Program = "wiki" }, 0},
		"of no program":         {func(c *engine.Change) { c.Program = "gone" }, 0},
		"waits":                 {func(c *engine.Change) { c.State = engine.NeedsApproval }, 0},
		"only recorded":         {func(c *engine.Change) { c.Op = engine.OpAdopt }, 0},
		"comes with an account": {func(c *engine.Change) { c.Op, c.Entitlement, c.Proposed = engine.OpResume, "legacy", true }, 0},
	} {
		one := task
		c.change(&one)
		if got := engine.ForPeople(&engine.Plan{Changes: []engine.Change{one}}, programs); got != c.want {
			t.Errorf("%s: %d tasks", name, got)
		}
	}
}

// What nobody has ticked off in time is told, with the one that is due first; before, and once it is done, nothing is.
func TestOverdueTasksAreTold(t *testing.T) {
	terms := engine.HandTerms{Due: 48 * time.Hour, Leavers: 24 * time.Hour}
	w := byHandWorld(t, terms)
	other := handmade{Program: enginetest.NewProgram("crm", w.engine.Now), terms: terms} // of which nothing is late
	w.engine.Programs = append(w.engine.Programs, engine.Program{Name: "crm", Connector: other, Revoke: engine.RevokeManaged})
	overdue := func() (texts []string) {
		t.Helper()
		p, err := w.engine.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range noticesOf(p, engine.NoticeOverdue) {
			texts = append(texts, n.Program+": "+n.Text)
		}
		return texts
	}
	w.lose("p0")
	w.later()
	first := w.now.Add(48 * time.Hour)
	w.lose("p1")
	w.later()
	w.fire("p2") // due before both, as a leaver
	w.later()
	leaver := w.now.Add(24 * time.Hour)
	w.pass(24*time.Hour - time.Second)
	same(t, "a second before", overdue(), nil)
	w.pass(time.Second)
	same(t, "the leaver", overdue(), []string{"wiki: 3 tasks of wiki should have been done by hand, the first by " + leaver.Format("2006-01-02 15:04")})
	w.pass(first.Sub(w.now))
	w.fire("p3")
	w.apply() // due last of all
	w.pass(48 * time.Hour)
	same(t, "more", overdue(), []string{"wiki: 8 tasks of wiki should have been done by hand, the first by " + leaver.Format("2006-01-02 15:04")})
	for _, task := range engine.HandTasks(w.memory().Open, w.engine.Programs) {
		if err := w.engine.TaskDone(t.Context(), "boss", task.ID, "done"); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "all done", overdue(), nil)
}

// A leaver's task is alarmed of, and is not made a second task that says the same.
func TestALeaverIsOneTaskByHand(t *testing.T) {
	w := byHandWorld(t, engine.HandTerms{})
	w.fire("p0")
	w.later()
	w.pass(4 * time.Hour)
	p := w.later()
	n := noticesOf(p, engine.NoticeUnfinished)
	if len(n) != 1 || n[0].Person != "k-p0" || !strings.HasSuffix(n[0].Text, "nobody has ticked the task off; see rolecall tasks list") {
		t.Errorf("%+v", n)
	}
	if tasks := w.memory().Tasks(); len(tasks) > 0 {
		t.Errorf("%+v", tasks)
	}
}

// What somebody exported shows what was then; any other list is as old as its reading, and none is from the future.
func TestAListByHandIsAsOldAsItsExport(t *testing.T) {
	w := newWorld(t, "wiki")
	now := w.now
	past, future := now.Add(-time.Hour), now.Add(time.Hour)
	old := handmade{Program: w.targets["wiki"], started: past}
	for name, c := range map[string]struct {
		connector engine.Connector
		want      time.Time
	}{
		"exported before":    {old, past},
		"from the future":    {handmade{Program: w.targets["wiki"], started: future}, now},
		"not made by people": {struct{ engine.Connector }{old}, now},
	} {
		r := w.engine.ReadProgram(t.Context(), &engine.Program{Name: "wiki", Connector: c.connector}, w.memory())
		if !r.Proof.Started.Equal(c.want) || !r.Proof.Complete() {
			t.Errorf("%s: %+v, not of %s", name, r.Proof, c.want)
		}
	}
}

// The page names which programs people change, and no other.
func TestProgramsThatPeopleChange(t *testing.T) {
	wiki := enginetest.NewProgram("wiki", nil)
	names := engine.ByHandNames([]engine.Program{{Name: "legacy", Connector: handmade{}}, {Name: "wiki", Connector: wiki}, {Name: "keys", Connector: handmade{}}})
	if strings.Join(names, " ") != "legacy keys" {
		t.Error(names)
	}
}
