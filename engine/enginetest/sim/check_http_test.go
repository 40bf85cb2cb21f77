package sim

import (
	"context"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// begin notes calls of a connector, which may each be several requests, and gives what ends them. What is promised of a call is checked
// when the engine makes it, as it is for a program in memory, and what is promised of its requests when they arrive, by sends.
func (t *overSCIM) begin(ctx context.Context, calls ...enginetest.ProgramCall) (end func()) {
	m, before, was := t.p.m, t.calls, t.p.m.check.calling
	if m.cur.dead { // what a dead process does has no effect
		return func() {}
	}
	m.mend()
	for _, c := range calls {
		if t.p.busy[c.Account] > 0 {
			t.p.overlaps++
		}
	}
	for _, c := range calls {
		t.p.busy[c.Account]++
		m.note(t.p.Name, c.Op, c.Account, c.Entitlement)
		m.watchCall(c, t.p.Name)
		m.check.calling = nil
		m.check.call(t.p.Name, c, t.began)
		m.check.inTime(ctx)
		t.calls = append(t.calls, &calling{ProgramCall: c, intent: m.check.calling})
	}
	return func() {
		for _, c := range calls {
			t.p.busy[c.Account]--
		}
		t.calls, m.check.calling = before, was
	}
}

// inTime [I5]: a call of a connector ends before its lease does. The engine measures that by the real clock, of which only so much
// is looked at as can't differ from one play to the next.
func (k *checker) inTime(ctx context.Context) {
	i := k.calling
	if i == nil {
		return
	}
	k.ok(I5)
	if ends, ok := ctx.Deadline(); !ok || time.Until(ends) > i.lease.Sub(k.m.now)+2*time.Second {
		k.m.fail(I5, "a call for intent %d may go on after its lease", i.Seq)
	}
}

// sends [I1, I3, I4, I5]: a request changes what calls that are under way are to change and nothing else, within their time, not
// again once nobody knows what an earlier one did, and a leaver's account is suspended before anything is taken from it.
func (t *overSCIM) sends(changes []enginetest.ProgramCall) (asked []*calling) {
	m := t.p.m
	for _, c := range changes {
		m.check.ok(I3)
		m.check.ok(I4)
		m.check.ok(I5)
		call := t.asking(c)
		switch {
		case call == nil:
			m.fail(I4, "the connector of %s sends %s %s %q, for which there is no call", t.p.Name, c.Op, c.Account, c.Entitlement)
			continue
		case call.unsure:
			m.fail(I3, "the connector of %s sends %s %s %q again, although nobody knows what came of it", t.p.Name, c.Op, c.Account, c.Entitlement)
		case t.late():
			m.fail(I5, "the connector of %s sends %s %s %q after its time", t.p.Name, c.Op, c.Account, c.Entitlement)
		}
		t.suspendSentFirst(call)
		call.sent = true
		asked = append(asked, call)
	}
	return asked
}

func (t *overSCIM) asking(c enginetest.ProgramCall) *calling {
	for _, call := range t.calls {
		if call.Op == c.Op && call.Account == c.Account && call.Entitlement == c.Entitlement {
			return call
		}
	}
	return nil
}

// suspendSentFirst [I1]: within a batch, too.
func (t *overSCIM) suspendSentFirst(c *calling) {
	if c.intent == nil || c.intent.Op != engine.OpSuspend || c.intent.Class != engine.ChargeLeaver {
		return
	}
	t.p.m.check.ok(I1)
	for _, o := range t.calls {
		if o.Account == c.Account && o.sent && o.intent != nil && o.intent.Op == engine.OpRevoke && o.intent.Run == c.intent.Run {
			t.p.m.fail(I1, "%s was taken from the leaver's account %s of %s before it is suspended", o.Entitlement, o.Account, t.p.Name)
		}
	}
}

// told [I3]: what the connector says came of a call is so, since it reads back whatever it changes: what is done is there, and what
// failed had no effect. In a batch something else may have happened after a call.
func (t *overSCIM) told(n int, account string, outcome engine.Outcome) {
	m := t.p.m
	if n >= len(t.calls) || m.cur.dead {
		return
	}
	c := t.calls[n]
	right, on := c.Entitlement, c.Op != "revoke"
	if c.Op == "create" || c.Op == "update" {
		right = engine.Exists
	}
	is := t.p.Has(account, right)
	m.check.ok(I3)
	switch sure := t.p.Describes.Lag == 0 && (len(t.calls) == 1 || !t.d.hurt); {
	case (outcome == engine.Done || outcome == engine.Already) && sure && is != on:
		m.fail(I3, "the connector of %s says that %s %s %q is %s, and it is not", t.p.Name, c.Op, account, right, outcome)
	case (outcome == engine.Failed || outcome == engine.Refused) && c.took:
		m.fail(I3, "the connector of %s says that %s %s %q is %s, and it took effect", t.p.Name, c.Op, account, right, outcome)
	}
}

// whole [I1]: a list that says that it is complete shows what the program shows, whatever happened on the way. Where lists lag and groups
// are read singly, as they are now, it is of two times.
func (t *overSCIM) whole(l *list, complete bool) {
	m := t.p.m
	if m.check.ok(I1); !complete || l.hidden || t.p.Describes.Lag > 0 && !t.wired.members {
		return
	}
	n := 0
	for _, h := range t.p.Shown() {
		if n++; !l.held[[2]string{h.Account, h.Entitlement}] {
			m.fail(I1, "the list of %s lacks %s of %s, and says that it is complete", t.p.Name, h.Entitlement, h.Account)
		}
	}
	if n != len(l.held) {
		m.fail(I1, "the list of %s shows %d of %d, and says that it is complete", t.p.Name, len(l.held), n)
	}
}

// Overlaps counts calls on one account at once.
func (p *program) Overlaps() int { return p.Program.Overlaps() + p.overlaps }
