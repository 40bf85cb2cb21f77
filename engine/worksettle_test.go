package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// worked carries out n grants of a program and gives their outcomes with reasons, in the order of the intents.
func worked(t *testing.T, c engine.Connector, n int) []string {
	t.Helper()
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	memory := enginetest.NewJournal(now)
	grants(t, memory, "r1", n)
	e := &engine.Engine{Journal: memory, Outbox: memory, Now: now, OneByOne: true}
	if _, err := e.WorkProgram(t.Context(), &engine.Program{Name: "wiki", Connector: c}); err != nil {
		t.Fatal(err)
	}
	out := make([]string, n)
	if err := memory.Records(t.Context(), engine.Query{Kind: engine.KindOutcome}, func(r engine.Record) error {
		out[r.Of-1] = strings.TrimSpace(string(r.Outcome) + " " + strings.Join(r.Why, "; "))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// answering answers with what it is told, one at a time or all at once.
type answering struct {
	engine.Connector
	results []engine.Result
	n       atomic.Int32 // lanes ask side by side
}

func (a *answering) Grant(context.Context, string, string) (engine.Outcome, error) {
	answer := a.results[a.n.Add(1)-1]
	return answer.Outcome, answer.Err
}

type answeringAtOnce struct{ answering }

func (a *answeringAtOnce) Apply(context.Context, []engine.Call) []engine.Result { return a.results }

// Whatever does not clearly say what happened is an unknown effect, and every end that is not done has a reason.
func TestOutcomesThatAreNotClearAreUnknown(t *testing.T) {
	late := errors.New("late")
	results := []engine.Result{{Outcome: engine.Done}, {Outcome: engine.Already, Err: late}, {Outcome: engine.Done, Err: late}, {Outcome: engine.Failed}, {Outcome: engine.Refused},
		{Outcome: engine.Refused, Err: late}, {}, {Err: late}, {Outcome: "splendid"}, {Outcome: engine.Withdrawn, Err: late}}
	want := []string{"done", "unknown late", "unknown late", "failed no reason was given", "refused no reason was given",
		"refused late", "unknown the connector gave no outcome", "unknown late", "unknown the connector gave no outcome", "unknown late"}
	if got := worked(t, &answering{results: results}, len(results)); !slices.Equal(got, want) {
		t.Errorf("one by one: %q", got)
	}
	if got := worked(t, &answeringAtOnce{answering{results: results}}, len(results)); !slices.Equal(got, want) {
		t.Errorf("at once: %q", got)
	}
}

// A batch that says nothing of some of its changes says nothing of them; one that says too much is not asked about others.
func TestABatchThatIsTooShortOrTooLong(t *testing.T) {
	one := engine.Result{Outcome: engine.Done}
	none := "unknown the connector gave no answer for this change"
	for n, want := range map[int][]string{0: {none, none}, 1: {"done", none}, 2: {"done", "done"}, 3: {"done", "done"}} {
		if got := worked(t, &answeringAtOnce{answering{results: slices.Repeat([]engine.Result{one}, n)}}, 2); !slices.Equal(got, want) {
			t.Errorf("%d answers for 2: %q", n, got)
		}
	}
}

type panics struct{ engine.Connector }

func (panics) Grant(context.Context, string, string) (engine.Outcome, error) { panic("boom") }

type panicsAtOnce struct{ panics }

func (panicsAtOnce) Apply(context.Context, []engine.Call) []engine.Result { panic("boom") }

func TestAPanicIsAnUnknownEffectThatSaysWhy(t *testing.T) {
	for _, c := range []engine.Connector{panics{}, panicsAtOnce{}} {
		if got := worked(t, c, 1); got[0] != "unknown the connector failed: boom" {
			t.Errorf("%T: %q", c, got)
		}
	}
}

// unread is a program whose accounts can't be read singly.
type unread struct {
	engine.Connector
	list    []engine.Holding
	partial bool
	deleted []string
}

func (u *unread) Holdings(_ context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	p := engine.Proof{Source: "wiki"}
	for _, h := range u.list {
		if err := yield(h); err != nil {
			return p, err
		}
	}
	if u.partial {
		p.Add(engine.ReasonPartial, "a page is missing")
	}
	return p, nil
}

func (u *unread) Revoke(_ context.Context, account, right string) (engine.Outcome, error) {
	u.deleted = append(u.deleted, account+right)
	return engine.Done, nil
}

// Where an account can't be read singly it is read from the whole list before it is deleted; half a list shows nothing.
func TestDeleteReadsTheListWhereItCanNotReadOne(t *testing.T) {
	exists, others := engine.Holding{Account: "ann", Entitlement: engine.Exists}, engine.Holding{Account: "bob", Entitlement: engine.Active}
	for name, c := range map[string]struct {
		list    []engine.Holding
		partial bool
		want    string // of the outcome
	}{
		"suspended":    {[]engine.Holding{exists, others}, false, "done"},
		"half a list":  {[]engine.Holding{exists}, true, "failed the account could not be read before its deletion"},
		"active again": {[]engine.Holding{exists, {Account: "ann", Entitlement: engine.Active}}, false, "failed the account is not deleted: it is active again"},
		"in use":       {[]engine.Holding{exists, {Account: "ann", Entitlement: "x"}}, false, `failed the account is not deleted: it holds "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			now := func() time.Time { return time.Unix(1_800_000_000, 0) }
			memory := enginetest.NewJournal(now)
			intent := engine.IntentRecord("r1", "test", "corp", engine.Change{Op: engine.OpDelete, Program: "wiki", Account: "ann", Entitlement: "wiki/.exists"}, engine.ChargeRevoke)
			if err := memory.Append(t.Context(), engine.Free, []engine.Record{intent}); err != nil {
				t.Fatal(err)
			}
			u := &unread{list: c.list, partial: c.partial}
			e := &engine.Engine{Journal: memory, Outbox: memory, Now: now}
			if _, err := e.WorkProgram(t.Context(), &engine.Program{Name: "wiki", Connector: u}); err != nil {
				t.Fatal(err)
			}
			got := ""
			err := memory.Records(t.Context(), engine.Query{Kind: engine.KindOutcome}, func(r engine.Record) error {
				got = strings.TrimSpace(fmt.Sprint(r.Outcome, " ", strings.Join(r.Why, "; ")))
				return nil
			})
			if err != nil || !strings.HasPrefix(got, c.want) || (len(u.deleted) == 1) != (c.want == "done") {
				t.Errorf("%q, deleted %q: %v", got, u.deleted, err)
			}
		})
	}
}

// Leavers and people cut off go first, whatever else a program has to do.
func TestLeaversGoFirst(t *testing.T) {
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	memory := enginetest.NewJournal(now)
	grants(t, memory, "r1", 3)
	leaver := engine.IntentRecord("r1", "test", "corp", engine.Change{Op: engine.OpSuspend, Program: "wiki", Account: "zoe", Entitlement: "wiki", Cause: engine.CauseMarked}, engine.ChargeLeaver)
	if err := memory.Append(t.Context(), engine.Free, []engine.Record{leaver}); err != nil {
		t.Fatal(err)
	}
	p := enginetest.NewProgram("wiki", now)
	made := calls(p, func(int) {})
	e := &engine.Engine{Journal: memory, Outbox: memory, Now: now, OneByOne: true}
	if _, err := e.WorkProgram(t.Context(), &engine.Program{Name: "wiki", Connector: p}); err != nil {
		t.Fatal(err)
	}
	if len(*made) != 4 || (*made)[0] != "revoke zoe" {
		t.Errorf("calls: %q", *made)
	}
}

// Everything that a batch did is recorded, the accounts that it made first of all.
func TestOutcomesOfABatchAreRecorded(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.targets["wiki"].ID = func(name string) string { return "id-" + name }
	w.program("wiki").Connector = &batching{Program: w.targets["wiki"], before: func() {}}
	w.hire("ann", "a")
	w.apply()
	var got []string
	err := w.journal.Records(t.Context(), engine.Query{Kind: engine.KindOutcome}, func(r engine.Record) error {
		got = append(got, fmt.Sprint(r.Op, " ", r.Account, " ", r.Outcome))
		return nil
	})
	if want := "[create id-ann done grant id-ann already grant id-ann done]"; err != nil || fmt.Sprint(got) != want || len(w.memory().Open) != 0 {
		t.Errorf("%v, want %s: %v", got, want, err)
	}
}

// namesNothing makes accounts and does not say which.
type namesNothing struct{ *batching }

func (n namesNothing) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	out := n.batching.Apply(ctx, calls)
	for i := range out {
		out[i].ID = ""
	}
	return out
}

// An account that was made and not named is not known, so nothing is done to it: least of all under the name it was to have.
func TestAnAccountWithoutANameIsNotTouched(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.hire("ann", "a")
	b := &batching{Program: w.targets["wiki"], before: func() {}}
	w.program("wiki").Connector = namesNothing{b}
	_, r := w.apply()
	if fmt.Sprint(b.sizes) != "[1]" || r.Outcomes[engine.Done] != 1 || r.Outcomes[engine.Failed] != 2 {
		t.Errorf("batches of %v, %v", b.sizes, r.Outcomes)
	}
}

// claiming notes how many intents are asked for at once.
type claiming struct {
	engine.Outbox
	most []int
}

func (c *claiming) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	c.most = append(c.most, r.Max)
	return c.Outbox.Claim(ctx, r)
}

// The first claim is small, so that calls begin at once; a rate keeps claims to what can be made within the lease.
func TestHowMuchIsClaimedAtOnce(t *testing.T) {
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	for name, c := range map[string]struct {
		program engine.Program
		want    []int
	}{
		"calls":             {engine.Program{Connector: &answering{results: slices.Repeat([]engine.Result{{Outcome: engine.Done}}, 3)}}, []int{100, 800}},
		"calls in lanes":    {engine.Program{Connector: &answering{results: slices.Repeat([]engine.Result{{Outcome: engine.Done}}, 3)}, Concurrency: 50}, []int{400, 800}},
		"slow calls":        {engine.Program{Connector: &answering{results: slices.Repeat([]engine.Result{{Outcome: engine.Done}}, 3)}, Rate: 0.1}, []int{30, 30}},
		"batches":           {engine.Program{Connector: &answeringAtOnce{answering{results: slices.Repeat([]engine.Result{{Outcome: engine.Done}}, 3)}}}, []int{500, 500}},
		"batches of a size": {engine.Program{Connector: &bulkProgram{begins: func(int) {}}}, []int{500, 2}},
	} {
		memory := enginetest.NewJournal(now)
		grants(t, memory, "r1", 3)
		box := &claiming{Outbox: memory}
		e := &engine.Engine{Journal: memory, Outbox: box, Now: now, OneByOne: true, Wait: func(context.Context, time.Duration) error { return nil }}
		c.program.Name = "wiki"
		if _, err := e.WorkProgram(t.Context(), &c.program); err != nil {
			t.Fatal(err)
		}
		if len(box.most) < len(c.want) || !slices.Equal(box.most[:len(c.want)], c.want) {
			t.Errorf("%s: claims of %v, want first %v", name, box.most, c.want)
		}
	}
}
