package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// reviewed is a policy that takes extras and blocks, as the real one does.
type reviewed struct {
	rolePolicy
	given  []engine.Extra
	denied []engine.Block
	apart  []string // keep: existing, as far as these tests need it
}

func (r *reviewed) WithExtras(extras []engine.Extra) engine.Policy {
	return &reviewed{r.rolePolicy, extras, r.denied, r.apart}
}

func (r *reviewed) WithBlocks(blocks []engine.Block) engine.Policy {
	return &reviewed{r.rolePolicy, r.given, blocks, r.apart}
}

func (r *reviewed) Decide(p *engine.Person, now time.Time, has func(int32) bool, out []engine.Verdict) []engine.Verdict {
	from := len(out)
	out = r.rolePolicy.Decide(p, now, has, out)
	for n, e := range r.Entitlements() {
		say := engine.Say(255)
		if slices.ContainsFunc(r.given, func(x engine.Extra) bool {
			return x.Person == p.Key && x.Entitlement == e.String() && now.Before(x.Until.AddDate(0, 0, 1))
		}) {
			say = engine.Desired
		}
		if slices.ContainsFunc(r.denied, func(x engine.Block) bool { return x.Person == p.Key && x.Entitlement == e.String() }) {
			say = engine.Denied
		}
		if say == 255 {
			continue
		}
		out = slices.DeleteFunc(out, func(v engine.Verdict) bool { return v.Entitlement == int32(n) })
		out = append(out, engine.Verdict{Entitlement: int32(n), Say: say, Rule: -1})
	}
	slices.SortFunc(out[from:], func(a, b engine.Verdict) int { return int(a.Entitlement - b.Entitlement) })
	r.part(out[from:], has)
	return out
}

// part lets one of those stand that must not be held together: the first that is held, else the first.
func (r *reviewed) part(said []engine.Verdict, has func(int32) bool) {
	best, at := 0, -1
	for _, name := range slices.Backward(r.apart) {
		i := slices.IndexFunc(said, func(v engine.Verdict) bool {
			return r.Entitlements()[v.Entitlement].String() == name && v.Say == engine.Desired
		})
		if i < 0 {
			continue
		}
		rank := 1
		if has != nil && has(said[i].Entitlement) {
			rank = 2
		}
		if rank >= best {
			best, at = rank, i
		}
	}
	for i := range said {
		if at >= 0 && i != at && slices.Contains(r.apart, r.Entitlements()[said[i].Entitlement].String()) && said[i].Say == engine.Desired {
			said[i].Say = engine.Denied
		}
	}
}

// campaign is a company whose managers review the wiki: ann has x by rule, bob has x by rule and y by somebody else's hand; both
// report to zoe.
func campaign(t *testing.T, scope ...string) (*world, []engine.ReviewLine) {
	w := company(t, map[string][]string{"a": {"wiki/x"}, "b": {"wiki/y"}})
	w.engine.Policy = &reviewed{rolePolicy: w.policy}
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.hire("eve", "a")
	for _, login := range []string{"ann", "bob", "eve"} {
		w.person(login).Jobs = []engine.Job{{Attributes: engine.Attributes{{Name: "manager", Values: []string{"ZOE"}}, {Name: "title", Values: []string{"Clerk"}}}}}
	}
	w.apply()
	w.targets["wiki"].Set("bob", "y", true)
	w.later()
	return w, w.start(engine.ReviewOrder{Name: "q1", Scope: append([]string{"program:wiki"}, scope...), Reviewers: engine.ByManagers})
}

func (w *world) start(o engine.ReviewOrder) []engine.ReviewLine {
	w.t.Helper()
	if o.Due.IsZero() {
		o.Due = w.now.AddDate(0, 0, 14)
	}
	o.Reason = "yearly"
	_, lines, err := w.engine.StartReview(w.t.Context(), w.journal, "auditor", o)
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}

