package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// shouting is a program that shows accounts in capitals, and says that capitals do not matter.
type shouting struct{ *enginetest.Program }

func (s shouting) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	return s.Program.Holdings(ctx, func(h engine.Holding) error {
		h.Account = strings.ToUpper(h.Account)
		return yield(h)
	})
}

func (shouting) Canonical(account, entitlement string) (a, e string) {
	return strings.ToLower(account), entitlement
}

// listing is shouting that can't read one account.
type listing struct {
	engine.Connector
	engine.Describer
	engine.Canonicaler
}

// Whether two names are the same is for the program to say: when all is read, and when one account is read before its delete.
func TestNamesAreComparedAsTheProgramDoes(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	p := w.targets["wiki"]
	w.program("wiki").Connector, w.program("wiki").Delete, w.program("wiki").Wait = shouting{p}, true, time.Hour
	w.apply()
	w.later()
	w.expect(w.plan())
	w.program("wiki").Connector = listing{shouting{p}, p, shouting{p}}
	w.fire("zoe")
	w.later()
	w.pass(2 * time.Hour)
	lists := 0
	p.Before = func(c enginetest.ProgramCall) enginetest.Fault {
		if lists++; c.Op == "list" && lists == 2 { // somebody uses it again, after the plan has read it
			p.Set("zoe", engine.Active, true)
		}
		return enginetest.NoFault
	}
	w.applied("zoe", "delete wiki/.exists ready")
	w.has("zoe", engine.Exists, true)
}

// undescribed can't say what it is.
type undescribed struct{ *enginetest.Program }

func (undescribed) Describe(context.Context) (engine.Description, error) {
	return engine.Description{}, errors.New("no schema")
}

// A program that can't say what it can do is not read completely, and keeps what it is known to be.
func TestAProgramThatCannotBeDescribed(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.roles("zoe")
	w.program("wiki").Connector = undescribed{w.targets["wiki"]}
	w.pass(time.Hour)
	p := w.mustPlan()
	if proof := p.Proofs[1]; proof.Complete() || proof.Reasons[0].Code != engine.ReasonUnreachable || proof.Reasons[0].Detail != "no schema" || len(p.Changes) > 0 {
		t.Errorf("%+v %v", proof, lines(p))
	}
}

// The very first read of a program that can't say what it is shows which accounts there are: a leaver's is suspended as everywhere, and not
// deleted at once, as if its existence were a right like any other.
func TestAProgramThatCannotBeDescribedYet(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.program("wiki").Match = "key"
	w.program("wiki").Connector = undescribed{w.targets["wiki"]}
	w.targets["wiki"].AddAccount("old", engine.AccountInfo{Attributes: map[string]string{"key": "k-zoe"}}, engine.Exists, engine.Active, "x")
	w.targets["wiki"].AddAccount("yan", engine.AccountInfo{Attributes: map[string]string{"key": "k-yan"}}, engine.Exists, engine.Active, "x")
	w.fire("zoe")
	w.applied("zoe", "suspend wiki ready")
	w.has("old", engine.Exists, true)
	w.has("old", engine.Active, false)
	w = company(t, map[string][]string{"a": {"wiki/x"}}) // and what is suspended by somebody else keeps what is not managed, as everywhere
	w.program("wiki").Match = "key"
	w.program("wiki").Connector = undescribed{w.targets["wiki"]}
	w.targets["wiki"].AddAccount("old", engine.AccountInfo{Attributes: map[string]string{"key": "k-zoe"}}, engine.Exists, "x", "y")
	w.targets["wiki"].AddAccount("yan", engine.AccountInfo{Attributes: map[string]string{"key": "k-yan"}}, engine.Exists, "x", "y")
	w.fire("zoe")
	w.applied("zoe")
	w = company(t, map[string][]string{"a": {"wiki/x"}}) // also where all were suspended as long as it said what it is
	w.program("wiki").Match = "key"
	w.targets["wiki"].AddAccount("old", engine.AccountInfo{Attributes: map[string]string{"key": "k-zoe"}}, engine.Exists, "x", "y")
	w.targets["wiki"].AddAccount("yan", engine.AccountInfo{Attributes: map[string]string{"key": "k-yan"}}, engine.Exists, "x", "y")
	w.apply()
	w.program("wiki").Connector, w.program("wiki").Describes = undescribed{w.targets["wiki"]}, engine.Description{}
	w.fire("zoe")
	w.pass(time.Hour)
	w.applied("zoe", "revoke wiki/x ready") // which was adopted
	w.has("old", "y", true)
}

