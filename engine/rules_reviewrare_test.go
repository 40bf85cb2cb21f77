package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// Personal data can be blanked: what is left of a review and its lines is their key, and nobody is shown one without a name.
func TestBlankedReviewsAreKnownByTheirKeys(t *testing.T) {
	fact := engine.Fact{FactKey: engine.FactKey{Kind: engine.FactLine, Program: "wiki", Account: "bob", Entitlement: "y", Person: "k-bob", Key: "q1"}, Text: "keep"}
	if l := engine.LineOf(fact); l.Review != "q1" || l.Person != "k-bob" || l.Account != "bob" || l.Entitlement != "wiki/y" || l.State != engine.LineKept {
		t.Errorf("%+v", l)
	}
	w, _ := campaign(t)
	began, due := w.now.Add(-time.Hour), w.now.AddDate(0, 0, 1)
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactReview, Key: "q9"}, Since: began, Until: due, Count: 7}})
	if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindReview, Actor: "auditor"}}); err != nil {
		t.Fatal(err)
	}
	if all, err := engine.Reviews(t.Context(), w.journal); err != nil || len(all) != 1 || all[0].Name != "q1" {
		t.Errorf("%+v %v", all, err)
	}
	if r, err := w.engine.CloseReview(t.Context(), "auditor", "q9", "done"); err != nil || r.Name != "q9" || r.Lines != 7 || !r.Began.Equal(began) || !r.Due.Equal(due) {
		t.Errorf("%+v %v", r, err)
	}
}

// Lines of another review that went on meanwhile are not shown as those of the one that was closed.
func TestAClosedReviewShowsNoLinesOfOthers(t *testing.T) {
	w, lines := campaign(t)
	w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers})
	if _, err := w.engine.CloseReview(t.Context(), "auditor", "q1", "done"); err != nil {
		t.Fatal(err)
	}
	if _, now, err := engine.ReadReview(t.Context(), w.journal, "q1"); err != nil || len(now) != len(lines) {
		t.Errorf("%d lines, want %d: %v", len(now), len(lines), err)
	}
}

// Where no zone is set, days are those of UTC.
func TestReviewsWithoutAZone(t *testing.T) {
	w, _ := campaign(t)
	w.engine.Settings.Zone = nil
	w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers, Due: w.now.Truncate(24 * time.Hour)})
}

// Nobody ends the block that a review put on them, and nobody ends one without a reason.
func TestEndingABlockIsRefused(t *testing.T) {
	w, lines := campaign(t)
	w.judged(false, "block", line(t, lines, "eve", "wiki/x"))
	for actor, want := range map[string]error{"eve": engine.ErrOwnAccess, "k-eve": engine.ErrOwnAccess} {
		if err := w.engine.EndBlock(t.Context(), actor, "eve", "wiki/x", "r"); !errors.Is(err, want) {
			t.Errorf("%s: %v", actor, err)
		}
	}
	if err := w.engine.EndBlock(t.Context(), "boss", "eve", "wiki/x", " "); !errors.Is(err, engine.ErrNoReason) {
		t.Error(err)
	}
	if blocks := w.memory().Facts(engine.FactBlock); len(blocks) != 1 {
		t.Errorf("%v", blocks)
	}
}

// Nobody decides on somebody whom the directory shows no more, and the line stays until that is certain.
func TestALineOfWhoIsNotThereWaits(t *testing.T) {
	w, lines := campaign(t)
	y := line(t, lines, "bob", "wiki/y")
	w.vanish("bob")
	w.refusedAs(engine.ErrUnknownPerson, false, y)
	w.pass(time.Minute)
	w.apply()
	if l := line(t, w.linesNow(), "bob", "wiki/y"); l.State != engine.LineOpen || l.Why != y.Why {
		t.Errorf("%+v", l)
	}
}

// What the directory can't tell of somebody now is not put into a line, and neither is what a cut comes to: reviewers would decide by
// it, and be refused.
func TestALineIsNotDrawnFromWhatCannotBeSeen(t *testing.T) {
	w, lines := campaign(t)
	x := line(t, lines, "bob", "wiki/x")
	w.roles("bob")
	w.person("bob").State = engine.StateUnknown
	w.later()
	if l := line(t, w.linesNow(), "bob", "wiki/x"); !l.Given || l.Why != x.Why {
		t.Errorf("%+v", l)
	}
}

