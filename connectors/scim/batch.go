package scim

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// maxMembers is how many members one PATCH adds or removes.
const maxMembers = 200

// Apply makes the changes of one group with few calls, and works on several groups, or several accounts, at a time.
func (p *Program) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	results := make([]engine.Result, len(calls))
	for from, to := 0, 0; from < len(calls); from = to {
		members := httpconn.IsRight(calls[from])
		for to = from; to < len(calls) && httpconn.IsRight(calls[to]) == members; to++ {
		}
		if members {
			httpconn.Lanes(p.options.Calls, from, to, func(i int) string { return calls[i].Entitlement }, func(all []int) {
				for part := range slices.Chunk(all, maxMembers) {
					p.applyGroup(ctx, calls, part, results)
				}
			})
			continue
		}
		httpconn.Lanes(p.options.Calls, from, to, func(i int) string { return httpconn.Subject(calls[i]) }, func(all []int) {
			for _, i := range all {
				results[i] = p.applyAccount(ctx, calls[i])
			}
		})
	}
	return results
}

func (p *Program) applyAccount(ctx context.Context, c engine.Call) (r engine.Result) {
	if c.New != nil {
		r.ID, r.Outcome, r.Err = p.Create(ctx, *c.New)
		return r
	}
	r.Outcome, r.Err = p.change(ctx, c)
	return r
}

// applyGroup changes a group's list with one PATCH. Where nothing was sent, or the provider refuses or ignores it, the
// calls are made one by one instead, each of which looks first whether it is still needed.
func (p *Program) applyGroup(ctx context.Context, calls []engine.Call, part []int, results []engine.Result) {
	outcomes, err := p.patchMembers(ctx, calls, part)
	for n, i := range part {
		switch {
		case err != nil:
			results[i] = engine.Result{Outcome: httpconn.OutcomeOf(err), Err: p.explain(err)}
		case outcomes == nil:
			results[i].Outcome, results[i].Err = p.change(ctx, calls[i])
		default:
			results[i].Outcome = outcomes[n]
		}
	}
}

// patchMembers gives an outcome for each call, or none if they have to be made one by one; an error is that of all calls.
func (p *Program) patchMembers(ctx context.Context, calls []engine.Call, part []int) ([]engine.Outcome, error) {
	right := calls[part[0]].Entitlement
	if len(part) < 2 || !httpconn.Plain(right) {
		return nil, nil
	}
	id, err := p.groupID(ctx, right)
	if err != nil {
		return nil, httpconn.Before(err)
	}
	defer p.lock(id)()
	old, err := p.group(ctx, id)
	if err != nil || old.DisplayName != right {
		p.forget(right)
		return nil, nil
	}
	ops, ok := p.memberOps(old.accounts(), calls, part)
	if !ok {
		return nil, nil
	}
	if len(ops) > 0 {
		match, err := p.ifMatch(ctx, old.Meta)
		if err != nil {
			return nil, httpconn.Before(err)
		}
		_, err = p.client.do(ctx, call{method: http.MethodPatch, path: "/Groups/" + url.PathEscape(id), body: newPatch(ops...), match: match}, nil)
		if httpconn.IsStatus(err, http.StatusPreconditionFailed) || err != nil && httpconn.OutcomeOf(err) == engine.Refused {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	now, err := p.group(ctx, id)
	if err != nil {
		return nil, unread(err)
	}
	return compareAll(calls, part, old.accounts(), now.accounts())
}

// unread says that nobody knows what came of changes that were sent. The answer to the read, or that none was sent, says nothing of
// them, so it is not wrapped: it would be taken for theirs.
func unread(err error) error { return errors.New("the changes can't be read back: " + err.Error()) }

// compareAll looks at the whole list: all that was asked for, and nobody else. No outcomes: something was ignored.
func compareAll(calls []engine.Call, part []int, old, now []string) (outcomes []engine.Outcome, err error) {
	asked, ignored := map[string]bool{}, false
	for _, i := range part {
		c := calls[i]
		asked[c.Account] = true
		_, had := slices.BinarySearch(old, c.Account)
		_, has := slices.BinarySearch(now, c.Account)
		ignored = ignored || has != c.Grant
		outcome := engine.Done
		if had == has {
			outcome = engine.Already
		}
		outcomes = append(outcomes, outcome)
	}
	if err := vanished(calls[part[0]].Entitlement, old, now, func(account string) bool { return asked[account] }); err != nil || ignored {
		return nil, err
	}
	return outcomes, nil
}

// vanished finds members that went with a change that did not ask for it.
func vanished(right string, old, now []string, asked func(account string) bool) error {
	gone := slices.DeleteFunc(slices.Clone(old), func(a string) bool { return asked(a) || slices.Contains(now, a) })
	if len(gone) == 0 {
		return nil
	}
	return fmt.Errorf("with this change %d other members, %q first, vanished from the group %q; stop and check whether the provider replaces lists", len(gone), gone[0], right)
}

// memberOps gives what makes the list so: one operation for all new members, one for each that goes. ok is false for what
// is better done one by one: an account that comes twice, or that the last list did not show.
func (p *Program) memberOps(have []string, calls []engine.Call, part []int) (ops []patchOp, ok bool) {
	seen, more := map[string]bool{}, []member{}
	for _, i := range part {
		c := calls[i]
		if seen[c.Account] || !plainID(c.Account) || c.Grant && !p.isKnown(c.Account) {
			return nil, false
		}
		seen[c.Account] = true
		_, has := slices.BinarySearch(have, c.Account)
		switch {
		case has == c.Grant:
		case c.Grant:
			more = append(more, member{Value: c.Account})
		default:
			ops = append(ops, memberOp(c))
		}
	}
	if len(more) > 0 {
		ops = append(ops, patchOp{Op: "add", Path: "members", Value: more})
	}
	return ops, true
}

// isKnown says whether the account was listed or read before: providers take members that do not exist.
func (p *Program) isKnown(account string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[account]
}

func (p *Program) know(account string, is bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if is {
		p.known[account] = true
	} else {
		delete(p.known, account)
	}
}
