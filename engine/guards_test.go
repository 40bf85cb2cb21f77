package engine_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the tables of docs/limits.md anew")
	m.Run()
}

// guardRow is one line of the table that says which guard goes before which. what is the login whose plan is looked at; the
// plan begins with what want says.
type guardRow struct {
	wins, over, then string
	make             func(w *world)
	who              string
	want             []string
}

// TestGuardOrder holds the engine against the table, and docs/limits.md too:
//
//	go test ./engine -run TestGuardOrder -update
func TestGuardOrder(t *testing.T) {
	var table strings.Builder
	table.WriteString("| this | goes before | so that |\n|---|---|---|\n")
	for _, row := range guardRows() {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", row.wins, row.over, row.then)
		t.Run(row.wins+" before "+row.over, func(t *testing.T) {
			w := crowd(t)
			w.program("wiki").Admin = "admin"
			w.policy.rules["c"], w.policy.rules["d"] = []string{"wiki/admin"}, []string{"wiki/lone"}
			w.roles("yan", "a", "b", "c")
			w.roles("zoe", "a", "b", "d")
			w.later() // yan is the only admin, zoe the only one to hold wiki/lone
			w.pass(48 * time.Hour)
			row.make(w)
			w.wants(row.who, row.want...)
		})
	}
	inDoc(t, "../docs/limits.md", "guards", table.String())
}

// inDoc holds a part of a page, between two marks, against what it should be.
func inDoc(t *testing.T, path, mark, want string) {
	t.Helper()
	page, err := os.ReadFile(path)
	begin, end := fmt.Sprintf("<!-- %s -->\n\n", mark), fmt.Sprintf("\n<!-- end of %s -->", mark)
	before, rest, ok := bytes.Cut(page, []byte(begin))
	got, after, ok2 := bytes.Cut(rest, []byte(end))
	if err != nil || !ok || !ok2 {
		t.Fatalf("%s has no part marked %s: %v", path, mark, err)
	}
	if string(got) == want {
		return
	}
	if flag.Lookup("update").Value.String() != "true" {
		t.Errorf("%s is out of date; run: make docs\n%s", path, cmp.Diff(string(got), want))
		return
	}
	fresh := string(before) + begin + want + end + string(after)
	if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil { // #nosec G306 -- documentation
		t.Fatal(err)
	}
}

func noRoom(w *world) {
	w.engine.Settings.Limits = engine.Limits{RevokePeople: tight(0), RevokeHoldings: tight(0), Leavers: tight(0), Grant: tight(0)}
}

func (w *world) cutOff(login string) {
	w.t.Helper()
	if _, _, err := w.engine.Cut(w.t.Context(), "boss", login, "stop"); err != nil {
		w.t.Fatal(err)
	}
}

// stuck keeps the program from doing anything, so that what a cut decided is still to be seen in the next plan.
func (w *world) stuck() {
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Writes() {
			return enginetest.Unreachable
		}
		return enginetest.NoFault
	}
}

func (w *world) cutIsOpen(login string) { w.stuck(); w.cutOff(login); w.pass(time.Hour) }

// revokeAll is a plan that takes wiki/y from p0.
func (w *world) moved() { w.lose("p0") }

func guardRows() []guardRow {
	return append(append(guardsOfPeople(), guardsOfLimits()...), guardsOfProof()...)
}

const (
	suspended = "suspend wiki ready"
	taken     = "revoke wiki/y ready"
	heldBack  = "revoke wiki/y needs-approval: "
)

