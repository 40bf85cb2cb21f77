package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// planFor is a plan for one person alone, and what it says of the seats of a kind.
func (w *world) planFor(login, kind string) (*engine.Plan, engine.SeatPlan) {
	w.t.Helper()
	s, err := w.engine.Snapshot(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	s.Person = "k-" + login
	p := w.engine.MakePlan(s)
	for _, sp := range p.Seats {
		if sp.Program == "wiki" && sp.Kind == kind {
			return p, sp
		}
	}
	w.t.Fatalf("no seats of kind %q", kind)
	return nil, engine.SeatPlan{}
}

// seatedToo is a world whose second program has a seat, too, for whoever has the role b.
func seatedToo(t *testing.T, seats int) *world {
	w := newWorld(t, "crm", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"crm/x"}}
	for _, name := range []string{"crm", "wiki"} {
		w.program(name).Seats = &engine.SeatRules{Kinds: []engine.SeatKind{{Count: seats}}}
	}
	return w
}

// asksIn is how many people are remembered to ask for seats of a program.
func (w *world) asksIn(program string) (n int) {
	for _, f := range w.memory().Facts(engine.FactSeat) {
		if f.Program == program {
			n++
		}
	}
	return n
}

// begin records what is to be done, and does nothing.
func (w *world) begin() {
	w.t.Helper()
	if _, err := w.engine.Commit(w.t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		w.t.Fatal(err)
	}
}

var allReady = []string{"create wiki/.exists ready", "grant wiki ready", "grant wiki/x ready"}

const waits = "create wiki/.exists blocked: waiting for a seat of wiki"

// Who has a seat needs no other one for more rights, and keeps what is given besides.
func TestWhoHasASeatNeedsNoOther(t *testing.T) {
	w := seated(t, 1)
	w.hire("ann", "a")
	w.apply()
	w.hire("bob", "a")
	w.roles("ann", "a", "c")
	w.wants("ann", "grant wiki/edit ready")
	w.listed("", "1/1 free 0 waiting [bob] kept [] displaced [] buy 1")
	w = seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: 1}, engine.SeatKind{Name: "light", Count: 0})
	w.hire("ann", "c") // takes a full one, and no light one besides
	w.wants("ann", "create wiki/.exists ready", "grant wiki ready", "grant wiki/edit ready")
}

// A plan for one person leaves alone what others were about to get, and asks for oneself but once.
func TestAPlanForOnePersonLeavesTheSeatsOfOthers(t *testing.T) {
	w := seatedToo(t, 1)
	w.hire("abe", "a")
	w.hire("zoe", "b")
	w.begin() // zoe's is of the other program, abe's his own
	p, sp := w.planFor("abe", "")
	same(t, "abe", about(p, "abe"), allReady)
	if sp.Taken != 0 || sp.Given != 1 {
		t.Errorf("%+v", sp)
	}
	w = seatedToo(t, 1)
	w.hire("zoe", "a")
	w.begin()
	w.hire("abe", "a")
	p, _ = w.planFor("abe", "")
	same(t, "abe", about(p, "abe"), []string{waits, "grant wiki blocked", "grant wiki/x blocked"})
	w.roles("zoe") // a plan for all withdraws it
	w.wants("abe", allReady...)
}

// Whoever waits for another program's seat, or one of another kind, has nothing before one.
func TestAPlanForOnePersonKnowsWhichSeatOthersWaitFor(t *testing.T) {
	w := seatedToo(t, 0)
	w.hire("zoe", "b")
	w.hire("abe", "a")
	w.later()
	w.later()
	if n, m := w.asksIn("crm"), w.asksIn("wiki"); n != 1 || m != 1 {
		t.Fatalf("%d and %d are remembered", n, m)
	}
	w.program("wiki").Seats.Kinds[0].Count = 1
	p, sp := w.planFor("abe", "")
	same(t, "abe", about(p, "abe"), allReady)
	if len(sp.Waiting) != 0 || sp.Buy != 0 {
		t.Errorf("%+v", sp)
	}
	w = seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}}, engine.SeatKind{Name: "light", Count: 0})
	w.hire("zoe", "c")
	w.later()
	w.hire("abe", "a")
	w.program("wiki").Seats.Kinds[1].Count = 1
	p, _ = w.planFor("abe", "light")
	same(t, "abe", about(p, "abe"), allReady)
}

