package sim

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// books are what the rules of the design section 3 are checked by, from the records and from what happened in the programs.
type books struct {
	facts    map[engine.FactKey]noted // of the kinds that later runs must have seen
	cleared  map[engine.FactKey]noted // in the append that is looked at
	appends  int
	suspends map[account]*suspension
	last     map[engine.Held3]*policy // managed → the policy that last desired it, without extras; nil: nobody here knows
	sure     map[engine.Held3]bool    // was in effect, and Rolecall has not taken it since
	ran      time.Time                // when the run before the one that is looked at began
	runAt    time.Time
	repairs  map[engine.Held3][]time.Time
	lines    map[string]*waitingLine // by item
	texts    map[string]*textOfItem  // by item
	ends     map[string]int          // item → the append that first said that its reason is gone
	decided  map[string]engine.Record
	wave     map[string]*taken // run → what it takes because of the policy
	rules    map[engine.Held3][]string
	claims   int
	calling  *openIntent
	repeats  int
	applied  map[string]bool // reviewed plans
	undos    bool            // something was, in this history
}

// noted is a fact, and in which append it was recorded first.
type noted struct {
	engine.Fact
	at int
}

// suspension is an account that is not active.
type suspension struct {
	at     time.Time // when that was recorded, or read first
	by     string    // rolecall, hand or other
	known  bool      // a complete read of a run has shown it
	wanted bool      // since it is suspended, its person was to have it again
}

// waitingLine is what an item waits for.
type waitingLine struct {
	line
	cause  engine.Cause
	rules  string
	policy string // under which it began to wait
	waits  bool   // and is not decided
}

type taken struct {
	people   map[string]bool
	holdings int
}

func newBooks() books {
	return books{facts: map[engine.FactKey]noted{}, suspends: map[account]*suspension{}, last: map[engine.Held3]*policy{}, sure: map[engine.Held3]bool{}, repairs: map[engine.Held3][]time.Time{},
		lines: map[string]*waitingLine{}, ends: map[string]int{}, texts: map[string]*textOfItem{}, decided: map[string]engine.Record{}, wave: map[string]*taken{}, rules: map[engine.Held3][]string{}, applied: map[string]bool{}}
}

// remember keeps facts. When one was recorded first tells whether a run could have known of it.
func (k *checker) remember(r *engine.Record) {
	for _, f := range r.Set {
		switch f.Kind {
		case engine.FactUndesired, engine.FactMissing, engine.FactExpiry:
			at := k.appends
			if old, ok := k.facts[f.FactKey]; ok {
				at = old.at
			}
			k.facts[f.FactKey] = noted{f, at}
		}
	}
	for _, key := range r.Clear {
		if f, ok := k.facts[key]; ok {
			k.cleared[key] = f
			delete(k.facts, key)
		}
	}
}

// known: the fact was recorded before this append, and is still there or ends with it.
func (k *checker) known(key engine.FactKey) (noted, bool) {
	f, ok := k.facts[key]
	if !ok {
		f, ok = k.cleared[key]
	}
	return f, ok && f.at < k.appends
}

func factOf(kind string, h engine.Held3) engine.FactKey {
	return engine.FactKey{Kind: kind, Program: h.Program, Account: h.Account, Entitlement: h.Entitlement}
}

// began looks at what a run of everything has read, before its records are looked at.
func (k *checker) began() {
	d := k.m.cur
	whole := d.seen.read != nil && d.seen.read.whole
	for _, p := range k.m.programs {
		if l := d.seen.lists[p.Name]; l != nil && l.complete && p.Name != "grp" {
			k.suspendsSeen(p, l, whole)
		}
		if l := d.seen.lists[p.Name]; l != nil && l.complete && !l.hidden {
			p.hid = false
		}
	}
	k.reached()
	k.lastDesired()
}

