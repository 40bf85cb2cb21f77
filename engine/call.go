package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// call makes one call to the program. A panic, an error without an outcome, or no answer at all is an unknown effect.
func (w *worker) call(ctx context.Context, lease time.Time, c Change) (res Result) {
	if w.pace(ctx, 1) != nil {
		return Result{Outcome: Failed, Err: errStopped}
	}
	ctx, cancel, err := w.begin(ctx, lease, w.callTime())
	if err != nil {
		return Result{Outcome: Failed, Err: err}
	}
	defer cancel()
	Failpoint("call.before")
	res, ok := attempt(ctx, w, func() Result { return w.change(ctx, c) })
	Failpoint("call.after")
	if !ok {
		return Result{Outcome: Uncertain, Err: errLost}
	}
	return res
}

// change is the call itself.
func (w *worker) change(ctx context.Context, c Change) (res Result) {
	defer func() {
		if p := recover(); p != nil {
			res = Result{Outcome: Uncertain, Err: fmt.Errorf("the connector failed: %v", p)}
		}
		res = settle(res)
	}()
	switch right := c.Right(); {
	case c.Op == OpCreate && c.Proposed:
		return w.create(ctx, c)
	case c.Op == OpRename || c.Op == OpUpdate:
		return w.update(ctx, c)
	case c.Op == OpDelete:
		return w.remove(ctx, c)
	case c.Op.Gives():
		res.Outcome, res.Err = w.p.Connector.Grant(ctx, c.Account, right)
	default:
		res.Outcome, res.Err = w.p.Connector.Revoke(ctx, c.Account, right)
	}
	return res
}

func (w *worker) create(ctx context.Context, c Change) (res Result) {
	maker, ok := w.p.Connector.(Creator)
	if !ok || c.New == nil {
		return Result{Outcome: Refused, Err: errors.New("this kind of program can't create accounts; make it by hand")}
	}
	res.ID, res.Outcome, res.Err = maker.Create(ctx, *c.New)
	return res
}

func (w *worker) update(ctx context.Context, c Change) (res Result) {
	u, ok := w.p.Connector.(Updater)
	if !ok || c.New == nil {
		return Result{Outcome: Refused, Err: errors.New("this kind of program can't change accounts; do it by hand")}
	}
	res.Outcome, res.Err = u.Update(ctx, c.Account, *c.New)
	return res
}

// remove deletes an account after reading it: what the plan's list showed may be from before somebody used it again.
func (w *worker) remove(ctx context.Context, c Change) (res Result) {
	held, err := w.held(ctx, c.Account)
	if err != nil {
		return Result{Outcome: Failed, Err: fmt.Errorf("%w: %w", errUnread, err)}
	}
	for _, h := range held {
		if why := keepsAccount(h.Entitlement, c.class()); why != "" {
			return Result{Outcome: Failed, Err: fmt.Errorf("%w: %s", errKept, why)}
		}
	}
	res.Outcome, res.Err = w.p.Connector.Revoke(ctx, c.Account, Exists)
	return res
}

// held is what one account holds now, from the whole list where a program can't read it singly.
func (w *worker) held(ctx context.Context, account string) (out []Holding, err error) {
	if reader, ok := w.p.Connector.(Reader); ok {
		return reader.Account(ctx, account)
	}
	proof, err := w.p.Connector.Holdings(ctx, func(h Holding) error {
		if c, ok := w.p.Connector.(Canonicaler); ok {
			h.Account, h.Entitlement = c.Canonical(h.Account, h.Entitlement)
		}
		if h.Account == account {
			out = append(out, h)
		}
		return nil
	})
	if err == nil && !proof.Complete() {
		err = errors.New(reasonsText(proof.Reasons))
	}
	return out, err
}

// keepsAccount says why an account that holds this must not be deleted: nobody's may be active, and only a leaver's may hold
// what Rolecall does not manage (what it manages was taken before).
func keepsAccount(right string, class Class) string {
	switch {
	case right == Exists:
		return ""
	case right == Active:
		return "it is active again"
	case class != ChargeLeaver:
		return "it holds " + quote(right)
	}
	return ""
}

// settle takes whatever does not clearly say what happened for an unknown effect.
func settle(r Result) Result {
	switch r.Outcome {
	case Done, Already:
		if r.Err != nil {
			return Result{Outcome: Uncertain, Err: r.Err}
		}
	case Failed, Refused:
		if r.Err == nil {
			r.Err = errors.New("no reason was given")
		}
	default:
		r.Outcome = Uncertain
		if r.Err == nil {
			r.Err = errors.New("the connector gave no outcome")
		}
	}
	return r
}