// line finds one by login and right.
func line(t *testing.T, lines []engine.ReviewLine, login, entitlement string) engine.ReviewLine {
	t.Helper()
	for _, l := range lines {
		if l.Login == login && l.Entitlement == entitlement {
			return l
		}
	}
	t.Fatalf("no line of %s %s in %v", login, entitlement, lines)
	return engine.ReviewLine{}
}

func (w *world) review(keep bool, lines ...engine.ReviewLine) ([]engine.ReviewLine, error) {
	d := engine.ReviewDecision{Review: "q1", Keep: keep, Reason: "talked"}
	for _, l := range lines {
		d.Lines = append(d.Lines, l.ID)
	}
	return w.engine.DecideReview(w.t.Context(), "boss", d)
}

func (w *world) judged(keep bool, becomes string, l engine.ReviewLine) {
	w.t.Helper()
	got, err := w.review(keep, l)
	if err != nil || len(got) != 1 || got[0].Becomes != becomes {
		w.t.Fatalf("%v becomes %v: %v, want %s", l, got, err, becomes)
	}
}

func TestAReviewPutsUpWhatPeopleHold(t *testing.T) {
	w, lines := campaign(t)
	b := line(t, lines, "bob", "wiki/y")
	if b.Given || b.Managed || b.Why != "not given by Rolecall, and no rule gives it" || !slices.Equal(b.Reviewers, []string{"k-zoe"}) || b.Same != 0 || b.Peers != 2 || b.PeersBy != "title Clerk" {
		t.Errorf("%+v", b)
	}
	a := line(t, lines, "ann", "wiki/x")
	if !a.Given || !a.Managed || a.Why != "a" || a.Same != 2 || a.Since.IsZero() {
		t.Errorf("%+v", a)
	}
	if z := line(t, lines, "zoe", "wiki/x"); len(z.Reviewers) != 0 {
		t.Errorf("nobody manages zoe: %+v", z)
	}
	if len(lines) != 8 {
		t.Errorf("%d lines: the account itself is in none of them: %v", len(lines), lines)
	}
	all, err := engine.Reviews(t.Context(), w.journal)
	if err != nil || len(all) != 1 || all[0].Open != 8 || all[0].Lines != 8 || all[0].By != "auditor" {
		t.Errorf("%+v %v", all, err)
	}
	w.program("wiki").Owner = "yan"
	if only := w.start(engine.ReviewOrder{Name: "q2", Scope: []string{"entitlement:wiki/y"}, Reviewers: engine.ByOwners, Undecided: true, Price: func(string) string { return "3 EUR" }}); len(only) != 1 ||
		only[0].ID == b.ID || !slices.Equal(only[0].Reviewers, []string{"k-yan"}) || only[0].Cost != "3 EUR" {
		t.Errorf("%+v", only)
	}
}