// lastDesired keeps the policy of each holding. the design 3: "each holding remembers the policy under which it was last
// desired". Nothing is desired for who is cut off, or not there, so what a policy would have given them while they were is
// not what they lose when they are back under the next one.
func (k *checker) lastDesired() {
	wanted, now := k.wantedNow(), k.m.pol
	// the design 3: an approval "covers exactly the approved items". This model does not know whether it was this read, without
	// an attribute, that was approved, so whether what it shows is desired.
	if r := k.m.cur.seen.read; r != nil && (r.fault == "attribute gone" || r.thin) {
		now = nil
	}
	for h := range k.managed {
		l := k.m.cur.seen.lists[h.Program]
		gone := l != nil && l.complete && !l.held[[2]string{h.Account, h.Entitlement}] && !k.taking(h)
		switch {
		case wanted[engine.Held3{Program: h.Program, Account: k.ownerOf(h), Entitlement: h.Entitlement}]:
			k.last[h] = now
		case gone && !k.sure[h]: // it may never have been there; nobody here knows which policy counts if it comes back
			k.last[h] = nil
		}
	}
}

// wantedNow is what the read of the run that works now shows to be desired: program, person and right.
func (k *checker) wantedNow() map[engine.Held3]bool {
	r, pol, out := k.m.cur.seen.read, k.m.policyNow(), map[engine.Held3]bool{}
	if r == nil || !r.entries {
		return out
	}
	for key, p := range r.people {
		if k.cut[key] {
			continue
		}
		for _, v := range pol.Decide(p, k.planTime(), nil, nil) {
			if e := pol.entitlements[v.Entitlement]; v.Say == engine.Desired {
				out[engine.Held3{Program: e.Program, Account: key, Entitlement: e.Name}] = true
				if e.Program != "grp" {
					out[engine.Held3{Program: e.Program, Account: key, Entitlement: engine.Active}] = true
					out[engine.Held3{Program: e.Program, Account: key, Entitlement: engine.Exists}] = true
				}
			}
		}
	}
	return out
}

// reached: what came about by another change does not fail any more.
func (k *checker) reached() {
	for e := range k.failing {
		l := k.m.cur.seen.lists[e.Program]
		if l == nil || !l.complete {
			continue
		}
		there := l.held[[2]string{e.Account, e.Entitlement}]
		if name, proposed := engine.ProposedName(e.Account); proposed {
			there = l.names[name]
		}
		if there == (e.kind == "gives") && e.kind != "rename" {
			delete(k.failing, e)
		}
	}
}

// taking: an intent is open that takes the holding.
func (k *checker) taking(h engine.Held3) bool {
	for _, i := range k.open {
		if i.Op.Takes() && held(&i.Record) == h {
			return true
		}
	}
	return false
}

// planTime is when the run that works now looked at the clock, all but the skew of its daemon.
func (k *checker) planTime() time.Time {
	if r := k.m.cur.seen.read; r != nil {
		return r.at
	}
	return k.m.now
}

// listTime is when the list of a program began to be read, which may be a while after the run looked at the clock: the directory is
// read first, and may be slow.
func (k *checker) listTime(program string) time.Time {
	if l := k.m.cur.seen.lists[program]; l != nil {
		return l.at
	}
	return k.planTime()
}

func (k *checker) ownerOf(h engine.Held3) string {
	if h.Program == "grp" {
		return h.Account
	}
	return k.owner[account{h.Program, h.Account}]
}

// suspendsSeen follows which accounts are suspended, as complete lists show it.
func (k *checker) suspendsSeen(p *program, l *list, whole bool) {
	for h := range l.held {
		if h[1] != engine.Exists {
			continue
		}
		a := account{p.Name, h[0]}
		s := k.suspends[a]
		switch active := l.held[[2]string{h[0], engine.Active}]; {
		case active && s != nil && l.at.After(s.at.Add(p.Describes.Lag)):
			delete(k.suspends, a)
		case !active && s == nil:
			k.suspends[a] = &suspension{at: k.planTime(), by: "other", known: true}
		case !active && s.known:
			k.wanted(a, s, whole)
		case !active: // the wait counts from here; what this read shows of the person is no "again"
			if s.known = true; s.by == "hand" {
				s.at = k.planTime()
			}
		}
	}
}

