package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// company is a world with one program, a policy and two people who hold everything, so that nobody is ever the last.
func company(t testing.TB, rules map[string][]string) *world {
	w := newWorld(t, "wiki")
	w.policy.rules = rules
	all := slices.Sorted(maps.Keys(rules))
	w.hire("yan", all...)
	w.hire("zoe", all...)
	return w
}

// about shows the lines of a plan that concern one person, with reasons where they are not ready.
func about(p *engine.Plan, login string) []string {
	out := []string{}
	for _, c := range p.Changes {
		if c.Person == "k-"+login {
			line := fmt.Sprintf("%s %s %s", c.Op, c.Entitlement, c.State)
			if c.State != engine.Ready {
				line += ": " + c.Reason
			}
			out = append(out, line)
		}
	}
	return out
}

// wants plans and compares what concerns one person; a line of the plan needs only to begin as wanted.
func (w *world) wants(login string, want ...string) {
	w.t.Helper()
	p, err := w.engine.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	same(w.t, login, about(p, login), want)
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	ok := len(got) == len(want)
	for i := range got {
		ok = ok && strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		t.Errorf("%s: the plan has\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// applied applies and compares what the plan had for one person.
func (w *world) applied(login string, want ...string) engine.Report {
	w.t.Helper()
	p, r := w.apply()
	same(w.t, login, about(p, login), want)
	return r
}

// later lets an hour pass and applies.
func (w *world) later() *engine.Plan {
	w.t.Helper()
	w.pass(time.Hour)
	p, _ := w.apply()
	return p
}

// once makes the next write go wrong.
func (w *world) once(f enginetest.Fault) {
	t := w.targets["wiki"]
	t.Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if !c.Writes() {
			return enginetest.NoFault
		}
		t.Before = nil
		return f
	}
}

// lists makes reading the program go wrong until it is called with NoFault.
func (w *world) lists(f enginetest.Fault) {
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() {
			return enginetest.NoFault
		}
		return f
	}
}

func (w *world) noted(code string) bool {
	w.t.Helper()
	p, err := w.engine.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.ContainsFunc(p.Notices, func(n engine.Notice) bool { return n.Code == code })
}

func (w *world) items() []engine.Item {
	w.t.Helper()
	m, err := w.journal.Memory(w.t.Context(), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	return m.Items()
}

func (w *world) approve() {
	w.t.Helper()
	if _, err := w.engine.Approve(w.t.Context(), "boss", []string{"all"}, "fine"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reject() {
	w.t.Helper()
	var ids []string
	for _, i := range w.items() {
		ids = append(ids, i.ID)
	}
	if _, err := w.engine.Reject(w.t.Context(), "boss", ids, "no"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) has(account, right string, want bool) {
	w.t.Helper()
	if w.targets["wiki"].Has(account, right) != want {
		w.t.Errorf("%s holds %q: %v, want %v", account, right, !want, want)
	}
}

// journalMemory is what the journal folds to.
func (w *world) memory() *engine.Memory {
	w.t.Helper()
	m, err := w.journal.Memory(w.t.Context(), w.now.Add(-48*time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) managed(account, right string) bool {
	p := w.memory().Program("wiki")
	return slices.ContainsFunc(p.Rows, func(r engine.HoldingRow) bool {
		return r.Managed && p.Accounts[r.Account] == account && p.Entitlements[r.Entitlement] == right
	})
}

// A replica that lags shows what was true once: a role that was lost since, or a leaver's mark that was taken back.
func TestNothingOfAnOlderReadIsBelieved(t *testing.T) {
	w := newWorld(t, "app")
	w.policy.rules["a"] = []string{"app/x"}
	w.hire("ann", "a")
	w.hire("bob")
	w.proof.Mark = "usn:dc1:20"
	w.apply()
	w.fire("ann")
	w.roles("bob", "a")
	w.proof.Mark = "usn:dc1:10"
	w.expect(w.plan())
	w.proof.Mark = "usn:dc1:21"
	if got := w.plan(); len(got) == 0 {
		t.Error("a newer read is believed")
	}
}

// A read that does not say how recent it is makes nobody forget how recent the one before was.
func TestAReadWithoutAMarkForgetsNone(t *testing.T) {
	w := newWorld(t, "app")
	w.policy.rules["a"] = []string{"app/x"}
	w.hire("ann", "a")
	w.hire("bob")
	for _, mark := range []string{"usn:dc1:20", ""} {
		w.proof.Mark = mark
		w.apply()
	}
	w.fire("ann")
	w.roles("bob", "a")
	w.proof.Mark = "usn:dc1:10"
	w.expect(w.plan())
}

// Nor does it show that somebody who has vanished is there: the absence would begin anew with each look at that replica, and
// who has left would look like one whose key was changed.
func TestAnOlderReadEndsNoAbsence(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.hire("ann", "a")
	w.proof.Mark = "usn:dc1:20"
	w.apply()
	w.vanish("ann")
	w.later()
	w.hire("ann", "a")
	w.proof.Mark = "usn:dc1:10"
	w.later()
	w.vanish("ann")
	w.proof.Mark = "usn:dc1:21"
	w.later()
	w.has("ann", engine.Active, false)
}
