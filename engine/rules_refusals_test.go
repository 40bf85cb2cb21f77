package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// Nobody decides without saying why, and what was refused leaves no record.
func TestDecisionsNeedAReason(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Limits.RevokePeople = tight(0)
	w.roles("p0", "a")
	run := w.later().ID
	before := w.memory().Seq
	ctx, e := t.Context(), w.engine
	for name, decide := range map[string]func(reason string) error{
		"approve": func(r string) error { _, err := e.Approve(ctx, "boss", []string{"all"}, r); return err },
		"reject":  func(r string) error { _, err := e.Reject(ctx, "boss", []string{"all"}, r); return err },
		"pause":   func(r string) error { return e.Pause(ctx, "boss", "wiki", r) },
		"give":    func(r string) error { return e.Give(ctx, "boss", "p1", "wiki/z", w.now.Add(time.Hour), r) },
		"cut":     func(r string) error { _, _, err := e.Cut(ctx, "boss", "p1", r); return err },
		"adopt": func(r string) error {
			return e.Adopt(ctx, "boss", "wiki", r, []engine.Pairing{{Account: "a", Person: "k-p1"}})
		},
		"rekey": func(r string) error { return e.ReKey(ctx, "boss", r, nil, nil) },
		"task":  func(r string) error { return e.TaskDone(ctx, "boss", "t", r) },
	} {
		for _, reason := range []string{"", " \t"} {
			if err := decide(reason); !errors.Is(err, engine.ErrNoReason) {
				t.Errorf("%s for the reason %q: %v", name, reason, err)
			}
		}
	}
	if _, err := e.Undo(ctx, w.journal, "boss", run, ""); !errors.Is(err, engine.ErrNoReason) {
		t.Errorf("undo: %v", err)
	}
	if after := w.memory().Seq; after != before {
		t.Errorf("%d records were written", after-before)
	}
}