// wanted: the wait before a delete begins anew when the person is to have the account again.
func (k *checker) wanted(a account, s *suspension, whole bool) {
	who := k.believed(k.owner[a])
	if k.undos || len(k.accountsOf(a.program, k.owner[a])) > 1 { // it may be another account that is wanted
		s.wanted = false
		return
	} else if !whole {
		return
	}
	// the design 3: an approval "covers exactly the approved items". This model does not know which smaller read was approved, so one
	// that needs an approval tells nothing for certain.
	sure := k.m.cur.seen.read.sure
	switch is := who != nil && who.State == engine.StateActive && !k.cut[who.Key] && k.m.policyNow().says(who, k.planTime(), a.program, engine.Active) == engine.Desired; {
	case is:
		s.wanted = s.wanted || sure
	case s.wanted && !sure:
		s.wanted = false
	case s.wanted:
		s.wanted, s.at = false, k.planTime()
	}
}

// endWanted: who is cut off is not to have an account, so the wait before its delete begins.
func (k *checker) endWanted(r *engine.Record) {
	for a, who := range k.owner {
		if s := k.suspends[a]; who == r.Person && s != nil && s.wanted && k.cut[who] {
			s.wanted, s.at = false, k.m.now
		}
	}
}

// handSuspends: somebody suspends an account by hand, which Rolecall is not to resume.
func (k *checker) handSuspends(program, id string) {
	if a := (account{program, id}); k.suspends[a] == nil {
		k.suspends[a] = &suspension{at: k.m.now, by: "hand"}
	}
}

// suspended: Rolecall recorded that it has suspended an account.
func (k *checker) suspended(i *openIntent, r *engine.Record) {
	a := account{r.Program, r.Account}
	s := k.suspends[a]
	if s == nil {
		s = &suspension{by: "other"}
		k.suspends[a] = s
	}
	s.known = true
	if s.at = i.at; r.Outcome == engine.Done {
		s.by = "rolecall"
	}
}

// decidedAnew [I3]: what nobody has begun and a run leaves open is what that run would do, too; what was begun on a leaver or
// somebody cut off and the run would not do is halted.
func (k *checker) decidedAnew(first int64) {
	for _, seq := range slices.Sorted(maps.Keys(k.open)) {
		i := k.open[seq]
		if i.Seq >= first || i.Op == engine.OpRename {
			continue
		}
		k.ok(I3)
		switch {
		case i.lease.IsZero() && !k.again(i):
			k.m.fail(I3, "intent %d (%s %s/%s of %s) stays open although this run would not make it", i.Seq, i.Op, i.Program, i.Entitlement, i.Account)
		case !i.lease.IsZero() && i.repeatable() && !i.halted && k.staysHere(i):
			k.m.fail(I3, "intent %d (%s %s/%s of %s) may still be repeated, although %s has not left", i.Seq, i.Op, i.Program, i.Entitlement, i.Account, i.Person)
		}
	}
}

// staysHere: the person is shown, without a mark, and is not cut off; or the intent deletes and there is only a cut.
func (k *checker) staysHere(i *openIntent) bool {
	if k.cut[i.Person] {
		return i.Entitlement == engine.Exists
	}
	r := k.m.cur.seen.read
	p := r.people[i.Person]
	return p != nil && (!p.Marked || !r.marks)
}