func TestAReviewIsRefused(t *testing.T) {
	w, _ := campaign(t)
	due := w.now.AddDate(0, 0, 14)
	for want, o := range map[string]engine.ReviewOrder{
		"there was a review":      {Name: "q1", Reviewers: engine.ByManagers, Due: due, Reason: "r"},
		"can't be the name":       {Name: "a b", Reviewers: engine.ByManagers, Due: due, Reason: "r"},
		"can't be asked":          {Name: "q2", Reviewers: "all", Due: due, Reason: "r"},
		"due in the future":       {Name: "q2", Reviewers: engine.ByManagers, Due: w.now.AddDate(0, 0, -1), Reason: "r"},
		"ends after it":           {Name: "q2", Reviewers: engine.ByManagers, Due: due, Keep: w.now, Reason: "r"},
		"is no scope":             {Name: "q2", Reviewers: engine.ByManagers, Due: due, Reason: "r", Scope: []string{"wiki"}},
		"no program is called":    {Name: "q2", Reviewers: engine.ByManagers, Due: due, Reason: "r", Scope: []string{"entitlement:crm/x"}},
		"nobody of that login":    {Name: "q2", Reviewers: engine.ByManagers, Due: due, Reason: "r", Scope: []string{"person:x"}},
		"nobody holds anything":   {Name: "q2", Reviewers: engine.ByManagers, Due: due, Reason: "r", Scope: []string{"role:x"}},
		"is no scope; write prog": {Name: "q2", Reviewers: engine.ByManagers, Due: due, Reason: "r", Scope: []string{"team:x"}},
	} {
		if _, _, err := w.engine.StartReview(t.Context(), w.journal, "auditor", o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	w.proof.Add("partial", "half of it")
	if _, _, err := w.engine.StartReview(t.Context(), w.journal, "a", engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers, Due: due, Reason: "r"}); err == nil || !strings.Contains(err.Error(), "read completely") {
		t.Error(err)
	}
	w.proof = engine.Proof{}
	for i := range w.people {
		w.people[i].Jobs = []engine.Job{{}}
	}
	if _, _, err := w.engine.StartReview(t.Context(), w.journal, "a", engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers, Due: due, Reason: "r"}); err == nil || !strings.Contains(err.Error(), "nobody's manager") {
		t.Error(err)
	}
}

func TestDecisionsOfAReview(t *testing.T) {
	w, lines := campaign(t)
	w.judged(true, "confirmed", line(t, lines, "ann", "wiki/x"))
	w.judged(false, "block", line(t, lines, "eve", "wiki/x"))
	w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
	w.pass(time.Hour)
	p, _ := w.apply()
	same(t, "ann", about(p, "ann"), nil)
	same(t, "eve", about(p, "eve"), []string{"revoke wiki/x ready", "suspend wiki ready"})
	same(t, "bob", about(p, "bob"), []string{"revoke wiki/y ready"})
	for _, c := range p.Changes {
		if want := map[string]engine.Cause{"k-eve": engine.CauseBlock, "k-bob": engine.CauseReview}[c.Person]; c.Op == engine.OpRevoke && c.Cause != want {
			t.Errorf("%+v", c)
		}
	}
	w.has("bob", "y", false)
	w.has("bob", "x", true)
	w.later()
	if left := w.memory().Facts(engine.FactTake); len(left) != 0 {
		t.Errorf("what was taken is still to be taken: %v", left)
	}
	w.targets["wiki"].Set("bob", "y", true)
	w.pass(time.Hour)
	w.applied("bob") // a decision is for what was there
	if err := w.engine.EndBlock(t.Context(), "boss", "eve", "wiki/x", "wrong"); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour)
	w.applied("eve", "resume wiki ready", "grant wiki/x ready")
	if err := w.engine.EndBlock(t.Context(), "boss", "eve", "wiki/x", "wrong"); !errors.Is(err, engine.ErrNoBlock) {
		t.Error(err)
	}
}

func TestWhatAReviewKeepsBecomesAnExtra(t *testing.T) {
	w, lines := campaign(t)
	y := line(t, lines, "bob", "wiki/y")
	if _, err := w.engine.DecideReview(t.Context(), "boss", engine.ReviewDecision{Review: "q1", Lines: []string{y.ID}, Keep: true, Reason: "r", Until: w.now.AddDate(0, 0, -1)}); err == nil {
		t.Error("an extra in the past")
	}
	w.judged(true, "extra", y)
	w.pass(time.Hour)
	w.applied("bob", "adopt wiki/y ready")
	f := w.memory().Facts(engine.FactExtra)
	if len(f) != 1 || f[0].Person != "k-bob" || !f[0].Until.Equal(w.now.Add(-time.Hour).AddDate(1, 0, 14)) {
		t.Errorf("%+v", f)
	}
}

