package policies

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// An explanation never contradicts the verdict, speaks of every rule that could give the entitlement, and is never empty.
func TestExplainAgreesWithDecide(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 4))
		p := mustLoad(t, randomPolicy(r))
		for range 10 {
			person := randomPerson(r)
			now := time.Unix(int64(r.IntN(100)), 0)
			verdicts := p.Decide(&person, now, nil, nil)
			for i, e := range p.Entitlements() {
				findings := p.Explain(&person, now, e)
				v, said := verdictOf(verdicts, int32(i))
				checkExplanation(t, p, e, findings, v, said)
			}
		}
	}
}

func checkExplanation(t *testing.T, p *Policy, e engine.Entitlement, findings []engine.Finding, v engine.Verdict, said bool) {
	t.Helper()
	answers := map[string]int{}
	for _, f := range findings {
		answers[f.Answer]++
		if f.Text == "" || f.Rule == "" || !strings.HasPrefix(f.Place, "a.yaml:") {
			t.Fatalf("a finding without text, rule or place: %+v", f)
		}
	}
	rules := 0
	for _, r := range p.defs.rules {
		if slices.Contains(r.grant, e) {
			rules++
		}
	}
	want := "" // the strongest answer that the verdict stands on
	switch {
	case said && v.Say == engine.Desired:
		want = answerGives
	case said && v.Say == engine.Undecided:
		want = answerUnknown
	case said && v.Say == engine.Observed:
		want = answerWould
	}
	if len(findings) != rules || want != "" && findings[0].Answer != want && answers[want] == 0 || want != answerGives && answers[answerGives] > 0 {
		t.Fatalf("%s: verdict %v (%v), findings %+v", e, v, said, findings)
	}
	if want == "" && answers[answerWould] > 0 {
		t.Fatalf("%s: nothing is said, but %+v", e, findings)
	}
}

func TestExplainNamesTheEntry(t *testing.T) {
	p := mustLoad(t, "version: 1\nrules: [{name: a, roles: [sre], grant: wiki, reason: on call}]\n")
	person := &engine.Person{Key: "k", State: engine.StateActive, Roles: []string{"group:sre"}, Entry: "uid=alice,dc=example"}
	got := p.Explain(person, time.Time{}, engine.Entitlement{Program: "wiki"})
	want := engine.Finding{Say: engine.Desired, Answer: "gives", Rule: "a", Place: "a.yaml:2", Text: "has role group:sre; entry uid=alice,dc=example: on call"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
}

func TestMentions(t *testing.T) {
	p := mustLoad(t, "version: 1\nextras: [{person: alice, grant: [crm, wiki], until: 2027-01-01, reason: x}]\nblocks: [{person: eve, entitlement: crm, review: 2027-01-01, reason: x}]\n")
	want := []Mention{{"alice", "a.yaml:2"}, {"alice", "a.yaml:2"}, {"eve", "a.yaml:3"}}
	if got := p.Mentions(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestPeopleAreCalledByBothKeys(t *testing.T) {
	for _, name := range []string{"old", "new", "alice"} {
		p := mustLoad(t, "version: 1\nextras: [{person: "+name+", grant: wiki, until: 2027-01-01, reason: x}]\nblocks: [{person: "+name+", entitlement: crm, review: 2027-01-01, reason: x}]\nrules: [{name: a, roles: [sre], grant: crm, reason: x}]\n")
		person := &engine.Person{Key: "old", NewKey: "new", State: engine.StateActive, Roles: []string{"group:sre"}, Attributes: engine.Attributes{{Name: "login", Values: []string{"alice"}}}}
		got := map[string]engine.Say{}
		for _, v := range p.Decide(person, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), nil, nil) {
			got[p.Entitlements()[v.Entitlement].String()] = v.Say
		}
		if len(got) != 2 || got["wiki"] != engine.Desired || got["crm"] != engine.Denied {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The rule that a finding of an extra names is that of the policy, of its files or given elsewhere: pages tell by it until when it holds.
func TestFindingsOfExtrasNameTheirRules(t *testing.T) {
	until := time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)
	p := mustLoad(t, "extras:\n  - {person: ann, grant: crm, until: 2027-01-31, reason: r}\n").WithExtras([]engine.Extra{{Person: "ann", Entitlement: "crm", Until: until, Reason: "r"}})
	got := map[time.Time]bool{}
	for _, f := range p.Explain(&engine.Person{Key: "ann", State: engine.StateActive}, until.AddDate(0, -3, 0), engine.Entitlement{Program: "crm"}) {
		i := slices.IndexFunc(p.Rules(), func(r engine.Rule) bool { return r.Name == f.Rule })
		if i < 0 || f.Answer != "gives" || !p.Rules()[i].Extra {
			t.Fatalf("%+v", f)
		}
		got[p.Rules()[i].Until] = true
	}
	if len(got) != 2 || !got[until] || !got[until.AddDate(0, -2, 0)] {
		t.Errorf("%v", got)
	}
}
