package period

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// history numbers and times what it is given: a record each hour.
type history struct {
	t   *testing.T
	b   *Builder
	seq int64
	now time.Time
}

func newHistory(t *testing.T) *history {
	from := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	return &history{t: t, b: New(from, from.AddDate(0, 1, 0)), now: from.Add(-24 * time.Hour)}
}

func (h *history) add(r engine.Record) int64 {
	h.t.Helper()
	h.seq, h.now = h.seq+1, h.now.Add(time.Hour)
	r.Seq, r.Time, r.Actor = h.seq, h.now, "tester"
	if err := h.b.Add(r, false); err != nil {
		h.t.Fatal(err)
	}
	return h.seq
}

func (h *history) run(name string, shown int, incomplete ...engine.Reason) {
	h.t.Helper()
	proofs := []engine.Proof{{Source: "hr", Count: 3, Started: h.now}, {Source: "wiki", Count: shown, Started: h.now, Finished: h.now, Reasons: incomplete}}
	h.add(engine.Record{Kind: engine.KindRun, Run: name, Data: text1(map[string]any{"Proofs": proofs})})
}

func text1(v any) json.RawMessage {
	t, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return t
}

func (h *history) intent(run, who, right string, op engine.Op, cause engine.Cause, item string) int64 {
	h.t.Helper()
	return h.add(engine.IntentRecord(run, "", "hr", engine.Change{Op: op, Person: who, Login: who, Account: who, Program: "wiki",
		Entitlement: engine.Entitlement{Program: "wiki", Name: right}.String(), Cause: cause, Rules: []string{"staff"}, Item: item}, ""))
}

func (h *history) outcome(of int64, who, right string, op engine.Op, o engine.Outcome) {
	h.t.Helper()
	h.add(engine.Record{Kind: engine.KindOutcome, Of: of, Person: who, Account: who, Program: "wiki", Entitlement: right, Op: op, Outcome: o})
}

func (h *history) give(run, who, right string) {
	h.t.Helper()
	h.outcome(h.intent(run, who, right, engine.OpGrant, engine.CauseRule, ""), who, right, engine.OpGrant, engine.Done)
}

func keys(list []Person) string {
	var out []string
	for _, p := range list {
		out = append(out, p.Key)
	}
	return strings.Join(out, " ")
}

func gap(f *Findings, code string) *Gap {
	for i := range f.Gaps {
		if f.Gaps[i].Code == code {
			return &f.Gaps[i]
		}
	}
	return nil
}

func TestPopulations(t *testing.T) {
	h := newHistory(t)
	for _, who := range []string{"mover", "leaver", "still", "former"} {
		h.give("r1", who, "")
	}
	h.now = h.b.out.From
	h.give("r2", "joiner", "")
	h.give("r3", "mover", "eng")
	h.outcome(h.intent("r3", "leaver", "", engine.OpSuspend, engine.CauseMarked, ""), "leaver", "", engine.OpSuspend, engine.Refused)
	h.outcome(h.intent("r3", "former", "", engine.OpRevoke, engine.CausePolicy, ""), "former", "", engine.OpRevoke, engine.Done)
	h.add(engine.Record{Kind: engine.KindAdopt, Person: "adopted", Program: "wiki", Account: "adopted", Data: text1(map[string]string{})})
	h.add(engine.Record{Kind: engine.KindAdopt, Person: "before", Program: "wiki", Account: "before", Data: text1(map[string]string{})})
	h.give("r4", "before", "eng")
	extra := engine.IntentRecord("r4", "", "hr", engine.Change{Op: engine.OpGrant, Person: "still", Account: "still", Program: "wiki", Entitlement: "wiki/x", Cause: engine.CauseRule, Rules: []string{"extra: still wiki/x until 2027-02-20"}}, "")
	h.outcome(h.add(extra), "still", "x", engine.OpGrant, engine.Done)
	f := h.b.Done()
	if keys(f.Joiners) != "joiner" || keys(f.Movers) != "before mover" || keys(f.Leavers) != "leaver" || keys(f.Others) != "adopted former still" {
		t.Errorf("joiners %s; movers %s; leavers %s; others %s", keys(f.Joiners), keys(f.Movers), keys(f.Leavers), keys(f.Others))
	}
	if l := f.Leavers[0]; l.Open != 1 || l.Taken != 0 || !l.LastTaken.IsZero() {
		t.Errorf("refused is no effect: %+v", l)
	}
	if len(f.Holders) != 7 || gap(f, "adopted") == nil || gap(f, "no-effect") == nil {
		t.Errorf("holders %+v, gaps %+v", f.Holders, f.Gaps)
	}
}