// Nobody decides twice, on what is over, on nothing, without a reason, or on their own access.
func TestDecisionsOfAReviewAreRefused(t *testing.T) {
	w, lines := campaign(t)
	x := line(t, lines, "ann", "wiki/x")
	for want, d := range map[error]engine.ReviewDecision{
		engine.ErrNoReason: {Review: "q1", Lines: []string{x.ID}, Reason: " "},
		engine.ErrNoReview: {Review: "q9", Lines: []string{x.ID}, Reason: "r"},
		engine.ErrNoLine:   {Review: "q1", Lines: []string{x.ID, "x"}, Reason: "r"},
	} {
		if _, err := w.engine.DecideReview(t.Context(), "boss", d); !errors.Is(err, want) {
			t.Errorf("want %v: %v", want, err)
		}
	}
	own := engine.ReviewDecision{Review: "q1", Lines: []string{x.ID, line(t, lines, "bob", "wiki/x").ID}, Keep: true, Reason: "r"}
	if _, err := w.engine.DecideReview(t.Context(), "ann", own); !errors.Is(err, engine.ErrOwnAccess) {
		t.Error(err)
	}
	zoe := w.engine.As(engine.Decider{Person: "k-zoe", Asked: true})
	own.Lines = []string{line(t, lines, "yan", "wiki/x").ID}
	if _, err := zoe.DecideReview(t.Context(), "zoe", own); !errors.Is(err, engine.ErrNotReviewer) {
		t.Errorf("zoe does not manage yan: %v", err)
	}
	own.Lines = []string{x.ID}
	if _, err := zoe.DecideReview(t.Context(), "zoe", own); err != nil {
		t.Error(err)
	}
	if _, err := w.review(false, x); !errors.Is(err, engine.ErrDecided) {
		t.Error(err)
	}
	refusals := 0
	err := w.journal.Records(t.Context(), engine.Query{Kind: engine.KindRefusal}, func(engine.Record) error { refusals++; return nil })
	if err != nil || refusals != 2 {
		t.Errorf("%d refusals are recorded: %v", refusals, err)
	}
	w.proof.Add("partial", "half of it")
	if _, err := w.review(true, line(t, lines, "bob", "wiki/x")); err == nil {
		t.Error("decided by half a directory")
	}
}

// What a block forbids is not kept, and a policy that can't be seen counts as one that gives.
func TestReviewsOfWhatIsForbiddenOrUnseen(t *testing.T) {
	w, lines := campaign(t)
	w.engine.Policy.(*reviewed).blocks = map[string]string{"ann": "wiki/x"}
	w.person("eve").Roles, w.person("eve").Missing = nil, []string{"a:*"}
	w.engine.Settings.Limits.RevokeHoldings = tight(0)
	w.later()
	if _, err := w.review(true, line(t, lines, "ann", "wiki/x")); !errors.Is(err, engine.ErrForbidden) {
		t.Error(err)
	}
	w.judged(false, "block", line(t, lines, "eve", "wiki/x"))
}

// Lines of people who have left, or who lost the right meanwhile, end by themselves, and say why.
func TestLinesOfAReviewEnd(t *testing.T) {
	w, lines := campaign(t)
	w.fire("ann")
	w.targets["wiki"].Set("bob", "y", false)
	w.pass(time.Hour)
	w.apply()
	r, now, err := engine.ReadReview(t.Context(), w.journal, "q1")
	if err != nil || r.Over != 2 || r.Open != 6 {
		t.Fatalf("%+v %v", r, err)
	}
	for login, want := range map[string]string{"ann wiki/x": "has left", "bob wiki/y": "is not there any more"} {
		who, what, _ := strings.Cut(login, " ")
		if l := line(t, now, who, what); l.State != engine.LineOver || l.Reason != want {
			t.Errorf("%+v", l)
		}
	}
	if _, err := w.review(true, line(t, lines, "ann", "wiki/x")); !errors.Is(err, engine.ErrOver) {
		t.Error(err)
	}
	w.lists(enginetest.PartialList)
	w.targets["wiki"].Set("bob", "x", false)
	w.later()
	if r, _, _ := engine.ReadReview(t.Context(), w.journal, "q1"); r.Over != 2 {
		t.Errorf("a list that is not complete ended a line: %+v", r)
	}
}

