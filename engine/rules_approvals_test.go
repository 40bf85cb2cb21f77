package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func TestLaterRoomFreesNothing(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(1)
	w.roles("p0", "a")
	w.roles("p1", "a")
	w.later()
	since := w.items()[0].Since
	w.roles("p1", "a", "b")
	w.pass(100 * time.Hour)
	w.applied("p0", "revoke wiki/y needs-approval")
	if got := w.items(); len(got) == 0 || !got[0].Since.Equal(since) {
		t.Errorf("the item lost its age: %v", got)
	}
}

func TestItemEndsAfterTwoReads(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.targets["wiki"].Describes.Lag = 30 * time.Minute
	w.roles("p0", "a")
	w.later()
	for _, step := range []struct {
		name  string
		do    func()
		items int
	}{
		{"an unknown run", func() { w.person("p0").State = engine.StateUnknown; w.later(); w.later() }, 1},
		{"an incomplete read", func() {
			w.roles("p0", "a", "b")
			w.person("p0").State = engine.StateActive
			w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
			w.later()
			w.later()
			w.proof = engine.Proof{}
		}, 1},
		{"an incomplete list", func() { w.lists(enginetest.Unreachable); w.later(); w.later(); w.lists(enginetest.NoFault) }, 1},
		{"one complete read", func() { w.later() }, 1},
		{"a second one within the lag", func() { w.pass(10 * time.Minute); w.apply() }, 1},
		{"one beyond the lag", func() { w.later() }, 0},
	} {
		if step.do(); len(w.items()) != step.items {
			t.Fatalf("%s: %d items, want %d", step.name, len(w.items()), step.items)
		}
	}
}

func TestApprovalIsUsedOnceAndExpires(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("p0", "a")
	w.later()
	w.approve()
	w.pass(25 * time.Hour)
	w.applied("p0", "revoke wiki/y needs-approval")
	w.approve()
	w.pass(23 * time.Hour)
	w.applied("p0", "revoke wiki/y ready")
	if len(w.items()) != 0 {
		t.Error("a used approval is still there")
	}
	w.roles("p0", "a", "b")
	w.later()
	w.roles("p0", "a")
	w.pass(time.Hour)
	w.wants("p0", "revoke wiki/y needs-approval")
}

func TestApprovedIsNotCharged(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(1)
	w.roles("p0", "a")
	w.roles("p1", "a")
	w.later()
	w.approve()
	w.pass(time.Minute)
	w.apply()
	w.roles("p2", "a")
	w.pass(time.Minute)
	w.wants("p2", "revoke wiki/y ready")
}

func TestApprovalIsCheckedAgain(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("p0", "a")
	w.later()
	w.approve()
	w.roles("p0", "a", "b")
	w.later()
	w.has("p0", "y", true)
}

func TestRejectionStays(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("p0", "a")
	w.later()
	w.reject()
	w.engine.Settings.Limits.RevokePeople = tight(1000)
	w.pass(30 * time.Hour)
	w.applied("p0", "revoke wiki/y blocked: rejected by boss")
	w.policy.rules["d"] = []string{"wiki/z"} // an edit elsewhere in the policy
	w.pass(time.Hour)
	w.applied("p0", "revoke wiki/y blocked: rejected by boss")
	if w.later(); len(w.items()) != 1 {
		t.Error("the rejection was forgotten")
	}
}

func TestApprovalOfOneDoesNotEmptyForTheOther(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "c": {"wiki"}})
	w.apply()
	w.roles("yan", "c")
	w.roles("zoe", "c")
	w.later()
	ids := w.items()
	if _, err := w.engine.Approve(t.Context(), "boss", []string{ids[0].ID}, "one of them"); err != nil {
		t.Fatal(err)
	}
	w.later()
	if w.targets["wiki"].Has("yan", "x") == w.targets["wiki"].Has("zoe", "x") {
		t.Errorf("wiki has %s", w.truth("wiki"))
	}
}

func TestNeverEmptyCountsWhatWasApproved(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "c": {"wiki"}})
	w.apply()
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("yan", "c")
	w.later()
	w.approve()
	w.engine.Settings.Limits.RevokePeople = tight(1000)
	w.roles("zoe", "c")
	w.pass(time.Minute)
	w.wants("yan", "revoke wiki/x ready")
	w.wants("zoe", "revoke wiki/x needs-approval: nobody would hold wiki/x")
}

func TestItemOutlivesWhatDelaysItsChange(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("p0", "a")
	w.later()
	w.policy.grace = 1000 * time.Hour
	w.later()
	w.later()
	w.applied("p0", "revoke wiki/y scheduled")
	if len(w.items()) != 1 {
		t.Error("the item was forgotten while its change was in grace")
	}
}

// A process that stands still between plan and commit finds that the approval it used has expired meanwhile.
func TestApprovalExpiresBetweenPlanAndCommit(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Protected = []string{"zoe"}
	w.apply()
	w.roles("zoe")
	w.later()
	w.approve()
	w.pass(23 * time.Hour)
	p := w.mustPlan()
	w.pass(2 * time.Hour)
	if _, err := w.engine.Commit(t.Context(), p, "test", w.lead()); !errors.Is(err, engine.ErrStale) {
		t.Errorf("committed: %v", err)
	}
	w.later()
	w.has("zoe", "x", true)
}

// An item that is not there is an error, and then nothing is approved.
func TestApprovingWhatIsNotThere(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("p0", "a")
	w.later()
	id := w.items()[0].ID
	for _, decide := range []func(ids ...string) error{
		func(ids ...string) error { _, err := w.engine.Approve(t.Context(), "boss", ids, "fine"); return err },
		func(ids ...string) error { _, err := w.engine.Reject(t.Context(), "boss", ids, "no"); return err },
	} {
		if err := decide(id, "nope"); !errors.Is(err, engine.ErrUnknownItem) || w.items()[0].State != engine.Waiting {
			t.Errorf("%v, %+v", err, w.items())
		}
	}
}
