package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// twoRights is a world whose program counts "full" seats, of which somebody else takes the only one after the plan is made.
func twoRights(t *testing.T) *world {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit", "write"}, Count: 1}, engine.SeatKind{Name: "light", Count: engine.NoSeatLimit})
	w.policy.rules["b"] = []string{"wiki/edit", "wiki/write"}
	w.policy.rules["d"] = []string{"wiki/write"}
	w.targets["wiki"].Describes.Seats = true
	w.full(0)
	return w
}

func (w *world) full(before int, later ...int) {
	asked := 0
	w.targets["wiki"].Counts = func(int) ([]engine.SeatCount, error) {
		used := before
		if asked++; asked > 1 && len(later) > 0 {
			used = later[min(asked-2, len(later)-1)]
		}
		return []engine.SeatCount{{Kind: "full", Total: 1, Used: used}}, nil
	}
}

// Each right that needs the seat is looked after, not the first alone.
func TestNoRightOfAKindIsGivenUncounted(t *testing.T) {
	w := twoRights(t)
	w.hire("ann", "a")
	w.apply()
	w.roles("ann", "a", "b")
	w.full(0, 1)
	w.apply()
	w.has("ann", "edit", false)
	w.has("ann", "write", false)
	w.full(0)
	w.later()
	w.has("ann", "edit", true)
	w.has("ann", "write", true) // one seat is enough for both
}

// The call that comes first is the one that takes the seat.
func TestNoAccountIsResumedUncounted(t *testing.T) {
	w := twoRights(t)
	w.program("wiki").Away = "suspend"
	w.hire("ann", "c")
	w.hire("dora", "a")
	w.apply()
	w.person("ann").State = engine.StateAway
	w.later()
	w.later()
	w.person("ann").State = engine.StateActive
	w.roles("ann", "c", "d")
	w.wants("ann", "resume wiki ready", "grant wiki/write ready")
	w.full(0, 1)
	w.apply()
	w.has("ann", engine.Active, false)
	w.has("ann", "write", false)
}

// The same where many changes are made at once.
func TestNoSeatOfABatchIsGivenUncounted(t *testing.T) {
	w := twoRights(t)
	w.program("wiki").Connector = seatBatcher{w.targets["wiki"]}
	w.hire("ann", "a")
	w.apply()
	w.roles("ann", "a", "b")
	w.hire("bob", "b")
	w.full(0, 1)
	w.apply()
	w.has("ann", "write", false)
	w.full(0)
	_, r := w.apply()
	if len(r.Seats) != 1 || r.Seats[0].Given != 1 {
		t.Errorf("read back: %+v", r.Seats)
	}
}

type seatBatcher struct{ *enginetest.Program }

func (b seatBatcher) Apply(ctx context.Context, calls []engine.Call) (out []engine.Result) {
	for _, c := range calls {
		var r engine.Result
		switch {
		case c.New != nil:
			r.ID, r.Outcome, r.Err = b.Create(ctx, *c.New)
		case c.Grant:
			r.Outcome, r.Err = b.Grant(ctx, c.Account, c.Entitlement)
		default:
			r.Outcome, r.Err = b.Revoke(ctx, c.Account, c.Entitlement)
		}
		out = append(out, r)
	}
	return out
}

// moody can't say what it is once.
type moody struct {
	*enginetest.Program
	asked, failAt int
}

func (m *moody) Describe(ctx context.Context) (engine.Description, error) {
	if m.asked++; m.asked == m.failAt {
		return engine.Description{}, errors.New("down")
	}
	return m.Program.Describe(ctx)
}

// uncounting is a program whose connector can't count any more.
type uncounting struct{ engine.Connector }

// What a plan has counted is counted again, whatever the program says of itself by then.
func TestWhatAPlanCountedIsCountedAgain(t *testing.T) {
	w, p := tallied(t, 5, 5)
	w.program("wiki").Connector = &moody{Program: p, failAt: 2}
	w.hire("ann", "a")
	asked := 0
	p.Counts = func(int) ([]engine.SeatCount, error) {
		asked++
		return []engine.SeatCount{{Total: 5, Used: min(5, 5*(asked-1))}}, nil
	}
	w.apply()
	w.has("ann", "x", false)

	w, p = tallied(t, 5, 5)
	w.hire("ann", "a")
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	w.program("wiki").Connector = uncounting{p}
	r, err := w.engine.Work(t.Context())
	w.has("ann", "x", false)
	if text := fmt.Sprint(r.Failures); err != nil || !strings.Contains(text, "does not count them any more") {
		t.Errorf("%+v, %v", r.Failures, err)
	}
}

// While more is claimed others may take seats: it is looked again.
func TestSeatsAreCountedAgainWithEachClaim(t *testing.T) {
	w, p := tallied(t, 500, 500)
	for i := range 150 {
		w.hire(fmt.Sprintf("p%03d", i), "d")
	}
	asked := 0
	p.Counts = func(used int) ([]engine.SeatCount, error) {
		if asked++; asked > 2 { // somebody else takes all that is left
			used = max(used, 500)
		}
		return []engine.SeatCount{{Total: 500, Used: used}}, nil
	}
	w.apply()
	active := 0
	for _, h := range p.Truth() {
		if h.Entitlement == engine.Active {
			active++
		}
	}
	if active == 0 || active == 150 {
		t.Errorf("%d accounts were made, some of 150 should have been", active)
	}
}

// A count that hangs is not asked for each change, and is no lost change: what takes a seat is given back, the rest goes on.
func TestACountThatHangs(t *testing.T) {
	w, p := tallied(t, 50, 50)
	w.hire("bob", "a")
	w.apply()
	w.roles("bob")
	for _, who := range []string{"ann", "carl"} {
		w.hire(who, "a")
	}
	stop := make(chan struct{})
	defer close(stop)
	var asked atomic.Int32
	p.Counts = func(used int) ([]engine.SeatCount, error) {
		if asked.Add(1) > 1 {
			<-stop
		}
		return []engine.SeatCount{{Total: 50, Used: used}}, nil
	}
	w.engine.CallTime = 20 * time.Millisecond
	lost := &atomic.Int32{}
	w.program("wiki").Lost = lost
	w.apply()
	w.has("ann", "x", false)
	w.has("bob", "x", false)
	if asked.Load() != 2 || lost.Load() != 0 {
		t.Errorf("it was asked %d times, and %d calls are lost", asked.Load(), lost.Load())
	}
}

// Whatever becomes of the count, the list is believed: leavers and movers wait for nothing.
func TestACountThatFailsSpoilsNoList(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for name, counts := range map[string]func(int) ([]engine.SeatCount, error){
		"panic": func(int) ([]engine.SeatCount, error) { panic("counts") },
		"hang":  func(int) ([]engine.SeatCount, error) { <-stop; return nil, nil },
	} {
		w, p := tallied(t, 5, 5)
		w.hire("ann", "a")
		w.hire("ed", "a")
		w.apply()
		w.later()
		w.roles("ann", "d")
		w.hire("bob", "a")
		p.Counts, w.engine.ReadIdle = counts, 100*time.Millisecond
		plan := w.mustPlan()
		for _, proof := range plan.Proofs {
			if !proof.Complete() {
				t.Errorf("%s: the read is not complete: %v", name, proof.Reasons)
			}
		}
		w.wants("ann", "revoke wiki/x ready")
		w.wants("bob", "create wiki/.exists blocked: waiting for a seat of wiki: 1st of 1", "grant wiki blocked", "grant wiki/x blocked")
	}
}