// TestWaits: somebody who leaves and whose removal waits for approval is a leaver since then, and the chain names who approved it.
func TestWaits(t *testing.T) {
	h := newHistory(t)
	h.give("r1", "ann", "")
	h.now = h.b.out.From
	item := engine.Item{State: engine.Waiting, Reason: "too many", Change: engine.Change{Person: "ann", Cause: engine.CauseMarked}}
	since := h.now
	h.add(engine.Record{Kind: engine.KindNote, Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactItem, Key: "i1"}, Since: since, Data: text1(item)}}})
	item.State = engine.Approved
	h.add(engine.Record{Kind: engine.KindApprove, Person: "ann", Why: []string{"right"}, Data: text1("i1"),
		Set: []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactItem, Key: "i1"}, Since: since, Data: text1(item)}}})
	h.outcome(h.intent("r2", "ann", "", engine.OpSuspend, engine.CauseMarked, "i1"), "ann", "", engine.OpSuspend, engine.Done)
	f := h.b.Done()
	if keys(f.Leavers) != "ann" || !f.Leavers[0].Since.Equal(since) || len(f.Cases) != 1 {
		t.Fatalf("%+v", f)
	}
	c := f.Cases[0]
	if c.Held != "too many" || c.Approval == nil || c.Approval.By != "tester" || c.Approval.Why != "right" || !c.Since.Equal(since) {
		t.Errorf("%+v", c)
	}
}

// TestReadBack: only a complete list that was begun after the result says something of it.
func TestReadBack(t *testing.T) {
	h := newHistory(t)
	h.now = h.b.out.From
	h.give("r1", "ann", "")
	h.give("r1", "bob", "")
	h.run("r2", 2, engine.Reason{Code: engine.ReasonPartial, Detail: "half of it"})
	early := h.now.Add(-10 * time.Hour)
	h.add(engine.Record{Kind: engine.KindRun, Run: "r3", Data: text1(map[string]any{"Proofs": []engine.Proof{{Source: "hr"}, {Source: "wiki", Count: 2, Started: early}}})})
	h.run("r4", 1)
	h.add(engine.Record{Kind: engine.KindSeen, Run: "r4", Program: "wiki", Data: text1(engine.Seen{Disappeared: [][2]string{{"bob", ""}}})})
	h.give("r4", "eve", "")
	f := h.b.Done()
	by := map[string]*Step{}
	for _, c := range f.Cases {
		by[c.Person] = c.Read
	}
	if r := by["ann"]; r == nil || r.What != "confirmed" || r.By != "r4" {
		t.Errorf("ann: %+v", r)
	}
	if r := by["bob"]; r == nil || r.What != "contradicted" || r.By != "r4" {
		t.Errorf("bob: %+v", r)
	}
	if by["eve"] != nil || gap(f, "not-read-back") == nil || gap(f, "contradicted") == nil {
		t.Errorf("eve: %+v, %+v", by["eve"], f.Gaps)
	}
	if g := gap(f, "unread"); g == nil || g.N != 1 || !strings.Contains(g.What, "half of it") {
		t.Errorf("%+v", g)
	}
	for _, c := range f.Counts {
		if c.Source == "wiki" && (c.Shown != 1 || c.Since != 1 || c.Here != 2 || c.Difference != 0) {
			t.Errorf("%+v", c)
		}
	}
}

// TestBlanked: what was blanked is counted, and taken for nothing else.
func TestBlanked(t *testing.T) {
	h := newHistory(t)
	h.give("r1", "ann", "")
	h.seq, h.now = h.seq+1, h.b.out.From
	if err := h.b.Add(engine.Record{Seq: h.seq, Time: h.now, Kind: engine.KindIntent, Op: engine.OpSuspend, Person: "#1", Account: "#1", Program: "wiki"}, true); err != nil {
		t.Fatal(err)
	}
	f := h.b.Done()
	if g := gap(f, "blanked"); g == nil || g.N != 1 || g.Record != h.seq || len(f.Cases) != 0 || len(f.Holders) != 1 {
		t.Errorf("%+v", f)
	}
}

// TestBounds: what is not of the period, or out of order, is refused, not counted.
func TestBounds(t *testing.T) {
	for what, at := range map[string]time.Duration{"before the one in front": -48 * time.Hour, "after the period": 60 * 24 * time.Hour} {
		h := newHistory(t)
		h.give("r1", "ann", "")
		if err := h.b.Add(engine.Record{Seq: h.seq + 1, Time: h.b.out.From.Add(at), Kind: engine.KindNote}, false); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}
