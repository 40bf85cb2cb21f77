package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// speaking is a policy that says something else than its rules, and explains it.
type speaking struct {
	*rolePolicy
	verdict   func(login string, v engine.Verdict) engine.Verdict
	findings  []engine.Finding
	reminders []string
}

func (s *speaking) Decide(p *engine.Person, now time.Time, has func(int32) bool, out []engine.Verdict) []engine.Verdict {
	n := len(out)
	out = s.rolePolicy.Decide(p, now, has, out)
	for i := n; s.verdict != nil && i < len(out); i++ {
		out[i] = s.verdict(p.Login(), out[i])
	}
	return out
}

func (s *speaking) Explain(p *engine.Person, now time.Time, e engine.Entitlement) []engine.Finding {
	return append(s.rolePolicy.Explain(p, now, e), s.findings...)
}

func (s *speaking) Reminders(time.Time) []string { return s.reminders }

// A violation that is only recorded is reported. With a rule behind it it is desired all the same, without one it may be lost.
func TestARecordedConflictIsReported(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.hire("ann", "a")
	w.apply()
	w.later()
	s := &speaking{rolePolicy: &w.policy, verdict: func(login string, v engine.Verdict) engine.Verdict {
		switch login {
		case "ann":
			return engine.Verdict{Entitlement: v.Entitlement, Say: engine.Recorded, Rule: 0}
		case "zoe":
			return engine.Verdict{Entitlement: v.Entitlement, Say: engine.Recorded, Rule: -1}
		}
		return v
	}}
	w.engine.Policy = s
	w.pass(time.Hour)
	w.wants("ann")
	w.wants("zoe", "revoke wiki/x ready", "suspend wiki ready")
	p := w.mustPlan()
	if n := noticesOf(p, "conflict"); len(n) != 2 || n[0].Person != "k-ann" || n[1].Person != "k-zoe" {
		t.Errorf("%+v", n)
	}
}

// A removal says what forbids it, and only that.
func TestABlockSaysWhatForbids(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.later()
	w.policy.blocks = map[string]string{"zoe": "wiki/x"}
	w.engine.Policy = &speaking{rolePolicy: &w.policy, findings: []engine.Finding{{Say: engine.Denied, Answer: "forbids", Text: "a legal order"}, {Say: engine.Denied, Answer: "does not match", Text: "another order"},
		{Say: engine.Observed, Answer: "would give", Text: "a trial"}}}
	p := w.later()
	for _, c := range p.Changes {
		if c.Entitlement == "wiki/x" && (c.Op != engine.OpRevoke || len(c.Why) != 2 || c.Why[0] != "a legal order" || !strings.HasPrefix(c.Why[1], "the policy changed")) {
			t.Errorf("%s %q", c.Op, c.Why)
		}
	}
	if len(p.Changes) == 0 {
		t.Error("nothing is taken")
	}
}

// What policy wants looked at again is said by whole runs.
func TestReminders(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.engine.Policy = &speaking{rolePolicy: &w.policy, reminders: []string{"the block of mallory"}}
	if n := noticesOf(w.mustPlan(), "review"); len(n) != 1 || n[0].Text != "the block of mallory" {
		t.Errorf("%+v", n)
	}
}

// Of somebody who is in no directory nothing can be matched but the key.
func TestTheAbsentAreNotMatchedByAttributes(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "mail"
	w.program("wiki").MatchWith = func(p *engine.Person) (string, string) { return p.Login() + "@x", "" }
	w.apply()
	w.vanish("zoe")
	w.later()
	w.pass(2 * time.Hour)
	w.wants("zoe", "suspend wiki ready", "revoke wiki/x ready")
}

// While a directory can't be read to its end, a role that policy names is not called missing for good.
func TestAMissingRoleOfHalfARead(t *testing.T) {
	for says, proof := range map[string]engine.Proof{"look for another spelling": {}, "while a directory can't be read to its end": {Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}} {
		p := engine.Judge(proof, nil, []string{"h:gone"}, engine.DefaultTolerance())
		if len(p.Roles) != 1 || len(p.Roles[0].Reasons) != 1 || !strings.Contains(p.Roles[0].Reasons[0].Detail, says) {
			t.Errorf("%q: %+v", says, p.Roles)
		}
	}
}