// A line of somebody of whom nothing else is known says nothing of anybody else.
func TestALineOfNobodyIsNobodysLine(t *testing.T) {
	w, lines := campaign(t)
	l := line(t, lines, "bob", "wiki/x")
	l.Person, l.Why = "k-ghost", "as it was"
	data, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactLine, Program: "wiki", Account: "bob", Entitlement: "x", Person: "k-ghost", Key: "q1"}, Since: l.Since, Data: data}})
	w.later()
	for _, now := range w.linesNow() {
		if now.Person == "k-ghost" && now.Why == "as it was" {
			return
		}
	}
	t.Error("it was drawn anew, or is gone")
}

// A line whose review is not remembered any more stops no run.
func TestALineOfNoReviewStopsNothing(t *testing.T) {
	w, lines := campaign(t)
	x := line(t, lines, "bob", "wiki/x")
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactLine, Program: "wiki", Account: "bob", Entitlement: "x", Person: "k-bob", Key: "lost"}, Since: x.Since}})
	w.roles("bob", "a", "b")
	w.later()
	w.has("bob", "y", true)
}

// What it was given by is said once, and stays while nothing else is to be said.
func TestALineKeepsWhatGaveIt(t *testing.T) {
	w, _ := campaign(t)
	w.roles("bob")
	w.engine.Settings.Limits.RevokeHoldings = tight(0)
	lines := w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers})
	if l := line(t, lines, "bob", "wiki/x"); l.Why != "no rule gives it any more; it was given by a" {
		t.Fatalf("%+v", l)
	}
	w.later()
	_, now, err := engine.ReadReview(t.Context(), w.journal, "q2")
	if l := line(t, now, "bob", "wiki/x"); err != nil || l.Why != "no rule gives it any more; it was given by a" {
		t.Errorf("%+v %v", l, err)
	}
}

// A program that is not configured any more ends its lines, and nothing that a review kept or took there stops a run, or is forgotten.
func TestReviewsOfAProgramThatIsGone(t *testing.T) {
	w, lines := campaign(t)
	w.judged(true, "extra", line(t, lines, "bob", "wiki/y"))
	w.engine.Programs = nil
	w.later()
	r, now, err := engine.ReadReview(t.Context(), w.journal, "q1")
	if err != nil || r.Open != 0 || line(t, now, "ann", "wiki/x").Reason != "wiki is in the configuration no more" {
		t.Errorf("%+v %v", r, err)
	}
	if extras := w.memory().Facts(engine.FactExtra); len(extras) != 1 {
		t.Errorf("%v", extras)
	}
}

// What a review takes in one program is no matter of another that has accounts and rights of the same names.
func TestWhatAReviewRevokesIsOfOneProgram(t *testing.T) {
	w, lines := campaign(t)
	crm := enginetest.NewProgram("crm", w.engine.Now)
	crm.Set("bob", engine.Exists, true)
	crm.Set("bob", engine.Active, true)
	crm.Set("bob", "y", true)
	w.engine.Programs = append(w.engine.Programs, engine.Program{Name: "crm", Kind: "memory", Connector: crm, Revoke: engine.RevokeManaged, Match: "login"})
	w.program("wiki").Revoke = engine.RevokeNever // so that it is still to be taken
	w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
	if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindLink, Person: "k-bob", Program: "crm", Account: "bob", Entitlement: engine.PersonalAccount}}); err != nil {
		t.Fatal(err)
	}
	for _, had := range []bool{true, false} {
		crm.Set("bob", "y", had)
		p := w.later()
		same(t, "bob", about(p, "bob"), nil)
		if crm.Has("bob", "y") != had || len(w.memory().Facts(engine.FactTake)) != 1 {
			t.Errorf("%v: crm: %v, %v", had, crm.Has("bob", "y"), w.memory().Facts(engine.FactTake))
		}
	}
}

// Whoever is called otherwise by the directory now has what they had under the former key.
func TestAReviewKnowsFormerKeys(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}}, "a")
	w.later()
	w.later()
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactReKeyed, Person: "k-bob", Key: "new-bob"}}})
	w.person("bob").Key = "new-bob"
	if l := w.lineOn(w.start(engine.ReviewOrder{Name: "q1", Reviewers: engine.ByManagers}), "personal", "wiki/x"); l.Person != "k-bob" || !l.Given {
		t.Errorf("%+v", l)
	}
}

