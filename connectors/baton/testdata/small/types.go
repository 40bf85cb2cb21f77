package main

import (
	"context"
	"maps"
	"slices"
	"strconv"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/annotations"
	"github.com/conductorone/baton-sdk/pkg/connectorbuilder"
	"github.com/conductorone/baton-sdk/pkg/types/entitlement"
	"github.com/conductorone/baton-sdk/pkg/types/grant"
	"github.com/conductorone/baton-sdk/pkg/types/resource"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func userType() *v2.ResourceType {
	return resource.NewResourceType("User", []v2.ResourceType_Trait{v2.ResourceType_TRAIT_USER}, &v2.SkipEntitlementsAndGrants{})
}

func orgType() *v2.ResourceType {
	return resource.NewResourceType("Org", nil, &v2.SkipEntitlementsAndGrants{})
}

func groupType() *v2.ResourceType {
	return resource.NewResourceType("Group", []v2.ResourceType_Trait{v2.ResourceType_TRAIT_GROUP})
}

const pageSize = 2

// cut gives a page of all, and the token of the next one.
func cut[T any](all []T, token string) ([]T, *resource.SyncOpResults) {
	from, _ := strconv.Atoi(token)
	to := min(from+pageSize, len(all))
	next := ""
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return all[from:to], &resource.SyncOpResults{NextPageToken: next}
}

type users struct{ file }

func (users) Entitlements(context.Context, *v2.Resource, resource.SyncOpAttrs) ([]*v2.Entitlement, *resource.SyncOpResults, error) {
	return nil, nil, nil
}

func (users) Grants(context.Context, *v2.Resource, resource.SyncOpAttrs) ([]*v2.Grant, *resource.SyncOpResults, error) {
	return nil, nil, nil
}

func (users) ResourceType(context.Context) *v2.ResourceType { return userType() }

func (u *user) resource(id string) (*v2.Resource, error) {
	state := v2.UserTrait_Status_STATUS_ENABLED
	if u.Disabled {
		state = v2.UserTrait_Status_STATUS_DISABLED
	}
	options := []resource.UserTraitOption{resource.WithUserLogin(u.Login), resource.WithStatus(state), resource.WithUserProfile(map[string]any{"employee": u.Employee, "level": 3})}
	if u.Mail != "" {
		options = append(options, resource.WithEmail(u.Mail, true))
	}
	return resource.NewUserResource(u.Login, userType(), id, options)
}

func (u *users) List(_ context.Context, _ *v2.ResourceId, o resource.SyncOpAttrs) (out []*v2.Resource, r *resource.SyncOpResults, err error) {
	if o.PageToken.Token != "" {
		if err := u.fault("users"); err != nil {
			return nil, nil, err
		}
	}
	d, err := u.read()
	if err != nil {
		return nil, nil, err
	}
	ids, r := cut(slices.Sorted(maps.Keys(d.Users)), o.PageToken.Token)
	if u.fault("twice") != nil {
		ids = []string{"1"}
	}
	for _, id := range ids {
		one, err := d.Users[id].resource(id)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, one)
	}
	return out, r, nil
}

func (u *users) CreateAccountCapabilityDetails(context.Context) (*v2.CredentialDetailsAccountProvisioning, annotations.Annotations, error) {
	return v2.CredentialDetailsAccountProvisioning_builder{SupportedCredentialOptions: []v2.CapabilityDetailCredentialOption{
		v2.CapabilityDetailCredentialOption_CAPABILITY_DETAIL_CREDENTIAL_OPTION_NO_PASSWORD},
		PreferredCredentialOption: v2.CapabilityDetailCredentialOption_CAPABILITY_DETAIL_CREDENTIAL_OPTION_NO_PASSWORD}.Build(), nil, nil
}

