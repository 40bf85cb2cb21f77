package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// managed is a company with a policy that reviews add to, in which zoe manages bob, who has the given roles.
func managed(t *testing.T, rules map[string][]string, roles ...string) *world {
	w := company(t, rules)
	w.engine.Policy = &reviewed{rolePolicy: w.policy}
	w.program("wiki").Match = "person"
	w.hire("bob", roles...)
	w.manages("ZOE", "bob")
	w.targets["wiki"].AddAccount("personal", engine.AccountInfo{Name: "personal", Attributes: map[string]string{"person": "k-bob"}}, engine.Exists, engine.Active)
	return w
}

func (w *world) manages(manager, login string) {
	w.person(login).Jobs = []engine.Job{{Attributes: engine.Attributes{{Name: "manager", Values: []string{manager}}, {Name: "title", Values: []string{"Clerk"}}}}}
}

func (w *world) lineOn(lines []engine.ReviewLine, account, entitlement string) engine.ReviewLine {
	w.t.Helper()
	i := slices.IndexFunc(lines, func(l engine.ReviewLine) bool { return l.Account == account && l.Entitlement == entitlement })
	if i < 0 {
		w.t.Fatalf("no line of %s %s in %v", account, entitlement, lines)
	}
	return lines[i]
}

func (w *world) refusedAs(want error, keep bool, lines ...engine.ReviewLine) {
	w.t.Helper()
	if got, err := w.review(keep, lines...); !errors.Is(err, want) {
		w.t.Errorf("want %v: %v %v", want, got, err)
	}
}

// now are the lines of the review as they are shown now.
func (w *world) linesNow() []engine.ReviewLine {
	w.t.Helper()
	_, lines, err := engine.ReadReview(w.t.Context(), w.journal, "q1")
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}

var bobs = engine.ReviewOrder{Name: "q1", Scope: []string{"person:bob"}, Reviewers: engine.ByManagers}

// What is decided of somebody's admin account says nothing of the personal one.
func TestAReviewOfAnAdminAccountIsAboutThatAccount(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}}, "a")
	w.account("admin", engine.AdminAccount, "k-bob")
	w.later()
	w.later()
	lines := w.start(bobs)
	l := w.lineOn(lines, "admin", "wiki/x")
	if l.Given || l.Kind != engine.AdminAccount || l.Why != "the account is admin, and policy gives to personal ones only" {
		t.Errorf("%+v", l)
	}
	if p := w.lineOn(lines, "personal", "wiki/x"); !p.Given || p.Kind != engine.PersonalAccount {
		t.Errorf("%+v", p)
	}
	w.judged(false, "revocation", l)
	w.later()
	w.later()
	w.has("personal", "x", true)
	w.has("admin", "x", false)

	w = managed(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}}, "b")
	w.account("admin", engine.AdminAccount, "k-bob")
	w.later()
	w.later()
	w.judged(true, "kept", w.lineOn(w.start(bobs), "admin", "wiki/x"))
	w.later()
	w.later()
	w.has("personal", "x", false)
	w.has("admin", "x", true)
	if extras := w.memory().Facts(engine.FactExtra); len(extras) != 0 {
		t.Errorf("%v", extras)
	}
}

// What is forbidden to somebody is kept on none of the accounts.
func TestAReviewKeepsNothingForbiddenOnAnotherAccount(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}})
	w.account("admin", engine.AdminAccount, "k-bob")
	w.engine.Policy.(*reviewed).blocks = map[string]string{"k-bob": "wiki/x"}
	w.later()
	w.later()
	w.refusedAs(engine.ErrForbidden, true, w.lineOn(w.start(bobs), "admin", "wiki/x"))
}

