package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// lists answers as a connector does, without one: each list has a first page, and one for all tokens.
type lists struct {
	v2.ResourceTypesServiceClient
	v2.ResourcesServiceClient
	v2.EntitlementsServiceClient
	v2.GrantsServiceClient

	users, rights [2][]byte
	grants        [2][]byte
	asked         int
	given         map[string]map[string]bool // by all grants that were answered: account → ids of rights
}

// answer reads one of two pages.
func (l *lists) answer(pages [2][]byte, token string, into proto.Message) error {
	if l.asked++; l.asked > 5000 {
		return status.Error(codes.Internal, "too many pages")
	}
	n := 0
	if token != "" {
		n = 1
	}
	if proto.Unmarshal(pages[n], into) != nil {
		return status.Error(codes.Internal, "no page")
	}
	return nil
}

func (l *lists) ListResourceTypes(context.Context, *v2.ResourceTypesServiceListResourceTypesRequest, ...grpc.CallOption) (*v2.ResourceTypesServiceListResourceTypesResponse, error) {
	return v2.ResourceTypesServiceListResourceTypesResponse_builder{List: []*v2.ResourceType{
		v2.ResourceType_builder{Id: "user", Traits: []v2.ResourceType_Trait{v2.ResourceType_TRAIT_USER}}.Build(),
		v2.ResourceType_builder{Id: "group", Traits: []v2.ResourceType_Trait{v2.ResourceType_TRAIT_GROUP}}.Build(),
	}}.Build(), nil
}

func (l *lists) ListResources(_ context.Context, r *v2.ResourcesServiceListResourcesRequest, _ ...grpc.CallOption) (*v2.ResourcesServiceListResourcesResponse, error) {
	out := &v2.ResourcesServiceListResourcesResponse{}
	if r.GetResourceTypeId() == "group" {
		out.SetList([]*v2.Resource{v2.Resource_builder{Id: v2.ResourceId_builder{ResourceType: "group", Resource: "a"}.Build()}.Build()})
		return out, nil
	}
	return out, l.answer(l.users, r.GetPageToken(), out)
}

func (l *lists) ListEntitlements(_ context.Context, r *v2.EntitlementsServiceListEntitlementsRequest, _ ...grpc.CallOption) (*v2.EntitlementsServiceListEntitlementsResponse, error) {
	out := &v2.EntitlementsServiceListEntitlementsResponse{}
	return out, l.answer(l.rights, r.GetPageToken(), out)
}

func (l *lists) ListStaticEntitlements(context.Context, *v2.EntitlementsServiceListStaticEntitlementsRequest, ...grpc.CallOption) (*v2.EntitlementsServiceListStaticEntitlementsResponse, error) {
	return nil, status.Error(codes.Unimplemented, "older")
}

func (l *lists) ListGrants(_ context.Context, r *v2.GrantsServiceListGrantsRequest, _ ...grpc.CallOption) (*v2.GrantsServiceListGrantsResponse, error) {
	out := &v2.GrantsServiceListGrantsResponse{}
	err := l.answer(l.grants, r.GetPageToken(), out)
	for _, g := range out.GetList() {
		who := id(g.GetPrincipal().GetId())
		if l.given[who] == nil {
			l.given[who] = map[string]bool{}
		}
		l.given[who][g.GetEntitlement().GetId()] = true
	}
	return out, err
}

// pageOf is a page as bytes.
func pageOf(f *testing.F, m proto.Message) []byte {
	f.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	return data
}

func resource(kind, key string, notes ...*anypb.Any) *v2.Resource {
	return v2.Resource_builder{Id: v2.ResourceId_builder{ResourceType: kind, Resource: key}.Build(), DisplayName: key, Annotations: notes}.Build()
}

