package engine_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// checker keeps its own books of what the journal and the programs are told, simpler than the engine's and independent of
// them, and compares. The names in brackets are the invariants.
type checker struct {
	m        *model
	snapshot *engine.Snapshot // of the run that is being committed, nil: a cut
	records  int
	control  int // control records
	calls    int
	managed  map[engine.Held3]bool
	open     map[int64]*openIntent
	owner    map[[2]string]string       // program, account → person
	absent   map[string]time.Time       // person → first complete run that missed the person
	cut      map[string]bool            //
	paused   map[string]bool            //
	charges  []engine.Charge            //
	marked   map[string]map[string]bool // run → people with a leaver mark
}

type openIntent struct {
	engine.Record
	called int
	halted bool
}

func newChecker(m *model) *checker {
	return &checker{m: m, managed: map[engine.Held3]bool{}, open: map[int64]*openIntent{}, owner: map[[2]string]string{}, absent: map[string]time.Time{},
		cut: map[string]bool{}, paused: map[string]bool{}, marked: map[string]map[string]bool{}}
}

func (k *checker) record(r *engine.Record) {
	k.records++
	if r.Kind.Control() {
		k.control++
	}
	switch r.Kind {
	case engine.KindRun:
		k.run()
	case engine.KindCut, engine.KindLift:
		k.cut[r.Person] = r.Kind == engine.KindCut
	case engine.KindPause, engine.KindResume:
		k.paused[r.Program] = r.Kind == engine.KindPause
	case engine.KindIntent:
		k.intent(r)
	case engine.KindOutcome:
		k.outcome(r)
	case engine.KindAdopt:
		k.adopt(r)
	case engine.KindRelease:
		delete(k.managed, engine.Held3{Program: r.Program, Account: r.Account, Entitlement: r.Entitlement})
	case engine.KindLink:
		k.link(r.Program, r.Account, r.Person)
	}
}

func (k *checker) pausedNow() map[string]bool {
	out := map[string]bool{}
	for p, on := range k.paused {
		if on {
			out[p] = true
		}
	}
	return out
}

// run counts absences the way the rules say it: complete runs that miss somebody.
func (k *checker) run() {
	if k.snapshot == nil || !k.snapshot.Proof.Complete() {
		return
	}
	here := map[string]bool{}
	for i := range k.snapshot.People {
		here[k.snapshot.People[i].Key] = true
	}
	for _, p := range k.m.people {
		if _, counted := k.absent[p.Key]; here[p.Key] {
			delete(k.absent, p.Key)
		} else if !counted {
			k.absent[p.Key] = k.snapshot.Now
		}
	}
}

// link [I8]: an account never changes hands.
func (k *checker) link(program, account, person string) {
	if who := k.owner[[2]string{program, account}]; who != "" && who != person {
		k.m.fail("[I8] the account %s of %s moved from %s to %s", account, program, who, person)
	}
	k.owner[[2]string{program, account}] = person
}

func (k *checker) adopt(r *engine.Record) {
	k.managed[engine.Held3{Program: r.Program, Account: r.Account, Entitlement: r.Entitlement}] = true
	undone := k.undone(engine.Entitlement{Program: r.Program, Name: r.Entitlement}) // an undo may want it back
	if say, person := k.wanted(r); person == nil || say != engine.Desired && !undone {
		k.m.fail("[I7] %s/%s of %s was adopted although nobody wants it", r.Program, r.Entitlement, r.Account)
	}
}

func (k *checker) intent(r *engine.Record) {
	k.open[r.Seq] = &openIntent{Record: *r}
	h := engine.Held3{Program: r.Program, Account: r.Account, Entitlement: r.Entitlement}
	switch {
	case r.Op.Takes():
		k.takes(r, h)
	case r.Op.Gives():
		k.gives(r)
		k.managed[h] = true
	}
	k.charge(r)
}