// A revocation that leads to a block takes what would otherwise stay: what an additive rule gave, what policy could not tell, and, in
// a program where Rolecall takes nothing, by a task.
func TestWhatAReviewRevokesGoesThoughPolicyGivesIt(t *testing.T) {
	w, _ := campaign(t)
	w.engine.Policy.(*reviewed).mode = map[string]string{"b": "additive"}
	w.roles("eve", "a", "b")
	w.later()
	lines := w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers})
	got, err := w.engine.DecideReview(t.Context(), "boss", engine.ReviewDecision{Review: "q2", Lines: []string{line(t, lines, "eve", "wiki/y").ID}, Reason: "r"})
	if err != nil || got[0].Becomes != "block" {
		t.Fatal(got, err)
	}
	w.later()
	w.has("eve", "y", false)

	w, _ = campaign(t)
	w.person("bob").Missing = []string{"b:*"}
	w.later()
	w.judged(false, "block", line(t, w.linesNow(), "bob", "wiki/y"))
	w.person("bob").Missing = nil
	w.later()
	w.has("bob", "y", false)

	w, lines = campaign(t)
	w.program("wiki").Revoke = engine.RevokeNever
	w.judged(false, "block", line(t, lines, "eve", "wiki/x"))
	w.later()
	w.has("eve", "x", true)
	if tasks := w.memory().Tasks(); len(tasks) != 1 || !strings.Contains(tasks[0].Text, "take wiki/x from the account \"eve\"") {
		t.Errorf("%+v", tasks)
	}
}

// Who keeps one of two that must not be held together would lose the other by it.
func TestAReviewKeepsNothingAtTheCostOfSomethingElse(t *testing.T) {
	w, lines := campaign(t)
	w.engine.Policy.(*reviewed).apart = []string{"wiki/y", "wiki/x"}
	w.later()
	y := line(t, lines, "bob", "wiki/y")
	w.refusedAs(engine.ErrForbidden, true, y)
	w.refusedAs(engine.ErrForbidden, true, y, line(t, lines, "ann", "wiki/x"))
	w.has("bob", "x", true)
	w.judged(true, "confirmed", line(t, lines, "bob", "wiki/x"))
	w.judged(false, "revocation", y)
}

// Of two that nothing gives, no decision keeps both.
func TestAReviewKeepsOneOfTwoThatExcludeEachOther(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.engine.Policy.(*reviewed).apart = []string{"wiki/x", "wiki/y"}
	w.targets["wiki"].Set("personal", "x", true)
	w.targets["wiki"].Set("personal", "y", true)
	w.later()
	w.later()
	lines := w.start(bobs)
	x, y := w.lineOn(lines, "personal", "wiki/x"), w.lineOn(lines, "personal", "wiki/y")
	w.refusedAs(engine.ErrForbidden, true, x, y)
	w.judged(true, "extra", x)
	w.refusedAs(engine.ErrForbidden, true, y)
}

// What has changed since it was put up is looked at again, and the next run shows how it is now.
func TestLinesThatHaveChangedAreLookedAtAgain(t *testing.T) {
	w, lines := campaign(t)
	x := line(t, lines, "ann", "wiki/x")
	w.roles("ann")
	w.refusedAs(engine.ErrLookAgain, true, x)
	w.refusedAs(engine.ErrLookAgain, false, x)
	w.engine.Settings.Limits.RevokeHoldings = tight(0)
	w.manages("YAN", "ann")
	w.later()
	if l := line(t, w.linesNow(), "ann", "wiki/x"); l.Given || l.Why != "no rule gives it" || !slices.Equal(l.Reviewers, []string{"k-yan"}) || !slices.Equal(l.Asked, []string{"YAN"}) {
		t.Errorf("%+v", l)
	}
	seq := w.memory().Seq
	w.later()
	err := w.journal.Records(t.Context(), engine.Query{Kind: engine.KindLine, After: seq}, func(r engine.Record) error {
		t.Errorf("nothing has changed: %+v", r)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	w.judged(true, "extra", x)
}

// Who had it has left, is cut off, or has it no more.
func TestNobodyKeepsWhatIsOver(t *testing.T) {
	w, lines := campaign(t)
	w.fire("ann")
	w.refusedAs(engine.ErrOver, true, line(t, lines, "ann", "wiki/x"))
	w.refusedAs(engine.ErrOver, false, line(t, lines, "ann", "wiki/x"))
	if _, _, err := w.engine.Cut(t.Context(), "boss", "eve", "stop"); err != nil {
		t.Fatal(err)
	}
	w.refusedAs(engine.ErrLookAgain, true, line(t, lines, "eve", "wiki/x"))
	y := line(t, lines, "bob", "wiki/y")
	w.targets["wiki"].Set("bob", "y", false)
	if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindSeen, Program: "wiki", Data: []byte(`{"disappeared":[["bob","y"]]}`)}}); err != nil {
		t.Fatal(err)
	}
	w.refusedAs(engine.ErrLookAgain, true, y)
	w.refusedAs(engine.ErrLookAgain, false, y)
}