// A cut of one person leaves the others' places in the list.
func TestACutLeavesTheList(t *testing.T) {
	w := seated(t, 1)
	w.hire("ann", "a")
	w.apply()
	w.hire("bob", "a")
	w.later()
	w.cutOff("ann")
	if n := w.asksIn("wiki"); n != 1 {
		t.Errorf("%d are remembered", n)
	}
}

// Only who joins soon, is to have an account, and has no seat yet has one kept.
func TestForWhomASeatIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, joe *engine.Person)
		want   string
	}{
		"joins soon": {func(*world, *engine.Person) {}, "0/1 free 0 waiting [] kept [joe] displaced [] buy 0"},
		"nothing is kept": {func(w *world, joe *engine.Person) {
			w.program("wiki").Seats.Reserve = 0
			joe.Jobs[0].Start = w.now.Add(-time.Hour)
		}, "0/1 free 1 waiting [] kept [] displaced [] buy 0"},
		"nobody knows when": {func(_ *world, joe *engine.Person) { joe.Jobs[0].Start = time.Time{} }, "0/1 free 1 waiting [] kept [] displaced [] buy 0"},
		"has joined":        {func(_ *world, joe *engine.Person) { joe.State = engine.StateActive }, "0/1 free 0 waiting [] kept [] displaced [] buy 0"},
		"is cut off": {func(w *world, _ *engine.Person) {
			w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "k-joe"}}})
		}, "0/1 free 1 waiting [] kept [] displaced [] buy 0"},
		"is to have nothing": {func(_ *world, joe *engine.Person) { joe.Roles = nil }, "0/1 free 1 waiting [] kept [] displaced [] buy 0"},
		"nobody can tell":    {func(_ *world, joe *engine.Person) { joe.Roles, joe.Missing = nil, []string{"a"} }, "0/1 free 1 waiting [] kept [] displaced [] buy 0"},
		"in another program": {func(_ *world, joe *engine.Person) { joe.Roles = []string{"b"} }, "0/1 free 1 waiting [] kept [] displaced [] buy 0"},
		"the first of some jobs": {func(w *world, joe *engine.Person) {
			joe.Jobs = []engine.Job{{Start: w.now.AddDate(1, 0, 0)}, {}, {Start: w.now.AddDate(0, 0, 2)}, {Start: w.now.AddDate(2, 0, 0)}}
		}, "0/1 free 0 waiting [] kept [joe] displaced [] buy 0"},
		"has a seat": {func(w *world, joe *engine.Person) {
			w.program("wiki").Match = "person"
			w.targets["wiki"].AddAccount("joe", engine.AccountInfo{Name: "joe", Attributes: map[string]string{"person": "k-joe"}}, engine.Exists, engine.Active, "x")
			joe.State = engine.StateActive
			w.apply()
			joe.State = engine.StateUpcoming
		}, "1/1 free 0 waiting [] kept [] displaced [] buy 0"},
	} {
		w := seatedToo(t, 1)
		w.program("crm").Seats = nil
		w.program("wiki").Seats.Reserve = 14 * 24 * time.Hour
		w.hire("joe", "a")
		joe := w.person("joe")
		joe.State, joe.Jobs[0].Start = engine.StateUpcoming, w.now.Add(24*time.Hour)
		c.change(w, joe)
		if got := w.list(""); got != c.want {
			t.Errorf("%s: seats are %q, want %q", name, got, c.want)
		}
	}
}

// byRule says which rule each verdict is from: the last one that gives it.
type byRule struct{ *rolePolicy }

func (b *byRule) Decide(p *engine.Person, now time.Time, holds func(int32) bool, out []engine.Verdict) []engine.Verdict {
	from, all := len(out), b.Entitlements()
	out = b.rolePolicy.Decide(p, now, holds, out)
	for i := range out[from:] {
		v := &out[from+i]
		for n, r := range b.Rules() {
			if p.HasRole(&p.Jobs[0], r.Name) == engine.Yes && slices.Contains(b.rules[r.Name], all[v.Entitlement].String()) {
				v.Rule = int32(n)
			}
		}
	}
	return out
}

