package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// What another version has remembered in a form of its own is nothing known, and stops no run.
func TestFactsOfAnotherForm(t *testing.T) {
	w := crowd(t)
	foreign := []byte(`"of another version"`)
	w.record([]engine.Fact{
		{FactKey: engine.FactKey{Kind: engine.FactLeavers}, Data: foreign},
		{FactKey: engine.FactKey{Kind: engine.FactHolders, Program: "wiki"}, Data: foreign},
		{FactKey: engine.FactKey{Kind: engine.FactTask, Key: "t"}, Text: "do it", Data: []byte(`{"by":"boss"}`)},
	})
	if tasks := w.memory().Tasks(); len(tasks) != 1 || tasks[0].Text != "do it" || tasks[0].Done != "" {
		t.Errorf("%+v", tasks)
	}
	w.roles("p0", "a")
	w.pass(time.Hour)
	w.applied("p0", "revoke wiki/y ready")
	w.has("p0", "y", false)
}

// An account that is called like one that is only proposed, or not at all, makes the list incomplete.
func TestAnAccountThatIsCalledLikeAProposedOne(t *testing.T) {
	for _, name := range []string{engine.ProposedPrefix + "eve", ""} {
		w := crowd(t)
		w.targets["wiki"].AddAccount(name, engine.AccountInfo{Name: "x"}, engine.Exists, engine.Active)
		w.roles("p0", "a")
		w.pass(time.Hour)
		p := w.mustPlan()
		if proof := p.Proofs[1]; proof.Complete() || proof.Reasons[0].Code != engine.ReasonMalformed || len(p.Changes) > 0 {
			t.Errorf("%q: %+v, %v", name, proof.Reasons, lines(p))
		}
	}
}

// A plan of one program says nothing of the others.
func TestAPlanOfOneProgram(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x", "git/y"}}
	w.hire("ann", "a")
	s, err := w.engine.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Only = "git"
	p := engine.MakePlan(s)
	for _, c := range p.Changes {
		if c.Program != "git" {
			t.Errorf("%v", lines(p))
		}
	}
	if len(p.Changes) != 3 {
		t.Errorf("%v", lines(p))
	}
}

// What is left to others is committed and not made here, and whoever watches is told how far reading is.
func TestWhatIsLeftToOthersIsCommitted(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.hire("ann", "a")
	seen := map[string]bool{}
	w.engine.Progress = func(phase, what string, _, _ int) { seen[phase+" "+what] = true }
	w.engine.OneByOne = true
	_, r, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "test", Leave: true})
	if err != nil || r.Run == "" || len(r.Outcomes) > 0 || w.truth("wiki") != "" || len(w.memory().Open) != 3 {
		t.Errorf("%+v, %v, %q", r, err, w.truth("wiki"))
	}
	if _, err := w.engine.Work(t.Context()); err != nil || w.truth("wiki") != "ann= ann=.exists ann=x" {
		t.Errorf("%q, %v", w.truth("wiki"), err)
	}
	if len(seen) == 0 {
		t.Error("nobody was told")
	}
}

// A wait for a limited rate that is broken off starts no call, and is no failure of the program's.
func TestAWaitThatIsBrokenOffStartsNoCall(t *testing.T) {
	for name, connect := range map[string]func(p *enginetest.Program) engine.Connector{
		"one by one": func(p *enginetest.Program) engine.Connector { return p },
		"at once":    func(p *enginetest.Program) engine.Connector { return &batching{Program: p, before: func() {}} },
	} {
		w := newWorld(t, "wiki")
		w.policy.rules = map[string][]string{"a": {"wiki/x"}}
		w.hire("ann", "a")
		w.program("wiki").Connector, w.program("wiki").Rate = connect(w.targets["wiki"]), 1
		waited := 0
		w.engine.Wait = func(context.Context, time.Duration) error {
			if waited++; waited > 1 {
				return errors.New("stop")
			}
			return nil
		}
		w.apply()
		if facts := w.memory().Facts(engine.FactFailing); len(facts) > 0 || waited < 2 {
			t.Errorf("%s: %v after %d waits", name, facts, waited)
		}
	}
}

// A secret is shown by its place.
func TestSecretsAreShownByTheirPlace(t *testing.T) {
	for want, s := range map[string]engine.Secret{"environment variable A": {Env: "A"}, "file /a": {File: "/a"}, "credential a": {Credential: "a"}, "no secret": {}} {
		if s.String() != want {
			t.Errorf("%q, want %q", s.String(), want)
		}
	}
}

func TestStatesAreParsedAsTheyAreShown(t *testing.T) {
	for s := engine.StateUnknown; s <= engine.StateLeft; s++ {
		if got, ok := engine.ParseState(s.String()); !ok || got != s {
			t.Errorf("%s: %v", s, got)
		}
	}
	if _, ok := engine.ParseState("gone"); ok {
		t.Error("gone is no state")
	}
}

// When several fit, or one fits several, nobody is sure.
func TestWhoVanishedMayBeSeveral(t *testing.T) {
	w := crowd(t)
	named := func(login, key string, attributes ...string) {
		p := w.person(login)
		p.Key, p.Attributes = key, nil
		for i := 0; i < len(attributes); i += 2 {
			p.Attributes = append(p.Attributes, engine.Attribute{Name: attributes[i], Values: []string{attributes[i+1]}})
		}
	}
	named("p1", "x1", "login", "y1", "name", "P1")
	w.hire("q")
	named("q", "x2", "login", "y2", "name", "P1") // two of whom p1 may be one
	named("p2", "x3", "login", "p2", "mail", "p3")
	w.vanish("p3") // who may be x3 as well as p2
	found, err := w.engine.ReKeyed(t.Context(), w.journal)
	if err != nil || len(found.Lines) != 3 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, l := range found.Lines {
		if l.Sure != engine.Ambiguous || len(l.People) != map[string]int{"k-p1": 2, "k-p2": 1, "k-p3": 1}[l.Person] {
			t.Errorf("%+v", l)
		}
	}
	pairs := []engine.KeyPair{{Person: "k-p1", Key: "x1"}, {Person: "k-p2", Key: "x1"}, {Person: "k-p3", Key: "x3"}}
	if err := w.engine.ReKey(t.Context(), "boss", "r", pairs, nil); err == nil || !strings.Contains(err.Error(), "is named twice") {
		t.Errorf("one for two: %v", err)
	}
	w.proof.Add(engine.ReasonPartial, "half")
	pairs[1].Key = "x2"
	if err := w.engine.ReKey(t.Context(), "boss", "r", pairs, nil); err == nil || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("from half a directory: %v", err)
	}
}

// More reasons than three are counted.
func TestManyReasonsAreCounted(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Alarms.Unread = 1
	for n := range 5 {
		w.proof.Add(engine.ReasonPartial, fmt.Sprint("part ", n))
	}
	if text := noticeOf(w.later(), engine.NoticeUnread); !strings.Contains(text, "part 2 and 2 more reasons") {
		t.Error(text)
	}
}
