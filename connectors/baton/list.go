package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// Accounts gives all resources of types that are users, with what they hold, sorted. What else holds something, such as a
// group whose members have its rights, is given as a shared account, or a service account where it is no group.
func (p *program) Accounts(ctx context.Context, yield func(sdk.Account)) error {
	e := p.newEstate()
	e.load(ctx)
	p.checkNames(e)
	l := &listing{p: p, e: e, accounts: map[string]*sdk.Account{}, holds: map[string]map[string]bool{}}
	for key, r := range e.things {
		if e.isUser(r.GetId().GetResourceType()) {
			l.accounts[key] = p.account(r)
		}
	}
	each(p.parallel, e.scopes(&v2.TypeScopedGrants{}, &v2.SkipGrants{}), func(s scope) error {
		e.fault("grants of "+id(s.of.GetId()), e.grants(ctx, s, l.take))
		return nil
	})
	p.keep(e)
	for _, key := range slices.Sorted(maps.Keys(l.accounts)) {
		l.accounts[key].Entitlements = slices.Sorted(maps.Keys(l.holds[key]))
		yield(*l.accounts[key])
	}
	return e.err()
}

// checkNames finds names of the configuration that are the ids of other entitlements.
func (p *program) checkNames(e *estate) {
	for name, right := range p.settings.Names {
		if e.rights[name] != nil && name != right {
			e.fault("names", fmt.Errorf("%q is the id of an entitlement itself; take another name for %q", name, right))
		}
	}
}

// grants gives the grants of a scope, page after page.
func (e *estate) grants(ctx context.Context, s scope, yield func(rows []*v2.Grant, notes []*anypb.Any) error) error {
	return pages(ctx, &e.reader, func(token string) (*v2.GrantsServiceListGrantsResponse, error) {
		return e.c.grants.ListGrants(ctx, v2.GrantsServiceListGrantsRequest_builder{Resource: s.of, PageToken: token, ActiveSyncId: e.sync, Annotations: s.notes}.Build())
	}, yield)
}

type listing struct {
	p        *program
	e        *estate
	mu       sync.Mutex
	accounts map[string]*sdk.Account
	holds    map[string]map[string]bool // account → names of rights
}

// take takes a page of grants. One that can't be told whose it is, or what it gives, makes the list a part.
func (l *listing) take(rows []*v2.Grant, notes []*anypb.Any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong error
	for _, g := range rows {
		insert := has(notes, &v2.InsertResourceGrants{}) || has(g.GetAnnotations(), &v2.InsertResourceGrants{})
		wrong = cmp.Or(wrong, l.grant(g, insert))
	}
	return wrong
}

func (l *listing) grant(g *v2.Grant, insert bool) error {
	right, who := g.GetEntitlement().GetId(), id(g.GetPrincipal().GetId())
	notes := g.GetAnnotations()
	switch external := has(notes, &v2.ExternalResourceMatch{}) || has(notes, &v2.ExternalResourceMatchAll{}) || has(notes, &v2.ExternalResourceMatchID{}); {
	case external:
		return fmt.Errorf("%q is held by somebody of another directory (%s), who can't be told here", right, who)
	case nobody(g.GetPrincipal().GetId()):
		return fmt.Errorf("%q is held by somebody without a type or an id, who can't be told", right)
	case l.e.rights[right] == nil:
		return fmt.Errorf("%s holds %q, which is not among the entitlements", who, right)
	case l.accounts[who] != nil:
	case l.e.isUser(g.GetPrincipal().GetId().GetResourceType()):
		if !insert {
			return fmt.Errorf("%s holds %q, and is not among the users", who, right)
		}
		l.e.add(g.GetPrincipal())
		l.accounts[who] = l.p.account(g.GetPrincipal())
	default:
		l.accounts[who] = l.e.group(who, g.GetPrincipal())
	}
	if l.holds[who] == nil {
		l.holds[who] = map[string]bool{}
	}
	l.holds[who][l.p.name(right)] = true
	return nil
}

