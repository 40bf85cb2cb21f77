package engine_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rolecall/rolecall/engine"
)

// history is a random company whose limits are small, and what its journal shows of each run.
type history struct {
	*world
	rt    *rapid.T
	next  int
	seen  int64 // records that were looked at
	all   []engine.Record
	alone map[string]string // run → the one person with a mark in it, "" if more
	holds []holders         // as they were seen
	most  int               // people that the directory ever showed
}

func newHistory(t *testing.T, rt *rapid.T) *history {
	w := newWorld(t, "wiki", "git")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y", "git/z"}, "c": {"git/admin"}}
	for _, login := range []string{"p0", "p1", "p2", "p3", "p4", "p5", "yan", "zoe"} {
		w.hire(login, "a", "b")
	}
	w.roles("yan", "a", "b", "c")
	for _, login := range []string{"p3", "p4", "p5"} {
		w.person(login).Source = "hr"
	}
	w.program("git").Admin, w.program("wiki").Protected = "admin", []string{"p5"}
	w.apply()
	w.pass(100 * time.Hour)
	w.apply()
	h := &history{world: w, rt: rt, alone: map[string]string{}}
	h.look()
	h.all = nil // the first provisioning had wide limits, and is over
	limit := func(most int) engine.Limit {
		windows := []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour, 72 * time.Hour}
		return engine.Limit{Floor: rapid.IntRange(0, most).Draw(rt, "floor"), Percent: rapid.SampledFrom([]float64{0, 0, 5, 12.5, 30}).Draw(rt, "percent"),
			Cap: rapid.IntRange(0, most+2).Draw(rt, "cap"), Window: rapid.SampledFrom(windows).Draw(rt, "window")}
	}
	w.engine.Settings.Limits = engine.Limits{RevokePeople: limit(3), RevokeHoldings: limit(5), Leavers: limit(2), Grant: limit(6)}
	return h
}

// somebody of those who are in the directory.
func (h *history) somebody() *engine.Person {
	return &h.people[rapid.IntRange(0, len(h.people)-1).Draw(h.rt, "who")]
}

// step is something that may happen in a company, whatever its cause.
func (h *history) step() {
	p := h.somebody()
	switch what := rapid.SampledFrom([]string{"move", "move", "move", "leave", "vanish", "hire", "return", "cut", "policy", "block", "undo", "approve", "expire"}).Draw(h.rt, "what"); what {
	case "move":
		h.roles(p.Login(), rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 3, rapid.ID[string]).Draw(h.rt, "roles")...)
	case "leave":
		h.fire(p.Login())
	case "return":
		p.State, p.Marked = engine.StateActive, false
	case "vanish":
		if len(h.people) > 4 {
			h.vanish(p.Login())
		}
	case "hire":
		h.next++
		h.world.hire(fmt.Sprintf("n%d", h.next), "a", "b")
		h.people[len(h.people)-1].Source = rapid.SampledFrom([]string{"corp", "hr"}).Draw(h.rt, "source")
	case "cut":
		_, _, err := h.engine.Cut(h.t.Context(), "boss", p.Key, "stop")
		h.must(err)
	case "policy":
		rule := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(h.rt, "rule")
		h.policy.rules[rule] = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"wiki/x", "wiki/y", "git/z", "git/admin"}), 1, 3, rapid.ID[string]).Draw(h.rt, "gives")
	case "block":
		h.policy.blocks = map[string]string{p.Key: "wiki/y"}
	case "undo":
		if runs := h.memory().Runs; runs > 0 {
			_, _ = h.engine.Undo(h.t.Context(), h.journal, "boss", fmt.Sprintf("r%d", runs), "no") // which may have changed nothing
		}
	case "approve":
		_, err := h.engine.Approve(h.t.Context(), "boss", []string{"all"}, "fine")
		h.must(err)
	case "expire":
		h.policy.until = map[string]time.Time{"b": h.now}
	}
}

func (h *history) must(err error) {
	if err != nil {
		h.rt.Fatal(err)
	}
}

// look gathers the intents that came since the last look, by run.
func (h *history) look() (fresh []engine.Record) {
	h.must(h.journal.Records(h.t.Context(), engine.Query{After: h.seen}, func(r engine.Record) error {
		h.seen = r.Seq
		if r.Kind == engine.KindIntent {
			fresh = append(fresh, r)
		}
		return nil
	}))
	for _, r := range fresh {
		if r.Cause == engine.CauseMarked {
			if one, ok := h.alone[r.Run]; ok && one != r.Person {
				h.alone[r.Run] = ""
			} else if !ok {
				h.alone[r.Run] = r.Person
			}
		}
	}
	h.all = append(h.all, fresh...)
	return fresh
}

// excepted are cuts, and the one person with an explicit mark in a run: charged, and never held.
func (h *history) excepted(r *engine.Record) bool {
	return r.Cause == engine.CauseCut || r.Cause == engine.CauseMarked && h.alone[r.Run] == r.Person
}

func personOf(r *engine.Record) string  { return r.Person }
func holdingOf(r *engine.Record) string { return r.Program + " " + r.Account + " " + r.Entitlement }

