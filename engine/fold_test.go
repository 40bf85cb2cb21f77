package engine

import (
	"slices"
	"testing"
	"time"
)

func folded(t *testing.T, records ...Record) *Fold {
	t.Helper()
	f := NewFold()
	for i, r := range records {
		r.Seq, r.Time = int64(i+1), time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
		if err := f.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// What was recorded under a proposed account is under the real one once the program has said which that is.
func TestWhatIsProposedMovesToTheAccountThatWasMade(t *testing.T) {
	under := func(account string) FactKey {
		return FactKey{Kind: FactFailing, Program: "wiki", Account: account, Entitlement: "r"}
	}
	create := IntentRecord("r", "d", "s", Change{Op: OpCreate, Program: "wiki", Account: ProposedPrefix + "ann", Proposed: true, Entitlement: "wiki/.exists"}, "")
	grant := IntentRecord("r", "d", "s", Change{Op: OpGrant, Program: "wiki", Account: ProposedPrefix + "ann", Proposed: true, Entitlement: "wiki/r", Rules: []string{"one"}}, ChargeGrant)
	f := folded(t, create, grant,
		Record{Kind: KindNote, Set: []Fact{{FactKey: under(ProposedPrefix + "ann"), Count: 3, Text: "no"}}},
		Record{Kind: KindOutcome, Of: 1, Outcome: Done, Program: "wiki", Account: "7", Entitlement: Exists, Op: OpCreate})
	if fact, ok := f.Fact(under("7")); !ok || fact.Count != 3 || fact.Text != "no" {
		t.Errorf("what is known of it is lost: %+v", fact)
	}
	if fact, ok := f.Fact(under(ProposedPrefix + "ann")); ok {
		t.Errorf("and stays where it was: %+v", fact)
	}
	m := f.Memory(time.Time{})
	if len(m.Open) != 1 || m.Open[0].Change.Account != "7" || m.Open[0].Change.Proposed {
		t.Errorf("open: %+v", m.Open)
	}
	for account, managed := range map[string]bool{"7": true, ProposedPrefix + "ann": false} {
		if h, _ := f.Holding(Held3{"wiki", account, "r"}); h.Managed != managed || managed && !slices.Equal(h.Rules, []string{"one"}) {
			t.Errorf("%s: %+v", account, h)
		}
	}
}

// What both know to be there, or to be gone, needs no record.
func TestReplayIsSilentAboutWhatBothKnow(t *testing.T) {
	seen := Record{Kind: KindSeen, Program: "wiki", Data: mustJSON(Seen{Baseline: true, Appeared: [][2]string{{"a", "r"}, {"b", "r"}}})}
	gone := Record{Kind: KindSeen, Program: "wiki", Data: mustJSON(Seen{Disappeared: [][2]string{{"b", "r"}}})}
	adopt := Record{Kind: KindAdopt, Program: "wiki", Account: "b", Entitlement: "r"}
	if records := Replay(folded(t, seen, adopt, gone), folded(t, seen, adopt, gone), nil, "events"); len(records) > 0 {
		t.Errorf("%+v", records)
	}
}

// What the lost records saw come and go, and the present ones did not, is seen again.
func TestReplaySeesAgain(t *testing.T) {
	seen := func(s Seen) Record { return Record{Kind: KindSeen, Program: "wiki", Data: mustJSON(s)} }
	common := seen(Seen{Baseline: true, Appeared: [][2]string{{"a", "r"}, {"b", "r"}}})
	records := Replay(folded(t, common), folded(t, common, seen(Seen{Appeared: [][2]string{{"c", "r"}}}), seen(Seen{Disappeared: [][2]string{{"b", "r"}}})), nil, "events")
	end := folded(t, append([]Record{common}, records...)...)
	for account, there := range map[string]bool{"a": true, "b": false, "c": true} {
		if h, _ := end.Holding(Held3{"wiki", account, "r"}); h.Seen != there {
			t.Errorf("%s: %+v, want %v", account, h, there)
		}
	}
}

// What was taken and never managed leaves nothing behind.
func TestWhatIsTakenLeavesNothing(t *testing.T) {
	take := IntentRecord("r", "d", "s", Change{Op: OpRevoke, Program: "wiki", Account: "a", Entitlement: "wiki/r", Cause: CauseCut}, "")
	f := folded(t, Record{Kind: KindSeen, Program: "wiki", Data: mustJSON(Seen{Baseline: true, Appeared: [][2]string{{"a", "r"}}})}, take,
		Record{Kind: KindOutcome, Of: 2, Outcome: Done, Program: "wiki", Account: "a", Entitlement: "r", Op: OpRevoke})
	if h, ok := f.Holding(Held3{"wiki", "a", "r"}); ok {
		t.Errorf("%+v", h)
	}
}

// An intent that can't be read is an error, not an intent of nothing.
func TestAnIntentThatCanNotBeRead(t *testing.T) {
	r := IntentRecord("r", "d", "s", Change{Op: OpGrant, Program: "wiki", Account: "a", Entitlement: "wiki/r"}, "")
	r.Seq, r.Data = 1, []byte(`{"login":`)
	if err := NewFold().Apply(r); err == nil {
		t.Error("taken")
	}
}

// What was managed and taken by others within the lost records was not taken by Rolecall.
func TestReplayBlamesOthersForWhatOthersTook(t *testing.T) {
	seen := func(s Seen) Record { return Record{Kind: KindSeen, Program: "wiki", Data: mustJSON(s)} }
	common := []Record{seen(Seen{Baseline: true, Appeared: [][2]string{{"b", "r"}}}), {Kind: KindAdopt, Program: "wiki", Account: "b", Entitlement: "r"}}
	records := Replay(folded(t, common...), folded(t, append(common[:2:2], seen(Seen{Disappeared: [][2]string{{"b", "r"}}}))...), nil, "events")
	if h, _ := folded(t, append(common[:2:2], records...)...).Holding(Held3{"wiki", "b", "r"}); h.Seen || !h.Confirmed || !h.Managed {
		t.Errorf("%+v", h)
	}
}
