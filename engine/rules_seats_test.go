package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// seated is a world with one program that has so many seats, and a right for whoever has the role a, b or c.
func seated(t testing.TB, seats int, kinds ...engine.SeatKind) *world {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"wiki/x"}, "c": {"wiki/edit"}, "d": {"wiki"}}
	if kinds == nil {
		kinds = []engine.SeatKind{{Count: seats}}
	}
	w.program("wiki").Seats = &engine.SeatRules{Kinds: kinds}
	return w
}

// list shows a kind's seats: taken/seats, free, who waits, who has one kept, who would make room, how many to buy.
func (w *world) list(kind string) string {
	w.t.Helper()
	p, err := w.engine.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, s := range p.Seats {
		if s.Kind == kind {
			return fmt.Sprintf("%d/%d free %d waiting %s kept %s displaced %s buy %d", s.Taken, s.Seats, s.Free, logins(s.Waiting), logins(s.Kept), logins(s.Displaced), s.Buy)
		}
	}
	return ""
}

func logins(claims []engine.SeatClaim) string {
	out := []string{}
	for _, c := range claims {
		out = append(out, c.Login)
	}
	return "[" + strings.Join(out, " ") + "]"
}

func (w *world) listed(kind, want string) {
	w.t.Helper()
	if got := w.list(kind); got != want {
		w.t.Errorf("seats are %q, want %q", got, want)
	}
}

// Nobody gets a seat that is not there, nobody loses one, and when one becomes free it is given to the first in the list.
func TestSeatsAreGivenInOrder(t *testing.T) {
	w := seated(t, 2)
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.apply()
	w.hire("zoe", "a")
	w.later() // zoe asks first
	w.pass(time.Minute)
	w.hire("carl", "a")
	w.listed("", "2/2 free 0 waiting [zoe carl] kept [] displaced [] buy 2")
	w.wants("carl", "create wiki/.exists blocked: waiting for a seat of wiki: 2nd of 2, since 2026-03-02 (2 of 2 taken)", "grant wiki blocked: waiting", "grant wiki/x blocked: waiting")
	if !w.noted(engine.NoticeSeats) {
		t.Error("nobody is told that seats are too few")
	}
	w.later()
	w.roles("ann")
	w.later() // takes it from ann; it is not free before the list shows so
	w.has("zoe", "x", false)
	w.listed("", "1/2 free 0 waiting [carl] kept [] displaced [] buy 1")
	w.later()
	w.has("zoe", "x", true)
	w.has("carl", "x", false)
	w.has("bob", "x", true)
	w.vanish("carl")
	w.later()
	w.later()
	for _, f := range w.memory().Facts(engine.FactSeat) {
		t.Errorf("still remembered: %+v", f)
	}
}

// A higher priority comes first, but takes nothing from whoever has it: who would is only shown.
func TestPriorityDisplacesNobody(t *testing.T) {
	w := seated(t, 1)
	w.policy.priority = map[string]int{"b": 5}
	w.hire("ann", "a")
	w.apply()
	w.hire("bob", "a")
	w.later()
	w.hire("carl", "b")
	w.listed("", "1/1 free 0 waiting [carl bob] kept [] displaced [ann] buy 2")
	w.later()
	w.has("ann", "x", true)
	w.has("carl", "x", false)
	w.vanish("ann")
	for range 5 {
		w.later()
	}
	w.has("carl", "x", true)
	w.has("bob", "x", false)
	w.listed("", "1/1 free 0 waiting [bob] kept [] displaced [] buy 1")
}

// Accounts of nobody known take seats, too, and so does what is being given and nobody knows of.
func TestAllAccountsTakeSeats(t *testing.T) {
	w := seated(t, 3)
	w.targets["wiki"].AddAccount("robot", engine.AccountInfo{Name: "robot", Kind: engine.ServiceAccount}, engine.Active, engine.Exists)
	w.targets["wiki"].AddAccount("asleep", engine.AccountInfo{Name: "asleep"}, engine.Exists) // suspended: takes none
	w.hire("ann", "a")
	w.apply()
	w.listed("", "2/3 free 1 waiting [] kept [] displaced [] buy 0")
}