// Those who join are in order, too: by the priority of the rules that give what needs the seat, then by who was seen first.
func TestTheOrderOfThoseWhoJoin(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: 1}, engine.SeatKind{Name: "light", Count: 5})
	w.program("wiki").Seats.Reserve = 14 * 24 * time.Hour
	join := func(login string, roles ...string) {
		w.hire(login, roles...)
		w.person(login).State, w.person(login).Jobs[0].Start = engine.StateUpcoming, w.now.Add(5*24*time.Hour)
	}
	w.policy.priority = map[string]int{"a": 9, "b": 3}
	w.policy.rules["b"] = []string{"wiki/edit"}
	w.engine.Policy = &byRule{&w.policy}
	join("zoe", "c")
	w.later()
	w.later()
	join("abe", "a", "c") // a's priority is of another kind
	w.listed("full", "0/1 free 0 waiting [abe] kept [zoe] displaced [] buy 1")
	join("kim", "b")
	w.listed("full", "0/1 free 0 waiting [zoe abe] kept [kim] displaced [] buy 2")
	w.vanish("kim")
	join("lea", "a")
	w.listed("light", "0/5 free 4 waiting [] kept [lea] displaced [] buy 0")
	w.program("wiki").Seats.Kinds[1].Count = engine.NoSeatLimit
	w.listed("light", "0/-1 free 0 waiting [] kept [] displaced [] buy 0")
}

// Who can do nothing with a seat, or may have none, is forgotten; who asks for something else meanwhile is, too.
func TestWhoAsksNoMoreIsForgotten(t *testing.T) {
	short := func() *world {
		w := seated(t, 1)
		w.hire("ann", "a")
		w.apply()
		w.hire("zoe", "a")
		w.later()
		return w
	}
	for name, change := range map[string]func(w *world){
		"is to have nothing": func(w *world) { w.roles("zoe") },
		"no kind":            func(w *world) { w.program("wiki").Seats.Kinds[0].Name = "full" },
		"no limit":           func(w *world) { w.program("wiki").Seats.Kinds[0].Count = engine.NoSeatLimit },
		"no seats":           func(w *world) { w.program("wiki").Seats = nil },
		"is gone":            func(w *world) { w.vanish("zoe"); w.person("ann").Missing = []string{"b"} },
		"has one": func(w *world) {
			w.program("wiki").Seats.Kinds[0].Count = 2
			w.later()
			w.roles("zoe", "a", "c")
			w.once(enginetest.FailBefore)
		},
	} {
		w := short()
		if n := w.asksIn("wiki"); n != 1 {
			t.Fatalf("%s: %d are remembered", name, n)
		}
		change(w)
		w.later()
		for _, f := range w.memory().Facts(engine.FactSeat) {
			if f.Key == "" && f.Person == "k-zoe" {
				t.Errorf("%s: still remembered: %+v", name, f)
			}
		}
	}
	w := short()
	w.vanish("ann")
	for range 3 {
		w.later()
	}
	w.has("zoe", engine.Active, true)
}

// Whose grant waits for something else, or who can't be seen, keeps the place.
func TestWhoWaitsForSomethingElseKeepsThePlace(t *testing.T) {
	w := seated(t, 1)
	w.hire("ann", "a")
	w.apply()
	w.hire("zoe", "a")
	w.later()
	w.program("wiki").Seats.Kinds[0].Count = 2
	w.once(enginetest.FailBefore)
	w.later() // it fails, and is tried again in a while
	w.pass(time.Minute)
	w.apply()
	if n := w.asksIn("wiki"); n != 1 {
		t.Errorf("%d are remembered", n)
	}
	w = seated(t, 2)
	w.program("wiki").Away = "suspend"
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.apply()
	w.person("ann").State = engine.StateAway
	w.later()
	w.later()
	w.program("wiki").Seats.Kinds[0].Count = 1
	w.person("ann").State = engine.StateActive
	w.wants("ann", "resume wiki blocked: waiting for a seat of wiki: 1st of 1")
	w.later()
	w.vanish("ann")
	w.pass(time.Minute)
	w.apply()
	if n := w.asksIn("wiki"); n != 1 {
		t.Errorf("%d are remembered of whom nobody has seen", n)
	}
}