// takes [I1, I7]: every revoke has its proof, and takes what is Rolecall's to take.
func (k *checker) takes(r *engine.Record, h engine.Held3) {
	if r.Cause == engine.CauseCut {
		if !k.cut[r.Person] || r.Entitlement == engine.Exists {
			k.m.fail("[I1] a cut of %s that nobody ordered, or that deletes", r.Person)
		}
		return
	}
	s := k.snapshot
	p, complete := k.seen(r.Person), s != nil && s.Proof.Complete()
	switch {
	case s == nil || k.cut[r.Person]:
		k.m.fail("[I1] a revoke without a read, or beside a cut: %s %s", r.Op, r.Person)
	case r.Cause == engine.CauseMarked && (p == nil || !p.Marked):
		k.m.fail("[I1] %s is revoked as a leaver without a mark", r.Person)
	case r.Cause == engine.CauseAbsent && !k.longAbsent(r.Person):
		k.m.fail("[I1] %s is revoked as absent without proof", r.Person)
	}
	leaver := r.Cause == engine.CauseMarked || r.Cause == engine.CauseAbsent
	if !k.managed[h] && !(leaver && (r.Op == engine.OpSuspend || r.Program == "grp")) {
		k.m.fail("[I7] %s %s/%s of %s, which Rolecall does not manage", r.Op, r.Program, r.Entitlement, r.Account)
	}
	if leaver {
		return
	}
	say, _ := k.wanted(r)
	switch {
	case !complete || !k.listed(r.Program) || p == nil:
		k.m.fail("[I1] %s %s/%s of %s from an incomplete read", r.Op, r.Program, r.Entitlement, r.Person)
	case p.State == engine.StateUnknown || p.State == engine.StateLeft:
		k.m.fail("[I1] %s %s/%s of %s, whose state can't be seen", r.Op, r.Program, r.Entitlement, r.Person)
	case r.Cause == engine.CauseUndo || r.Op == engine.OpSuspend && p.State == engine.StateAway && k.program(r.Program).Away == "suspend":
	case say == engine.Desired || say == engine.Undecided || say == engine.Observed:
		k.m.fail("[I1] %s %s/%s of %s, which policy does not deny", r.Op, r.Program, r.Entitlement, r.Person)
	}
}

// gives [I2]: every grant has a complete entry and a rule that gives it again.
func (k *checker) gives(r *engine.Record) {
	say, p := k.wanted(r)
	switch {
	case k.snapshot == nil || p == nil || k.cut[r.Person]:
		k.m.fail("[I2] %s %s/%s to %s, who is not there or cut off", r.Op, r.Program, r.Entitlement, r.Person)
	case p.State != engine.StateActive && p.State != engine.StateAway && r.Cause != engine.CauseUndo:
		k.m.fail("[I2] %s %s/%s to %s, who is %s", r.Op, r.Program, r.Entitlement, r.Person, p.State)
	case say != engine.Desired && r.Cause != engine.CauseUndo:
		k.m.fail("[I2] %s %s/%s to %s, which no rule gives", r.Op, r.Program, r.Entitlement, r.Person)
	case !k.listed(r.Program):
		k.m.fail("[I2] %s %s/%s to %s from an incomplete list", r.Op, r.Program, r.Entitlement, r.Person)
	}
}

func (k *checker) seen(key string) *engine.Person {
	if k.snapshot == nil {
		return nil
	}
	for i := range k.snapshot.People {
		if p := &k.snapshot.People[i]; p.Key == key {
			return p
		}
	}
	return nil
}

func (k *checker) listed(program string) bool {
	for _, r := range k.snapshot.Readings {
		if r.Program.Name == program {
			return r.Proof.Complete()
		}
	}
	return false
}

func (k *checker) program(name string) *engine.Program {
	i := slices.IndexFunc(k.m.engine.Programs, func(p engine.Program) bool { return p.Name == name })
	return &k.m.engine.Programs[i]
}

func (k *checker) longAbsent(key string) bool {
	first, ok := k.absent[key]
	return ok && k.snapshot.Proof.Complete() && k.seen(key) == nil && k.snapshot.Now.Sub(first) >= k.m.engine.Settings.Apart && k.snapshot.Now.After(first)
}

// wanted is what policy says about a record's holding, with what is implied; Denied where it says nothing.
func (k *checker) wanted(r *engine.Record) (engine.Say, *engine.Person) {
	p := k.seen(r.Person)
	if p == nil {
		return engine.Denied, nil
	}
	return k.m.saysTo(p, r.Program, r.Entitlement), p
}

// saysTo is the strongest of what policy says about an entitlement and all that imply it.
func (m *model) saysTo(p *engine.Person, program, right string) engine.Say {
	best := engine.Denied
	for _, v := range m.policy.Decide(p, m.now, nil, nil) {
		e := m.policy.entitlements[v.Entitlement]
		implies := e.Name == right || right == engine.Exists || right == engine.Active
		if e.Program == program && implies && program != "grp" || e.Program == program && e.Name == right {
			best = min(best, map[engine.Say]engine.Say{engine.Desired: engine.Desired, engine.Observed: engine.Observed, engine.Undecided: engine.Undecided, engine.Denied: engine.Denied}[v.Say])
		}
	}
	return best
}