func (u *users) CreateAccount(_ context.Context, a *v2.AccountInfo, _ *v2.LocalCredentialOptions) (connectorbuilder.CreateAccountResponse, []*v2.PlaintextData, annotations.Annotations, error) {
	var made *v2.Resource
	err := u.with(func(d *data) (bool, error) {
		for _, other := range d.Users {
			if other.Login == a.GetLogin() && u.fault("careless") == nil {
				return false, status.Error(codes.AlreadyExists, "login is taken")
			}
		}
		d.Next++
		id := strconv.Itoa(d.Next)
		d.Users[id] = &user{Login: a.GetLogin(), Employee: a.GetProfile().GetFields()["employee"].GetStringValue()}
		if len(a.GetEmails()) > 0 {
			d.Users[id].Mail = a.GetEmails()[0].GetAddress()
		}
		var err error
		made, err = d.Users[id].resource(id)
		return err == nil, err
	})
	if err == nil {
		err = u.fault("created")
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return v2.CreateAccountResponse_SuccessResult_builder{Resource: made, IsCreateAccountResult: true}.Build(), nil, nil, nil
}

func (u *users) Delete(_ context.Context, id, _ *v2.ResourceId) (annotations.Annotations, error) {
	return nil, u.with(func(d *data) (bool, error) {
		delete(d.Users, id.GetResource())
		for _, g := range d.Groups {
			g.Members = slices.DeleteFunc(g.Members, func(m string) bool { return m == id.GetResource() })
		}
		return true, nil
	})
}

type orgs struct{ file }

func (orgs) ResourceType(context.Context) *v2.ResourceType { return orgType() }
func (orgs) Entitlements(context.Context, *v2.Resource, resource.SyncOpAttrs) ([]*v2.Entitlement, *resource.SyncOpResults, error) {
	return nil, nil, nil
}
func (orgs) Grants(context.Context, *v2.Resource, resource.SyncOpAttrs) ([]*v2.Grant, *resource.SyncOpResults, error) {
	return nil, nil, nil
}
func (orgs) List(context.Context, *v2.ResourceId, resource.SyncOpAttrs) ([]*v2.Resource, *resource.SyncOpResults, error) {
	one, err := resource.NewResource("Org", orgType(), "1", resource.WithAnnotation(&v2.ChildResourceType{ResourceTypeId: groupType().GetId()}))
	return []*v2.Resource{one}, nil, err
}

type groups struct{ file }

func (groups) ResourceType(context.Context) *v2.ResourceType { return groupType() }

// List needs the organisation, and leaves something in the session for Grants.
func (g *groups) List(ctx context.Context, parent *v2.ResourceId, o resource.SyncOpAttrs) (out []*v2.Resource, r *resource.SyncOpResults, err error) {
	if parent == nil {
		return nil, nil, nil
	}
	if err := o.Session.Set(ctx, "been", []byte("here")); err != nil {
		return nil, nil, err
	}
	d, err := g.read()
	if err != nil {
		return nil, nil, err
	}
	ids, r := cut(slices.Sorted(maps.Keys(d.Groups)), o.PageToken.Token)
	for _, id := range ids {
		one, err := resource.NewGroupResource(d.Groups[id].Name, groupType(), id, nil, resource.WithParentResourceID(parent))
		if err != nil {
			return nil, nil, err
		}
		out = append(out, one)
	}
	return out, r, nil
}

func (g *groups) Entitlements(_ context.Context, r *v2.Resource, _ resource.SyncOpAttrs) ([]*v2.Entitlement, *resource.SyncOpResults, error) {
	return []*v2.Entitlement{entitlement.NewAssignmentEntitlement(r, "member", entitlement.WithGrantableTo(userType(), groupType()))}, nil, g.fault("entitlements")
}

func (g *groups) Grants(ctx context.Context, r *v2.Resource, o resource.SyncOpAttrs) ([]*v2.Grant, *resource.SyncOpResults, error) {
	if o.PageToken.Token != "" {
		if err := g.fault("grants"); err != nil {
			return nil, nil, err
		}
	}
	if _, found, err := o.Session.Get(ctx, "been"); err != nil || !found {
		return nil, nil, status.Errorf(codes.Internal, "the session was lost (%v)", err)
	}
	d, err := g.read()
	if err != nil {
		return nil, nil, err
	}
	all := []*v2.Grant{}
	here := d.Groups[r.GetId().GetResource()]
	if here == nil {
		return nil, nil, status.Error(codes.NotFound, "no such group")
	}
	for _, id := range here.Members {
		options := []grant.GrantOption{}
		if slices.Contains(here.Fixed, id) {
			options = append(options, grant.WithAnnotation(&v2.GrantImmutable{}))
		}
		all = append(all, grant.NewGrant(r, "member", v2.ResourceId_builder{ResourceType: "user", Resource: id}.Build(), options...))
	}
	for _, id := range here.Groups {
		all = append(all, grant.NewGrant(r, "member", v2.ResourceId_builder{ResourceType: "group", Resource: id}.Build(),
			grant.WithAnnotation(v2.GrantExpandable_builder{EntitlementIds: []string{"group:" + id + ":member"}}.Build())))
	}
	page, results := cut(all, o.PageToken.Token)
	return page, results, nil
}

// change adds or removes a member, without a word about what was before.
func (g *groups) change(r, who *v2.ResourceId, add bool) error {
	if err := g.fault("change"); err != nil {
		return err
	}
	err := g.with(func(d *data) (bool, error) {
		here := d.Groups[r.GetResource()]
		if here == nil || d.Users[who.GetResource()] == nil {
			return false, status.Error(codes.NotFound, "no such group or user")
		}
		here.Members = slices.DeleteFunc(here.Members, func(m string) bool { return m == who.GetResource() })
		if add {
			here.Members = append(here.Members, who.GetResource())
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return g.fault("changed")
}

func (g *groups) Grant(_ context.Context, who *v2.Resource, e *v2.Entitlement) ([]*v2.Grant, annotations.Annotations, error) {
	return nil, nil, g.change(e.GetResource().GetId(), who.GetId(), true)
}

func (g *groups) Revoke(_ context.Context, one *v2.Grant) (annotations.Annotations, error) {
	return nil, g.change(one.GetEntitlement().GetResource().GetId(), one.GetPrincipal().GetId(), false)
}
