package main

import (
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
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
