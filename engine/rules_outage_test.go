package engine_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// What may be repeated without reading back is repeated by the next work, not at once and for ever: the program that does
// not answer would else never let the run end.
func TestUnknownRevokeOfALeaverEndsTheWork(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.pass(time.Hour)
	calls := 0
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() {
			return enginetest.NoFault
		}
		if calls++; calls > 20 {
			t.Fatal("the work goes on and on")
		}
		return enginetest.LoseBefore
	}
	if r := w.applied("zoe", "suspend wiki ready", "revoke wiki/x ready"); r.Outcomes[engine.Uncertain] != 2 {
		t.Errorf("outcomes %v", r.Outcomes)
	}
	w.targets["wiki"].Before = nil
	w.pass(time.Minute)
	if _, err := w.engine.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.has("zoe", engine.Active, false)
	w.has("zoe", "x", false)
}

// stuck answers nothing and heeds no context, until the test ends.
type stuck struct {
	*enginetest.Program
	end chan struct{}
}

func (s stuck) Holdings(context.Context, func(engine.Holding) error) (engine.Proof, error) {
	<-s.end
	return engine.Proof{}, nil
}

func (s stuck) People(context.Context, func(engine.Person) error) (engine.Proof, error) {
	<-s.end
	return engine.Proof{}, nil
}

func TestHangingProgramDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := newWorld(t, "git", "wiki"), make(chan struct{})
		defer close(end)
		w.policy.rules = map[string][]string{"a": {"wiki", "git"}}
		w.hire("ann", "a")
		w.hire("bob", "a")
		w.apply()
		w.fire("ann")
		w.pass(time.Hour)
		w.program("git").Connector = stuck{w.targets["git"], end}
		w.expect(w.plan(), "suspend git ann ready", "suspend wiki ann ready") // what is known of git has to do
	})
}

func TestHangingDirectoryDelaysNoCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := company(t, map[string][]string{"a": {"wiki"}}), make(chan struct{})
		defer close(end)
		w.apply()
		w.engine.Directory = stuck{nil, end}
		if p := w.mustPlan(); p.Proofs[0].Complete() || len(p.Changes) > 0 {
			t.Errorf("proof %+v, changes %v", p.Proofs[0], lines(p))
		}
		if _, _, err := w.engine.Cut(t.Context(), "boss", "zoe", "stolen"); err != nil {
			t.Fatal(err)
		}
		w.has("zoe", engine.Active, false)
	})
}

// panicking fails in the worst way.
type panicking struct{}

func (panicking) People(context.Context, func(engine.Person) error) (engine.Proof, error) {
	panic("no such field")
}

func TestPanickingDirectoryIsUnreachable(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki"}})
	w.apply()
	w.engine.Directory = panicking{}
	if p := w.mustPlan(); p.Proofs[0].Complete() || len(p.Changes) > 0 {
		t.Errorf("proof %+v, changes %v", p.Proofs[0], lines(p))
	} else if r := p.Proofs[0].Reasons; len(r) == 0 || r[0].Code != engine.ReasonUnreachable || !strings.Contains(r[0].Detail, "reading the directory failed: ") {
		t.Errorf("the reason: %+v", r)
	}
}
