package scim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// Create makes an active user whose externalId is the person's key, unless the attributes say otherwise.
func (p *Program) Create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	id, outcome, err := p.create(ctx, a)
	if err != nil {
		if outcome == "" {
			outcome = httpconn.OutcomeOf(err)
		}
		return "", outcome, p.explain(err)
	}
	return id, outcome, nil
}

func (p *Program) create(ctx context.Context, a engine.NewAccount) (string, engine.Outcome, error) {
	if !httpconn.Plain(a.Name) {
		return "", "", httpconn.Refuse("an account needs a name without control characters and spaces at the ends; this is %q", a.Name)
	}
	active := boolean(true)
	u := user{Schemas: []string{userSchema}, UserName: a.Name, ExternalID: a.Person, Active: &active}
	for _, attribute := range slices.Sorted(maps.Keys(a.Attributes)) {
		if !u.set(attribute, a.Attributes[attribute]) {
			return "", "", httpconn.Refuse("attribute %q is none that is known of users; known are displayName, externalId, formatted, givenName, familyName, mail, title, userType", attribute)
		}
	}
	if old, err := p.named(ctx, a.Name, u.ExternalID); err != nil {
		return "", "", httpconn.Before(err)
	} else if old != "" {
		return old, engine.Already, nil
	}
	var made user
	_, err := p.client.do(ctx, call{method: http.MethodPost, path: "/Users", body: u}, &made)
	if httpconn.IsStatus(err, http.StatusConflict) { // by somebody else, or by the try before
		if old, errAgain := p.named(ctx, a.Name, u.ExternalID); errAgain != nil {
			return "", "", errAgain
		} else if old != "" {
			return old, engine.Already, nil
		}
	}
	if err != nil {
		return "", "", err
	}
	now, err := p.user(ctx, made.ID)
	switch {
	case err != nil:
		return "", engine.Uncertain, fmt.Errorf("the new user can't be read back: %w", err)
	case now == nil:
		outcome, err := p.lied(fmt.Errorf("the provider accepted the user %q, and does not show it", a.Name))
		return "", outcome, err
	case now.UserName != a.Name:
		return "", engine.Uncertain, fmt.Errorf("the provider calls the new user %q instead of %q; correct create: to a name that it takes", now.UserName, a.Name)
	}
	return made.ID, engine.Done, nil
}

// named gives the id of a user of that name that was made for the same person; any other one of that name is refused.
func (p *Program) named(ctx context.Context, name, externalID string) (id string, err error) {
	err = find(ctx, p, "/Users", "userName", name, func(u *user) error {
		if !strings.EqualFold(u.UserName, name) {
			return nil
		}
		if externalID == "" || u.ExternalID != externalID {
			return httpconn.Refuse("there is a user %q already, which was not made for this person; review it with adopt", u.UserName)
		}
		id = u.ID
		return nil
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Update changes the user name and attributes in place.
func (p *Program) Update(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	outcome, err := p.patchUser(ctx, account, true, func(u *user) ([]patchOp, error) { return updates(u, to) })
	if err != nil {
		if outcome == "" {
			outcome = httpconn.OutcomeOf(err)
		}
		return outcome, p.explain(err)
	}
	return outcome, nil
}

// updates are the operations that make a user into what it should be; paths are those of RFC 7643 section 4.1.
func updates(u *user, to engine.NewAccount) ([]patchOp, error) {
	paths := map[string]string{"userName": "userName", "displayName": "displayName", "title": "title", "userType": "userType", "externalId": "externalId",
		"givenName": "name.givenName", "familyName": "name.familyName", "formatted": "name.formatted", "mail": "emails"}
	want, have := map[string]string{}, u.attributes()
	maps.Copy(want, to.Attributes)
	if to.Name != "" {
		want["userName"] = to.Name
	}
	var ops []patchOp
	for _, attribute := range slices.Sorted(maps.Keys(want)) {
		path, ok := paths[attribute]
		switch {
		case !ok || !httpconn.Plain(want[attribute]):
			return nil, httpconn.Refuse("attribute %q can't be set to %q", attribute, want[attribute])
		case have[attribute] == want[attribute]:
		case attribute == "mail":
			ops = append(ops, patchOp{Op: "replace", Path: path, Value: []email{{Value: want[attribute], Primary: true, Type: "work"}}})
		default:
			ops = append(ops, patchOp{Op: "replace", Path: path, Value: want[attribute]})
		}
	}
	return ops, nil
}

func (p *Program) setActive(ctx context.Context, c engine.Call) (engine.Outcome, error) {
	return p.patchUser(ctx, c.Account, c.Grant, func(u *user) ([]patchOp, error) {
		if u.active() == c.Grant {
			return nil, nil
		}
		return []patchOp{{Op: "replace", Path: "active", Value: c.Grant}}, nil
	})
}

// patchUser makes the operations that are still needed, and reads back that none is any more. A user that is not there is
// refused, or was so before.
func (p *Program) patchUser(ctx context.Context, account string, must bool, needed func(*user) ([]patchOp, error)) (engine.Outcome, error) {
	for try := 1; ; try++ {
		u, err := p.user(ctx, account)
		switch {
		case err != nil:
			return "", httpconn.Before(err)
		case u == nil && must:
			return "", httpconn.Refuse("there is no account %q; it must be created first", account)
		case u == nil:
			return engine.Already, nil
		}
		ops, err := needed(u)
		if err != nil || len(ops) == 0 {
			return engine.Already, err
		}
		match, err := p.ifMatch(ctx, u.Meta)
		if err != nil {
			return "", httpconn.Before(err)
		}
		_, err = p.client.do(ctx, call{method: http.MethodPatch, path: "/Users/" + url.PathEscape(account), body: newPatch(ops...), match: match}, nil)
		if httpconn.IsStatus(err, http.StatusPreconditionFailed) && try < maxConflicts {
			continue
		}
		if err != nil {
			return "", err
		}
		return p.check(ctx, account, needed)
	}
}

func (p *Program) check(ctx context.Context, account string, needed func(*user) ([]patchOp, error)) (engine.Outcome, error) {
	now, err := p.user(ctx, account)
	if err == nil && now == nil {
		err = errors.New("the user is gone")
	}
	if err != nil {
		return engine.Uncertain, fmt.Errorf("the change can't be read back: %w", err)
	}
	left, err := needed(now)
	if err != nil {
		return "", err
	}
	if len(left) > 0 {
		return p.lied(fmt.Errorf("the provider accepted the change of %s of the user %q, and does not show it", left[0].Path, account))
	}
	return engine.Done, nil
}

// remove deletes a user. It is gone when the provider says so itself.
func (p *Program) remove(ctx context.Context, account string) (engine.Outcome, error) {
	_, err := p.client.do(ctx, call{method: http.MethodDelete, path: "/Users/" + url.PathEscape(account)}, nil)
	was := httpconn.Gone(err)
	if err != nil && !was {
		return "", err
	}
	now, err := p.user(ctx, account)
	if err != nil {
		return engine.Uncertain, fmt.Errorf("the deletion can't be read back: %w", err)
	}
	if was && now == nil {
		return engine.Already, nil
	}
	if now != nil {
		return p.lied(fmt.Errorf("the provider accepted the deletion of the user %q, and still shows it", account))
	}
	return engine.Done, nil
}