// Peers are found by the title of a job, else by what the entry itself says.
func TestPeersOfJobsWithoutTitles(t *testing.T) {
	w, _ := campaign(t)
	for _, login := range []string{"ann", "bob"} {
		p := w.person(login)
		p.Jobs, p.Attributes = []engine.Job{{}}, p.Attributes.With(engine.Attribute{Name: "manager", Values: []string{"ZOE"}}).With(engine.Attribute{Name: "title", Values: []string{"Smith"}})
	}
	if l := line(t, w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers}), "ann", "wiki/x"); l.PeersBy != "title Smith" || l.Peers != 1 || l.Same != 1 {
		t.Errorf("%+v", l)
	}
}

// flooded says that one person holds more than a review may have lines.
type flooded struct {
	*enginetest.Journal
	n int
}

func (f flooded) AsOf(context.Context, time.Time, string, string, string) (held []engine.Held, err error) {
	for i := range f.n {
		held = append(held, engine.Held{Program: "wiki", Account: "bob", Entitlement: fmt.Sprint("r", i), Person: "k-bob"})
	}
	return held, nil
}

// Lines are remembered in every run until a review is closed, so that there is a bound.
func TestAReviewIsNotTooBig(t *testing.T) {
	w, _ := campaign(t)
	o := engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers, Due: w.now.AddDate(0, 0, 14)}
	if _, _, err := w.engine.StartReview(t.Context(), flooded{w.journal, 100_001}, "auditor", o); err == nil || !strings.Contains(err.Error(), "more than 100000 lines; narrow its --scope") {
		t.Error(err)
	}
}

// Access of nobody is counted apart from that of people who are gone, and only where everybody is looked at.
func TestAReviewCountsOrphans(t *testing.T) {
	w, _ := campaign(t)
	w.targets["wiki"].Set("stray", "x", true)
	w.later()
	for scope, want := range map[string]int{"program:wiki": 1, "entitlement:wiki/x": 1, "entitlement:wiki/y": 0, "role:a": 0} {
		o := engine.ReviewOrder{Name: strings.NewReplacer(":", ".", "/", ".").Replace(scope), Scope: []string{scope}, Reviewers: engine.ByManagers, Due: w.now.AddDate(0, 0, 14)}
		if r, _, err := w.engine.StartReview(t.Context(), w.journal, "auditor", o); err != nil || r.Orphans != want || r.Gone != 0 {
			t.Errorf("%s: %d orphans, %d gone, want %d: %v", scope, r.Orphans, r.Gone, want, err)
		}
	}
}

// An account is given by whatever policy gives in it, though it does not hold that yet.
func TestAnAccountIsGivenWithWhatIsInIt(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}})
	w.later()
	w.later()
	w.roles("bob", "a")
	if l := w.lineOn(w.start(bobs), "personal", "wiki"); !l.Given || l.Why != "what policy gives in wiki needs it" {
		t.Errorf("%+v", l)
	}
	w.roles("bob")
	if l := w.lineOn(w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers}), "personal", "wiki"); l.Given {
		t.Errorf("%+v", l)
	}
	policy := w.engine.Policy.(*reviewed)
	policy.blocks = map[string]string{"bob": "wiki/x"}
	if l := w.lineOn(w.start(engine.ReviewOrder{Name: "q3", Reviewers: engine.ByManagers}), "personal", "wiki"); l.Given || l.Why != "not given by Rolecall, and no rule gives it" {
		t.Errorf("what is forbidden gives no account: %+v", l)
	}
	w.roles("bob", "a")
	policy.blocks = map[string]string{"bob": "wiki"}
	policy.rules["c"] = []string{"wiki"} // so that policy has a word on the account itself
	if l := w.lineOn(w.start(engine.ReviewOrder{Name: "q4", Reviewers: engine.ByManagers}), "personal", "wiki"); l.Given || l.Why != "a block or a conflict forbids it" {
		t.Errorf("%+v", l)
	}
}

// Nobody keeps what is in an account that is somebody else's by now, where policy says nothing else against it.
func TestNobodyKeepsTheAccountOfSomebodyElse(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}})
	w.targets["wiki"].Set("personal", "x", true)
	w.later()
	w.later()
	x := w.lineOn(w.start(bobs), "personal", "wiki/x")
	w.pass(time.Minute)
	if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindLink, Person: "k-zoe", Program: "wiki", Account: "personal", Entitlement: engine.PersonalAccount}}); err != nil {
		t.Fatal(err)
	}
	w.refusedAs(engine.ErrLookAgain, true, x)
	w.refusedAs(engine.ErrLookAgain, false, x)
}