// What makes no sense is refused, and says so.
func TestDecisionsThatMakeNoSense(t *testing.T) {
	w := crowd(t)
	w.hire("p1")
	w.person("p1").Key = "a-second-p1" // two of one login
	before := w.memory().Seq
	ctx, e := t.Context(), w.engine
	for name, c := range map[string]struct {
		do   func() error
		says string
	}{
		"an extra that has ended":   {func() error { return e.Give(ctx, "boss", "p2", "wiki/z", w.now.Add(-24*time.Hour), "r") }, "must end in the future"},
		"an extra of no program":    {func() error { return e.Give(ctx, "boss", "p2", "nope/z", w.now.Add(time.Hour), "r") }, "no program is called"},
		"an extra of nothing":       {func() error { return e.Give(ctx, "boss", "p2", "", w.now.Add(time.Hour), "r") }, "can't be given"},
		"an extra for nobody":       {func() error { return e.Give(ctx, "boss", "nobody", "wiki/z", w.now.Add(time.Hour), "r") }, "nobody of that login"},
		"an extra for two":          {func() error { return e.Give(ctx, "boss", "p1", "wiki/z", w.now.Add(time.Hour), "r") }, "more than one person"},
		"a cut of two":              {func() error { _, _, err := e.Cut(ctx, "boss", "p1", "r"); return err }, "more than one person"},
		"a cut of nobody":           {func() error { _, _, err := e.Cut(ctx, "boss", "nobody", "r"); return err }, "nobody of that login"},
		"a lift of who is not cut":  {func() error { return e.Lift(ctx, "boss", "p2", "r") }, "is not cut off"},
		"a lift of nobody":          {func() error { return e.Lift(ctx, "boss", "nobody", "r") }, "nobody of that login"},
		"a pause of no program":     {func() error { return e.Pause(ctx, "boss", "nope", "r") }, "no program is called"},
		"an end of that":            {func() error { return e.Unpause(ctx, "boss", "nope") }, "no program is called"},
		"an adoption of no program": {func() error { _, err := e.Adoption(ctx, "nope"); return err }, "no program is called"},
		"an adoption of nothing":    {func() error { _, err := e.Adoption(ctx, ""); return err }, "name the program"},
		"an undo of no run":         {func() error { _, err := e.Undo(ctx, w.journal, "boss", "r99", "r"); return err }, "changed nothing, or there is no such run"},
		"a task that is not there":  {func() error { return e.TaskDone(ctx, "boss", "t", "r") }, "no such task"},
		"a link that is there": {func() error {
			return e.Adopt(ctx, "boss", "wiki", "r", []engine.Pairing{{Account: "other", Person: "k-p2"}})
		}, "has the account \"p2\" in wiki already"},
	} {
		if err := c.do(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := w.memory().Seq; after != before {
		t.Errorf("%d records were written", after-before)
	}
	if err := e.Give(ctx, "boss", "p2", "wiki/z", w.now.Add(-23*time.Hour), "until today"); err != nil {
		t.Errorf("an extra whose last day is today: %v", err)
	}
}

// The reviewed list says how sure a pair is: a key is, a name may be, and whatever fits twice is nobody's guess.
func TestHowSureAnAdoptionIs(t *testing.T) {
	w := newWorld(t, "wiki")
	w.program("wiki").Match = "key"
	for _, login := range []string{"ann", "bob", "cyd", "dan"} {
		w.hire(login)
	}
	w.hire("dan")
	w.people[4].Key = "k-another-dan"
	w.hire("zoe")
	w.fire("zoe")
	add := func(id, name, key string) {
		w.targets["wiki"].AddAccount(id, engine.AccountInfo{Name: name, Attributes: map[string]string{"key": key}}, engine.Exists, engine.Active)
	}
	add("1", "", "k-ann")
	add("2", "bob", "")
	add("3", "cyd", "")
	add("cyd", "", "")
	add("5", "dan", "")
	add("6", "zoe", "")
	a, err := w.engine.Adoption(t.Context(), "wiki")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range a.Lines {
		got = append(got, strings.TrimSpace(l.Account+" "+string(l.Sure)+" "+l.By))
	}
	want := "1 certain key, 2 possible login, 3 ambiguous login, 5 ambiguous login, cyd ambiguous login, 6 nobody"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s\nwant\n%s", strings.Join(got, ", "), want)
	}
}

// Another filter or base shows other people: who is missing then has not left, until somebody has looked.
func TestAnotherQuestionIsNoLoss(t *testing.T) {
	w := crowd(t)
	w.engine.Settings.Filters = map[string]string{"corp": "(ou=berlin)"}
	w.people = w.people[:11] // p9 is not shown
	var p *engine.Plan
	for range 4 {
		if p = w.later(); len(p.Changes) > 0 {
			t.Fatalf("something is taken: %v", lines(p))
		}
	}
	if text := noticeOf(p, "baseline"); !strings.HasPrefix(text, "corp is asked something else than in the last accepted read of it: nothing that this hides is taken away") {
		t.Errorf("%q", text)
	}
	w.approve()
	for range 4 {
		p = w.later()
	}
	if noticeOf(p, "baseline") != "" {
		t.Errorf("it was approved: %v", p.Notices)
	}
	w.has("p9", engine.Active, false)
}

// A baseline that this program can't read is no baseline, and nothing is believed that would be new.
func TestABaselineThatCanNotBeRead(t *testing.T) {
	w := crowd(t)
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactBaseline, Key: "corp"}, Data: []byte(`"of another version"`)}})
	w.roles("p0", "a")
	w.vanish("p1")
	for range 4 {
		if p := w.later(); len(p.Changes) > 0 || p.Proofs[0].Complete() || !strings.Contains(p.Proofs[0].Reasons[0].Detail, "can't be read") {
			t.Fatalf("%v, %+v", lines(p), p.Proofs[0].Reasons)
		}
	}
}

// plain can neither make nor change accounts, whatever it said before.
type plain struct{ engine.Connector }

// A program that can't do what an intent asks for refuses it, and nothing else of it is tried.
func TestWhatAProgramCanNotDoIsRefused(t *testing.T) {
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	for want, change := range map[string]engine.Change{
		"refused this kind of program can't create accounts; make it by hand": {Op: engine.OpCreate, Program: "wiki", Account: engine.ProposedPrefix + "ann", Proposed: true, Entitlement: "wiki/.exists", New: &engine.NewAccount{Name: "ann"}},
		"refused this kind of program can't change accounts; do it by hand":   {Op: engine.OpRename, Program: "wiki", Account: "ann", Entitlement: "wiki/.exists", New: &engine.NewAccount{Name: "anne"}},
	} {
		memory := enginetest.NewJournal(now)
		if err := memory.Append(t.Context(), engine.Free, []engine.Record{engine.IntentRecord("r1", "test", "corp", change, engine.ChargeGrant)}); err != nil {
			t.Fatal(err)
		}
		e := &engine.Engine{Journal: memory, Outbox: memory, Now: now}
		if _, err := e.WorkProgram(t.Context(), &engine.Program{Name: "wiki", Connector: plain{}}); err != nil {
			t.Fatal(err)
		}
		got := ""
		err := memory.Records(context.Background(), engine.Query{Kind: engine.KindOutcome}, func(r engine.Record) error {
			got = string(r.Outcome) + " " + strings.Join(r.Why, "; ")
			return nil
		})
		if err != nil || got != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
}