// What is blocked for another reason takes no seat; what waits for an approval does.
func TestWhatIsBlockedTakesNoSeat(t *testing.T) {
	w := seated(t, 1)
	w.hire("ann", "a")
	w.once(enginetest.FailBefore)
	w.apply()
	w.hire("bob", "a")
	w.pass(time.Second)
	w.wants("bob", allReady...)
	w = seated(t, 1)
	w.engine.Settings.Limits.Grant = tight(0)
	w.hire("ann", "a")
	w.later()
	w.hire("bob", "a")
	w.wants("ann", "create wiki/.exists blocked: what the account is for", "grant wiki needs-approval", "grant wiki/x needs-approval")
	w.wants("bob", waits, "grant wiki blocked", "grant wiki/x blocked")
}

// A program that does not tell which accounts can be used counts all; one that does so and counts suspended ones of a kind counts those.
func TestWhichAccountsTakeSeats(t *testing.T) {
	w := seated(t, 1)
	d := &w.targets["wiki"].Describes
	d.Accounts, d.Lifecycle, d.Keyed = false, false, true
	w.hire("ann", "a")
	w.apply()
	w.hire("bob", "a")
	w.wants("bob", "grant wiki/x blocked: waiting for a seat of wiki: 1st of 1, since 2026-03-02 (1 of 1 taken)")
	for suspended, want := range map[bool]string{true: "1/2 free 1 waiting [] kept [] displaced [] buy 0", false: "0/2 free 2 waiting [] kept [] displaced [] buy 0"} {
		w = seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: 2, Suspended: suspended})
		w.targets["wiki"].AddAccount("asleep", engine.AccountInfo{Name: "asleep"}, engine.Exists, "edit")
		w.listed("full", want)
	}
}

// Nobody knows how many seats are taken by half a list.
func TestHalfAListSaysNothingOfSeats(t *testing.T) {
	w := seated(t, 5)
	w.hire("ann", "a")
	w.apply()
	w.hire("bob", "a")
	w.lists(enginetest.PartialList)
	p, err := w.engine.Plan(t.Context())
	if err != nil || len(p.Seats) != 1 || p.Seats[0].Unknown != "the list of wiki is not complete" || len(p.Seats[0].Displaced) != 0 {
		t.Errorf("%+v %v", p.Seats, err)
	}
}

// When others have changed what the program counts since the plan was made, nothing is given that nobody can count.
func TestNoSeatIsGivenOfAKindThatIsNotToldAnyMore(t *testing.T) {
	for name, then := range map[string][]engine.SeatCount{
		"nothing":      nil,
		"another kind": {{Kind: "full", Total: 5}},
		"not how many": {{Total: 5, Used: engine.SeatsUntold}},
	} {
		w, p := tallied(t, 5, 5)
		w.hire("ann", "a")
		asked := 0
		p.Counts = func(used int) ([]engine.SeatCount, error) {
			if asked++; asked > 1 {
				return then, nil
			}
			return []engine.SeatCount{{Total: 5, Used: used}}, nil
		}
		w.apply()
		if n := w.accounts(); n != 0 {
			t.Errorf("%s: %d accounts were made", name, n)
		}
	}
}

