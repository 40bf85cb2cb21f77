package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// world is a small company: a clock, a directory in memory, programs in memory, a policy that maps roles to entitlements.
type world struct {
	t       testing.TB
	mu      sync.Mutex // of now, which work reads beside its calls
	now     time.Time
	people  []engine.Person
	proof   engine.Proof
	readErr error
	policy  rolePolicy
	journal *enginetest.Journal
	targets map[string]*enginetest.Program
	engine  *engine.Engine
}

func newWorld(t testing.TB, programs ...string) *world {
	w := &world{t: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), targets: map[string]*enginetest.Program{}}
	clock := func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now }
	w.journal = enginetest.NewJournal(clock)
	w.policy = rolePolicy{rules: map[string][]string{}}
	w.engine = &engine.Engine{Directory: w, Policy: &w.policy, Journal: w.journal, Outbox: w.journal, Now: clock, Settings: testSettings()}
	for _, name := range programs {
		p := enginetest.NewProgram(name, clock)
		w.targets[name] = p
		w.engine.Programs = append(w.engine.Programs, engine.Program{Name: name, Kind: "memory", Connector: p, Revoke: engine.RevokeManaged,
			Create: func(p *engine.Person) (string, string) {
				if p.Login() == "" {
					return "", "login"
				}
				return p.Login(), ""
			}, Wait: 30 * 24 * time.Hour})
	}
	return w
}

func testSettings() engine.Settings {
	wide := engine.Limit{Floor: 1000, Percent: 100, Cap: 1000, Window: 24 * time.Hour}
	return engine.Settings{Unmanaged: engine.UnmanagedSuspend, Absences: 2, Apart: time.Hour, Zone: time.UTC, Hash: "c",
		Limits: engine.Limits{RevokePeople: wide, RevokeHoldings: wide, Leavers: wide, Grant: wide}}
}

func (w *world) People(_ context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	if w.readErr != nil {
		return engine.Proof{Source: "corp"}, w.readErr
	}
	for _, p := range w.people {
		if err := yield(p); err != nil {
			return engine.Proof{}, err
		}
	}
	proof := w.proof
	proof.Source, proof.Count, proof.Finished = "corp", len(w.people), w.now
	return proof, nil
}

func (w *world) hire(login string, roles ...string) {
	slices.Sort(roles)
	w.people = append(w.people, engine.Person{Key: "k-" + login, Source: "corp", State: engine.StateActive, Roles: roles, Jobs: []engine.Job{{}},
		Attributes: engine.Attributes{{Name: "login", Values: []string{login}}, {Name: "name", Values: []string{strings.ToUpper(login)}}}, Changed: fmt.Sprint(roles)})
}

func (w *world) person(login string) *engine.Person {
	for i := range w.people {
		if w.people[i].Login() == login {
			return &w.people[i]
		}
	}
	w.t.Fatalf("nobody is called %s", login)
	return nil
}

func (w *world) fire(login string) {
	p := w.person(login)
	p.State, p.Marked, p.StateWhy = engine.StateLeft, true, `status == "left"`
}

func (w *world) vanish(login string) {
	w.people = slices.DeleteFunc(w.people, func(p engine.Person) bool { return p.Login() == login })
}

func (w *world) roles(login string, roles ...string) {
	slices.Sort(roles)
	p := w.person(login)
	p.Roles, p.Changed = roles, fmt.Sprint(roles)
}

func (w *world) program(name string) *engine.Program {
	for i := range w.engine.Programs {
		if w.engine.Programs[i].Name == name {
			return &w.engine.Programs[i]
		}
	}
	w.t.Fatalf("no program %s", name)
	return nil
}

