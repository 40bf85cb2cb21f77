package enginetest

import (
	"context"
	"errors"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (s *suite) queries() {
	start := s.clock.Now()
	s.must(note("Ärger 100% _x"), intent(engine.OpGrant, "a", "r", engine.ChargeGrant), intent(engine.OpSuspend, "b", "", ""))
	s.clock.Add(time.Hour)
	s.must(outcome(2, "a", "r", engine.Done), engine.Record{Kind: engine.KindLink, Person: "person-a", Program: "crm", Account: "a"}, note(`quote " back\slash <b>`))
	empty := ""
	for name, c := range map[string]struct {
		q    engine.Query
		want []int64
	}{
		"all":            {engine.Query{}, []int64{1, 2, 3, 4, 5, 6}},
		"newest two":     {engine.Query{Newest: true, Limit: 2}, []int64{6, 5}},
		"next page":      {engine.Query{Newest: true, Before: 5, Limit: 2}, []int64{4, 3}},
		"between":        {engine.Query{After: 2, Before: 5}, []int64{3, 4}},
		"from":           {engine.Query{From: start.Add(time.Hour)}, []int64{4, 5, 6}},
		"to":             {engine.Query{To: start.Add(time.Hour)}, []int64{1, 2, 3}},
		"kind":           {engine.Query{Kind: engine.KindIntent}, []int64{2, 3}},
		"run":            {engine.Query{Run: "run1"}, []int64{2, 3}},
		"actor":          {engine.Query{Actor: "daemon"}, []int64{2, 3}},
		"actor and op":   {engine.Query{Actor: "daemon", Op: engine.OpSuspend}, []int64{3}},
		"no such actor":  {engine.Query{Actor: "daemo"}, []int64{}},
		"rule":           {engine.Query{Rule: "rule"}, []int64{2, 3}},
		"no such rule":   {engine.Query{Rule: "run"}, []int64{}},
		"person":         {engine.Query{Person: "person-a"}, []int64{2, 4, 5}},
		"program":        {engine.Query{Program: "wiki"}, []int64{2, 3, 4}},
		"account":        {engine.Query{Account: "a"}, []int64{2, 4, 5}},
		"both":           {engine.Query{Program: "crm", Account: "a"}, []int64{5}},
		"entitlement":    {engine.Query{Program: "wiki", Entitlement: &empty}, []int64{3}},
		"outcome":        {engine.Query{Outcome: engine.Done}, []int64{4}},
		"op":             {engine.Query{Op: engine.OpSuspend}, []int64{3}},
		"words":          {engine.Query{Words: "BECAUSE person-b"}, []int64{3}},
		"percent":        {engine.Query{Words: "100%"}, []int64{1}},
		"underscore":     {engine.Query{Words: "_x"}, []int64{1}},
		"umlaut":         {engine.Query{Words: "Ärger"}, []int64{1}},
		"quotes":         {engine.Query{Words: `back\slash "`}, []int64{6}},
		"markup":         {engine.Query{Words: "<B>"}, []int64{6}},
		"unknown person": {engine.Query{Person: "nobody"}, []int64{}},
		"no such word":   {engine.Query{Words: "because nothing"}, []int64{}},
	} {
		got := []int64{}
		for _, r := range s.records(c.q) {
			got = append(got, r.Seq)
		}
		s.same(name, got, c.want)
	}
	stop := errors.New("stop")
	if err := s.Records(context.Background(), engine.Query{}, func(engine.Record) error { return stop }); !errors.Is(err, stop) {
		s.Errorf("yield's error came back as %v", err)
	}
}

func (s *suite) asOf() {
	start := s.clock.Now()
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	s.must(engine.Record{Kind: engine.KindSeen, Program: "wiki", Data: []byte(`{"baseline":true,"appeared":[["a","r"],["b","r"]]}`)})
	s.clock.Add(time.Hour)
	s.must(engine.Record{Kind: engine.KindLink, Person: "person-a", Program: "wiki", Account: "a"},
		engine.Record{Kind: engine.KindAdopt, Person: "person-a", Program: "wiki", Account: "a", Entitlement: "r", Rules: []string{"rule"}})
	s.clock.Add(time.Hour)
	revoke := s.must(intent(engine.OpRevoke, "a", "r", ""))
	s.clock.Add(time.Hour)
	s.must(outcome(revoke, "a", "r", engine.Done))
	a0 := engine.Held{Program: "wiki", Account: "a", Entitlement: "r", From: at(0), Until: at(1), Record: 1}
	a1 := engine.Held{Program: "wiki", Account: "a", Entitlement: "r", Person: "person-a", From: at(1), Until: at(3), Managed: true, Rules: []string{"rule"}, Record: 3}
	b := engine.Held{Program: "wiki", Account: "b", Entitlement: "r", From: at(0), Record: 1}
	s.held("before", at(0).Add(-1), "", "", "")
	s.held("baseline", at(0), "", "", "", a0, b)
	s.held("just before", at(1).Add(-time.Microsecond), "", "", "", a0, b)
	s.held("adopted", at(1), "", "", "", a1, b)
	s.held("while the revoke is open", at(2), "", "", "", a1, b)
	s.held("revoked", at(3), "", "", "", b)
	s.held("by person", at(2), "person-a", "", "", a1)
	s.held("by account", at(2), "", "wiki", "b", b)
	s.held("by another program", at(2), "", "crm", "")
	s.held("by somebody unknown", at(2), "nobody", "", "")
}

func (s *suite) held(what string, at time.Time, person, program, account string, want ...engine.Held) {
	s.Helper()
	got, err := s.AsOf(context.Background(), at, person, program, account)
	if err != nil {
		s.Fatal(err)
	}
	s.same(what, got, want)
}
