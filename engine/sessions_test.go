package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// rooms is a program in which people stay until their sessions are ended.
type rooms struct {
	*enginetest.Program
	mu    sync.Mutex
	ended []string
	wrong error
	panic bool
}

func (r *rooms) EndSessions(_ context.Context, account string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, account)
	if r.panic {
		panic("no room")
	}
	return r.wrong
}

func (r *rooms) took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.ended
	r.ended = nil
	return out
}

// hall is the same with batches.
type hall struct{ *rooms }

func (c hall) Apply(ctx context.Context, calls []engine.Call) (out []engine.Result) {
	for _, call := range calls {
		var r engine.Result
		switch {
		case call.New != nil:
			r.ID, r.Outcome, r.Err = c.Create(ctx, *call.New)
		case call.Grant:
			r.Outcome, r.Err = c.Grant(ctx, call.Account, call.Entitlement)
		default:
			r.Outcome, r.Err = c.Revoke(ctx, call.Account, call.Entitlement)
		}
		out = append(out, r)
	}
	return out
}

func sessionWorld(t *testing.T, batch bool) (*world, *rooms) {
	w := company(t, map[string][]string{"a": {"wiki", "wiki/edit", "wiki/read"}, "b": {"wiki", "wiki/read"}})
	for _, who := range []string{"ann", "ben", "cid"} {
		w.hire(who, "a", "b")
	}
	r := &rooms{Program: w.targets["wiki"]}
	r.Describes.Sessions = true
	w.program("wiki").Connector = r
	if batch {
		w.program("wiki").Connector = hall{r}
	}
	w.apply()
	return w, r
}

func TestWhoIsCutOffOrLeavesIsLoggedOut(t *testing.T) {
	for name, batch := range map[string]bool{"one by one": false, "in batches": true} {
		t.Run(name, func(t *testing.T) {
			w, r := sessionWorld(t, batch)
			if got := r.took(); len(got) > 0 {
				t.Errorf("granting ended sessions of %q", got)
			}
			if _, _, err := w.engine.Cut(t.Context(), "op", "ann", "stolen"); err != nil {
				t.Fatal(err)
			}
			if got := r.took(); !slices.Equal(got, []string{"ann"}) {
				t.Errorf("the cut ended sessions of %q", got)
			}
			w.fire("ben")
			w.roles("cid", "b")
			w.later()
			if got := r.took(); !slices.Equal(got, []string{"ben"}) { // and not those of cid, who stays
				t.Errorf("the leaver's run ended sessions of %q", got)
			}
			w.said(engine.OpSuspend, "ann", "its open sessions were ended")
			w.said(engine.OpSuspend, "ben", "its open sessions were ended")
			w.later()
			if got := r.took(); len(got) > 0 {
				t.Errorf("a run without changes ended sessions of %q", got)
			}
		})
	}
}

// said wants the words in the outcome of the newest change of that kind.
func (w *world) said(op engine.Op, account, words string) {
	w.t.Helper()
	last := engine.Record{}
	_ = w.journal.Records(w.t.Context(), engine.Query{Kind: engine.KindOutcome, Account: account, Op: op}, func(r engine.Record) error {
		last = r
		return nil
	})
	if !strings.Contains(strings.Join(last.Why, "; "), words) {
		w.t.Errorf("the outcome of %s of %s says %q, not %q", op, account, last.Why, words)
	}
}

// A session that can't be ended leaves the cut what it is, is told, and is tried again until it ends.
func TestSessionsThatGoOn(t *testing.T) {
	w, r := sessionWorld(t, false)
	r.wrong = errors.New("not allowed")
	_, report, err := w.engine.Cut(t.Context(), "op", "ann", "stolen")
	if err != nil || report.Outcomes[engine.Done] == 0 || len(report.Failures) > 0 {
		t.Errorf("the cut: %v, %v", report, err)
	}
	if len(report.Sessions) != 1 || report.Sessions[0].Error != "not allowed" || report.Sessions[0].Change.Account != "ann" {
		t.Errorf("the report says of sessions: %v", report.Sessions)
	}
	w.has("ann", engine.Active, false)
	w.said(engine.OpSuspend, "ann", "its open sessions could not be ended: not allowed")
	r.took()
	p, again := w.apply()
	if got := r.took(); len(got) > 0 {
		t.Errorf("tried again at once: %q", got)
	}
	if len(again.Failures) > 0 || !w.asks("the open sessions of the account \"ann\" of wiki could not be ended") {
		t.Errorf("%v; the tasks are %v", again.Failures, w.memory().Tasks())
	}
	if !slices.ContainsFunc(p.Notices, func(n engine.Notice) bool { return n.Code == engine.NoticeSessions && n.Person == "k-ann" }) {
		t.Errorf("nobody is told: %v", p.Notices)
	}
	w.later()
	if got := r.took(); !slices.Equal(got, []string{"ann"}) {
		t.Errorf("tried again: %q", got)
	}
	r.wrong, r.panic = nil, true
	w.later()
	r.panic = false
	if f := w.memory().Facts(engine.FactSessions); len(f) != 1 || f[0].Count != 3 || !strings.Contains(f[0].Text, "no room") {
		t.Errorf("after a panic: %v", f)
	}
	w.pass(24 * time.Hour)
	w.apply() // ends them, after its plan
	w.later()
	if got := r.took(); len(got) != 2 || w.asks("the open sessions") || len(w.memory().Facts(engine.FactSessions)) > 0 {
		t.Errorf("%q; the tasks are %v", got, w.memory().Tasks())
	}
}

// Who is back may be in: nobody ends that.
func TestSessionsOfWhoIsBackAreTheirs(t *testing.T) {
	w, r := sessionWorld(t, false)
	r.wrong = errors.New("not allowed")
	if _, _, err := w.engine.Cut(t.Context(), "op", "ann", "stolen"); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Lift(t.Context(), "op", "ann", "found"); err != nil {
		t.Fatal(err)
	}
	r.took()
	w.later()
	w.later()
	if got := r.took(); len(got) > 0 || w.asks("the open sessions") {
		t.Errorf("%q; the tasks are %v", got, w.memory().Tasks())
	}
}

// asks says whether a task is there.
func (w *world) asks(text string) bool {
	return slices.ContainsFunc(w.memory().Tasks(), func(one engine.Task) bool { return strings.Contains(one.Text, text) })
}

// A program that does not declare it is not asked, and a paused one waits.
func TestSessionsOfAProgramThatCanNotEndThem(t *testing.T) {
	w, r := sessionWorld(t, false)
	r.Describes.Sessions = false
	if _, _, err := w.engine.Cut(t.Context(), "op", "ann", "stolen"); err != nil {
		t.Fatal(err)
	}
	if got := r.took(); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
}