// plan shows a plan as lines "op program/right account state".
func (w *world) plan() []string {
	w.t.Helper()
	p, err := w.engine.Plan(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return lines(p)
}

func lines(p *engine.Plan) []string {
	out := []string{}
	for _, c := range p.Changes {
		out = append(out, fmt.Sprintf("%s %s %s %s", c.Op, c.Entitlement, c.Account, c.State))
	}
	return out
}

func (w *world) apply() (*engine.Plan, engine.Report) {
	w.t.Helper()
	p, r, err := w.engine.Apply(w.t.Context(), engine.ApplyOptions{Actor: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
	return p, r
}

func (w *world) pass(d time.Duration) { w.mu.Lock(); w.now = w.now.Add(d); w.mu.Unlock() }

func (w *world) expect(got []string, want ...string) {
	w.t.Helper()
	if want == nil {
		want = []string{}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("plan is\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (w *world) truth(program string) string {
	var out []string
	for _, h := range w.targets[program].Truth() {
		out = append(out, h.Account+"="+h.Entitlement)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// rolePolicy gives entitlements by role; "role!" is a block.
type rolePolicy struct {
	rules  map[string][]string
	mode   map[string]string
	grace  time.Duration
	blocks map[string]string    // key → entitlement
	until  map[string]time.Time // rule → the extra's end

	priority map[string]int // by rule
}

func (r *rolePolicy) Entitlements() []engine.Entitlement {
	seen := map[string]bool{}
	for _, es := range r.rules {
		for _, e := range es {
			seen[e] = true
		}
	}
	var out []engine.Entitlement
	for e := range seen {
		out = append(out, engine.ParseEntitlement(e))
	}
	slices.SortFunc(out, func(a, b engine.Entitlement) int {
		return strings.Compare(a.Program+"\x00"+a.Name, b.Program+"\x00"+b.Name)
	})
	return out
}

func (r *rolePolicy) Rules() []engine.Rule {
	var out []engine.Rule
	for role := range r.rules {
		until := r.until[role]
		out = append(out, engine.Rule{Name: role, Hash: role + fmt.Sprint(r.rules[role]), Mode: r.mode[role], Grace: r.grace, Extra: !until.IsZero(), Until: until, Priority: r.priority[role]})
	}
	slices.SortFunc(out, func(a, b engine.Rule) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (r *rolePolicy) Decide(p *engine.Person, now time.Time, _ func(int32) bool, out []engine.Verdict) []engine.Verdict {
	if p.State != engine.StateActive && p.State != engine.StateAway {
		return out
	}
	for i, e := range r.Entitlements() {
		if r.blocked(p, e) {
			out = append(out, engine.Verdict{Entitlement: int32(i), Say: engine.Denied, Rule: -1})
			continue
		}
		say, found := engine.Desired, false
		for _, role := range []string{"a", "b", "c", "d"} {
			if until := r.until[role]; !slices.Contains(r.rules[role], e.String()) || !until.IsZero() && !now.Before(until) {
				continue
			}
			switch p.HasRole(&p.Jobs[0], role) {
			case engine.Yes:
				say, found = engine.Desired, true
				if r.mode[role] == "observe" {
					say = engine.Observed
				}
			case engine.Unknown:
				if !found {
					say, found = engine.Undecided, true
				}
			}
			if found && say == engine.Desired {
				break
			}
		}
		if found {
			out = append(out, engine.Verdict{Entitlement: int32(i), Say: say})
		}
	}
	return out
}

func (r *rolePolicy) blocked(p *engine.Person, e engine.Entitlement) bool {
	for name, blocked := range r.blocks {
		if p.Called(name) && blocked == e.String() {
			return true
		}
	}
	return false
}

func (r *rolePolicy) Explain(p *engine.Person, now time.Time, e engine.Entitlement) (out []engine.Finding) {
	for _, role := range []string{"a", "b", "c", "d"} {
		if slices.Contains(r.rules[role], e.String()) && p.HasRole(&p.Jobs[0], role) == engine.Yes {
			out = append(out, engine.Finding{Say: engine.Desired, Answer: "gives", Rule: role, Text: "has role " + role})
		}
	}
	return out
}

func (r *rolePolicy) Hash() string {
	var parts []string
	for role, es := range r.rules {
		parts = append(parts, role+fmt.Sprint(es))
	}
	parts = append(parts, fmt.Sprint(r.blocks))
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

func TestJoinerMoverLeaver(t *testing.T) {
	w := newWorld(t, "wiki", "git")
	w.policy.rules = map[string][]string{"a": {"wiki", "git/eng"}, "b": {"wiki", "git/ops"}}
	w.hire("ann", "a")
	w.hire("bob", "b")
	w.expect(w.plan(),
		"create git/.exists new:ann ready", "grant git new:ann ready", "grant git/eng new:ann ready",
		"create git/.exists new:bob ready", "grant git new:bob ready", "grant git/ops new:bob ready",
		"create wiki/.exists new:ann ready", "grant wiki new:ann ready",
		"create wiki/.exists new:bob ready", "grant wiki new:bob ready")
	if _, r := w.apply(); len(r.Failures) > 0 {
		t.Fatalf("failures: %+v", r.Failures)
	}
	if got := w.truth("git"); got != "ann= ann=.exists ann=eng bob= bob=.exists bob=ops" {
		t.Errorf("git holds %s", got)
	}
	w.pass(time.Hour)
	w.expect(w.plan())

	w.roles("ann", "b")
	w.expect(w.plan(), "grant git/ops ann ready", "revoke git/eng ann needs-approval")
	w.roles("ann", "a", "b")
	w.apply()
	w.pass(time.Hour)
	w.fire("bob")
	w.expect(w.plan(), "suspend git bob ready", "revoke git/ops bob ready", "suspend wiki bob ready")
	w.apply()
	w.pass(time.Hour)
	w.expect(w.plan())
	if got := w.truth("git"); got != "ann= ann=.exists ann=eng ann=ops bob=.exists" {
		t.Errorf("git holds %s", got)
	}
}

func TestAbsenceNeedsTwoCompleteReads(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	w.hire("bob", "a")
	w.apply()
	w.pass(time.Hour)
	w.vanish("bob")
	if p, _ := w.apply(); len(p.Changes) != 0 {
		t.Fatalf("one read that misses somebody proves nothing: %v", lines(p))
	}
	w.pass(10 * time.Minute)
	if p, _ := w.apply(); len(p.Changes) != 0 {
		t.Fatalf("two reads too close together prove nothing: %v", lines(p))
	}
	w.pass(2 * time.Hour)
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}
	if p, _ := w.apply(); len(p.Changes) != 0 {
		t.Fatalf("an incomplete read proves nothing: %v", lines(p))
	}
	w.proof = engine.Proof{}
	w.expect(w.plan(), "suspend wiki bob ready")
}

func TestUnreachableDirectoryChangesNothing(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	w.apply()
	w.readErr = fmt.Errorf("no route")
	for range 5 {
		w.pass(24 * time.Hour)
		if p, _ := w.apply(); len(p.Changes) != 0 {
			t.Fatalf("an unreachable directory says nothing: %v", lines(p))
		} else if got := codes(p.Proofs[0].Reasons); !slices.Equal(got, []string{engine.ReasonUnreachable}) {
			t.Fatalf("no answer is another thing than an empty one: %v", got)
		}
	}
}

func TestUnmanagedIsListedNotTouched(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/read"}}
	w.targets["wiki"].AddAccount("root", engine.AccountInfo{Name: "root"}, engine.Exists, engine.Active, "admin")
	w.hire("ann", "a")
	w.apply()
	w.targets["wiki"].Set("ann", "own", true) // by hand, on an account that Rolecall knows
	w.pass(time.Hour)
	p, _ := w.apply()
	if len(p.Unmanaged) != 4 || len(p.Changes) != 0 {
		t.Errorf("unmanaged %v, changes %v", p.Unmanaged, lines(p))
	}
}

func TestUndoFreezesUntilTheEntryChanges(t *testing.T) {
	w := newWorld(t, "git")
	w.policy.rules = map[string][]string{"a": {"git/eng"}, "b": {"git/ops"}}
	w.hire("ann", "a")
	w.hire("bob", "a", "b")
	w.apply()
	w.pass(time.Hour)
	w.roles("ann", "a", "b")
	_, r := w.apply()
	list, err := w.engine.Undo(t.Context(), w.journal, "test", r.Run, "by mistake")
	if err != nil || len(list) != 1 || list[0].Inverse != engine.OpRevoke {
		t.Fatalf("undo: %+v, %v", list, err)
	}
	w.expect(w.plan(), "revoke git/ops ann ready")
	w.apply()
	w.pass(time.Hour)
	w.expect(w.plan())
	w.person("ann").Changed = "edited"
	w.expect(w.plan(), "grant git/ops ann ready")
}

func TestAdoptLinksOnlyWhatWasReviewed(t *testing.T) {
	w := newWorld(t, "git")
	w.policy.rules = map[string][]string{"a": {"git/eng"}}
	w.targets["git"].AddAccount("ann", engine.AccountInfo{Name: "ann"}, engine.Exists, engine.Active, "eng", "old")
	w.hire("ann", "a")
	w.expect(w.plan(), "grant git/eng  blocked")
	a, err := w.engine.Adoption(t.Context(), "git")
	if err != nil || len(a.Lines) != 1 || a.Lines[0].Sure != engine.Possible {
		t.Fatalf("adoption: %+v, %v", a, err)
	}
	pair := []engine.Pairing{{Account: "ann", Person: a.Lines[0].People[0].Person}}
	if err := w.engine.Adopt(t.Context(), "test", "git", "reviewed", pair); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Adopt(t.Context(), "test", "git", "again", []engine.Pairing{{Account: "ann", Person: "other"}}); err == nil {
		t.Error("a link moved")
	}
	w.expect(w.plan(), "adopt git ann ready", "adopt git/.exists ann ready", "adopt git/eng ann ready")
	if a, err := w.engine.Adoption(t.Context(), "git"); err != nil || len(a.Lines) != 1 || a.Lines[0].Sure != engine.Linked || a.Lines[0].People[0].Person != "k-ann" {
		t.Errorf("what is settled: %+v, %v", a, err)
	}
	w.apply()
	w.pass(time.Hour)
	w.expect(w.plan())
	if calls := w.targets["git"].Truth(); len(calls) != 4 {
		t.Errorf("adoption changed the program: %v", calls)
	}
}

func TestARefusedBaselineWaitsForApproval(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	for _, login := range strings.Fields("ann bob cyd dan eve fay gus hal ida jon kay lee") {
		w.hire(login, "a")
	}
	w.apply()
	for _, login := range strings.Fields("ann bob cyd dan eve") {
		w.vanish(login)
	}
	for range 4 {
		w.pass(24 * time.Hour)
		if p, _ := w.apply(); len(p.Changes) != 0 || p.Proofs[0].Complete() {
			t.Fatalf("a half-empty directory says nothing: %v", lines(p))
		}
	}
	everybody := w.people
	w.hire("ann", "a")
	for _, login := range strings.Fields("bob cyd dan eve") {
		w.hire(login, "a")
	}
	w.apply()
	if items := w.items(); len(items) != 0 {
		t.Errorf("everybody is there again, and somebody is still asked: %+v", items)
	}
	w.people = everybody
	w.apply()
	waiting, err := w.engine.Approve(t.Context(), "boss", []string{"all"}, "we sold a department")
	if err != nil || len(waiting) != 1 {
		t.Fatalf("approve: %v, %v", waiting, err)
	}
	for range 2 {
		w.pass(2 * time.Hour)
		w.apply()
	}
	w.pass(time.Hour)
	if got := w.targets["wiki"].Has("ann", engine.Active); got {
		t.Error("an approved baseline lets absences count")
	}
}

func TestASlotRunsOnce(t *testing.T) {
	w := newWorld(t, "wiki")
	slot := engine.ApplyOptions{Actor: "daemon", Slot: w.now}
	if _, _, err := w.engine.Apply(t.Context(), slot); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.engine.Apply(t.Context(), slot); !errors.Is(err, engine.ErrSlotDone) {
		t.Errorf("a slot ran twice: %v", err)
	}
}

func TestTheLastSlotIsFoundBehindRunsOfPeople(t *testing.T) {
	w := newWorld(t, "wiki")
	if got, err := engine.LastSlot(t.Context(), w.journal, time.Time{}); err != nil || !got.IsZero() {
		t.Errorf("before any run: %v, %v", got, err)
	}
	for range 45 {
		w.apply()
	}
	slot := w.now
	if _, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "daemon", Slot: slot}); err != nil {
		t.Fatal(err)
	}
	for range 45 { // more than two pages
		w.pass(time.Minute)
		w.apply()
	}
	if got, err := engine.LastSlot(t.Context(), w.journal, time.Time{}); err != nil || !got.Equal(slot) {
		t.Errorf("got %v, %v, want %v", got, err, slot)
	}
}

// TestARunOfTheScheduleGivesWay deposes a run while it reads: one of a person begins anew, one of the schedule ends.
func TestARunOfTheScheduleGivesWay(t *testing.T) {
	for name, c := range map[string]struct {
		slot  time.Time
		leads int64
		want  error
	}{"person": {leads: 3}, "schedule": {slot: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), leads: 2, want: engine.ErrDeposed}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "wiki")
			d := &deposer{w: w}
			w.engine.Directory = d
			_, _, err := w.engine.Apply(t.Context(), engine.ApplyOptions{Actor: "somebody", Slot: c.slot})
			if !errors.Is(err, c.want) {
				t.Errorf("Apply gave %v", err)
			}
			if epoch, _ := w.journal.Lead(t.Context()); epoch != c.leads+1 {
				t.Errorf("%d times somebody began to plan, want %d", epoch-1, c.leads)
			}
		})
	}
}

// deposer is a directory during whose first read somebody else begins to plan.
type deposer struct {
	w    *world
	done bool
}

func (d *deposer) People(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	if !d.done {
		d.done = true
		if _, err := d.w.journal.Lead(ctx); err != nil {
			return engine.Proof{}, err
		}
	}
	return d.w.People(ctx, yield)
}

// failing refuses every append, as a full disk would; reading still works.
type failing struct{ *enginetest.Journal }

func (failing) Append(context.Context, engine.Guard, []engine.Record) error {
	return errors.New("no space left on device")
}

func TestACutThatCannotBeRecordedSaysWhatToDoByHand(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	w.apply()
	w.engine.Journal = failing{w.journal}
	calls := w.targets["wiki"].Calls()
	p, _, err := w.engine.Cut(t.Context(), "boss", "ann", "stolen")
	if err == nil || p == nil || len(p.Changes) != 1 || p.Changes[0].Op != engine.OpSuspend {
		t.Fatalf("cut: %v, %v", p, err)
	}
	if w.targets["wiki"].Calls() != calls {
		t.Error("a call was made without a record")
	}
}

func TestHiddenAttributesGrantNothing(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonAttribute, Detail: "status is hidden"}}}
	w.expect(w.plan())
	w.proof = engine.Proof{}
	w.apply()
	w.pass(time.Hour)
	w.proof = engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonAttribute, Detail: "status is hidden"}}}
	w.fire("ann")
	w.expect(w.plan(), "suspend wiki ann ready") // a mark that is shown counts
}