// Kinds are counted apart, and of one without a limit nobody asks.
func TestKindsAreCountedApart(t *testing.T) {
	w, p := tallied(t, 0, 0)
	w.program("wiki").Seats.Kinds = []engine.SeatKind{{Name: "full", For: []string{"edit"}, Count: 1}, {Name: "light", Count: engine.NoSeatLimit}, {Name: "other", For: []string{"x"}, Count: 1}}
	p.Counts = func(int) ([]engine.SeatCount, error) {
		return []engine.SeatCount{{Kind: "full", Total: 1, Used: 0}, {Kind: "light", Total: 1, Used: 1}, {Kind: "other", Total: 1, Used: 1}}, nil
	}
	w.hire("ann", "c")
	w.hire("emil", "d")
	w.hire("joe", "a")
	_, r := w.apply()
	w.has("ann", "edit", true)
	w.has("emil", engine.Active, true)
	w.has("joe", "x", false)
	if len(r.Seats) != 1 || r.Seats[0].Kind != "full" || r.Seats[0].Given != 1 {
		t.Errorf("%+v", r.Seats)
	}
}

// A budget that is not said holds nothing, and one that is holds only what takes a seat.
func TestABudgetHoldsWhatTakesASeat(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Count: engine.NoSeatLimit, Price: engine.SeatPrice{Month: 10, Currency: "EUR"}})
	w.program("wiki").Seats.Contract.Hold = true
	w.hire("ann", "a")
	if w.noted(engine.NoticeBudget) {
		t.Error("no budget is said")
	}
	w.apply()
	w.has("ann", "x", true)
	w.program("wiki").Seats.Contract.Budget = 5
	w.hire("bob", "a")
	w.roles("ann", "a", "c")
	w.wants("ann", "grant wiki/edit ready")
	w.wants("bob", "create wiki/.exists blocked", "grant wiki needs-approval: the seats of wiki cost 20.00 EUR", "grant wiki/x needs-approval")
	if p, _ := w.planFor("bob", ""); noticed(p, engine.NoticeBudget) {
		t.Error("a plan for one person tells of all")
	}
}

// A program that shows which accounts can be used, and keeps all, counts those in use and those that come back.
func TestSeatsWhereAccountsAreNeverMade(t *testing.T) {
	w := seated(t, 1)
	w.targets["wiki"].Describes.Lifecycle = false
	w.program("wiki").Match = "person"
	for _, login := range []string{"ann", "bob"} {
		w.hire(login, "d")
		w.targets["wiki"].AddAccount(login, engine.AccountInfo{Name: login, Attributes: map[string]string{"person": "k-" + login}}, "y")
	}
	w.listed("", "0/1 free 0 waiting [bob] kept [] displaced [] buy 1")
	w.apply()
	w.has("ann", engine.Active, true)
	w.has("bob", engine.Active, false)
}

// Every change that may take the seat asks for it, whichever comes first.
func TestWhichChangeAsksForTheSeat(t *testing.T) {
	w, p := tallied(t, 0, 0)
	w.program("wiki").Seats.Kinds = []engine.SeatKind{{Name: "full", For: []string{"edit"}, Count: 5}, {Name: "light", Count: 5}}
	p.Counts = func(int) ([]engine.SeatCount, error) {
		return []engine.SeatCount{{Kind: "full", Total: 5}, {Kind: "light", Total: 5}}, nil
	}
	asks := func(want string) {
		t.Helper()
		plan, err := w.engine.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range plan.Changes {
			for _, kind := range c.Seats {
				got += c.Entitlement + " " + kind + " "
			}
		}
		if got != want {
			t.Errorf("asked for: %q, not %q: %v", got, want, lines(plan))
		}
	}
	w.hire("ann", "a")
	asks("wiki/.exists light wiki light wiki/x light ")
	w.apply()
	w.policy.rules["a"] = []string{"wiki/x", "wiki/a"}
	w.roles("ann", "a", "c")
	asks("wiki/edit full ")
}