// A seat is kept for whoever joins soon, also on the day: others who asked before don't get it then.
func TestSeatsAreKeptForThoseWhoJoin(t *testing.T) {
	w := seated(t, 2)
	w.program("wiki").Seats.Reserve = 14 * 24 * time.Hour
	w.hire("ann", "a")
	w.apply()
	w.hire("joe", "a")
	w.person("joe").State = engine.StateUpcoming
	w.person("joe").Jobs[0].Start = w.now.Add(20 * 24 * time.Hour)
	w.listed("", "1/2 free 1 waiting [] kept [] displaced [] buy 0")
	w.pass(10 * 24 * time.Hour)
	w.listed("", "1/2 free 0 waiting [] kept [joe] displaced [] buy 0")
	w.hire("bob", "a")
	w.later()
	w.listed("", "1/2 free 0 waiting [bob] kept [joe] displaced [] buy 1")
	w.pass(10 * 24 * time.Hour)
	w.person("joe").State = engine.StateActive
	w.later()
	w.has("joe", "x", true)
	w.has("bob", "x", false)
}

// What rights need is counted by kind; who waits for one of those may have another one meanwhile.
func TestKindsOfSeats(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"ed*"}, Count: 1}, engine.SeatKind{Name: "light", Count: 2})
	w.hire("ann", "c")
	w.hire("bob", "a")
	w.apply()
	w.listed("full", "1/1 free 0 waiting [] kept [] displaced [] buy 0")
	w.listed("light", "1/2 free 1 waiting [] kept [] displaced [] buy 0")
	w.hire("carl", "c")
	w.hire("dora", "c", "a")
	w.wants("carl", `create wiki/.exists blocked: waiting for a "full" seat of wiki: 1st of 2`, `grant wiki blocked: waiting for a "full"`, `grant wiki/edit blocked: waiting for a "full" seat`)
	w.wants("dora", "create wiki/.exists ready", "grant wiki ready", `grant wiki/edit blocked: waiting for a "full" seat of wiki: 2nd of 2`, "grant wiki/x ready")
	w.later()
	w.listed("light", "2/2 free 0 waiting [] kept [] displaced [] buy 0")
	w.hire("emil", "d")
	w.wants("emil", `create wiki/.exists blocked: waiting for a "light" seat`, "grant wiki blocked")
}

// Somebody who comes back needs a seat again, for what the account still holds.
func TestWhoComesBackNeedsASeat(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: 1}, engine.SeatKind{Name: "light", Count: 5})
	w.program("wiki").Away = "suspend"
	w.hire("dora", "a")
	w.hire("ann", "c")
	w.apply()
	w.person("ann").State = engine.StateAway
	w.later()
	w.later()
	w.listed("full", "0/1 free 1 waiting [] kept [] displaced [] buy 0")
	w.hire("bob", "c")
	w.later()
	w.has("bob", "edit", true)
	w.person("ann").State = engine.StateActive
	w.wants("ann", `resume wiki blocked: waiting for a "full" seat of wiki: 1st of 1`)
}

// A call of which nobody knows what became of it takes a seat until the program can be read.
func TestUnknownOutcomesTakeSeats(t *testing.T) {
	w := seated(t, 1)
	w.hire("ann", "a")
	w.once(enginetest.LoseBefore)
	w.apply()
	w.hire("bob", "a")
	w.wants("bob", "create wiki/.exists blocked: waiting for a seat of wiki: 1st of 1, since 2026-03-02 (1 of 1 taken)", "grant wiki blocked", "grant wiki/x blocked")
}

// Nobody loses the place in the list by a read that shows nothing, of the program or of the people.
func TestTheListOutlivesBrokenReads(t *testing.T) {
	w := seated(t, 1)
	w.hire("ann", "a")
	w.apply()
	w.hire("zoe", "a")
	w.later()
	w.lists(enginetest.Unreachable)
	w.later()
	w.lists(enginetest.NoFault)
	w.readErr = fmt.Errorf("down")
	w.later()
	w.readErr = nil
	w.person("zoe").Roles, w.person("zoe").Missing = nil, []string{"a"} // nobody can tell
	w.later()
	w.roles("zoe", "a")
	w.person("zoe").Missing = nil
	w.hire("bob", "a")
	w.listed("", "1/1 free 0 waiting [zoe bob] kept [] displaced [] buy 2")
}

// A plan for one person knows of those who asked before.
func TestSeatsOfAPlanForOnePerson(t *testing.T) {
	w := seated(t, 1)
	w.hire("ann", "a")
	w.apply()
	w.hire("bob", "a")
	w.later()
	w.vanish("ann")
	w.later()
	w.pass(time.Hour)
	w.targets["wiki"].Set("ann", engine.Active, false)
	w.hire("abe", "a")
	s, err := w.engine.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Person = "k-abe"
	same(t, "abe", about(engine.MakePlan(s), "abe"), []string{"create wiki/.exists blocked: waiting for a seat of wiki: 1st of 1, since 2026-03-02 (0 of 1 taken, 1 given now)", "grant wiki blocked", "grant wiki/x blocked"})
}

