package scim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// maxConflicts is how often a change is made again because the resource was changed meanwhile (412).
const maxConflicts = 3

// Grant adds a member to a group, or resumes the user.
func (p *Program) Grant(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Grant: true, Account: account, Entitlement: entitlement})
}

// Revoke removes a member from a group, suspends the user, or deletes it.
func (p *Program) Revoke(ctx context.Context, account, entitlement string) (engine.Outcome, error) {
	return p.change(ctx, engine.Call{Account: account, Entitlement: entitlement})
}

func (p *Program) change(ctx context.Context, c engine.Call) (outcome engine.Outcome, err error) {
	switch {
	case !plainID(c.Account) && c.Grant:
		err = httpconn.Refuse("there is no account %q; it must be created first", c.Account)
	case !plainID(c.Account):
		return engine.Already, nil
	case c.Entitlement == engine.Exists && c.Grant:
		if outcome, err = p.exists(ctx, c.Account); err != nil {
			outcome = ""
		}
	case c.Entitlement == engine.Exists:
		outcome, err = p.remove(ctx, c.Account)
	case c.Entitlement == engine.Active:
		outcome, err = p.setActive(ctx, c)
	default:
		outcome, err = p.setMember(ctx, c)
	}
	if err != nil {
		if outcome == "" {
			outcome = httpconn.OutcomeOf(err)
		}
		return outcome, p.explain(err)
	}
	return outcome, nil
}

func (p *Program) exists(ctx context.Context, account string) (engine.Outcome, error) {
	u, err := p.user(ctx, account)
	if err == nil && u == nil {
		err = httpconn.Refuse("there is no account %q; it must be created first", account)
	}
	return engine.Already, httpconn.Before(err)
}

// setMember changes one value of a group's list, and compares the whole list before and after.
func (p *Program) setMember(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	if !httpconn.Plain(c.Entitlement) {
		return "", httpconn.Refuse("there is no group %q", c.Entitlement)
	}
	id, err := p.groupID(ctx, c.Entitlement)
	if err != nil {
		return "", httpconn.Before(err)
	}
	defer p.lock(id)()
	for try := 1; ; try++ {
		old, err := p.group(ctx, id)
		if err != nil {
			p.forget(c.Entitlement)
			return "", httpconn.Before(err)
		}
		if old.DisplayName != c.Entitlement {
			p.forget(c.Entitlement)
			return "", httpconn.Refuse("the group %q is now called %q; try again", c.Entitlement, old.DisplayName)
		}
		if slices.Contains(old.accounts(), c.Account) == c.Grant {
			return engine.Already, nil
		}
		if c.Grant { // providers take members that do not exist
			if _, err := p.exists(ctx, c.Account); err != nil {
				return "", httpconn.Before(err)
			}
		}
		match, err := p.ifMatch(ctx, old.Meta)
		if err != nil {
			return "", httpconn.Before(err)
		}
		_, err = p.client.do(ctx, call{method: http.MethodPatch, path: "/Groups/" + url.PathEscape(id), body: newPatch(memberOp(c)), match: match}, nil)
		if httpconn.IsStatus(err, http.StatusPreconditionFailed) && try < maxConflicts {
			continue
		}
		if err != nil {
			return "", err
		}
		return p.compare(ctx, c, id, old)
	}
}

func memberOp(c engine.Call) patchOp {
	if c.Grant {
		return patchOp{Op: "add", Path: "members", Value: []member{{Value: c.Account}}}
	}
	return patchOp{Op: "remove", Path: "members[value eq " + quote(c.Account) + "]"}
}

// compare reads a group back.
func (p *Program) compare(ctx context.Context, c engine.Call, id string, old *group) (engine.Outcome, error) {
	now, err := p.group(ctx, id)
	if err != nil {
		return engine.Uncertain, fmt.Errorf("the change can't be read back: %w", err)
	}
	if slices.Contains(now.accounts(), c.Account) != c.Grant {
		return p.lied(fmt.Errorf("the provider accepted the change of the group %q, and does not show it", c.Entitlement))
	}
	if err := vanished(c.Entitlement, old.accounts(), now.accounts(), func(a string) bool { return a == c.Account }); err != nil {
		return engine.Uncertain, err
	}
	return engine.Done, nil
}

// lied: an accepted change that is not to be seen did not happen, unless lists may lag.
func (p *Program) lied(err error) (engine.Outcome, error) {
	if p.lag > 0 {
		return engine.Uncertain, err
	}
	return engine.Failed, err
}

// groupID looks a group up by its name, which providers compare without regard to case.
func (p *Program) groupID(ctx context.Context, displayName string) (string, error) {
	p.mu.Lock()
	id := p.groups[displayName]
	p.mu.Unlock()
	if id != "" {
		return id, nil
	}
	var ids []string
	err := find(ctx, p, "/Groups", "displayName", displayName, func(g *group) error {
		if g.DisplayName == displayName && !slices.Contains(ids, g.ID) {
			ids = append(ids, g.ID)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if len(ids) != 1 {
		return "", httpconn.Refuse("there are %d groups of the name %q, and there must be one", len(ids), displayName)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[displayName] = ids[0]
	return ids[0], nil
}

func (p *Program) forget(displayName string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.groups, displayName)
}

// lock keeps the changes of one group apart; it returns what releases it.
func (p *Program) lock(id string) (release func()) {
	p.mu.Lock()
	l := p.locks[id]
	if l == nil {
		l = &sync.Mutex{}
		p.locks[id] = l
	}
	p.mu.Unlock()
	l.Lock()
	return l.Unlock
}

// ifMatch gives the version to be compared where the provider says that it does so: others send an ETag of the bytes.
func (p *Program) ifMatch(ctx context.Context, m *meta) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.etag == nil {
		var config struct{ ETag struct{ Supported boolean } }
		_, err := p.client.do(ctx, call{method: http.MethodGet, path: "/ServiceProviderConfig"}, &config)
		if err != nil && !httpconn.IsStatus(err, http.StatusNotFound) && !httpconn.IsStatus(err, http.StatusForbidden) {
			return "", err
		}
		supported := err == nil && bool(config.ETag.Supported)
		p.etag = &supported
	}
	if !*p.etag {
		return "", nil
	}
	return m.Version, nil
}
