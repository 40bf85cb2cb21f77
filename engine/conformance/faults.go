package conformance

import (
	"context"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

func (u *Subject) arm(f Fault) bool { return u.Arm != nil && u.Arm(f) }

func (u *Subject) holds(t T, c engine.Call) bool {
	t.Helper()
	return slices.ContainsFunc(u.list(t), func(h engine.Holding) bool {
		return h.Account == c.Account && h.Entitlement == c.Entitlement
	})
}

// After a lost answer only what was read back is certain, and asking again sets it right.
func checkLostAnswer(t T, u *Subject) {
	if u.Wire != nil {
		u.brokenChanges(t, LostRequest, LostAnswer, LostForGood, HalfAnswer, Garbage)
	}
	if u.Arm == nil {
		return
	}
	u.want(t, grant(u.Accounts[1], u.Rights[0]), engine.Done, engine.Already)
	for _, fault := range []Fault{FailBefore, LoseBefore, LoseAfter} {
		for _, c := range []engine.Call{grant(u.Accounts[0], u.Rights[0]), revoke(u.Accounts[1], u.Rights[0])} {
			before := u.state(t)
			if !u.arm(fault) {
				continue
			}
			outcome, err := u.do(context.Background(), c)
			done := u.holds(t, c) == c.Grant
			switch {
			case outcome == engine.Uncertain && err != nil:
			case outcome == engine.Failed && err != nil && !done:
			case outcome == engine.Done && err == nil && done:
			default:
				t.Errorf("fault %s: %s gives %s (%v), and whether it happened is %v", fault, show(c), outcome, err, done)
			}
			u.want(t, c, engine.Done, engine.Already)
			same(t, "after asking again", after(before, c), u.state(t))
			u.want(t, engine.Call{Grant: !c.Grant, Account: c.Account, Entitlement: c.Entitlement}, engine.Done)
		}
	}
}

// A program that says yes and does nothing is found out at once.
func checkLie(t T, u *Subject) {
	calls := []engine.Call{grant(u.Accounts[0], u.Rights[0])}
	if describe(t, u.Connector).Accounts {
		calls = append(calls, revoke(u.Accounts[0], engine.Active))
	}
	for _, c := range calls {
		if !u.arm(Lie) {
			return
		}
		outcome, err := u.do(context.Background(), c)
		if outcome == engine.Done || outcome == engine.Already || err == nil {
			t.Errorf("%s gives %s (%v), though nothing happened", show(c), outcome, err)
		}
	}
}

func checkPartialList(t T, u *Subject) {
	for _, account := range u.Accounts {
		u.want(t, grant(account, u.Rights[0]), engine.Done)
	}
	if u.Wire != nil {
		u.brokenLists(t, LostRequest, LostAnswer, LostForGood, HalfAnswer, Garbage)
		u.cutLists(t)
	}
	for _, fault := range []Fault{Unreachable, BreakList, PartialList, HidePart} {
		if !u.arm(fault) {
			continue
		}
		if got, proof, err := u.tryList(context.Background()); err == nil && proof.Complete() {
			t.Errorf("fault %s: %d holdings are taken for all", fault, len(got))
		}
		u.arm(NoFault)
	}
	u.state(t)
}

func checkBroken(t T, u *Subject) {
	before := u.state(t)
	whole := u.Connector
	for i, broken := range u.Broken {
		u.Connector = broken
		if _, proof, err := u.tryList(context.Background()); err == nil && proof.Complete() {
			t.Errorf("broken connector %d claims to have read everything", i)
		}
		for _, c := range []engine.Call{grant(u.Accounts[0], u.Rights[0]), revoke(u.Accounts[0], u.Rights[0])} {
			u.want(t, c, engine.Failed, engine.Uncertain, engine.Refused)
		}
	}
	u.Connector = whole
	same(t, "after calls by broken connectors", before, u.state(t))
}