// tallied lets the program itself count its seats.
func tallied(t testing.TB, seats, total int) (*world, *enginetest.Program) {
	w := seated(t, seats)
	p := w.targets["wiki"]
	p.Describes.Seats, p.SeatTotal = true, total
	return w, p
}

// The program's own count holds where it leaves fewer: of the total, and of what is taken by whomever the list does not show.
func TestTheProgramCountsItsSeats(t *testing.T) {
	w, p := tallied(t, 10, 1)
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.listed("", "0/1 free 0 waiting [bob] kept [] displaced [] buy 1")
	p.SeatTotal = 5
	p.Counts = func(used int) ([]engine.SeatCount, error) { return []engine.SeatCount{{Total: 5, Used: used + 4}}, nil }
	w.listed("", "4/5 free 0 waiting [bob] kept [] displaced [] buy 1")
	if !w.noted(engine.NoticeSeatsDiffer) {
		t.Error("nobody is told that the two counts differ")
	}
	w.program("wiki").Seats.Kinds[0].Count = engine.NoSeatLimit // nothing to keep to, so nobody is asked
	w.listed("", "0/-1 free 0 waiting [] kept [] displaced [] buy 0")
}

// A number that is not known is no zero, and never enough.
func TestUnknownSeatsGiveNothing(t *testing.T) {
	untold := engine.SeatsUntold
	for name, counts := range map[string]func(int) ([]engine.SeatCount, error){
		"no answer": func(int) ([]engine.SeatCount, error) { return nil, fmt.Errorf("down") },
		"nothing":   func(int) ([]engine.SeatCount, error) { return nil, nil },
		"another kind": func(int) ([]engine.SeatCount, error) {
			return []engine.SeatCount{{Kind: "full", Total: 9, Used: 0}}, nil
		},
		"twice":         func(int) ([]engine.SeatCount, error) { return []engine.SeatCount{{Total: 9}, {Total: 9}}, nil },
		"used not told": func(int) ([]engine.SeatCount, error) { return []engine.SeatCount{{Total: 9, Used: untold}}, nil },
	} {
		w, p := tallied(t, 5, 5)
		w.hire("ann", "a")
		p.Counts = counts
		w.wants("ann", "create wiki/.exists blocked: waiting for a seat of wiki: 1st of 1", "grant wiki blocked", "grant wiki/x blocked")
		if !w.noted(engine.NoticeSeatsUntold) {
			t.Errorf("%s: nobody is told", name)
		}
	}
	w, p := tallied(t, 5, 5)
	w.hire("ann", "a")
	p.Counts = func(used int) ([]engine.SeatCount, error) {
		return []engine.SeatCount{{Total: untold, Used: used}}, nil
	}
	w.wants("ann", "create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready") // what is configured holds
}

// Between the plan and the calls others may take the last seats: it is looked again before, and read back after.
func TestSeatsAreCountedAgainBeforeTheyAreGiven(t *testing.T) {
	w, p := tallied(t, 5, 5)
	w.hire("ann", "a")
	w.hire("bob", "a")
	asked := 0
	p.Counts = func(used int) ([]engine.SeatCount, error) {
		if asked++; asked > 1 { // somebody else took four meanwhile
			used += 4
		}
		return []engine.SeatCount{{Total: 5, Used: used}}, nil
	}
	_, r := w.apply()
	w.has("ann", "x", true)
	w.has("bob", "x", false)
	if len(r.Seats) != 1 || r.Seats[0] != (engine.SeatCheck{Program: "wiki", Most: 5, Before: 4, Given: 1, After: 5}) {
		t.Errorf("read back: %+v", r.Seats)
	}
	w.wants("bob", "create wiki/.exists blocked: waiting for a seat of wiki: 1st of 1", "grant wiki blocked", "grant wiki/x blocked")
}

// Nothing is given when the program stops to count, and what was not tried is no failure that makes anybody wait.
func TestNoSeatIsGivenUncounted(t *testing.T) {
	w, p := tallied(t, 5, 5)
	w.hire("ann", "a")
	asked := 0
	p.Counts = func(used int) ([]engine.SeatCount, error) {
		if asked++; asked == 2 {
			return nil, fmt.Errorf("down")
		}
		return []engine.SeatCount{{Total: 5, Used: used}}, nil
	}
	w.apply()
	w.has("ann", "x", false)
	w.later()
	w.has("ann", "x", true)
}
