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

// While nobody knows what became of a grant, nothing is taken from the account: not from a mover, not from a leaver.
func TestWhileAGrantIsNotSettledNothingIsTaken(t *testing.T) {
	w := crowd(t)
	w.policy.rules["c"] = []string{"wiki/z"}
	w.roles("p0", "a", "b", "c")
	w.roles("p1", "a", "b", "c")
	w.roles("yan", "a", "b", "c")
	w.pass(time.Minute)
	w.targets["wiki"].Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if c.Entitlement == "z" {
			return enginetest.LoseAfter
		}
		return enginetest.NoFault
	}
	w.apply()
	w.targets["wiki"].Before = nil
	w.roles("p0", "a")
	w.fire("p1")
	w.wants("p0", "revoke wiki/y blocked: a grant on this account is not settled yet", "revoke wiki/z blocked: a grant on this account is not settled yet")
	w.wants("p1", "suspend wiki blocked: a grant on this account is not settled yet", "revoke wiki/x blocked: a grant", "revoke wiki/y blocked: a grant", "revoke wiki/z blocked: a grant")
	w.pass(time.Hour) // the claim is over
	w.wants("p0", "revoke wiki/y ready", "revoke wiki/z ready")
	w.wants("p1", "suspend wiki ready", "revoke wiki/x ready", "revoke wiki/y ready", "revoke wiki/z ready")
}

// renaming is a program that can rename.
type renaming struct{ *enginetest.Program }

func (r renaming) Update(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	return r.Rename(ctx, account, to)
}

// A rename that failed is tried again later, and shown until then.
func TestBackOffOfRenames(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.targets["wiki"].Describes.Rename = true
	w.targets["wiki"].ID = func(name string) string { return "id-" + name }
	w.program("wiki").Connector = renaming{w.targets["wiki"]}
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.apply()
	w.later()
	w.person("ann").Attributes[0].Values = []string{"anne"}
	w.once(enginetest.Refuse)
	w.pass(time.Hour)
	p, _ := w.apply()
	same(t, "the first try", about(p, "ann"), []string{"rename wiki/.exists ready"})
	w.wants("ann", "rename wiki/.exists blocked: failed 1 time, next try ")
	w.pass(24 * time.Hour)
	w.wants("ann", "rename wiki/.exists ready")
}

// A grant whose end nobody knows is not made undone by its person's leaving: until the program can be read it stays open.
func TestALostGrantOfALeaverStaysOpen(t *testing.T) {
	w := crowd(t)
	w.policy.rules["c"] = []string{"wiki/z"}
	w.roles("p1", "a", "b", "c")
	w.pass(time.Minute)
	w.once(enginetest.LoseAfter)
	w.apply()
	w.fire("p1")
	w.lists(enginetest.Unreachable)
	w.later()
	w.later()
	if open := w.memory().Open; len(open) == 0 || open[0].Change.Op != engine.OpGrant || open[0].Change.Entitlement != "wiki/z" {
		t.Errorf("%+v", open)
	}
	w.lists(enginetest.NoFault)
	w.later()
	w.later()
	w.has("p1", "z", false)
	w.has("p1", engine.Active, false)
}

// What is missing from the list of somebody about whom nothing is known now is not given up.
func TestWhatUnknownPeopleMissIsNotReleased(t *testing.T) {
	for name, hide := range map[string]func(p *engine.Person){
		"the person": func(p *engine.Person) { p.State = engine.StateUnknown },
		"the role":   func(p *engine.Person) { p.Roles = []string{"a"}; p.Miss("b") },
	} {
		w := crowd(t)
		hide(w.person("p0"))
		w.targets["wiki"].Set("p0", "y", false)
		for range 3 {
			w.later()
		}
		if !w.managed("p0", "y") {
			t.Errorf("%s is unknown, and wiki/y is managed no more", name)
		}
	}
}

// That an account was suspended says nothing about one of the same name in another program, however much its list lags.
func TestASuspendIsOfItsProgram(t *testing.T) {
	w := newWorld(t, "git", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"git/x"}}
	for _, login := range []string{"ann", "yan", "zoe"} {
		w.hire(login, "a", "b")
	}
	w.targets["wiki"].Describes.Lag = time.Hour
	w.apply()
	w.pass(24 * time.Hour)
	w.apply()
	w.roles("ann", "a")
	w.apply()
	w.pass(time.Minute)
	w.expect(w.plan())
}