func TestWhatALeaverLostIsOfferedOnReturn(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.program("wiki").Match = "key"
	w.targets["wiki"].AddAccount("ann", engine.AccountInfo{Name: "ann", Attributes: map[string]string{"key": "k-ann"}}, engine.Exists, engine.Active)
	w.hire("ann") // no rule gives her anything
	w.apply()
	w.pass(time.Hour)
	w.fire("ann")
	w.apply()
	w.pass(time.Hour)
	if w.targets["wiki"].Has("ann", engine.Active) {
		t.Fatal("the leaver's account is active")
	}
	w.person("ann").State, w.person("ann").Marked = engine.StateActive, false
	w.expect(w.plan())
	w.apply()
	m, err := w.journal.Memory(t.Context(), w.now)
	if err != nil || len(m.Tasks()) != 1 || !strings.Contains(m.Tasks()[0].Text, "come back") {
		t.Errorf("tasks %v, %v", m.Tasks(), err)
	}
}

func TestObserveRulesAreShownAndNeverGranted(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules, w.policy.mode = map[string][]string{"a": {"wiki/read"}}, map[string]string{"a": "observe"}
	w.hire("ann", "a")
	p, _ := w.apply()
	if len(p.Changes) != 0 || len(p.Notices) != 1 || p.Notices[0].Text != "rules that only observe would grant wiki/read to 1 person: ANN" {
		t.Errorf("changes %v, notices %v", lines(p), p.Notices)
	}
}

func TestAnExpiredApprovalOfABaselineWaitsAgain(t *testing.T) {
	w := newWorld(t, "wiki")
	for _, login := range strings.Fields("ann bob cyd dan eve fay gus hal ida jon kay lee") {
		w.hire(login, "a")
	}
	w.apply()
	for _, login := range strings.Fields("ann bob cyd dan eve") {
		w.vanish(login)
	}
	w.pass(time.Hour)
	w.apply()
	if got, err := w.engine.Approve(t.Context(), "boss", []string{"all"}, "sold"); err != nil || len(got) != 1 {
		t.Fatalf("approve: %v, %v", got, err)
	}
	w.pass(25 * time.Hour)
	if p, _ := w.apply(); p.Proofs[0].Complete() {
		t.Error("an expired approval was used")
	}
	if got, err := w.engine.Approve(t.Context(), "boss", []string{"all"}, "sold, really"); err != nil || len(got) != 1 {
		t.Fatalf("the item does not wait again: %v, %v", got, err)
	}
	w.pass(time.Hour)
	if p, _ := w.apply(); !p.Proofs[0].Complete() {
		t.Error("an approved baseline was refused")
	}
}
