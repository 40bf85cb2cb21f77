package period

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// try is a change of somebody's account that comes to an outcome.
func (h *history) try(run, who string, op engine.Op, cause engine.Cause, o engine.Outcome) {
	h.t.Helper()
	h.outcome(h.intent(run, who, "", op, cause, ""), who, "", op, o)
}

// TestTriedAgain: whoever's first try failed has a delay, up to the try that had effect; a cut that came first is one, too.
func TestTriedAgain(t *testing.T) {
	h := newHistory(t)
	for _, who := range []string{"ann", "bob", "cid", "dan"} {
		h.give("r1", who, "")
	}
	h.now = h.b.out.From
	began := h.now
	for _, who := range []string{"ann", "bob", "cid"} {
		h.try("r2", who, engine.OpSuspend, engine.CauseMarked, engine.Failed)
	}
	h.try("r3", "ann", engine.OpSuspend, engine.CauseMarked, engine.Refused)
	h.try("r4", "ann", engine.OpSuspend, engine.CauseMarked, engine.Done)
	h.try("r3", "bob", engine.OpSuspend, engine.CauseMarked, engine.Failed)
	h.try("r4", "bob", engine.OpSuspend, engine.CauseCut, engine.Done)
	h.try("r4", "cid", engine.OpGrant, engine.CauseRule, engine.Done)
	h.try("r4", "dan", engine.OpSuspend, engine.CauseMarked, engine.Done)
	f := h.b.Done()
	if keys(f.Leavers) != "ann bob cid dan" {
		t.Fatal(keys(f.Leavers))
	}
	for i, want := range []struct{ taken, open int }{{1, 0}, {1, 0}, {0, 1}, {1, 0}} {
		if p := f.Leavers[i]; p.Taken != want.taken || p.Open != want.open || p.LastTaken.IsZero() != (want.taken == 0) {
			t.Errorf("%+v", p)
		}
	}
	if ann := f.Leavers[0]; ann.Since.After(began.Add(2*time.Hour)) || ann.LastTaken.Sub(ann.Since) < 8*time.Hour {
		t.Errorf("the delay is not from the first try to the last: %+v", ann)
	}
}

// TestTriedAgainForANewAccount: until there is one, an account is called by what was proposed.
func TestTriedAgainForANewAccount(t *testing.T) {
	h := newHistory(t)
	h.now = h.b.out.From
	first := h.intent("r1", "new", "", engine.OpCreate, engine.CauseRule, "")
	h.b.open[first].Account = engine.ProposedPrefix + "new"
	h.outcome(first, engine.ProposedPrefix+"new", "", engine.OpCreate, engine.Failed)
	h.try("r2", "new", engine.OpCreate, engine.CauseRule, engine.Done)
	if p := h.b.Done().Joiners[0]; p.Open != 0 || p.Given != 1 {
		t.Errorf("%+v", p)
	}
}

func (h *history) notices(run string, incomplete bool, notices ...engine.Notice) {
	h.t.Helper()
	p := engine.Proof{Source: "hr", Count: 3, Started: h.now}
	if incomplete {
		p.Add(engine.ReasonPartial, "half of it")
	}
	h.add(engine.Record{Kind: engine.KindRun, Run: run, Data: text1(map[string]any{"Proofs": []engine.Proof{p}, "Notices": notices})})
}

// TestKept: somebody who has left and from whom nothing is taken, as the configuration wants, is among the leavers all the same.
func TestKept(t *testing.T) {
	unmanaged := func(who string) engine.Notice {
		return engine.Notice{Code: engine.NoticeLeaverUnmanaged, Person: who, Program: "wiki"}
	}
	never := engine.Notice{Code: engine.NoticeLeaverKept, Person: "ann", Program: "crm"}
	h := newHistory(t)
	h.give("r0", "ann", "")
	h.notices("r1", false, unmanaged("ann"), unmanaged("bob"), unmanaged("old"), never)
	since := h.now
	h.notices("r2", false, unmanaged("ann"), unmanaged("bob"), never) // old is settled before the period
	h.now = h.b.out.From
	h.notices("r3", true, never) // not whole: it says nothing of those whom it does not name
	h.try("r3", "ann", engine.OpSuspend, engine.CauseMarked, engine.Done)
	h.notices("r4", false, unmanaged("ann"), never)
	h.notices("r5", false, unmanaged("ann"), never, unmanaged("cid"))
	f := h.b.Done()
	if keys(f.Leavers) != "ann bob cid" || len(f.Others) != 0 {
		t.Fatalf("leavers %s; others %s", keys(f.Leavers), keys(f.Others))
	}
	for i, want := range []struct {
		kept  int
		notes []string
	}{{2, []string{"keeps everything (revoke: never) in crm; keeps what Rolecall does not manage", "in wiki"}}, {0, []string{"kept what Rolecall does not manage", "until 2027-02-01T"}}, {1, []string{"keeps what"}}} {
		p := f.Leavers[i]
		if p.Kept != want.kept {
			t.Errorf("%+v", p)
		}
		for _, note := range want.notes {
			if !strings.Contains(p.Note, note) {
				t.Errorf("%s: %q is not noted: %q", p.Key, note, p.Note)
			}
		}
	}
	if !f.Leavers[0].Since.Equal(since) || f.Leavers[2].Since.Before(f.From) {
		t.Errorf("since %s and %s", f.Leavers[0].Since, f.Leavers[2].Since)
	}
}