func guardsOfPeople() []guardRow {
	leaves := []string{suspended, "revoke wiki/x ready", taken}
	held := func(why string) []string {
		return []string{"suspend wiki needs-approval: " + why, "revoke wiki/x needs-approval: " + why, "revoke wiki/y needs-approval: " + why}
	}
	return []guardRow{
		{"a cut", "every limit", "the account is suspended at once; it is charged, and the alarm raised", func(w *world) { noRoom(w); w.cutIsOpen("p0") }, "p0", []string{suspended}},
		{"a cut", "protected people and accounts", "they are suspended too", func(w *world) { w.program("wiki").Protected = []string{"p0"}; w.cutIsOpen("p0") }, "p0", []string{suspended}},
		{"a cut", "the last admin", "the last admin is suspended too", func(w *world) { w.cutIsOpen("yan") }, "yan", []string{suspended}},
		{"a cut", "`revoke: never`", "it suspends there too", func(w *world) { w.program("wiki").Revoke = engine.RevokeNever; w.cutIsOpen("p0") }, "p0", []string{suspended}},
		{"a cut", "an undo", "nothing comes back to somebody who is cut off", func(w *world) {
			w.moved()
			_, r := w.apply()
			if _, err := w.engine.Undo(w.t.Context(), w.journal, "boss", r.Run, "no"); err != nil {
				w.t.Fatal(err)
			}
			w.cutIsOpen("p0")
		}, "p0", []string{suspended}},
		{"one explicit leaver alone in a run", "the limit of leavers", "nobody who left alone is held; it is charged, and the alarm raised", func(w *world) { noRoom(w); w.fire("p0") }, "p0", leaves},
		{"the limit of leavers", "two explicit leavers in a run", "both wait", func(w *world) { noRoom(w); w.fire("p0"); w.fire("p1") }, "p1", held("limit leavers")},
		{"the limit of leavers", "one who is absent without a mark", "a gap in the directory takes nothing by itself", func(w *world) {
			noRoom(w)
			w.vanish("p0")
			w.later()
			w.pass(2 * time.Hour)
		}, "p0", held("limit leavers")},
		{"a leaver", "never to zero", "the last holder of a right who leaves loses it", func(w *world) { w.fire("zoe") }, "zoe", []string{suspended, "revoke wiki/lone ready", "revoke wiki/x ready", taken}},
		{"the last admin", "a leaver", "the last admin stays until somebody decides, with an alarm and a task; other rights go", func(w *world) { w.fire("yan") }, "yan",
			[]string{"suspend wiki needs-approval: it would take the last admin", "revoke wiki/admin needs-approval: it would take the last admin", "revoke wiki/x ready", taken}},
		{"protected people and accounts", "a leaver", "they stay until somebody decides, with an alarm and a task", func(w *world) { w.program("wiki").Protected = []string{"p0"}; w.fire("p0") }, "p0", held("the account is protected")},
		{"`revoke: never`", "a leaver", "the access stays, with an alarm and a task", func(w *world) { w.program("wiki").Revoke = engine.RevokeNever; w.fire("p0") }, "p0", []string{}},
		{"a leaver", "an undo", "nothing comes back to leavers", func(w *world) {
			w.moved()
			_, r := w.apply()
			if _, err := w.engine.Undo(w.t.Context(), w.journal, "boss", r.Run, "no"); err != nil {
				w.t.Fatal(err)
			}
			w.fire("p0")
			w.pass(time.Hour)
		}, "p0", []string{suspended, "revoke wiki/x ready"}},
		{"a leaver", "the grace of rules and programs", "only `leavers: {grace: …}` gives leavers time", func(w *world) { w.program("wiki").Grace = 999 * time.Hour; w.fire("p0") }, "p0", leaves},
	}
}

