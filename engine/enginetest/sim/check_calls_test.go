package sim

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func (k *checker) outcome(r *engine.Record, planned bool) {
	k.ok(I3)
	i := k.open[r.Of]
	if i == nil {
		k.m.fail(I3, "record %d is an outcome of intent %d, which was closed before", r.Seq, r.Of)
		return
	}
	if planned {
		k.readBack(i, r)
	} else {
		k.worked(i, r)
	}
	if r.Outcome == engine.Withdrawn && i.called > 0 {
		k.m.fail(I3, "intent %d was withdrawn after it was tried", i.Seq)
	}
	k.failed(i, r, planned)
	if r.Outcome == engine.Uncertain {
		i.lease = k.m.now
		return
	}
	if r.Outcome == engine.Halted {
		i.halted = true
		return
	}
	delete(k.open, r.Of)
	if r.Outcome == engine.Done || r.Outcome == engine.Already {
		k.sure[held(r)] = r.Op.Gives()
	}
	if r.Entitlement == engine.Active && r.Op.Gives() {
		k.made[account{r.Program, r.Account}] = k.m.now
	}
	if _, proposed := engine.ProposedName(i.Account); proposed && r.Op == engine.OpCreate && (r.Outcome == engine.Done || r.Outcome == engine.Already) {
		k.link(r.Program, r.Account, r.Person)
		k.rename(r.Program, i.Account, r.Account)
	}
}

// rename follows a proposed account to the id that the program gave it.
func (k *checker) rename(program, from, to string) {
	k.made[account{program, from}] = k.m.now
	delete(k.failing, effect{engine.Held3{Program: program, Account: from, Entitlement: engine.Exists}, engine.OpCreate.Effect()})
	for _, i := range k.open {
		if i.Program == program && i.Account == from {
			i.Account = to
		}
	}
	for key, f := range k.facts {
		if key.Program == program && key.Account == from {
			delete(k.facts, key)
			key.Account, f.Account = to, to
			k.facts[key] = f
		}
	}
	for h, last := range k.last {
		if h.Program == program && h.Account == from {
			delete(k.last, h)
			h.Account = to
			k.last[h] = last
		}
	}
	for h := range k.managed {
		if h.Program == program && h.Account == from {
			k.rules[engine.Held3{Program: program, Account: to, Entitlement: h.Entitlement}] = k.rules[h]
			delete(k.managed, h)
			h.Account = to
			k.managed[h] = true
		}
	}
}

// claimed [I15]: nobody works in a program that is paused; [I3] and nothing is handed out again without reading back, but
// for what may be repeated, nor after somebody said that it would not be made again.
//
// That is checked where work is handed out, not where a call starts. the design 2 on what would not be made again: "an
// unclaimed one [is withdrawn] at once; a claimed one is only read back, never retried, and until then the opposite change
// on that account waits". So a claim that is older than the decision is under way for as long as its lease: whoever decides
// can't know whether its call has begun, and no lock is held across a call (the design 4.6), so a second look before the call
// would leave the same gap. What must not be is a claim after the decision, or a second call under one claim; call checks
// the latter, and that no call starts after the lease.
func (k *checker) claimed(r engine.ClaimRequest, intents []engine.Intent) {
	k.ok(I15)
	if k.paused[""] || k.paused[r.Program] {
		k.m.fail(I15, "%d changes are begun in %s, which is paused", len(intents), r.Program)
	}
	for n := range intents {
		k.ok(I3)
		i := k.open[intents[n].Seq]
		if i == nil {
			k.m.fail(I3, "intent %d is handed out, and is not open", intents[n].Seq)
			continue
		}
		if !i.lease.IsZero() && !i.repeatable() {
			k.m.fail(I3, "intent %d is handed out again without reading back", i.Seq)
		}
		if i.halted {
			k.m.fail(I3, "intent %d is handed out after a run that would not make it", i.Seq)
		}
		if i.Cause == engine.CauseCut && !k.cut[i.Person] {
			k.m.fail(I3, "intent %d is handed out after the cut was lifted", i.Seq)
		}
		k.free(i)
	}
	k.claims++
	for n := range intents {
		if i := k.open[intents[n].Seq]; i != nil {
			ends := intents[n].Lease.Add(-k.m.cur.wrong)
			i.lease, i.leased, i.ahead, i.now, i.claim = ends, ends, k.m.cur.wrong > 0, 0, k.claims
		}
	}
}

