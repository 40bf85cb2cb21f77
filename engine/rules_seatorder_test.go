package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Whoever comes back has the priority of what the account still holds.
func TestWhoComesBackHasThePriorityOfOld(t *testing.T) {
	w := seated(t, 2)
	w.policy.priority = map[string]int{"b": 10}
	w.program("wiki").Away = "suspend"
	w.hire("boss", "b")
	w.hire("dora", "a")
	w.apply()
	w.person("boss").State = engine.StateAway
	w.later()
	w.later()
	w.program("wiki").Seats.Kinds[0].Count = 1
	w.hire("ann", "a")
	w.later()
	w.person("boss").State = engine.StateActive
	w.listed("", "1/1 free 0 waiting [boss ann] kept [] displaced [dora] buy 2")
}

// Who waits for a seat of one kind, and can do nothing without, keeps none of another kind from others.
func TestWhoWaitsKeepsNoOtherSeat(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "k1", For: []string{"one"}, Count: 1}, engine.SeatKind{Name: "k2", For: []string{"two"}, Count: 1})
	w.policy.rules = map[string][]string{"a": {"wiki/one", "wiki/two"}, "b": {"wiki/one"}, "c": {"wiki/two"}, "d": {"wiki/z"}}
	w.program("wiki").Away = "suspend"
	w.hire("ann", "a")
	w.hire("dora", "d")
	w.apply()
	w.person("ann").State = engine.StateAway
	w.later()
	w.later()
	w.hire("bob", "c")
	w.later()
	w.person("ann").State = engine.StateActive
	w.later()
	w.hire("carl", "b")
	w.wants("ann", `resume wiki blocked: waiting for a "k2" seat of wiki: 1st of 1`)
	w.later()
	w.has("carl", "one", true)
	w.listed("k1", "1/1 free 0 waiting [ann] kept [] displaced [] buy 1")
	w.vanish("carl")
	w.vanish("bob")
	for range 5 {
		w.later()
	}
	w.has("ann", engine.Active, true)
}

// A seat that somebody gives back in the end goes to who was sent away from it before.
func TestASeatGivenBackIsGiven(t *testing.T) {
	var kinds []engine.SeatKind
	for _, name := range []string{"k1", "k2", "k3"} {
		kinds = append(kinds, engine.SeatKind{Name: name, For: []string{name}, Count: 2})
	}
	w := seated(t, 0, kinds...)
	w.policy.rules = map[string][]string{"a": {"wiki/k1", "wiki/k2"}, "b": {"wiki/k2", "wiki/k3"}, "d": {"wiki/z"}}
	w.policy.priority = map[string]int{"b": 5}
	w.program("wiki").Away = "suspend"
	w.hire("ann", "a")
	w.hire("bob", "b")
	for i := range 9 {
		w.hire(fmt.Sprint("dora", i), "d")
	}
	w.apply()
	for _, who := range []string{"ann", "bob"} {
		w.person(who).State = engine.StateAway
		w.later()
		w.pass(48 * time.Hour)
		w.later()
		w.has(who, engine.Active, false)
	}
	for i, n := range []int{1, 1, 0} {
		w.program("wiki").Seats.Kinds[i].Count = n
	}
	w.person("ann").State, w.person("bob").State = engine.StateActive, engine.StateActive
	w.wants("bob", `resume wiki blocked: waiting for a "k3" seat of wiki: 1st of 1`)
	w.wants("ann", "resume wiki ready")
}

// Where too many are taken, those have to be bought, too, before nobody waits.
func TestWhatIsOverdrawnIsToBeBought(t *testing.T) {
	w := seated(t, 4)
	for _, n := range []string{"a1", "a2", "a3", "a4"} {
		w.hire(n, "a")
	}
	w.apply()
	w.program("wiki").Seats.Kinds[0].Count = 1
	w.hire("bob", "a")
	w.listed("", "4/1 free -3 waiting [bob] kept [] displaced [] buy 4")
}

// What was given within the lag of a program need not be in its count yet, whether or not Rolecall's own memory puts it on the list.
func TestACountThatLags(t *testing.T) {
	w, p := tallied(t, 10, 10)
	p.Describes.Lag = time.Hour
	p.Counts = func(int) ([]engine.SeatCount, error) { return []engine.SeatCount{{Total: 10, Used: 7}}, nil }
	for _, n := range []string{"a1", "a2", "a3"} {
		w.hire(n, "a")
	}
	w.apply()
	w.pass(10 * time.Minute)
	w.hire("bob", "a")
	w.listed("", "10/10 free 0 waiting [bob] kept [] displaced [] buy 1")
	w.pass(2 * time.Hour)
	w.listed("", "7/10 free 2 waiting [] kept [] displaced [] buy 0")
}

// Somebody who was here before joins on the next first day, not on the first of all.
func TestSeatsAreKeptFromTheNextFirstDay(t *testing.T) {
	w := seated(t, 1)
	w.program("wiki").Seats.Reserve = 14 * 24 * time.Hour
	w.hire("joe", "a")
	w.person("joe").State = engine.StateUpcoming
	w.person("joe").Jobs = []engine.Job{{Start: w.now.AddDate(-5, 0, 0), End: w.now.AddDate(-4, 0, 0)}, {Start: w.now.AddDate(2, 0, 0)}}
	w.listed("", "0/1 free 1 waiting [] kept [] displaced [] buy 0")
	w.person("joe").Jobs[1].Start = w.now.AddDate(0, 0, 3)
	w.listed("", "0/1 free 0 waiting [] kept [joe] displaced [] buy 0")
}