// Whoever had an account that was given to somebody else holds nothing by it: policy would let that win over what they hold.
func TestAnAccountGivenAgainIsHeldByItsNewOwner(t *testing.T) {
	w := newWorld(t, "crm", "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/x", "crm/y"}}
	w.engine.Policy = &reviewed{rolePolicy: w.policy, apart: []string{"wiki/x", "crm/y"}}
	w.hire("bob", "a")
	w.hire("zoe")
	w.manages("ZOE", "bob")
	link := func(person, program, account string) engine.Record {
		return engine.Record{Kind: engine.KindLink, Person: person, Program: program, Account: account, Entitlement: engine.PersonalAccount}
	}
	for _, records := range [][]engine.Record{
		{{Kind: engine.KindSeen, Program: "wiki", Data: []byte(`{"baseline":true,"appeared":[["acc","x"]]}`)}, {Kind: engine.KindSeen, Program: "crm", Data: []byte(`{"baseline":true,"appeared":[["bob","y"]]}`)}},
		{link("k-bob", "crm", "bob"), link("k-bob", "wiki", "acc")},
		{link("k-zoe", "wiki", "acc")},
	} {
		if err := w.journal.Append(t.Context(), engine.Free, records); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
	}
	if l := w.lineOn(w.start(bobs), "bob", "crm/y"); !l.Given {
		t.Errorf("%+v", l)
	}
}

// What a review keeps ends only where a complete list does not show it: half of one shows nothing.
func TestHalfAListEndsNothingThatAReviewKept(t *testing.T) {
	w, lines := campaign(t)
	w.judged(true, "extra", line(t, lines, "bob", "wiki/y"))
	w.targets["wiki"].Set("bob", "y", false)
	w.lists(enginetest.PartialList)
	w.later()
	if extras := w.memory().Facts(engine.FactExtra); len(extras) != 1 {
		t.Errorf("%v", extras)
	}
}

// What was adopted before the extra was made like any other is managed, so that its end is not the review's matter: it is repaired.
func TestWhatAReviewKeptAndIsManagedDoesNotLapse(t *testing.T) {
	w, lines := campaign(t)
	w.program("wiki").Repair = "regrant"
	w.judged(true, "extra", line(t, lines, "bob", "wiki/y"))
	w.later()
	if extras := w.memory().Facts(engine.FactExtra); len(extras) != 1 || len(extras[0].Data) == 0 {
		t.Fatalf("the next run is to see it: %+v", extras)
	}
	w.targets["wiki"].Set("bob", "y", false)
	if told := noticesOf(w.later(), "review"); len(told) != 0 {
		t.Errorf("%+v", told)
	}
	w.has("bob", "y", true)
	if extras := w.memory().Facts(engine.FactExtra); len(extras) != 1 {
		t.Errorf("%v", extras)
	}
}

// Of what a review took from a leaver nobody is told that it stays, and nobody is asked once more, where there is no account to suspend.
func TestWhatAReviewRevokesIsNoLeaversLeftover(t *testing.T) {
	for _, unmanaged := range []engine.UnmanagedMode{engine.UnmanagedReport, engine.UnmanagedApprove} {
		w := newWorld(t, "wiki")
		w.targets["wiki"].Describes = engine.Description{Keyed: true}
		w.policy.rules = map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y", "wiki/z"}}
		w.engine.Policy = &reviewed{rolePolicy: w.policy}
		w.engine.Settings.Unmanaged = unmanaged
		for _, login := range []string{"yan", "zoe"} {
			w.hire(login, "a", "b")
		}
		w.hire("bob", "a")
		w.manages("ZOE", "bob")
		w.apply()
		w.targets["wiki"].Set("k-bob", "y", true)
		w.targets["wiki"].Set("k-bob", "z", true)
		w.later()
		w.judged(false, "revocation", w.lineOn(w.start(bobs), "k-bob", "wiki/y"))
		w.fire("bob")
		p := w.later()
		told := noticesOf(p, engine.NoticeLeaverUnmanaged)
		if want := map[engine.UnmanagedMode]int{engine.UnmanagedReport: 1}[unmanaged]; len(told) != want || want > 0 && !strings.Contains(told[0].Text, "wiki/z") {
			t.Errorf("%v: %+v", unmanaged, told)
		}
		ys := slices.DeleteFunc(about(p, "bob"), func(l string) bool { return !strings.Contains(l, "wiki/y") })
		same(t, fmt.Sprint(unmanaged), ys, []string{"revoke wiki/y ready"})
		w.has("k-bob", "y", false)
		w.has("k-bob", "z", true)
	}
}