// Where accounts bear the directory's keys the first grant makes the link, so that a cut finds it whatever the list shows.
func TestTheFirstGrantLinksWhereAccountsBearKeys(t *testing.T) {
	w := newWorld(t, "wiki")
	w.targets["wiki"].Describes = engine.Description{Keyed: true}
	w.policy.rules = map[string][]string{"a": {"wiki/x"}}
	w.hire("ann", "a")
	w.apply()
	if links := w.memory().Program("wiki").Links; len(links) != 1 || links[0].Person != "k-ann" || links[0].Account != "k-ann" {
		t.Errorf("%+v", links)
	}
}

// What was committed and not begun is withdrawn with what it is for.
func TestWhatNobodyBeganIsWithdrawnWithWhatItIsFor(t *testing.T) {
	w := crowd(t)
	w.hire("n1", "a")
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactFailing, Program: "wiki", Account: engine.ProposedPrefix + "n1", Key: "gives"}, Count: 1, Since: w.now, Until: w.now.Add(time.Hour), Text: "no"}})
	w.pass(time.Minute)
	w.applied("n1", "create wiki/.exists blocked: what the account is for", "grant wiki blocked: failed 1 time", "grant wiki/x blocked: it needs wiki")
	w.has("n1", engine.Exists, false)
	if open := w.memory().Open; len(open) > 0 {
		t.Errorf("open: %+v", open)
	}
}

// Whom a directory that fails can't name is looked for in the journal, and the failure is told.
func TestFindSaysThatTheDirectoryFails(t *testing.T) {
	w := crowd(t)
	w.engine.Directory = panicking{}
	if who, err := w.engine.Find(t.Context(), "p1"); err != nil || who.Key != "k-p1" {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := w.engine.Find(t.Context(), "stranger"); !errors.Is(err, engine.ErrUnknownPerson) || !strings.Contains(err.Error(), "can't be read now (reading the directory failed: ") {
		t.Errorf("%v", err)
	}
}

// A lift ends what is open of that cut, and nothing of anybody else.
func TestALiftEndsNothingOfOthers(t *testing.T) {
	w := crowd(t)
	w.roles("p0", "a")
	w.pass(time.Hour)
	if _, err := w.engine.Commit(t.Context(), w.mustPlan(), "test", w.lead()); err != nil {
		t.Fatal(err)
	}
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactCut, Person: "k-p1"}, Text: "stop"}})
	open := len(w.memory().Open)
	if err := w.engine.Lift(t.Context(), "boss", "p1", "found"); err != nil || open == 0 || len(w.memory().Open) != open {
		t.Errorf("%d open, %d before: %v", len(w.memory().Open), open, err)
	}
}

// What is remembered of an account that the list does not show is not taken for that of another one.
func TestWhatIsRememberedOfTheUnseenStays(t *testing.T) {
	w := crowd(t)
	key := engine.FactKey{Kind: engine.FactUndesired, Program: "wiki", Account: "gone", Entitlement: "x"}
	w.record([]engine.Fact{{FactKey: key, Since: w.now, Text: "h"}})
	w.later()
	if _, ok := w.memory().Fact(key); !ok {
		t.Error("forgotten")
	}
}

// Leavers are claimed before everybody else, however few are claimed at once.
func TestLeaversAreClaimedFirst(t *testing.T) {
	now := func() time.Time { return time.Unix(1_800_000_000, 0) }
	memory := enginetest.NewJournal(now)
	grants(t, memory, "r1", 3)
	leaver := engine.IntentRecord("r1", "test", "corp", engine.Change{Op: engine.OpSuspend, Program: "wiki", Account: "zoe", Entitlement: "wiki", Cause: engine.CauseMarked}, engine.ChargeLeaver)
	if err := memory.Append(t.Context(), engine.Free, []engine.Record{leaver}); err != nil {
		t.Fatal(err)
	}
	got, err := memory.Claim(t.Context(), engine.ClaimRequest{Program: "wiki", Max: 1, Now: now(), Lease: time.Minute})
	if err != nil || len(got) != 1 || got[0].Change.Account != "zoe" {
		t.Errorf("%+v, %v", got, err)
	}
}