func TestAReviewIsLate(t *testing.T) {
	w, _ := campaign(t)
	w.pass(14*24*time.Hour + 13*time.Hour)
	if w.noted("review") {
		t.Error("late on its last day")
	}
	w.pass(2 * time.Hour)
	if !w.noted("review") {
		t.Error("nobody is reminded")
	}
}

// A closed review can be read as it was; nothing of it is remembered in runs but what was decided.
func TestAClosedReviewIsEvidence(t *testing.T) {
	w, lines := campaign(t)
	w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
	w.judged(true, "confirmed", line(t, lines, "ann", "wiki/x"))
	if _, err := w.engine.CloseReview(t.Context(), "auditor", "q1", ""); !errors.Is(err, engine.ErrNoReason) {
		t.Error(err)
	}
	w.pass(time.Hour)
	r, err := w.engine.CloseReview(t.Context(), "auditor", "q1", "done")
	if err != nil || r.Open != 6 || r.Kept != 1 || r.Revoked != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	m := w.memory()
	if len(m.Facts(engine.FactLine))+len(m.Facts(engine.FactReview)) != 0 || len(m.Facts(engine.FactTake)) != 1 {
		t.Errorf("%v", m.FactKinds())
	}
	w.later()
	back, was, err := engine.ReadReview(t.Context(), w.journal, "q1")
	if err != nil || back.ClosedBy != "auditor" || back.Kept != 1 || len(was) != 8 || line(t, was, "bob", "wiki/y").By != "boss" {
		t.Errorf("%+v %v %v", back, was, err)
	}
	if _, err := w.engine.CloseReview(t.Context(), "auditor", "q1", "again"); !errors.Is(err, engine.ErrNoReview) {
		t.Error(err)
	}
}

// The next plan takes what a review revokes within the limits, like anything else; revoke: never asks somebody to do it by hand.
func TestWhatAReviewRevokesIsLimited(t *testing.T) {
	w, lines := campaign(t)
	w.engine.Settings.Limits.RevokeHoldings = tight(0)
	w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
	w.pass(time.Hour)
	w.applied("bob", "revoke wiki/y needs-approval")
	w.approve()
	w.pass(time.Minute)
	w.applied("bob", "revoke wiki/y ready")
	w.has("bob", "y", false)

	w, lines = campaign(t)
	w.program("wiki").Revoke = engine.RevokeNever
	w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
	w.later()
	w.has("bob", "y", true)
	if tasks := w.memory().Tasks(); len(tasks) != 1 || !strings.Contains(tasks[0].Text, "by hand") {
		t.Errorf("%+v", tasks)
	}
}

// A decision outweighs what additive and observe rules keep, and ends when policy gives the right after all.
func TestAReviewOutweighsWhatIsOnlyKept(t *testing.T) {
	for _, mode := range []string{"additive", "observe"} {
		w, _ := campaign(t)
		p := w.engine.Policy.(*reviewed)
		p.mode = map[string]string{"b": mode}
		w.roles("eve", "a", "b")
		if mode == "observe" {
			w.targets["wiki"].Set("eve", "y", true)
		}
		w.later()
		if mode == "additive" {
			w.roles("eve", "a")
		}
		w.later()
		w.has("eve", "y", true)
		lines := w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers})
		y := line(t, lines, "eve", "wiki/y")
		if _, err := w.engine.DecideReview(t.Context(), "boss", engine.ReviewDecision{Review: "q2", Lines: []string{y.ID}, Reason: "r"}); err != nil {
			t.Fatal(err)
		}
		w.later()
		w.has("eve", "y", false)
	}
	w, lines := campaign(t)
	w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
	w.roles("bob", "a", "b")
	w.pass(time.Hour)
	w.applied("bob", "adopt wiki/y ready")
	if left := w.memory().Facts(engine.FactTake); len(left) != 0 {
		t.Errorf("%v", left)
	}
}