// FuzzPages: whatever a connector answers to what it is asked for, an account comes once and has all that its grants say, or the list
// is a part. Nobody gets what can't be told whose it is.
func FuzzPages(f *testing.F) {
	more, err := anypb.New(v2.EnqueuePageTokens_builder{PageTokens: []string{"2", "3"}}.Build())
	if err != nil {
		f.Fatal(err)
	}
	insert, err := anypb.New(&v2.InsertResourceGrants{})
	if err != nil {
		f.Fatal(err)
	}
	right := v2.Entitlement_builder{Id: "group:a:member", Slug: "member", Resource: resource("group", "a")}.Build()
	users := pageOf(f, v2.ResourcesServiceListResourcesResponse_builder{List: []*v2.Resource{resource("user", "1"), resource("user", "2")}, NextPageToken: "2"}.Build())
	last := pageOf(f, v2.ResourcesServiceListResourcesResponse_builder{List: []*v2.Resource{resource("user", "3")}}.Build())
	rights := pageOf(f, v2.EntitlementsServiceListEntitlementsResponse_builder{List: []*v2.Entitlement{right}}.Build())
	page := func(next string, notes []*anypb.Any, to ...*v2.Resource) []byte {
		var rows []*v2.Grant
		for _, r := range to {
			rows = append(rows, v2.Grant_builder{Id: "g", Entitlement: right, Principal: r, Annotations: notes}.Build())
		}
		return pageOf(f, v2.GrantsServiceListGrantsResponse_builder{List: rows, NextPageToken: next, Annotations: notes}.Build())
	}
	f.Add(users, last, rights, page("2", nil, resource("user", "1"), resource("group", "b")), page("", nil, resource("user", "3")))
	f.Add(users, last, rights, page("", []*anypb.Any{more}, resource("user", "2")), page("", nil))
	f.Add(users, last, rights, page("", []*anypb.Any{insert}, resource("user", "9"), nil), page("2", nil))
	f.Add(last, last, rights, page("x", nil, resource("user", "")), page("x", nil, resource("", "")))
	unnamed := pageOf(f, v2.ResourcesServiceListResourcesResponse_builder{List: []*v2.Resource{resource("user", "")}}.Build())
	f.Add(unnamed, last, rights, page("", nil), page("", nil))
	f.Add([]byte{}, []byte{1}, []byte{}, []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, users, moreUsers, rights, grants, moreGrants []byte) {
		l := &lists{users: [2][]byte{users, moreUsers}, rights: [2][]byte{rights, rights}, grants: [2][]byte{grants, moreGrants}, given: map[string]map[string]bool{}}
		p := newProgram(nil, 1, nil)
		p.c = &child{types: l, things: l, rights: l, grants: l, dead: make(chan struct{})}
		got, before := map[string]sdk.Account{}, ""
		err := p.Accounts(t.Context(), func(a sdk.Account) {
			if _, twice := got[a.ID]; twice || a.ID < before || !slices.IsSorted(a.Entitlements) {
				t.Errorf("twice or in no order: %+v", a)
			}
			if _, err := json.Marshal(a); err != nil || strings.IndexByte(a.ID, ':') >= len(a.ID)-1 {
				t.Errorf("can't be passed on, or nobody's: %+v %v", a, err)
			}
			got[a.ID], before = a, a.ID
		})
		if err == nil {
			l.whole(t, got)
		}
	})
}

// whole compares a complete list with what was answered.
func (l *lists) whole(t *testing.T, got map[string]sdk.Account) {
	t.Helper()
	for who, rights := range l.given {
		a, there := got[who]
		if !there || len(a.Entitlements) != len(rights) {
			t.Errorf("%q has %v, and %v were granted", who, a.Entitlements, rights)
		}
		for _, right := range a.Entitlements {
			if !rights[right] {
				t.Errorf("%q has %q, which was not granted", who, right)
			}
		}
	}
	for who, a := range got {
		if len(a.Entitlements) > len(l.given[who]) {
			t.Errorf("%q has %v, which was not granted", who, a.Entitlements)
		}
	}
}