func (k *checker) outcome(r *engine.Record) {
	i := k.open[r.Of]
	if i == nil || r.Outcome == engine.Uncertain {
		return
	}
	if r.Outcome == engine.Halted {
		i.halted = true
		return
	}
	delete(k.open, r.Of)
	if _, proposed := engine.ProposedName(i.Account); proposed && r.Op == engine.OpCreate && (r.Outcome == engine.Done || r.Outcome == engine.Already) {
		k.link(r.Program, r.Account, r.Person)
		k.rename(r.Program, i.Account, r.Account)
	}
}

// rename follows a proposed account to the id that the program gave it.
func (k *checker) rename(program, from, to string) {
	for _, i := range k.open {
		if i.Program == program && i.Account == from {
			i.Account = to
		}
	}
	for h := range k.managed {
		if h.Program == program && h.Account == from {
			delete(k.managed, h)
			h.Account = to
			k.managed[h] = true
		}
	}
}

// call [I3, I4]: a call starts only with a durable intent, once, unless it takes something from a leaver or somebody cut.
func (k *checker) call(program string, c enginetest.ProgramCall) {
	k.calls++
	for _, seq := range slices.Sorted(maps.Keys(k.open)) {
		i := k.open[seq]
		if i.Program != program || !i.asks(c) {
			continue
		}
		if i.called++; i.halted {
			k.m.fail("[I3] intent %d was tried again after a run that would not make it", i.Seq)
		}
		if i.called > 1 && !(i.Op.Takes() && (i.Class == engine.ChargeLeaver || i.Cause == engine.CauseCut)) {
			k.m.fail("[I3] intent %d was tried twice without reading back", i.Seq)
		}
		if c.Entitlement == engine.Exists && c.Op == "revoke" && k.m.targets[program].Has(c.Account, engine.Active) {
			k.m.fail("[I1] the account %s of %s is deleted while it is active", c.Account, program)
		}
		return
	}
	k.m.fail("[I4] %s %s %q in %s without an intent", c.Op, c.Account, c.Entitlement, program)
}

// asks says whether the call is what the intent is for. An account that the same batch made is still called by its
// proposed name in the intent.
func (i *openIntent) asks(c enginetest.ProgramCall) bool {
	name, proposed := engine.ProposedName(i.Account)
	if c.Op == "create" {
		return proposed && i.Op == engine.OpCreate && name == c.Account
	}
	account := i.Account == c.Account || proposed && (name == c.Account || strings.HasSuffix(c.Account, "-"+name))
	return account && i.Entitlement == c.Entitlement && i.Op.Gives() == (c.Op == "grant")
}

// charge [I6]: in no window more than the floor, but for approvals, cuts and a leaver who is alone in the run.
func (k *checker) charge(r *engine.Record) {
	c := engine.Charge{Time: k.m.now, Person: r.Person, Account: r.Account,
		ChargeKind: engine.ChargeKind{Class: r.Class, Program: r.Program, Entitlement: r.Entitlement, Approved: r.Approved, Cause: r.Cause}}
	k.charges = append(k.charges, c)
	if r.Class == "" || r.Approved || r.Cause == engine.CauseCut || k.snapshot == nil {
		return
	}
	if r.Cause == engine.CauseMarked {
		if k.marked[r.Run] == nil {
			k.marked[r.Run] = map[string]bool{}
		}
		if k.marked[r.Run][r.Person] = true; len(k.marked[r.Run]) == 1 {
			return
		}
	}
	l := k.m.engine.Settings.Limits
	limit, holdings := map[engine.Class]engine.Limit{engine.ChargeRevoke: l.RevokePeople, engine.ChargeLeaver: l.Leavers}[r.Class], l.RevokeHoldings
	if r.Class == engine.ChargeGrant {
		limit, holdings = engine.Limit{Floor: 1 << 30}, l.Grant
	}
	people, held := map[string]bool{}, map[string]bool{}
	before, beforeHeld := 0, 0
	for n, o := range k.charges {
		if n == len(k.charges)-1 {
			before, beforeHeld = len(people), len(held)
		}
		if o.Class == r.Class && !o.Approved && k.snapshot.Now.Sub(o.Time) < 24*time.Hour {
			people[o.Person] = true
			held[strings.Join([]string{o.Program, o.Account, o.Entitlement}, " ")] = true
		}
	}
	if len(people) > max(before, limit.Floor) || r.Class != engine.ChargeLeaver && len(held) > max(beforeHeld, holdings.Floor) {
		k.m.fail("[I6] %s of %s by %s: %d people and %d holdings within a day, against the limits", r.Op, r.Entitlement, r.Cause, len(people), len(held))
	}
}

// step is checked after every event.
func (k *checker) step() {
	for _, name := range k.m.order {
		if n := k.m.targets[name].Overlaps(); n > 0 {
			k.m.fail("[I3] %d calls on one account of %s at once", n, name)
		}
	}
}