func TestReviewsGoByTheScope(t *testing.T) {
	w, _ := campaign(t)
	for scope, want := range map[string]int{"role:b": 4, "person:ann": 1, "program:wiki": 8, "entitlement:wiki/y": 3, "person:k-bob": 2} {
		lines := w.start(engine.ReviewOrder{Name: "q-" + fmt.Sprint(want) + strings.ReplaceAll(strings.ReplaceAll(scope, ":", "."), "/", "."), Scope: []string{scope}, Reviewers: engine.ByManagers})
		if len(lines) != want {
			t.Errorf("%s: %d lines, want %d: %v", scope, len(lines), want, lines)
		}
	}
}

func TestReviewsAreReadFromTheLog(t *testing.T) {
	if _, _, err := engine.ReadReview(context.Background(), newWorld(t).journal, "q1"); !errors.Is(err, engine.ErrNoReview) {
		t.Error(err)
	}
}

// A decision has no grace, stands in nobody's way of adopting the rest, and ends with whoever had it.
func TestWhatAReviewRevokesGoesAtOnce(t *testing.T) {
	w, lines := campaign(t)
	w.program("wiki").Grace, w.program("wiki").Revoke = 48*time.Hour, engine.RevokeAll
	w.judged(false, "revocation", line(t, lines, "bob", "wiki/y"))
	w.wants("bob", "revoke wiki/y ready")
	w.fire("bob")
	w.later()
	w.later()
	if left := w.memory().Facts(engine.FactTake); len(left) != 0 {
		t.Errorf("who has left is still to lose it by a review: %v", left)
	}
}

// A plan of one program knows nothing of the lines of others.
func TestAPlanOfOneProgramEndsNoLines(t *testing.T) {
	w, _ := campaign(t)
	s, err := w.engine.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Only = "crm"
	for r := range engine.MakePlan(s).Records("r9", "x") {
		if r.Kind == engine.KindLine {
			t.Errorf("%+v", r)
		}
	}
}

// Nobody is asked about themselves, and neither is who has left, nor one of several whom the directory calls so.
func TestWhoIsAskedInAReview(t *testing.T) {
	w, _ := campaign(t)
	w.hire("gone")
	w.fire("gone")
	w.hire("twin1")
	w.hire("twin2")
	for _, twin := range []string{"twin1", "twin2"} {
		w.person(twin).Attributes = w.person(twin).Attributes.With(engine.Attribute{Name: "mail", Values: []string{"twin@example.com"}})
	}
	for login, manager := range map[string]string{"ann": "ann", "bob": "gone", "eve": "twin@example.com", "yan": "k-zoe"} {
		w.person(login).Jobs = []engine.Job{{Attributes: engine.Attributes{{Name: "manager", Values: []string{manager}}}}}
	}
	lines := w.start(engine.ReviewOrder{Name: "q2", Reviewers: engine.ByManagers})
	for login, want := range map[string][]string{"ann": {}, "bob": {}, "eve": {}, "yan": {"k-zoe"}} {
		if l := line(t, lines, login, "wiki/x"); !slices.Equal(l.Reviewers, want) {
			t.Errorf("%s: %v, want %v", login, l.Reviewers, want)
		}
	}
	ended := w.now.AddDate(0, 0, -1)
	w.person("yan").Jobs[0].End = ended
	if l := line(t, w.start(engine.ReviewOrder{Name: "q3", Reviewers: engine.ByManagers}), "yan", "wiki/x"); len(l.Reviewers) != 0 {
		t.Errorf("the manager of a job that is over: %v", l.Reviewers)
	}
}
