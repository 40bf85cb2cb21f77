package period

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// What was remembered when records were pruned belongs to what follows: approvals, reasons, reviews, and who was known.
func TestBeginGoesOnFromWhatWasRemembered(t *testing.T) {
	h := newHistory(t)
	before := h.now
	item := engine.Item{State: engine.Approved, Reason: "many at once", By: "boss", At: before.Add(-2 * time.Hour), Note: "as agreed", Change: engine.Change{Op: engine.OpGrant, Person: "ann"}}
	key := engine.Held3{Program: "wiki", Account: "ann", Entitlement: "old"}
	start := &Start{Pruned: engine.Pruned{By: "dpo", Reason: "too old", Record: 90}, People: []string{"ann"}, Blanked: 1, Tenures: map[engine.Held3]engine.Tenure{key: {Held3: key, Managed: true, Record: 3}}}
	start.Pruned.Before, start.Pruned.UpTo, start.Pruned.Kept = h.now, 9, [][2]int64{{1, 2}}
	start.Seq, start.Time = 9, before
	start.Holdings = map[engine.Held3]engine.HoldingState{key: {Managed: true, Seen: true}}
	start.Links = map[engine.LinkKey]engine.Link{{Person: "ann", Program: "wiki"}: {Person: "ann", Account: "ann"}}
	start.Facts = []engine.Fact{
		{FactKey: engine.FactKey{Kind: engine.FactItem, Key: "i1"}, Since: before.Add(-3 * time.Hour), Data: text1(item)},
		{FactKey: engine.FactKey{Kind: engine.FactUndesired, Program: "wiki", Account: "ann", Entitlement: "old"}, Since: before.Add(-5 * time.Hour)},
		{FactKey: engine.FactKey{Kind: engine.FactReview, Key: "q1"}, Data: text1(engine.Review{Name: "q1"})},
		{FactKey: engine.FactKey{Kind: engine.FactLine, Key: "q1", Person: "ann"}, Data: text1(engine.ReviewLine{Review: "q1", ID: "l1", State: engine.LineKept})},
	}
	h.seq = 7
	kept := engine.IntentRecord("r0", "", "hr", engine.Change{Op: engine.OpGrant, Person: "eve", Account: "eve", Program: "wiki", Entitlement: "wiki/x"}, "")
	kept.Seq, kept.Time = 8, before
	for _, r := range []engine.Record{{Seq: 1, Kind: engine.KindPolicy, Data: text1(map[string]any{"hash": "p1"})}, kept} {
		if err := h.b.Stayed(r, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.b.Stayed(engine.Record{Seq: 2}, true); err != nil {
		t.Fatal(err)
	}
	if err := h.b.Begin(start); err != nil {
		t.Fatal(err)
	}
	h.seq = 9
	h.now = h.b.out.From
	h.outcome(h.intent("r1", "ann", "new", engine.OpGrant, engine.CauseRule, "i1"), "ann", "new", engine.OpGrant, engine.Done)
	h.outcome(h.intent("r1", "ann", "old", engine.OpRevoke, engine.CauseRule, ""), "ann", "old", engine.OpRevoke, engine.Done)
	f := h.b.Done()
	if len(f.Cases) != 2 || len(f.Joiners) != 0 || len(f.Movers) != 1 {
		t.Fatalf("%+v", f)
	}
	given, taken := f.Cases[0], f.Cases[1]
	if a := given.Approval; a == nil || a.By != "boss" || a.Why != "as agreed" || !given.Since.Equal(before.Add(-3*time.Hour)) || given.Policy != "p1" {
		t.Errorf("%+v", given)
	}
	if !taken.Since.Equal(before.Add(-5 * time.Hour)) {
		t.Errorf("%+v", taken)
	}
	if len(f.Lines) != 1 || f.Lines[0].Of.Name != "q1" {
		t.Errorf("%+v", f.Lines)
	}
	if len(f.Holders) != 1 || f.Holders[0].Entitlement != "new" || f.Holders[0].Person != "ann" {
		t.Errorf("%+v", f.Holders)
	}
	for code, n := range map[string]int{"pruned": 7, "blanked": 1} {
		if !hasGap(f, code, n) {
			t.Errorf("%s: %+v", code, f.Gaps)
		}
	}
}

func hasGap(f *Findings, code string, n int) bool {
	for _, g := range f.Gaps {
		if g.Code == code && g.N == n {
			return true
		}
	}
	return false
}

// A period that begins before the snapshot is refused.
func TestBeginRefusesAnEarlierPeriod(t *testing.T) {
	h := newHistory(t)
	start := &Start{Pruned: engine.Pruned{By: "dpo", Reason: "too old"}}
	start.Pruned.Before = h.b.out.From.Add(time.Second)
	if err := h.b.Begin(start); err == nil || !strings.Contains(err.Error(), `pruned by "dpo"`) {
		t.Error(err)
	}
}