// Programs that come after one that is not configured, or after each other, hold up nobody else.
func TestAnOrderThatCannotBeKeptHoldsUpNobody(t *testing.T) {
	w := newWorld(t, "chat", "git", "mail", "wiki")
	w.policy.rules = map[string][]string{"a": {"chat", "git", "mail", "wiki"}}
	w.hire("ann", "a")
	w.program("mail").After = []string{"nowhere"}
	w.program("wiki").After = []string{"mail"}
	w.program("chat").After = []string{"git"}
	w.program("git").After = []string{"chat", "git"}
	w.apply()
	for name, want := range map[string]string{"mail": "ann= ann=.exists", "wiki": "ann= ann=.exists", "chat": "", "git": ""} { // whoever configured the last two is told so by check
		w.expect([]string{w.truth(name)}, want)
	}
}

// counted counts what is written.
type counted struct {
	*enginetest.Journal
	written atomic.Int32
	look    func()
}

func (c *counted) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	c.written.Add(1)
	return c.Journal.Append(ctx, g, records)
}

func (c *counted) Fact(ctx context.Context, k engine.FactKey) (engine.Fact, bool, error) {
	if k.Kind == engine.FactPause && c.look != nil {
		c.look()
	}
	return c.Journal.Fact(ctx, k)
}

// A revoke that others may try now, and was not tried here, has no outcome; nothing is written of it.
func TestOfWhatWasNotTriedNothingIsWritten(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.apply()
	w.fire("zoe")
	w.lost(true)
	w.later() // the suspend was tried, and nobody knows with what effect
	w.lost(false)
	if err := w.engine.Pause(t.Context(), "boss", "wiki", "stop"); err != nil {
		t.Fatal(err)
	}
	open := len(w.memory().Open)
	j := &counted{Journal: w.journal, look: func() {}}
	w.engine.Journal, w.engine.Outbox = j, unpaused{w.journal}
	w.pass(30 * time.Hour)
	if _, err := w.engine.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := j.written.Load(); n > 0 || open == 0 || len(w.memory().Open) != open {
		t.Errorf("%d records are written, %d are open, before %d", n, len(w.memory().Open), open)
	}
}

// unpaused hands out what is paused, as when the pause comes just after.
type unpaused struct{ *enginetest.Journal }

func (u unpaused) Claim(ctx context.Context, c engine.ClaimRequest) ([]engine.Intent, error) {
	f, paused, err := u.Fact(ctx, engine.FactKey{Kind: engine.FactPause, Program: "wiki"})
	if err != nil || !paused {
		return nil, err
	}
	change := func(r engine.Record) error { return u.Append(ctx, engine.Free, []engine.Record{r}) }
	if err := change(engine.Record{Kind: engine.KindResume, Program: "wiki", Clear: []engine.FactKey{f.FactKey}}); err != nil {
		return nil, err
	}
	got, err := u.Journal.Claim(ctx, c)
	return got, errors.Join(err, change(engine.Record{Kind: engine.KindPause, Program: "wiki", Set: []engine.Fact{f}}))
}

// A look at the pauses that takes long, as over a slow line to the journal, leaves less of the lease: it is measured after it.
func TestTheLeaseIsMeasuredAfterTheLook(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki"}}
	w.hire("ann", "a")
	slow := true
	w.engine.Journal = &counted{Journal: w.journal, look: func() {
		if slow {
			w.pass(9*time.Minute + 45*time.Second)
		}
		slow = false
	}}
	made := calls(w.targets["wiki"], func(int) {})
	w.apply()
	if len(*made) > 0 {
		t.Errorf("calls: %v", *made)
	}
	w.apply()
	w.expect([]string{w.truth("wiki")}, "ann= ann=.exists")
}

// Two accounts that carry a person's key do not tell which of them was made.
func TestWhichAccountWasMadeMustBeClear(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.targets["wiki"].ID = func(name string) string { return "id-" + name }
	w.program("wiki").Match = "person"
	w.apply()
	w.hire("ann", "a")
	w.once(enginetest.LoseAfter)
	w.later()
	w.targets["wiki"].AddAccount("other", engine.AccountInfo{Attributes: map[string]string{"person": "k-ann"}}, engine.Exists, engine.Active)
	w.later()
	w.wants("ann", "grant wiki/x blocked: person of wiki names the person in 2 accounts")
	for _, l := range w.memory().Program("wiki").Links {
		if l.Person == "k-ann" && !strings.HasPrefix(l.Account, engine.ProposedPrefix) {
			t.Errorf("linked: %+v", l)
		}
	}
}

