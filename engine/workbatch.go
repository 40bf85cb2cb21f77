package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// batch makes the calls of a program that takes many at once. The outcomes are written while the next batch is made.
func (w *worker) batch(ctx context.Context, b Batcher, intents []Intent) {
	records := w.rounds(ctx, b, intents)
	if w.e.OneByOne {
		w.fail(w.record(ctx, intents, records))
		return
	}
	w.writing <- struct{}{}
	w.flight.Go(func() {
		defer func() { <-w.writing }()
		w.fail(w.record(ctx, intents, records))
	})
}

// rounds makes accounts in a first round, since the rest needs their ids; within a round calls keep their order.
func (w *worker) rounds(ctx context.Context, b Batcher, intents []Intent) (records []Record) {
	var first, rest, singly []Intent
	for _, i := range intents {
		notNow := w.notNow(ctx, &i, &i.Change)
		switch {
		case notNow != nil:
			records = append(records, w.outcome(i, i.Change, Result{Outcome: Failed, Err: notNow}))
		case i.Change.Op == OpRename || i.Change.Op == OpUpdate || i.Change.Op == OpDelete:
			i.Change.basis = &basis{class: i.Class}
			singly = append(singly, i)
		case i.Change.Op == OpCreate && i.Change.Proposed:
			first = append(first, i)
		default:
			rest = append(rest, i)
		}
	}
	made, broken := map[string]string{}, map[string]bool{}
	for n, res := range w.round(ctx, b, first) {
		account := first[n].Change.Account
		made[account], broken[account] = afterCreate(res)
		w.seats.madeAs(account, made[account])
		records = append(records, w.outcome(first[n], first[n].Change, res))
	}
	rest, lost := withoutAccount(rest, made, broken)
	for _, i := range lost {
		records = append(records, w.outcome(i, i.Change, Result{Outcome: Failed, Err: errNoAccount}))
	}
	for n := range rest {
		if id := made[rest[n].Change.Account]; id != "" {
			rest[n].Change.Account, rest[n].Change.Proposed = id, false
		}
	}
	slices.SortStableFunc(rest, func(x, y Intent) int { return cmp.Compare(opOrder(&x.Change), opOrder(&y.Change)) })
	for n, res := range w.round(ctx, b, rest) {
		records = append(records, w.outcome(rest[n], rest[n].Change, res))
	}
	for _, i := range singly {
		records = append(records, w.outcome(i, i.Change, w.call(ctx, i.Lease, i.Change)))
	}
	return records
}

// withoutAccount sorts out what has no account: it could not be made, or nobody knows.
func withoutAccount(intents []Intent, made map[string]string, broken map[string]bool) (good, lost []Intent) {
	for _, i := range intents {
		if _, ok := made[i.Change.Account]; broken[i.Change.Account] || i.Change.Proposed && !ok {
			lost = append(lost, i)
		} else {
			good = append(good, i)
		}
	}
	return good, lost
}

// round makes calls in batches. A limited rate holds for changes, so no batch is more than what may start within a second.
func (w *worker) round(ctx context.Context, b Batcher, intents []Intent) (out []Result) {
	most := max(1, len(intents))
	if w.p.Rate > 0 {
		most = max(1, min(most, int(w.p.Rate)))
	}
	for part := range slices.Chunk(intents, most) {
		if w.pace(ctx, len(part)) != nil {
			out = append(out, slices.Repeat([]Result{{Outcome: Failed, Err: errStopped}}, len(part))...)
			continue
		}
		out = append(out, w.together(ctx, b, part)...)
	}
	return out
}

// together makes one batch of calls; whatever comes back short, panics or never comes is an unknown effect.
func (w *worker) together(ctx context.Context, b Batcher, intents []Intent) []Result {
	ctx, cancel, err := w.begin(ctx, intents[0].Lease, 10*w.callTime())
	if err != nil {
		return slices.Repeat([]Result{{Outcome: Failed, Err: err}}, len(intents))
	}
	defer cancel()
	calls := make([]Call, len(intents))
	for n, i := range intents {
		calls[n] = Call{Grant: i.Change.Op.Gives(), Account: i.Change.Account, Entitlement: i.Change.Right()}
		if i.Change.Op == OpCreate && i.Change.Proposed {
			calls[n].New = i.Change.New
		}
	}
	Failpoint("call.before")
	out, ok := attempt(ctx, w, func() []Result { return applied(ctx, b, calls) })
	Failpoint("call.after")
	if !ok {
		return slices.Repeat([]Result{{Outcome: Uncertain, Err: errLost}}, len(intents))
	}
	return out
}

// applied gives one result for each call.
func applied(ctx context.Context, b Batcher, calls []Call) (out []Result) {
	why := errors.New("the connector gave no answer for this change")
	defer func() {
		if p := recover(); p != nil {
			why = fmt.Errorf("the connector failed: %v", p)
		}
		for len(out) < len(calls) {
			out = append(out, Result{Outcome: Uncertain, Err: why})
		}
		out = out[:len(calls)]
		for n := range out {
			out[n] = settle(out[n])
		}
	}()
	return b.Apply(ctx, calls)
}