func guardsOfLimits() []guardRow {
	return []guardRow{
		{"never to zero", "an ordinary removal", "the last holder waits, whatever room the limits have", func(w *world) { w.roles("zoe", "a", "b") }, "zoe", []string{"revoke wiki/lone needs-approval: nobody would hold"}},
		{"never to zero", "an announced wave", "a wave raises limits, nothing else", func(w *world) { w.announce("all", "", 9); w.roles("zoe", "a", "b") }, "zoe", []string{"revoke wiki/lone needs-approval: nobody would hold"}},
		{"the last admin", "an announced wave", "the same", func(w *world) { w.announce("all", "", 9); w.roles("yan", "a", "b") }, "yan", []string{"revoke wiki/admin needs-approval: it would take the last admin"}},
		{"an announced wave", "a limit", "so many more go through, once", func(w *world) { noRoom(w); w.announce("program", "wiki", 1); w.moved() }, "p0", []string{taken}},
		{"a limit", "what is beyond an announced wave", "everything in the scope waits, never a first few", func(w *world) { noRoom(w); w.announce("program", "wiki", 1); w.lose("p0", "p1") }, "p0", []string{heldBack + "limit"}},
		{"a limit", "two announced waves of the same people", "each is allowed once, and uses up both", func(w *world) {
			noRoom(w)
			w.engine.Settings.Expected = []engine.Expected{*w.announce("program", "wiki", 1), *w.announce("source", "corp", 1), *w.announce("all", "", 1)}
			w.lose("p0", "p1")
		}, "p0", []string{heldBack + "limit"}},
		{"a changed policy", "room in the limits", "what it takes beyond the floor waits", func(w *world) {
			w.engine.Settings.Limits.RevokePeople.Floor = 3
			w.policy.rules["b"] = []string{"wiki"}
			w.policy.rules["c"] = []string{"wiki/admin", "wiki/y"}
		}, "p0", []string{heldBack + "the policy changed"}},
		{"a changed policy", "an announced wave", "an announcement approves no policy", func(w *world) {
			w.engine.Settings.Limits.RevokePeople.Floor = 3
			w.announce("all", "", 50)
			w.policy.rules["b"] = []string{"wiki"}
			w.policy.rules["c"] = []string{"wiki/admin", "wiki/y"}
		}, "p0", []string{heldBack + "the policy changed"}},
		{"an approval", "a limit", "it goes through, once, and is not charged", func(w *world) { noRoom(w); w.moved(); w.apply(); w.approve() }, "p0", []string{taken}},
		{"an approval", "never to zero", "the last holder may be taken", func(w *world) { w.roles("zoe", "a", "b"); w.apply(); w.approve() }, "zoe", []string{"revoke wiki/lone ready"}},
		{"an approval", "the last admin, protected people and accounts", "they may be taken", func(w *world) { w.roles("yan", "a", "b"); w.apply(); w.approve() }, "yan", []string{"revoke wiki/admin ready"}},
		{"an item that waits", "later room in the limit", "it waits until somebody decides or its reason is gone", func(w *world) { noRoom(w); w.moved(); w.apply(); w.engine.Settings.Limits = testSettings().Limits }, "p0", []string{heldBack}},
		{"a rejection", "room in the limit", "it does not happen until its reason is gone", func(w *world) {
			noRoom(w)
			w.moved()
			w.apply()
			w.reject()
			w.engine.Settings.Limits = testSettings().Limits
		}, "p0", []string{"revoke wiki/y blocked: rejected"}},
		{"a removal", "the limit of grants", "a limit of grants holds grants only", func(w *world) {
			w.engine.Settings.Limits.Grant = tight(0)
			w.roles("p0", "a", "c")
		}, "p0", []string{"grant wiki/admin needs-approval: limit grant", taken}},
		{"a grant", "the limits of removals", "a limit of removals holds removals only", func(w *world) {
			noRoom(w)
			w.engine.Settings.Limits.Grant.Floor = 9
			w.roles("p0", "a", "c")
		}, "p0", []string{"grant wiki/admin ready", heldBack + "limit"}},
	}
}

func guardsOfProof() []guardRow {
	partial := engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
	return []guardRow{
		{"an incomplete read of the directory", "every ordinary removal", "what was not seen takes nothing", func(w *world) { w.moved(); w.proof = partial }, "p0", []string{}},
		{"an incomplete read of the directory", "an absence", "it is not counted", func(w *world) {
			w.vanish("p0")
			w.proof = partial
			w.later()
			w.later()
			w.later()
		}, "p0", []string{}},
		{"an explicit leaver", "an incomplete read of the directory", "a mark in an entry that was read counts", func(w *world) { w.fire("p0"); w.proof = partial }, "p0", []string{suspended, "revoke wiki/x ready", taken}},
		{"an incomplete list of a program", "grants and ordinary removals", "both wait for a complete list", func(w *world) { w.roles("p0", "a", "c"); w.lists(enginetest.Unreachable) }, "p0", []string{}},
		{"a leaver, a cut", "an incomplete list of a program", "what the journal knows is taken", func(w *world) { w.fire("p0"); w.lists(enginetest.Unreachable) }, "p0", []string{suspended, "revoke wiki/x ready", taken}},
		{"an unknown state", "every removal", "a state that can't be seen is no leaver", func(w *world) { w.person("p0").State = engine.StateUnknown; w.moved() }, "p0", []string{}},
		{"a block", "an undo", "what is forbidden does not come back", func(w *world) {
			w.moved()
			_, r := w.apply()
			if _, err := w.engine.Undo(w.t.Context(), w.journal, "boss", r.Run, "no"); err != nil {
				w.t.Fatal(err)
			}
			w.policy.blocks = map[string]string{"k-p0": "wiki/y"}
			w.pass(time.Hour)
		}, "p0", []string{}},
	}
}