// What a former policy never gave is not taken by a change of the policy.
func TestWhatNoPolicyGaveIsNotTakenByItsChange(t *testing.T) {
	w := company(t, map[string][]string{"a": {"wiki/x"}})
	w.remember()
	w.program("wiki").Revoke = engine.RevokeAll
	w.apply()
	w.targets["wiki"].Set("zoe", "own", true) // before wiki/x in the order of names
	w.later()
	w.approve()
	w.program("wiki").Grace = 2 * time.Hour
	w.later() // adopted
	w.later() // and undesired under the first policy
	w.policy.rules["b"] = []string{"wiki/y"}
	taken := 0
	for range 4 {
		for _, c := range w.later().Changes {
			if c.Entitlement == "wiki/own" && c.Op == engine.OpRevoke {
				taken++
				if c.Cause != engine.CauseRule {
					t.Errorf("%s, %q", c.Cause, c.Why)
				}
			}
		}
	}
	if taken == 0 {
		t.Error("it is not to be taken")
	}
}

// Whoever is said to have left although no run has missed them yet is remembered as gone from now on.
func TestWhoIsSaidToHaveLeftBeforeARunSawIt(t *testing.T) {
	w := crowd(t)
	w.vanish("p0")
	if err := w.engine.ReKey(t.Context(), "boss", "they left", nil, []string{"k-p0"}); err != nil {
		t.Fatal(err)
	}
	f, ok := w.memory().Fact(engine.FactKey{Kind: engine.FactAbsent, Person: "k-p0"})
	if !ok || !f.Since.Equal(w.now) || !f.Until.Equal(w.now) {
		t.Errorf("%v %+v", ok, f)
	}
}

// Two entries with one key are the source's own fault as long as no changed key made them so.
func TestChangedKeysOfPeopleWhoAreGone(t *testing.T) {
	w := crowd(t)
	w.person("p0").Key = "new"
	if err := w.engine.ReKey(t.Context(), "boss", "one key changed", []engine.KeyPair{{Person: "k-p0", Key: "new"}}, nil); err != nil {
		t.Fatal(err)
	}
	w.vanish("p0")
	w.people = append(w.people, *w.person("p1"))
	p := w.mustPlan()
	if slices.ContainsFunc(p.Proofs[0].Reasons, func(r engine.Reason) bool { return strings.Contains(r.Detail, "whose key was changed") }) {
		t.Errorf("%+v", p.Proofs[0].Reasons)
	}
}

// What is charged to no budget says nothing about the use of the limits.
func TestUsageCountsWhatIsCharged(t *testing.T) {
	w := newWorld(t, "wiki")
	w.append(engine.Record{Kind: engine.KindIntent, Op: engine.OpCreate, Program: "wiki", Account: "ann", Entitlement: engine.Exists})
	if u := w.usage(); !u.From.IsZero() || u.Days != 0 {
		t.Errorf("%+v", u)
	}
}

// blindTo is a journal in which one kind of fact can't be looked up.
type blindTo struct {
	*enginetest.Journal
	kind string
}

func (b blindTo) Fact(ctx context.Context, k engine.FactKey) (engine.Fact, bool, error) {
	if k.Kind == b.kind {
		return engine.Fact{}, false, errors.New("no route")
	}
	return b.Journal.Fact(ctx, k)
}

// Whether a cut was lifted, or a change failed before, must be known before it is made.
func TestNoCallStartsWhileNobodyCanTell(t *testing.T) {
	for kind, leave := range map[string]func(w *world){
		engine.FactCut: func(w *world) {
			if _, r, err := w.engine.Cut(t.Context(), "boss", "zoe", "stop"); err == nil || !strings.Contains(err.Error(), "no route") || len(r.Failures) == 0 || !strings.Contains(r.Failures[0].Error, "whether the cut was lifted can't be read: no route") {
				t.Errorf("%+v %v", r, err)
			}
		},
		engine.FactFailing: func(w *world) { w.fire("zoe"); w.lost(true); w.later(); w.lost(false) },
	} {
		w := company(t, map[string][]string{"a": {"wiki"}})
		w.apply()
		w.lists(enginetest.Unreachable)
		w.pass(time.Hour)
		w.engine.Journal = blindTo{w.journal, kind}
		leave(w)
		made := calls(w.targets["wiki"], func(int) {})
		w.pass(time.Hour)
		_, err := w.engine.Work(t.Context())
		if told := err != nil && strings.Contains(err.Error(), "can't be read: no route"); told != (kind == engine.FactFailing) || len(*made) > 0 { // of the cut nothing is open any more
			t.Errorf("%s: %q, %v", kind, *made, err)
		}
		w.has("zoe", engine.Active, true)
	}
}

// The only admin, whose account is suspended, is the last one all the same.
func TestASuspendedAdminIsNoOtherAdmin(t *testing.T) {
	w := newWorld(t, "wiki")
	w.policy.rules = map[string][]string{"a": {"wiki/admin"}}
	w.program("wiki").Admin = "admin"
	w.hire("ann", "a")
	w.apply()
	w.targets["wiki"].Set("ann", engine.Active, false)
	w.later()
	w.roles("ann")
	w.pass(time.Hour)
	w.wants("ann", "revoke wiki/admin needs-approval: it would take the last admin")
}