// A review keeps what is there, and gives nothing: what somebody took away before the next run stays away.
func TestWhatAReviewKeepsIsNotGivenAnew(t *testing.T) {
	w, lines := campaign(t)
	y := line(t, lines, "bob", "wiki/y")
	w.targets["wiki"].Set("bob", "y", false)
	w.judged(true, "extra", y)
	w.later()
	w.later()
	w.has("bob", "y", false)
	if extras := w.memory().Facts(engine.FactExtra); len(extras) != 0 {
		t.Errorf("%v", extras)
	}
	w.roles("bob", "a", "b")
	w.later()
	w.has("bob", "y", true)
}

// What a review kept and Rolecall adopted is like any other extra.
func TestWhatAReviewKeptComesBackOnceItIsManaged(t *testing.T) {
	w, lines := campaign(t)
	w.judged(true, "extra", line(t, lines, "bob", "wiki/y"))
	w.program("wiki").Repair = "regrant"
	w.later()
	w.later()
	if extras := w.memory().Facts(engine.FactExtra); len(extras) != 1 || len(extras[0].Data) != 0 {
		t.Errorf("%+v", extras)
	}
	w.targets["wiki"].Set("bob", "y", false)
	w.later()
	w.has("bob", "y", true)
}

// A manager of former days decides nothing, and no more than the review is about.
func TestWhatAskedPeopleMayDecide(t *testing.T) {
	w, lines := campaign(t)
	y := line(t, lines, "bob", "wiki/y")
	d := engine.ReviewDecision{Review: "q1", Lines: []string{y.ID}, Keep: true, Reason: "r", Until: time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)}
	wrong := engine.OrderError{}
	zoe := w.engine.As(engine.Decider{Person: "k-zoe", Asked: true})
	if _, err := zoe.DecideReview(t.Context(), "zoe", d); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "what this review keeps ends on 2027-03-16") {
		t.Error(err)
	}
	d.Until = time.Date(2027, 3, 16, 0, 0, 0, 0, time.UTC)
	w.manages("YAN", "bob")
	if _, err := zoe.DecideReview(t.Context(), "zoe", d); !errors.Is(err, engine.ErrNotReviewer) {
		t.Error(err)
	}
	w.manages("ZOE", "bob")
	if _, err := zoe.DecideReview(t.Context(), "zoe", d); err != nil {
		t.Error(err)
	}
}

// What was decided to go goes from those who have left, too, whatever becomes of what nobody manages.
func TestWhatAReviewRevokesGoesFromLeavers(t *testing.T) {
	for _, accounts := range []bool{true, false} {
		w, lines := campaign(t)
		w.engine.Settings.Unmanaged = engine.UnmanagedReport
		if !accounts {
			w.program("wiki").Describes.Accounts, w.program("wiki").Describes.Lifecycle = false, false
		}
		w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
		w.fire("bob")
		w.later()
		w.has("bob", "y", false)
		w.later()
		if left := w.memory().Facts(engine.FactTake); len(left) != 0 {
			t.Errorf("%v", left)
		}
	}
	w := managed(t, map[string][]string{"a": {"wiki/x"}})
	w.engine.Settings.Unmanaged = engine.UnmanagedReport
	w.later()
	w.judged(false, "revocation", w.lineOn(w.start(bobs), "personal", "wiki"))
	w.fire("bob")
	w.later()
	w.has("personal", engine.Active, false)
}

// interrupted does something while the directory is read.
type interrupted struct {
	*world
	during func()
}

func (i *interrupted) People(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	if do := i.during; do != nil {
		i.during = nil
		do()
	}
	return i.world.People(ctx, yield)
}