// What is read back after seats were given is told, and so is that it can't be.
func TestSeatsAreReadBack(t *testing.T) {
	for name, c := range map[string]struct {
		after []engine.SeatCount
		err   error
		told  int
		says  string
	}{
		"too many":  {[]engine.SeatCount{{Total: 5, Used: 6}}, nil, 6, "more seats are taken than there are"},
		"as many":   {[]engine.SeatCount{{Total: 5, Used: 5}}, nil, 5, ""},
		"no answer": {nil, fmt.Errorf("down"), engine.SeatsUntold, "how many are taken now can't be told"},
	} {
		w, p := tallied(t, 5, 5)
		var said strings.Builder
		w.engine.Log = slog.New(slog.NewTextHandler(&said, nil))
		w.hire("ann", "a")
		asked := 0
		p.Counts = func(used int) ([]engine.SeatCount, error) {
			if asked++; asked > 2 {
				return c.after, c.err
			}
			return []engine.SeatCount{{Total: 5, Used: used}}, nil
		}
		_, r := w.apply()
		if len(r.Seats) != 1 || r.Seats[0].After != c.told || r.Seats[0].Given != 1 {
			t.Errorf("%s: %+v", name, r.Seats)
		}
		if got := strings.Contains(said.String(), "WARN"); got != (c.says != "") || !strings.Contains(said.String(), c.says) {
			t.Errorf("%s: it says %q", name, said.String())
		}
	}
}

// mute is a program that never says how many seats are taken once it was asked for the plan.
type mute struct {
	*enginetest.Program
	asked atomic.Int32
	gone  chan struct{}
}

func (m *mute) Seats(ctx context.Context) ([]engine.SeatCount, error) {
	if m.asked.Add(1) > 1 {
		<-m.gone
	}
	return m.Program.Seats(ctx)
}

// A program that does not answer gives no seats, and holds up nobody.
func TestNoSeatIsGivenWithoutAnAnswer(t *testing.T) {
	w, p := tallied(t, 5, 5)
	m := &mute{Program: p, gone: make(chan struct{})}
	w.engine.CallTime = 20 * time.Millisecond
	w.program("wiki").Connector, w.program("wiki").Lost = m, &atomic.Int32{}
	w.hire("ann", "d")
	_, r := w.apply()
	told := slices.ContainsFunc(r.Failures, func(f engine.Failure) bool {
		return strings.Contains(f.Error, "can't be told: the connector did not return")
	})
	if n := w.accounts(); n != 0 || !told {
		t.Errorf("%d accounts, %+v", n, r.Failures)
	}
	close(m.gone)
	for w.program("wiki").Lost.Load() > 0 { // ends once the call has returned
		time.Sleep(time.Millisecond)
	}
}

// Which seats each account takes is shown by kind: of a right that needs one, else the one for the rest.
func TestSeatsShowTheirKinds(t *testing.T) {
	w := seated(t, 0, engine.SeatKind{Name: "full", For: []string{"edit"}, Count: 5}, engine.SeatKind{Name: "light", Count: 5}, engine.SeatKind{Name: "wide", For: []string{"x"}, Count: 5})
	w.hire("ann", "a", "c")
	w.hire("bob", "d")
	w.apply()
	shown := func() string {
		s, err := w.engine.Seats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, seat := range s.Seats {
			got += fmt.Sprint(seat.Account, seat.Takes, " ")
		}
		return got
	}
	if got := shown(); got != "ann[full wide] bob[light] " {
		t.Error(got)
	}
	w.program("wiki").Seats.Kinds = w.program("wiki").Seats.Kinds[:1]
	if got := shown(); got != "ann[full] bob[] " {
		t.Error(got)
	}
}

// What policy gives since something else needs it, by no rule, keeps a seat for whoever joins, too.
func TestASeatIsKeptForWhatNoRuleGives(t *testing.T) {
	w := seated(t, 1)
	w.program("wiki").Seats.Reserve = 14 * 24 * time.Hour
	w.engine.Policy = &byNone{&w.policy}
	w.hire("joe", "a")
	w.person("joe").State, w.person("joe").Jobs[0].Start = engine.StateUpcoming, w.now.Add(24*time.Hour)
	w.listed("", "0/1 free 0 waiting [] kept [joe] displaced [] buy 0")
}

// byNone gives by no rule.
type byNone struct{ *rolePolicy }

func (b *byNone) Decide(p *engine.Person, now time.Time, holds func(int32) bool, out []engine.Verdict) []engine.Verdict {
	from := len(out)
	out = b.rolePolicy.Decide(p, now, holds, out)
	for i := range out[from:] {
		out[from+i].Rule = -1
	}
	return out
}