// within holds one budget against everything recorded: the run takes nothing beyond it but what is excepted.
func (h *history) within(fresh []engine.Record, class engine.Class, l engine.Limit, over part, unit func(*engine.Record) string, highest int) {
	bound, run := false, map[string]bool{}
	for i := range fresh {
		if r := &fresh[i]; r.Class == class && !r.Approved && over.has(r) {
			run[unit(r)] = true
			bound = bound || !h.excepted(r)
		}
	}
	before := h.used(h.all[:len(h.all)-len(fresh)], class, l.Window, over, unit)
	after := len(before)
	for u := range run {
		if !before[u] {
			after++
		}
	}
	allowed := max(l.Floor, min(l.Cap, int(math.Ceil(l.Percent*float64(highest)/100))))
	if len(h.engine.Settings.Expected) > 0 {
		allowed += h.announced(class, l.Window, over, unit)
	}
	if bound && after > allowed && after > len(before) {
		h.rt.Fatalf("%s in %v: %d within %s, %d allowed (floor %d, %g %% of %d, cap %d); this run %v, before %v", class, over, after, l.Window, allowed, l.Floor, l.Percent, highest, l.Cap, run, before)
	}
}

// used is what some records take of a budget.
func (h *history) used(records []engine.Record, class engine.Class, window time.Duration, over part, unit func(*engine.Record) string) map[string]bool {
	out := map[string]bool{}
	for i := range records {
		if r := &records[i]; r.Class == class && !r.Approved && over.has(r) && h.now.Sub(r.Time) < window {
			out[unit(r)] = true
		}
	}
	return out
}

// announced is the most that waves may allow besides: those who were touched within the window in ways that a wave covers
// and in no other way, each once, and no more than all waves are of together.
func (h *history) announced(class engine.Class, window time.Duration, over part, unit func(*engine.Record) string) int {
	touched, bare, most := map[string]bool{}, map[string]bool{}, 0
	for i := range h.all {
		r := &h.all[i]
		if r.Class != class || r.Approved || !over.has(r) || h.now.Sub(r.Time) >= window {
			continue
		}
		touched[unit(r)] = true
		if !slices.ContainsFunc(h.engine.Settings.Expected, func(x engine.Expected) bool {
			return x.Class == class && x.Lasts(r.Time) && part{x.Scope, x.Name}.has(r)
		}) {
			bare[unit(r)] = true
		}
	}
	for _, x := range h.engine.Settings.Expected {
		if x.Class == class && (x.Scope != over.kind || x.Name == over.name) {
			most += x.People // as many holdings
		}
	}
	return min(len(touched)-len(bare), most)
}

// waves announces some, of programs, the source and all together, that overlap or not.
func (h *history) waves() {
	for range rapid.IntRange(0, 4).Draw(h.rt, "waves") {
		where := rapid.SampledFrom([][2]string{{"program", "wiki"}, {"program", "git"}, {"source", "corp"}, {"source", "hr"}, {"all", ""}}).Draw(h.rt, "scope")
		n, from := rapid.IntRange(1, 3).Draw(h.rt, "n"), h.now.Add(rapid.SampledFrom([]time.Duration{0, 2 * time.Hour, 9 * time.Hour}).Draw(h.rt, "from"))
		class := rapid.SampledFrom([]engine.Class{engine.ChargeRevoke, engine.ChargeLeaver, engine.ChargeGrant}).Draw(h.rt, "class")
		h.engine.Settings.Expected = append(h.engine.Settings.Expected, engine.Expected{Scope: where[0], Name: where[1], Class: class, People: n, Holdings: n,
			From: from, Until: from.Add(rapid.SampledFrom([]time.Duration{time.Hour, 30 * time.Hour, 99 * time.Hour}).Draw(h.rt, "lasts")), Approver: "boss"})
	}
}

func (h *history) budgets(fresh []engine.Record) {
	l := &h.engine.Settings.Limits
	for _, over := range parts() {
		h.within(fresh, engine.ChargeRevoke, l.RevokePeople, over, personOf, h.highestPeople(over, l.RevokePeople.Window))
		h.within(fresh, engine.ChargeRevoke, l.RevokeHoldings, over, holdingOf, h.highestHoldings(over, l.RevokeHoldings.Window))
		h.within(fresh, engine.ChargeLeaver, l.Leavers, over, personOf, h.highestPeople(over, l.Leavers.Window))
		h.within(fresh, engine.ChargeGrant, l.Grant, over, holdingOf, h.highestHoldings(over, l.Grant.Window))
	}
}

// Whatever the causes, however small the steps, whenever the runs and whatever was announced: in no window is more taken or
// given than is allowed.
func TestNoSequenceOfRunsDripsPastABudget(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt)
		h.waves()
		for range rapid.IntRange(4, 16).Draw(rt, "steps") {
			h.seeHolders(false)
			h.step()
			h.budgets(h.look()) // of a cut
			h.pass(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 7 * time.Hour, 25 * time.Hour}).Draw(rt, "pass"))
			h.seeHolders(true)
			p := h.mustPlan()
			h.shares(p)
			h.trips(p)
			h.never(p)
			before := h.held()
			h.apply()
			fresh := h.look()
			h.budgets(fresh)
			h.notEmptied(before, fresh)
		}
	})
}