// Nothing is decided, and no line ends, in a review that was closed meanwhile.
func TestNothingIsDecidedAfterTheClose(t *testing.T) {
	w, lines := campaign(t)
	w.engine.Directory = &interrupted{w, func() {
		if _, err := w.engine.CloseReview(t.Context(), "auditor", "q1", "done"); err != nil {
			t.Fatal(err)
		}
	}}
	w.refusedAs(engine.ErrNoReview, true, line(t, lines, "bob", "wiki/y"))
	if m := w.memory(); len(m.Facts(engine.FactLine))+len(m.Facts(engine.FactExtra)) != 0 {
		t.Errorf("%v", m.FactKinds())
	}
}

// A review that is closed shows its lines whatever clocks said: another machine's may have been ahead.
func TestAClosedReviewShowsItsLinesWhateverClocksSay(t *testing.T) {
	w, _ := campaign(t)
	w.pass(time.Hour)
	if err := w.engine.Pause(t.Context(), "x", "wiki", "r"); err != nil {
		t.Fatal(err)
	}
	w.pass(-time.Hour)
	w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers})
	w.pass(10 * time.Minute)
	if _, err := w.engine.CloseReview(t.Context(), "auditor", "q2", "done"); err != nil {
		t.Fatal(err)
	}
	if r, lines, err := engine.ReadReview(t.Context(), w.journal, "q2"); err != nil || len(lines) != r.Lines || r.Lines == 0 {
		t.Errorf("%d of %d lines: %v", len(lines), r.Lines, err)
	}
}

// Access of people who are not there any more is in no line; that it is in none is said.
func TestAReviewCountsWhatIsInNoLine(t *testing.T) {
	w, _ := campaign(t)
	w.engine.Settings.Unmanaged = engine.UnmanagedReport
	w.vanish("bob")
	for scope, want := range map[string]int{"program:wiki": 2, "entitlement:wiki/y": 1, "role:a": 0} {
		r, _, err := w.engine.StartReview(t.Context(), w.journal, "auditor", engine.ReviewOrder{Name: strings.NewReplacer(":", ".", "/", ".").Replace(scope), Scope: []string{scope}, Reviewers: engine.ByManagers, Due: w.now.AddDate(0, 0, 14)})
		if err != nil || r.Gone != want {
			t.Errorf("%s: %d %v, want %d", scope, r.Gone, err, want)
		}
	}
	w.fire("eve")
	if r, _, err := w.engine.StartReview(t.Context(), w.journal, "auditor", engine.ReviewOrder{Name: "eve", Scope: []string{"program:wiki"}, Reviewers: engine.ByManagers, Due: w.now.AddDate(0, 0, 14)}); err != nil || r.Gone != 3 {
		t.Errorf("%d %v", r.Gone, err)
	}
}

// An account whose owner is not known any more, or is somebody else, is nobody's to decide on in the former one's line.
func TestAnAccountThatIsSomebodyElsesIsLookedAtAgain(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}}, "a")
	w.later()
	w.later()
	x := w.lineOn(w.start(bobs), "personal", "wiki/x")
	w.pass(time.Minute)
	if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindLink, Person: "k-zoe", Program: "wiki", Account: "personal", Entitlement: engine.PersonalAccount}}); err != nil {
		t.Fatal(err)
	}
	w.engine.Policy.(*reviewed).rules["a"] = nil
	w.refusedAs(engine.ErrLookAgain, false, x)
}

// Of several personal accounts, as somebody has whose key was changed, policy is about the newest.
func TestAReviewKnowsFormerAccounts(t *testing.T) {
	w := managed(t, map[string][]string{"a": {"wiki/x"}}, "a")
	w.later()
	w.later()
	w.pass(time.Minute)
	if err := w.journal.Append(t.Context(), engine.Free, []engine.Record{{Kind: engine.KindLink, Person: "new-bob", Program: "wiki", Account: "newer", Entitlement: engine.PersonalAccount}}); err != nil {
		t.Fatal(err)
	}
	w.record([]engine.Fact{{FactKey: engine.FactKey{Kind: engine.FactReKeyed, Person: "k-bob", Key: "new-bob"}}})
	if l := w.lineOn(w.start(bobs), "personal", "wiki/x"); l.Kind == engine.PersonalAccount || l.Given {
		t.Errorf("%+v", l)
	}
}
