package main

import (
	"testing"
	"testing/fstest"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/policies"
)

// A limit of calls holds for a machine, and where there may be several of them check says so.
func TestCheckSaysForWhomRatesHold(t *testing.T) {
	for store, want := range map[string]string{
		"sqlite:rolecall.db":  "at most 2.5 a second and 3 at once of the calls that change something",
		"postgres://db/roles": "at most 2.5 a second and 3 at once of the calls that change something, on each machine that serves or works: divide what the program bears by their number",
	} {
		s := &system{cfg: &config.File{Store: store}, engine: &engine.Engine{Programs: []engine.Program{{Name: "crm", Rate: 2.5, Concurrency: 3}, {Name: "wiki"}}}}
		if got := s.rates(); len(got) != 1 || got[0].Name != "crm" || got[0].Text != want || !got[0].OK {
			t.Errorf("%s: %+v", store, got)
		}
	}
}

// What a program does not have is known only once it was asked; what can't be listed is no mistake.
func TestCheckNamesRightsThatAProgramLacks(t *testing.T) {
	const rules = "version: 1\nrules:\n  - {name: all, when: 'true', grant: [db/reader, db/writr], reason: all}\n"
	policy, err := policies.Load(fstest.MapFS{"a.yaml": {Data: []byte(rules)}}, policies.Schema{Programs: map[string][]string{"db": nil}})
	if err != nil {
		t.Fatal(err)
	}
	s := &system{cfg: &config.File{Policies: "policies"}, policy: policy}
	p := &engine.Program{Name: "db", Describes: engine.Description{Grantable: []string{"reader", "writer"}}}
	got := s.unknownRights(p)
	if len(got) != 1 || got[0].OK || got[0].Name != "db/writr" || got[0].Text != `policies/a.yaml:3: the program has no such entitlement; did you mean "writer"?` {
		t.Errorf("%+v", got)
	}
	p.Describes.Grantable = nil
	if got := s.unknownRights(p); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