// leased: somebody may still act on an intent.
func (k *checker) leased() bool {
	for _, i := range k.open {
		if i.leased.After(k.m.now.Add(-time.Minute)) {
			return true
		}
	}
	return false
}

// free [I3]: an account is worked on by one at a time, and so are all of a person while one of them is being made.
func (k *checker) free(i *openIntent) {
	made := func(o *openIntent) bool { return strings.HasPrefix(o.Account, engine.ProposedPrefix) }
	for _, o := range k.open {
		same := o.Account == i.Account || o.Person == i.Person && (made(i) || made(o))
		if o.ahead { // a lease that ends so late counts as ended
			continue
		}
		if o.Program == i.Program && same && o.lease.After(k.m.now.Add(5*time.Second)) {
			k.m.fail(I3, "intent %d is handed out while intent %d on the same account, or on another one of its person's, is under way", i.Seq, o.Seq)
		}
	}
}

// call [I3, I4, I5]: a call starts only with a durable intent, once, unless it takes something from a leaver or somebody
// cut, and while the lease lasts long enough. A call of a connector began when it was given its time: the account that is deleted is
// read first, within the same time.
func (k *checker) call(program string, c enginetest.ProgramCall, began time.Time) {
	k.calls++
	k.ok(I3)
	k.ok(I4)
	k.ok(I5)
	i := k.asking(program, c)
	if i == nil {
		k.m.fail(I4, "%s %s %q in %s without an intent", c.Op, c.Account, c.Entitlement, program)
		return
	}
	k.calling = i
	if i.called++; i.called > 1 {
		k.repeats++
	}
	i.unsure, i.at = false, k.m.now
	k.suspendFirst(i)
	if i.now++; i.now > 1 {
		k.m.fail(I3, "intent %d (%s %s/%s of %s, by %s) was tried twice under one claim", i.Seq, i.Op, i.Program, i.Entitlement, i.Account, i.Cause)
	}
	if i.called > 1 && !i.repeatable() {
		k.m.fail(I3, "intent %d was tried twice without reading back", i.Seq)
	}
	if left := i.lease.Sub(began); left < 30*time.Second { // the time that a call may take
		k.m.fail(I5, "a call for intent %d starts with %s of its lease left", i.Seq, left)
	}
	if c.Entitlement == engine.Exists && c.Op == "revoke" {
		k.deletes(program, c.Account, i)
	}
}

// called: the call takes effect now, if it does; it may have taken long.
func (k *checker) called() {
	if k.calling != nil {
		k.calling.at = k.m.now
	}
}

// suspendFirst [I1]: a leaver's account is suspended before anything else is taken from it.
func (k *checker) suspendFirst(i *openIntent) {
	if i.Op != engine.OpRevoke || i.Class != engine.ChargeLeaver {
		return
	}
	k.ok(I1)
	for _, o := range k.open {
		if o.Program == i.Program && o.Account == i.Account && o.Run == i.Run && o.Op == engine.OpSuspend && o.called == 0 && o.claim == i.claim {
			k.m.fail(I1, "%s is taken from the leaver's account %s of %s before it is suspended", i.Entitlement, i.Account, i.Program)
		}
	}
}

// lost: the answer to the call that is being made never comes.
func (k *checker) lost() {
	if k.calling != nil {
		k.calling.unsure = true
	}
}

// asking finds the intent that a call is for: one that somebody has, first, since another one may ask for the same on an
// account that was seen before the outcome of its creation was recorded.
func (k *checker) asking(program string, c enginetest.ProgramCall) (found *openIntent) {
	best := -1
	for _, seq := range slices.Sorted(maps.Keys(k.open)) {
		i := k.open[seq]
		if i.Program != program || !i.asks(c, k.bornAs[account{program, c.Account}]) {
			continue
		}
		fits := 0
		if i.lease.After(k.m.now) {
			fits += 2
		}
		if i.Account == c.Account {
			fits++
		}
		if fits > best {
			found, best = i, fits
		}
	}
	return found
}