// Why somebody keeps what policy does not give is a part of the answer.
func TestWhySaysWhatIsKept(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.apply()
	w.program("wiki").Revoke = engine.RevokeNever
	w.roles("zoe", "a")
	w.later()
	a, err := w.engine.Why(t.Context(), "zoe", "wiki")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range a.Lines {
		if kept := "revoke: never"; l.Entitlement == "wiki/y" && l.Kept != kept || l.Entitlement != "wiki/y" && l.Kept != "" {
			t.Errorf("%+v", l)
		}
	}
	if len(a.Lines) == 0 {
		t.Error("no answer")
	}
}

// Of somebody whom no directory shows any more the answer says what was concluded from it.
func TestWhyOfSomebodyAbsent(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.vanish("zoe")
	w.later()
	w.pass(2 * time.Hour)
	a, err := w.engine.Why(t.Context(), "k-zoe", "wiki")
	if err != nil || a.State != engine.StateLeft.String() || !strings.HasPrefix(a.Why, "not in the directory since") {
		t.Errorf("%v %+v", err, a)
	}
}

// overtakes lets somebody else decide something just before the first lift is written.
type overtakes struct {
	*enginetest.Journal
	times int
}

func (o *overtakes) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if records[0].Kind == engine.KindLift && o.times > 0 {
		o.times--
		return engine.ErrStale
	}
	return o.Journal.Append(ctx, g, records)
}

// A lift that a worker was quicker than is tried again, not for ever.
func TestALiftIsTriedAgain(t *testing.T) {
	for times, want := range map[int]error{1: nil, 3: nil, 4: engine.ErrStale} {
		w := company(t, map[string][]string{"a": {"wiki/x"}})
		w.apply()
		w.cutOff("zoe")
		w.engine.Journal = &overtakes{w.journal, times}
		if err := w.engine.Lift(t.Context(), "boss", "zoe", "found"); !errors.Is(err, want) {
			t.Errorf("overtaken %d times: %v", times, err)
		}
	}
}

// A call that answers after its time, but before it is given up on, has an outcome.
func TestALateAnswerIsAnAnswer(t *testing.T) {
	const limit = 6 * time.Second
	for name, c := range map[string]struct {
		connector func(p *enginetest.Program) engine.Connector
		want      engine.Outcome
	}{
		"in the margin": {func(p *enginetest.Program) engine.Connector { return tardy{p, limit + 500*time.Millisecond} }, engine.Done},
		"after it":      {func(p *enginetest.Program) engine.Connector { return tardy{p, limit + 2*time.Second} }, engine.Uncertain},
		"at once, in the margin": {func(p *enginetest.Program) engine.Connector {
			return tardyAtOnce{tardy{p, 10*limit + 500*time.Millisecond}}
		}, engine.Done},
		"at once, after it": {func(p *enginetest.Program) engine.Connector { return tardyAtOnce{tardy{p, 10*limit + 2*time.Second}} }, engine.Uncertain},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "git")
			w.engine.Programs[0].Connector, w.engine.CallTime = c.connector(w.targets["git"]), limit
			w.policy.rules = map[string][]string{"a": {"git"}}
			w.hire("ann", "a")
			if _, r := w.apply(); r.Outcomes[c.want] == 0 {
				t.Errorf("%s: %v", name, r.Outcomes)
			}
			time.Sleep(time.Hour) // whatever was given up has returned
		})
	}
}

// tardy heeds no context.
type tardy struct {
	*enginetest.Program
	takes time.Duration
}

func (s tardy) Create(_ context.Context, n engine.NewAccount) (string, engine.Outcome, error) {
	time.Sleep(s.takes)
	return s.Program.Create(context.Background(), n)
}

// tardyAtOnce takes all changes at once, and heeds no context.
type tardyAtOnce struct{ tardy }

func (s tardyAtOnce) Apply(_ context.Context, calls []engine.Call) []engine.Result {
	time.Sleep(s.takes)
	return slices.Repeat([]engine.Result{{Outcome: engine.Done, ID: "ann"}}, len(calls))
}

// Whoever ends a run does not wait for a program that hangs.
func TestWhoEndsARunDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := company(t, map[string][]string{"a": {"wiki"}}), make(chan struct{})
		defer close(end)
		w.program("wiki").Connector = stuck{w.targets["wiki"], end}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := w.engine.Plan(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