// group is something other than a user that holds rights.
func (e *estate) group(key string, r *v2.Resource) *sdk.Account {
	if known := e.thing(key); known != nil {
		r = known
	}
	a := &sdk.Account{ID: key, Name: cmp.Or(r.GetDisplayName(), key), Kind: "service", Attributes: map[string]string{"type": r.GetId().GetResourceType()}}
	if slices.Contains(e.types[r.GetId().GetResourceType()].GetTraits(), v2.ResourceType_TRAIT_GROUP) {
		a.Kind = "shared"
	}
	return a
}

// account is what is known of a user.
func (p *program) account(r *v2.Resource) *sdk.Account {
	trait := &v2.UserTrait{}
	pick(r.GetAnnotations(), trait)
	a := &sdk.Account{ID: id(r.GetId()), Name: cmp.Or(trait.GetLogin(), r.GetDisplayName(), r.GetId().GetResource()), Display: r.GetDisplayName(),
		Attributes: map[string]string{}}
	//lint:ignore SA1019 connectors before resources had profiles
	addText(a.Attributes, trait.GetProfile()) //nolint:staticcheck // as above
	addText(a.Attributes, r.GetProfile())
	for _, mail := range trait.GetEmails() {
		if mail.GetIsPrimary() || a.Attributes["mail"] == "" {
			a.Attributes["mail"] = mail.GetAddress()
		}
	}
	if len(trait.GetEmployeeIds()) > 0 {
		a.Attributes["employee_id"] = trait.GetEmployeeIds()[0]
	}
	if status := userStatus(r, trait); status != "" {
		a.Attributes["status"] = status
	}
	switch trait.GetAccountType() {
	case v2.UserTrait_ACCOUNT_TYPE_SERVICE, v2.UserTrait_ACCOUNT_TYPE_SYSTEM:
		a.Kind = "service"
	case v2.UserTrait_ACCOUNT_TYPE_HUMAN:
		a.Kind = "personal"
	}
	if p.settings.Person != "" {
		a.Person = a.Attributes[p.settings.Person]
	}
	if last := trait.GetLastLogin(); last.IsValid() { // one beyond the year 9999 can't be passed on, and no other account with it
		at := last.AsTime()
		a.LastUse = &at
	}
	return a
}

// userStatus is enabled, disabled, deleted, or "" where it is not known.
func userStatus(r *v2.Resource, trait *v2.UserTrait) string {
	names := []string{"", "enabled", "disabled", "deleted"} // in the order of both enumerations
	status := int(r.GetStatus().GetStatus())
	if status == 0 {
		//lint:ignore SA1019 connectors before resources had a status
		status = int(trait.GetStatus().GetStatus()) //nolint:staticcheck // as above
	}
	if status < 0 || status >= len(names) {
		return ""
	}
	return names[status]
}

// addText adds the plain values of a profile.
func addText(to map[string]string, profile *structpb.Struct) {
	for name, value := range profile.GetFields() {
		switch v := value.GetKind().(type) {
		case *structpb.Value_StringValue:
			to[name] = v.StringValue
		case *structpb.Value_NumberValue:
			to[name] = strconv.FormatFloat(v.NumberValue, 'f', -1, 64)
		case *structpb.Value_BoolValue:
			to[name] = strconv.FormatBool(v.BoolValue)
		}
	}
}

// Entitlements gives the names of all that users can hold.
func (p *program) Entitlements(ctx context.Context) ([]string, error) {
	e, err := p.reload(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for key, right := range e.rights {
		if e.grantable(right, "") {
			names = append(names, p.name(key))
		}
	}
	slices.Sort(names)
	return names, e.err()
}

// grantable says whether a right can be given to accounts of a type, or of any.
func (e *estate) grantable(right *v2.Entitlement, kind string) bool {
	return len(right.GetGrantableTo()) == 0 || slices.ContainsFunc(right.GetGrantableTo(), func(t *v2.ResourceType) bool {
		return t.GetId() == kind || kind == "" && e.isUser(t.GetId())
	})
}
