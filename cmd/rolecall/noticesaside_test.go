package main

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func asideFact(kind string) engine.Fact {
	return engine.Fact{FactKey: engine.FactKey{Kind: kind, Program: "wiki"}, Since: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 4, 8, 0, 0, 0, time.UTC), Count: 5, Text: "no route"}
}

// That a program is set aside is told once, and so is that it works again; what the plan says of it is not told as well.
func TestWhatIsSetAsideIsToldOnce(t *testing.T) {
	w, now := &wire{}, time.Now()
	s := wired(t, map[string]*wire{"w": w})
	s.channels.all[0].Channel = &config.Channel{About: []string{"programs", "alarms"}}
	tells := func(want ...string) {
		t.Helper()
		plan := &engine.Plan{Notices: []engine.Notice{{Level: "alarm", Code: engine.NoticeAside, Program: "wiki", Text: "the plan says it"}}}
		if _, err := s.tell(t.Context(), plan, now); err != nil {
			t.Fatal(err)
		}
		if got := w.texts(); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	}
	write := func(set, clear string) {
		t.Helper()
		if err := s.store.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindNote, Set: []engine.Fact{asideFact(set)}, Clear: []engine.FactKey{{Kind: clear, Program: "wiki"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	aside := "programs: wiki is set aside since 2027-01-04T09:00:00Z: 5 calls failed in a row, the last one with: no route; each run tries it with one call"
	again := "programs: wiki works again since 2027-01-04T09:00:00Z; it had been set aside since 2027-01-04T08:00:00Z"
	tells()
	write(engine.FactAside, engine.FactBack)
	tells(aside)
	tells()
	write(engine.FactBack, engine.FactAside)
	tells(again)
	tells()
	write(engine.FactAside, engine.FactBack) // it comes and goes
	tells()
}

func TestWhatIsSetAsideIsLogged(t *testing.T) {
	var log bytes.Buffer
	s := &server{log: slog.New(slog.NewTextHandler(&log, nil))}
	s.tellAside(t.Context(), engine.Report{SetAside: []engine.SetAside{{Program: "wiki", Failed: 5, Error: "no route"}}, Again: []string{"crm"}})
	for _, want := range []string{"level=ERROR msg=\"a program is set aside: it gets no more calls before the next run, but for cuts\" program=wiki", "level=INFO msg=\"a program that was set aside works again\" program=crm"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is missing in %s", want, log.String())
		}
	}
}

// The metric is 1 for what is set aside, by the journal, and 0 for the other programs.
func TestTheMetricOfWhatIsSetAside(t *testing.T) {
	j := enginetest.NewJournal(enginetest.NewClock().Now)
	m := newMetrics(time.Now, func() engine.ReviewLog { return j })
	m.standing.programs = func() []string { return []string{"crm", "wiki"} }
	set := []engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactRun}}, asideFact(engine.FactAside)}
	if err := j.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindRun, Run: "r1", Data: []byte(`{}`), Set: set}}); err != nil {
		t.Fatal(err)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if f.GetName() == "rolecall_program_set_aside" {
				got[one.GetLabel()[0].GetValue()] = one.GetGauge().GetValue()
			}
		}
	}
	if len(got) != 2 || got["wiki"] != 1 || got["crm"] != 0 {
		t.Errorf("%v", got)
	}
}

// byHand is a program that people change.
type byHand struct{ *enginetest.Program }

func (byHand) Hand() engine.HandTerms { return engine.HandTerms{Leavers: time.Hour} }

// handed gives the company a program that people change, of heidi, and records these changes there.
func handed(t *testing.T, s *system, changes ...engine.Change) {
	t.Helper()
	if s.program("legacy") == nil {
		s.engine.Programs = append(s.engine.Programs, engine.Program{Name: "legacy", Connector: byHand{enginetest.NewProgram("legacy", time.Now)}})
		s.cfg.Programs["legacy"] = &config.Program{Owner: "Heidi@example.com"}
	}
	for _, c := range changes {
		c.Program, c.Cause = "legacy", engine.CauseRule
		class := engine.ChargeGrant
		if c.Op.Takes() {
			class = engine.ChargeLeaver
		}
		if err := s.store.Append(t.Context(), engine.Free, []engine.Record{engine.IntentRecord("r1", "test", "hr", c, class)}); err != nil {
			t.Fatal(err)
		}
	}
}

// New changes that people make are told once, those of leavers first, with the owner.
func TestNewTasksAreToldOnce(t *testing.T) {
	w, now := &wire{}, time.Now()
	s := wired(t, map[string]*wire{"w": w})
	s.channels.all[0].Channel = &config.Channel{About: []string{"tasks"}}
	tells := func() string {
		t.Helper()
		if _, err := s.tell(t.Context(), &engine.Plan{}, now); err != nil {
			t.Fatal(err)
		}
		return strings.Join(w.texts(), "\n")
	}
	handed(t, s, engine.Change{Op: engine.OpGrant, Account: "ann", Person: "1", Entitlement: "legacy/read"}, engine.Change{Op: engine.OpSuspend, Account: "bob", Person: "2", Entitlement: "legacy"})
	got := strings.Split(tells(), "\n")
	if len(got) != 2 || !strings.HasPrefix(got[0], `tasks: first: suspend the account "bob" in legacy, since that person has left or is cut off, by `) || !strings.HasPrefix(got[1], `tasks: give "read" to the account "ann" in legacy (owner: Heidi@example.com); tick it off: rolecall tasks done t`) {
		t.Errorf("%q", got)
	}
	if got := tells(); got != "" {
		t.Errorf("told twice: %s", got)
	}
	handed(t, s, engine.Change{Op: engine.OpGrant, Account: "cid", Person: "3", Entitlement: "legacy/read"})
	if got := tells(); strings.Count(got, "\n") != 0 || !strings.Contains(got, `"cid"`) {
		t.Errorf("%q", got)
	}
}

// The owner of the program is told by mail as well, unless nobody wants that, or the task is about the owner.
func TestOwnersAreToldOfNewTasks(t *testing.T) {
	c := newStaff(t, ", person: nothing, manager: nothing, every: 0s")
	c.run(0)
	handed(t, c.s, engine.Change{Op: engine.OpGrant, Account: "ann", Person: "1000", Entitlement: "legacy/read"}, engine.Change{Op: engine.OpGrant, Account: "heidi", Person: "1008", Entitlement: "legacy/read"},
		engine.Change{Op: engine.OpSuspend, Account: "bob", Person: "1001", Entitlement: "legacy"})
	tell := func() ([]string, string) {
		t.Helper()
		if _, err := c.s.tellPeople(c.Context(), c.out, c.now); err != nil {
			t.Fatal(err)
		}
		return c.bag.take()
	}
	to, text := tell()
	c.is(to, []string{"heidi@example.com"}, text)
	first, second := strings.Index(text, `- first: suspend the account "bob" in legacy`), strings.Index(text, `- give "read" to the account "ann" in legacy`)
	if !strings.Contains(text, "Changes wait to be made by hand\nHello Heidi Huber,") || first < 0 || second < first || strings.Contains(text, `account "heidi"`) {
		t.Error(text)
	}
	c.now = c.now.Add(time.Hour)
	to, text = tell()
	c.is(to, nil, text)
	handed(t, c.s, engine.Change{Op: engine.OpGrant, Account: "cid", Person: "1002", Entitlement: "legacy/read"})
	c.s.cfg.Notices.People.Owner = []string{"nothing"}
	to, text = tell()
	c.is(to, nil, text)
}