func (i *openIntent) repeatable() bool {
	return i.Op.Takes() && (i.Class == engine.ChargeLeaver || i.Cause == engine.CauseCut)
}

// asks says whether the call is what the intent is for. An account that the same batch made is still called by its
// proposed name in the intent; born is the name under which the account was made.
func (i *openIntent) asks(c enginetest.ProgramCall, born string) bool {
	name, proposed := engine.ProposedName(i.Account)
	switch c.Op {
	case "create":
		return proposed && i.Op == engine.OpCreate && name == c.Account
	case "update":
		return i.Op == engine.OpRename && i.Account == c.Account
	}
	account := i.Account == c.Account || proposed && (name == c.Account || name == born || strings.HasSuffix(c.Account, "-"+name))
	return account && i.Entitlement == c.Entitlement && (i.Op.Gives() && c.Op == "grant" || i.Op.Takes() && c.Op == "revoke")
}

// deletes [I1]: an account is deleted only after it was suspended, and without what nobody may take from it.
func (k *checker) deletes(program, id string, i *openIntent) {
	k.ok(I1)
	t := k.m.program(program)
	if t.Has(id, engine.Active) {
		k.m.fail(I1, "the account %s of %s is deleted while it is active", id, program)
	}
	for _, right := range []string{"x", "y", "z"} {
		if t.Has(id, right) && i.Class != engine.ChargeLeaver {
			k.m.fail(I7, "the account %s of %s is deleted while it holds %s", id, program, right)
		}
	}
}

// failed keeps what is known of failures [I12].
func (k *checker) failed(i *openIntent, r *engine.Record, planned bool) {
	e := effect{engine.Held3{Program: r.Program, Account: r.Account, Entitlement: r.Entitlement}, r.Op.Effect()}
	switch {
	case r.Outcome == engine.Done || r.Outcome == engine.Already:
		delete(k.failing, e)
	case (r.Outcome == engine.Failed || r.Outcome == engine.Refused) && i.now > 0 && !planned:
		at := k.m.now
		if len(r.Set) > 0 {
			at = r.Set[0].Since
		}
		k.failing[e] = failures{k.failing[e].n + 1, at}
	}
}

// backOff [I12]: what failed is not tried again and again.
func (k *checker) backOff(r *engine.Record) {
	k.ok(I12)
	f, ok := k.failing[effect{held(r), r.Op.Effect()}]
	if !ok || r.Cause == engine.CauseCut || r.Op == engine.OpRename {
		return
	}
	if f.at.After(k.planTime()) { // it failed between plan and commit, which makes no plan stale; the next run knows
		return
	}
	if wait := min(24*time.Hour, time.Minute<<min(f.n-1, 11)); k.m.now.Sub(f.at) < wait-4*time.Second {
		k.m.fail(I12, "%s %s/%s of %s is tried %s after failing for the %d. time", r.Op, r.Program, r.Entitlement, r.Account, k.m.now.Sub(f.at), f.n)
	}
}

// intentsFirst [I4]: there were never more calls than intents, but for those that may be repeated.
func (k *checker) intentsFirst() {
	if k.ok(I4); k.calls-k.repeats > k.intents {
		k.m.fail(I4, "%d calls, %d of them repeated, for %d intents", k.calls, k.repeats, k.intents)
	}
}

// overlaps [I3]: no account has two calls at once.
func (k *checker) overlaps() {
	k.ok(I3)
	for _, p := range k.m.programs {
		if n := p.Overlaps(); n > 0 {
			k.m.fail(I3, "%d calls on one account of %s at once", n, p.Name)
		}
	}
}

// guarded [I5]: whoever commits a plan is still the leader, and nothing was decided since it read the journal.
func (k *checker) guarded(g engine.Guard) {
	k.ok(I5)
	if g.Epoch != 0 && g.Epoch != k.epoch {
		k.m.fail(I5, "a plan of leader %d was committed while %d leads", g.Epoch, k.epoch)
	}
	if g.Control >= 0 && k.control != k.m.cur.seen.control {
		k.m.fail(I5, "a stale plan was committed")
	}
}
