package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// people is a program that people change; a call would be a nil dereference.
type people struct{ engine.Connector }

func (people) Hand() engine.HandTerms {
	return engine.HandTerms{Due: 48 * time.Hour, Leavers: time.Hour}
}

// byHand is an engine with three open intents of a program that people change: an account, its right, and a leaver's suspend.
func byHand(t *testing.T) (*engine.Engine, *enginetest.Journal, []engine.Program) {
	t.Helper()
	now := func() time.Time { return time.Unix(1_800_000_000, 0).UTC() }
	j := enginetest.NewJournal(now)
	programs := []engine.Program{{Name: "legacy", Connector: people{}}}
	var records []engine.Record
	for _, c := range []engine.Change{
		{Op: engine.OpCreate, Account: "new:bob", Entitlement: "legacy/.exists", Person: "2", Name: "Bob", Proposed: true, New: &engine.NewAccount{Name: "bob", Attributes: map[string]string{"mail": "bob@example.com"}}},
		{Op: engine.OpResume, Account: "new:bob", Entitlement: "legacy", Person: "2", Proposed: true},
		{Op: engine.OpGrant, Account: "new:bob", Entitlement: "legacy/read", Person: "2", Proposed: true},
	} {
		records = append(records, engine.IntentRecord("r1", "tester", "hr", c, engine.ChargeGrant))
	}
	records = append(records, engine.IntentRecord("r1", "tester", "hr", engine.Change{Op: engine.OpSuspend, Account: "eve", Entitlement: "legacy", Person: "5", Cause: engine.CauseMarked}, engine.ChargeLeaver))
	if err := j.Append(t.Context(), engine.Free, records); err != nil {
		t.Fatal(err)
	}
	return &engine.Engine{Journal: j, Outbox: j, Now: now, Programs: programs}, j, programs
}

func texts(tasks []engine.Task) string {
	var out []string
	for _, task := range tasks {
		out = append(out, task.ID+" "+task.Text)
	}
	return strings.Join(out, "\n")
}

// Nobody calls such a program: what is to be done there stays open, leavers first, until somebody ticks it off.
func TestPeopleMakeTheChanges(t *testing.T) {
	e, j, programs := byHand(t)
	if r, err := e.Work(t.Context()); err != nil || len(r.Outcomes) > 0 {
		t.Fatal(r, err)
	}
	mem, err := j.Memory(t.Context(), e.Now())
	if err != nil {
		t.Fatal(err)
	}
	tasks := engine.HandTasks(mem.Open, programs)
	want := "t4 suspend the account \"eve\" in legacy\nt1 create the account \"bob\" (Bob) in legacy, with mail \"bob@example.com\"\nt3 give \"read\" to the account \"bob\" in legacy"
	if got := texts(tasks); got != want || !tasks[0].Urgent || !tasks[0].Due.Equal(tasks[0].Since.Add(time.Hour)) || !tasks[1].Due.Equal(tasks[1].Since.Add(48*time.Hour)) {
		t.Fatalf("%s\n%+v", got, tasks)
	}
	if err := e.TaskDone(t.Context(), "5", "t4", "locked myself"); !errors.Is(err, engine.ErrOwnAccess) {
		t.Errorf("somebody ticks off that their own access is gone: %v", err)
	}
	for _, own := range []*engine.Engine{e.As(engine.Decider{Person: "2"}), e.As(engine.Decider{Words: []string{"2"}})} {
		if err := own.TaskDone(t.Context(), "oidc:1", "t1", "made"); !errors.Is(err, engine.ErrOwnAccess) {
			t.Errorf("bob ticks off his own access: %v", err)
		}
	}
	for _, step := range []struct{ id, note, wrong string }{
		{"t1", " ", "reason"}, {"t3", "x", "still to be made"}, {"t9", "x", "no such task"}, {"t1", "made", ""}, {"t3", "given", ""}, {"t4", "locked", ""}, {"t4", "again", "no such task"},
	} {
		if err := e.TaskDone(t.Context(), "ann", step.id, step.note); (err == nil) != (step.wrong == "") || err != nil && !strings.Contains(err.Error(), step.wrong) {
			t.Errorf("%s %q: %v, want %q", step.id, step.note, err, step.wrong)
		}
	}
	if mem, err = j.Memory(t.Context(), e.Now()); err != nil || len(mem.Open) > 0 {
		t.Fatal(mem.Open, err)
	}
	for _, right := range []string{engine.Exists, engine.Active, "read"} {
		if !held(mem, "bob", right) {
			t.Errorf("bob does not hold %q", right)
		}
	}
	if f, ok := mem.Fact(engine.FactKey{Kind: engine.FactSuspended, Program: "legacy", Account: "eve"}); !ok || f.Text != "rolecall" {
		t.Errorf("who suspended eve: %+v", f)
	}
	n := 0
	if err := j.Records(t.Context(), engine.Query{Kind: engine.KindOutcome}, func(r engine.Record) error {
		if n++; r.Actor != "ann" || r.Outcome != engine.Done || len(r.Why) != 1 {
			t.Errorf("%+v", r)
		}
		return nil
	}); err != nil || n != 4 {
		t.Error(n, err)
	}
}

func held(mem *engine.Memory, account, right string) bool {
	m := mem.Program("legacy")
	for _, row := range m.Rows {
		if m.Accounts[row.Account] == account && m.Entitlements[row.Entitlement] == right && row.Managed {
			return true
		}
	}
	return false
}
