package engine

import (
	"slices"
	"testing"
	"time"
)

// TestReplay: after the records that Replay gives, what now folds to is what was lost, but for what was decided since.
func TestReplay(t *testing.T) {
	at := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	fold := func(records ...Record) *Fold {
		f := NewFold()
		for i, r := range records {
			r.Seq, r.Time = int64(i+1), at
			if err := f.Apply(r); err != nil {
				t.Fatal(err)
			}
		}
		return f
	}
	cut := func(person string) Fact { return Fact{FactKey: FactKey{Kind: FactCut, Person: person}, Text: "x"} }
	lift := func(person string) Record {
		return Record{Kind: KindLift, Person: person, Clear: []FactKey{{Kind: FactCut, Person: person}}}
	}
	common := []Record{
		{Kind: KindSeen, Program: "wiki", Data: mustJSON(Seen{Baseline: true, Appeared: [][2]string{{"a", "r"}, {"b", "r"}, {"c", "r"}, {"d", "r"}}})},
		{Kind: KindAdopt, Program: "wiki", Account: "b", Entitlement: "r", Rules: []string{"one"}},
		{Kind: KindLink, Program: "wiki", Account: "a", Person: "pa"},
		{Kind: KindLink, Program: "wiki", Account: "g", Person: "pg"},
		{Kind: KindLink, Program: "wiki", Account: "h", Person: "ph"},
		{Kind: KindLink, Program: "wiki", Account: "i", Person: "pi"},
		{Kind: KindCut, Person: "pc", Set: []Fact{cut("pc")}},
		{Kind: KindCut, Person: "pd", Set: []Fact{cut("pd")}},
	}
	take := IntentRecord("r", "d", "s", Change{Op: OpRevoke, Program: "wiki", Account: "c", Entitlement: "wiki/r"}, "")
	lost := append(append([]Record{}, common...),
		Record{Kind: KindAdopt, Program: "wiki", Account: "a", Entitlement: "r", Rules: []string{"two"}},
		Record{Kind: KindRelease, Program: "wiki", Account: "b", Entitlement: "r"},
		Record{Kind: KindLink, Program: "wiki", Account: "c", Person: "pc"},
		Record{Kind: KindLink, Program: "wiki", Account: "h", Person: "pg"}, // two links took the place of others
		Record{Kind: KindLink, Program: "wiki", Account: "h2", Person: "ph"},
		Record{Kind: KindLink, Program: "wiki", Account: "i2", Person: "pi"},
		Record{Kind: KindLink, Program: "wiki", Account: "b", Person: "pb"},
		lift("pc"), lift("pd"),
		Record{Kind: KindCut, Person: "pe", Set: []Fact{cut("pe")}},
		Record{Kind: KindCut, Person: "pf", Set: []Fact{cut("pf")}},
		take, Record{Kind: KindOutcome, Of: 20, Outcome: Done, Program: "wiki", Account: "c", Entitlement: "r", Op: OpRevoke})
	later := cut("pf")
	later.Text = "since"
	since := []Record{
		{Kind: KindLink, Program: "wiki", Account: "i3", Person: "pi"},
		{Kind: KindRestore, Set: []Fact{{FactKey: FactKey{Kind: FactRestored}}}},
		{Kind: KindLink, Program: "wiki", Account: "b", Person: "somebody"}, // as linked anew in the meantime
		{Kind: KindCut, Person: "pd", Set: []Fact{cut("pd")}},
		{Kind: KindCut, Person: "pf", Set: []Fact{later}},
		IntentRecord("r", "d", "s", Change{Op: OpRevoke, Program: "wiki", Account: "d", Entitlement: "wiki/r"}, ""),
		{Kind: KindOutcome, Of: 14, Outcome: Done, Program: "wiki", Account: "d", Entitlement: "r", Op: OpRevoke}, // by a cut
	}
	all := append(append([]Record{}, common...), since...)
	records := Replay(fold(all...), fold(lost...), since, "events")
	end := fold(append(all, records...)...)
	for key, want := range map[Held3]HoldingState{
		{"wiki", "a", "r"}: {Managed: true, Confirmed: true, Seen: true, Since: at, Rules: []string{"two"}},
		{"wiki", "b", "r"}: {Seen: true, Since: at},
		{"wiki", "c", "r"}: {},
		{"wiki", "d", "r"}: {},
	} {
		have, _ := end.Holding(key)
		if have.Managed != want.Managed || have.Confirmed != want.Confirmed || have.Seen != want.Seen || len(have.Rules) != len(want.Rules) {
			t.Errorf("%v: %+v, want %+v", key, have, want)
		}
	}
	for person, account := range map[string]string{"pa": "a", "pc": "c", "somebody": "b", "pb": "", "pg": "h", "ph": "h2", "pi": "i3"} {
		if l, _ := end.Link(LinkKey{person, "wiki", "personal"}); l.Account != account {
			t.Errorf("%s is linked to %q, not %q: a link never moves", person, l.Account, account)
		}
	}
	for person, out := range map[string]bool{"pc": false, "pd": true, "pe": true} {
		if _, is := end.Fact(FactKey{Kind: FactCut, Person: person}); is != out {
			t.Errorf("%s: cut off %v, want %v", person, is, out)
		}
	}
	if f, _ := end.Fact(later.FactKey); f.Text != "since" {
		t.Errorf("a cut made since was replaced: %+v", f)
	}
	if _, marked := end.Fact(FactKey{Kind: FactRestored}); !marked {
		t.Error("only accepting ends the mark")
	}
	for _, r := range records {
		if len(r.Why) == 0 || r.Why[len(r.Why)-1] != "events" || r.Kind == KindIntent || r.Kind == KindOutcome {
			t.Errorf("%+v", r)
		}
	}
	if again := Replay(end, fold(lost...), append(since, records...), "events"); len(again) != 0 {
		t.Errorf("there is more to replay: %+v", again)
	}
}

// TestChargeAgain: what was charged in the gap counts in the same budgets; what counts in none does not.
func TestChargeAgain(t *testing.T) {
	at := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	take := Change{Op: OpRevoke, Person: "p", Program: "wiki", Account: "a", Entitlement: "wiki/r", Cause: CausePolicy}
	lost := []Record{IntentRecord("r1", "d", "hr", take, ChargeRevoke), IntentRecord("r1", "d", "hr", take, ""), {Kind: KindNote}}
	was, is := NewFold(), NewFold()
	for i := range lost {
		lost[i].Seq, lost[i].Time = int64(i+1), at
		if err := was.Apply(lost[i]); err != nil {
			t.Fatal(err)
		}
		one, ok := ChargeAgain(&lost[i], "events")
		if ok != (i == 0) {
			t.Fatalf("%+v: %v", lost[i], ok)
		}
		if one.Seq, one.Time = 1, at; !ok {
			continue
		}
		if err := is.Apply(one); err != nil {
			t.Fatal(err)
		}
		if again, ok := ChargeAgain(&one, "events"); !ok || again.Class != one.Class {
			t.Errorf("a second gap forgets it: %+v", again)
		}
	}
	if a, b := slices.Collect(was.charges.All()), slices.Collect(is.charges.All()); len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("%+v, was %+v", b, a)
	}
	if len(is.open) > 0 || len(is.holdings) > 0 {
		t.Errorf("only the charge comes back: %+v", is)
	}
}