// trips: a limit that trips holds everything of its kind in its scope, but for what is excepted.
func (h *history) trips(p *engine.Plan) {
	sole := soleMarked(p)
	for _, n := range p.Notices {
		if n.Code != "limit" {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(n.Text, "limit "), " of ")
		for i := range p.Changes {
			c := &p.Changes[i]
			excepted := c.Cause == engine.CauseCut || c.Cause == engine.CauseMarked && c.Person == sole
			if c.State == engine.Ready && c.Item == "" && c.Queued == 0 && !excepted && strings.HasPrefix(name, kindOf(c)) && h.concerns(n, c) {
				h.rt.Fatalf("%s, and yet %s %s of %s is ready", n.Text, c.Op, c.Entitlement, c.Account)
			}
		}
	}
}

// concerns says whether the scope of a limit that tripped has a change.
func (h *history) concerns(n engine.Notice, c *engine.Change) bool {
	_, scope, _ := strings.Cut(n.Text, " of ")
	scope, _, _ = strings.Cut(scope, ":")
	if source, ok := strings.CutPrefix(scope, "source "); ok {
		return slices.ContainsFunc(h.people, func(p engine.Person) bool { return p.Key == c.Person && p.Source == source }) // who vanished counts as of the directory that was read
	}
	return n.Program == "" || n.Program == c.Program
}

// kindOf is what the names of a change's limits begin with, "none" if there is no limit.
func kindOf(c *engine.Change) string {
	switch {
	case c.Cause == engine.CauseMarked || c.Cause == engine.CauseAbsent || c.Cause == engine.CauseCut:
		return "leavers"
	case c.Op == engine.OpAdopt || c.Op == engine.OpCreate: // an account is counted with what it is made for
		return "none"
	case c.Op.Gives():
		return "grant"
	}
	return "revoke"
}

// soleMarked is the one person with an explicit mark whose changes do not wait already.
func soleMarked(p *engine.Plan) string {
	who := map[string]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Cause == engine.CauseMarked && c.State != engine.NeedsApproval {
			who[c.Person] = true
		}
	}
	for person := range who {
		if len(who) == 1 {
			return person
		}
	}
	return ""
}

// never: what may not be held is not, and what may not happen does not.
func (h *history) never(p *engine.Plan) {
	waits := map[string]bool{}
	for _, i := range h.items() {
		waits[i.ID] = true
	}
	marked := map[string]bool{}
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Cause == engine.CauseMarked && (c.State == engine.Ready || c.State == engine.NeedsApproval && !waits[c.Item]) {
			marked[c.Person] = true
		}
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		alone := c.Cause == engine.CauseMarked && len(marked) == 1 && !waits[c.Item]
		if (alone || c.Cause == engine.CauseCut) && c.State == engine.NeedsApproval && (c.Cause == engine.CauseCut || strings.HasPrefix(c.Reason, "limit") || strings.HasPrefix(c.Reason, "nobody")) {
			h.rt.Fatalf("%s %s of %s (%s) is held: %s", c.Op, c.Entitlement, c.Account, c.Cause, c.Reason)
		}
		if c.State == engine.Ready && c.Op.Takes() && c.Item == "" && c.Cause != engine.CauseCut && c.Program == "wiki" && c.Account == "p5" {
			h.rt.Fatalf("%s %s of the protected account", c.Op, c.Entitlement)
		}
	}
}

// held counts who holds what: the admins are those who can use it.
func (h *history) held() map[string]int {
	out := map[string]int{}
	for _, name := range []string{"wiki", "git"} {
		truth := h.targets[name].Truth()
		for _, one := range truth {
			out[name+"/"+one.Entitlement]++
			active := slices.ContainsFunc(truth, func(o engine.Holding) bool { return o.Account == one.Account && o.Entitlement == engine.Active })
			if one.Entitlement == "admin" && active {
				out["admins"]++
				out["admin "+one.Account]++
			}
		}
	}
	return out
}

// notEmptied: a run takes no right to zero, and no program its last admin, without a leaver, a cut or an approval.
func (h *history) notEmptied(before map[string]int, fresh []engine.Record) {
	after := h.held()
	for right, n := range before {
		if n == 0 || after[right] > 0 {
			continue
		}
		for i := range fresh {
			r := &fresh[i]
			emptied := right == r.Program+"/"+r.Entitlement && r.Class == engine.ChargeRevoke
			last := right == "admins" && r.Program == "git" && before["admin "+r.Account] > 0 &&
				(r.Entitlement == "admin" || r.Entitlement == engine.Active) && r.Cause != engine.CauseCut
			if r.Op.Takes() && !r.Approved && (emptied || last) {
				h.rt.Fatalf("%s: %s of %s (%s) left nobody", right, r.Op, r.Account, r.Cause)
			}
		}
	}
}