// again says whether the run that is committed now would make an intent, too.
func (k *checker) again(i *openIntent) bool {
	read, p := k.m.cur.seen.read, k.believed(i.Person)
	if i.Op.Gives() {
		return p != nil && !k.cut[i.Person] && k.listed(i.Program) &&
			(i.Cause == engine.CauseUndo || k.undone(held(&i.Record)) || k.m.policyNow().says(p, k.planTime(), i.Program, i.Entitlement) == engine.Desired)
	}
	shown := read.people[i.Person]
	switch {
	case k.cut[i.Person]:
		return i.Entitlement != engine.Exists
	case shown != nil && shown.Marked && read.marks, k.longAbsent(i.Person, read):
		return true
	case p == nil || !read.whole || !k.listed(i.Program) || p.State == engine.StateUnknown || p.State == engine.StateLeft:
		return false
	case i.Class == engine.ChargeLeaver: // whoever has not left is charged to another budget, so it would be another change
		return false
	case i.Cause == engine.CauseUndo || k.undone(held(&i.Record)) || i.Op == engine.OpSuspend && p.State == engine.StateAway && k.program(i.Program).Away == "suspend":
		return true
	}
	return k.m.policyNow().says(p, k.planTime(), i.Program, i.Entitlement) == engine.Denied
}

// waits [I3]: while a change of an account is under way and nobody knows how it ended, the opposite one waits, but for cuts.
func (k *checker) waits(r *engine.Record) {
	if r.Cause == engine.CauseCut || r.Op == engine.OpRename {
		return
	}
	k.ok(I3)
	for _, i := range k.open {
		opposite := i.Op.Gives() && r.Op.Takes() || i.Op.Takes() && r.Op.Gives()
		if i.Program == r.Program && i.Account == r.Account && opposite && i.claim > 0 && i.claim <= k.m.cur.seen.claims {
			k.m.fail(I3, "%s %s/%s of %s, while %s %s of it is under way (intent %d)", r.Op, r.Program, r.Entitlement, r.Account, i.Op, i.Entitlement, i.Seq)
		}
	}
}

// worked [I3]: whoever called says what it knows. An answer that was lost is neither a success nor a failure.
func (k *checker) worked(i *openIntent, r *engine.Record) {
	k.ok(I3)
	looked := r.Op == engine.OpDelete && len(r.Why) > 0 && strings.Contains(r.Why[0], "is not deleted") // it was read, and is there
	if i.unsure && !looked && (r.Outcome == engine.Done || r.Outcome == engine.Already || r.Outcome == engine.Failed || r.Outcome == engine.Refused) {
		k.m.fail(I3, "the outcome of intent %d is %q, and nobody knows it", i.Seq, r.Outcome)
	}
	if i.called > 1 && !looked && (r.Outcome == engine.Failed || r.Outcome == engine.Refused) {
		k.m.fail(I3, "intent %d was tried before, nobody knows with what effect, and the outcome is %q", i.Seq, r.Outcome)
	}
	if r.Op.Takes() && (r.Outcome == engine.Done || r.Outcome == engine.Already) { // what comes back was given by somebody else
		k.last[held(r)] = nil
	}
	if r.Op.Gives() && r.Entitlement == engine.Active && (r.Outcome == engine.Done || r.Outcome == engine.Already) {
		delete(k.suspends, account{r.Program, r.Account}) // the wait counts from the first complete read that shows it suspended again
	}
	if r.Op == engine.OpSuspend && (r.Outcome == engine.Done || r.Outcome == engine.Already) {
		k.suspended(i, r)
	}
}

// readBack [I3]: a run tells how a call ended only from a complete list that it read after the call was certainly over.
func (k *checker) readBack(i *openIntent, r *engine.Record) {
	if len(r.Why) == 0 || !strings.HasPrefix(r.Why[0], "read back") {
		return
	}
	k.ok(I3)
	if !k.listed(r.Program) {
		k.m.fail(I3, "intent %d was read back from an incomplete list", i.Seq)
	}
	end := i.lease
	if i.leased.Before(end) { // somebody came back late, after the list was read
		end = i.leased
	}
	if i.claim > k.m.cur.seen.claims {
		k.m.fail(I3, "intent %d was read back although it was handed out again since the run looked", i.Seq)
	}
	at := k.listTime(r.Program)
	if over := end.Add(k.m.program(r.Program).Describes.Lag); at.Before(over.Add(-4 * time.Second)) {
		k.m.fail(I3, "intent %d was read back %s before the list could tell", i.Seq, over.Sub(at))
	}
}
