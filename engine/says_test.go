package engine

import (
	"slices"
	"testing"
)

// Every record says something: who reads the journal need not know its data.
func TestRecordsSaySomething(t *testing.T) {
	for name, c := range map[string]struct {
		r    Record
		want []string
	}{
		"own words": {Record{Kind: KindRun, Why: []string{"because"}}, []string{"because"}},
		"a run": {Record{Kind: KindRun, Data: mustJSON(map[string]any{"Summary": map[string]int{"grant": 3, "suspend": 1, "approval": 2, "unchanged": 9}, "Proofs": []Proof{{Source: "corp", Count: 61}, {Source: "crm", Count: 2, Reasons: []Reason{{Code: ReasonPartial}}}}})},
			[]string{"read corp (61), crm (2, not complete: partial)", "3 to grant, 1 to suspend, 2 wait for approval"}},
		"an idle run":    {Record{Kind: KindRun, Data: mustJSON(map[string]any{"Proofs": []Proof{{Source: "corp", Count: 61}}})}, []string{"read corp (61)", "nothing to do"}},
		"a blanked run":  {Record{Kind: KindRun}, []string{}},
		"an outcome":     {Record{Kind: KindOutcome, Of: 7}, []string{"of the intent in record 7"}},
		"a baseline":     {Record{Kind: KindSeen, Data: mustJSON(Seen{Baseline: true, Appeared: [][2]string{{"a", ""}}})}, []string{"the first complete read showed 1"}},
		"a blanked read": {Record{Kind: KindSeen}, []string{}},
		"seen":           {Record{Kind: KindSeen, Data: mustJSON(Seen{Appeared: [][2]string{{"a", ""}}, Disappeared: [][2]string{{"b", ""}, {"c", ""}}})}, []string{"1 appeared, 2 were taken away by somebody else"}},
		"a note":         {Record{Kind: KindNote, Set: []Fact{{FactKey: FactKey{Kind: FactItem}}, {FactKey: FactKey{Kind: FactCut}}, {FactKey: FactKey{Kind: FactItem}}}, Clear: []FactKey{{Kind: FactWaiting}}}, []string{"remembers 1 cut, 2 item", "forgets 1 waiting"}},
	} {
		if got := c.r.Says(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}
