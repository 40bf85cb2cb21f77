package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// estate is what a program consists of: its resources and entitlements, without who holds what.
type estate struct {
	reader
	parallel int
	mu       sync.Mutex
	types    map[string]*v2.ResourceType
	order    []string                   // of the types
	things   map[string]*v2.Resource    // by id
	rights   map[string]*v2.Entitlement // by the connector's id
	twice    map[string]bool            // ids of entitlements of more than one resource
	faults   []string                   // why it may not be all
}

// id is how Rolecall knows a resource: its type, a colon, and its id in that type. Of the type % and : are escaped, so that
// the first colon parts the two.
func id(r *v2.ResourceId) string {
	return strings.NewReplacer("%", "%25", ":", "%3A").Replace(r.GetResourceType()) + ":" + r.GetResource()
}

// nobody: the connector left out who or what it is.
func nobody(r *v2.ResourceId) bool { return r.GetResourceType() == "" || r.GetResource() == "" }

func (e *estate) fault(what string, err error) {
	if err == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, what+": "+plain(err))
}

var grpcWords = regexp.MustCompile(`rpc error: code = (\w+) desc = `)

// plain is an error without the words of gRPC.
func plain(err error) string { return grpcWords.ReplaceAllString(err.Error(), "$1: ") }

// err says why this is not all of the program, or nil.
func (e *estate) err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch n := len(e.faults); {
	case n == 0:
		return nil
	case n <= 3:
		return errors.New(strings.Join(e.faults, "; "))
	default:
		return fmt.Errorf("%s; and %d more", strings.Join(e.faults[:3], "; "), n-3)
	}
}

// isUser says whether the resources of a type are accounts.
func (e *estate) isUser(kind string) bool {
	return slices.Contains(e.types[kind].GetTraits(), v2.ResourceType_TRAIT_USER)
}

// load reads all types, resources and entitlements. What goes wrong is among the faults.
func (e *estate) load(ctx context.Context) {
	e.types, e.things = map[string]*v2.ResourceType{}, map[string]*v2.Resource{}
	e.rights, e.twice = map[string]*v2.Entitlement{}, map[string]bool{}
	err := pages(ctx, &e.reader, func(token string) (*v2.ResourceTypesServiceListResourceTypesResponse, error) {
		return e.c.types.ListResourceTypes(ctx, v2.ResourceTypesServiceListResourceTypesRequest_builder{PageToken: token, ActiveSyncId: e.sync}.Build())
	}, func(types []*v2.ResourceType, _ []*anypb.Any) error {
		for _, t := range types {
			e.types[t.GetId()] = t
			e.order = append(e.order, t.GetId())
		}
		return nil
	})
	e.fault("resource types", err)
	if err == nil && !slices.ContainsFunc(e.order, e.isUser) {
		e.fault("resource types", errors.New("none of them is a user, so no accounts can be listed"))
	}
	e.loadThings(ctx)
	e.loadRights(ctx)
}

// branch is what is listed together: the resources of a type, of all or of one parent.
type branch struct {
	kind   string
	parent *v2.ResourceId
}

// loadThings reads resources from the top, then what is below them.
func (e *estate) loadThings(ctx context.Context) {
	level := []branch{}
	for _, t := range e.order {
		level = append(level, branch{kind: t})
	}
	been := map[string]bool{}
	for len(level) > 0 {
		var next []branch
		each(e.parallel, level, func(b branch) error {
			below, err := e.branch(ctx, b)
			e.fault("resources of type "+b.kind, err)
			e.mu.Lock()
			defer e.mu.Unlock()
			for _, c := range below {
				if key := c.kind + "\x00" + id(c.parent); !been[key] {
					been[key] = true
					next = append(next, c)
				}
			}
			return nil
		})
		level = next
	}
}

// branch reads one list of resources. The same one may stand below several parents, but not twice in one list.
func (e *estate) branch(ctx context.Context, b branch) (below []branch, err error) {
	listed := map[string]bool{}
	err = pages(ctx, &e.reader, func(token string) (*v2.ResourcesServiceListResourcesResponse, error) {
		return e.c.things.ListResources(ctx, v2.ResourcesServiceListResourcesRequest_builder{ResourceTypeId: b.kind, ParentResourceId: b.parent,
			PageToken: token, ActiveSyncId: e.sync}.Build())
	}, func(rows []*v2.Resource, _ []*anypb.Any) error {
		for _, r := range rows {
			key := id(r.GetId())
			if nobody(r.GetId()) {
				return fmt.Errorf("%q has no type or no id, and can't be told from others", r.GetDisplayName())
			}
			if listed[key] {
				return fmt.Errorf("%s is listed twice", key)
			}
			listed[key] = true
			e.add(r)
			for _, note := range r.GetAnnotations() {
				child := &v2.ChildResourceType{}
				if note.MessageIs(child) && note.UnmarshalTo(child) == nil {
					below = append(below, branch{child.GetResourceTypeId(), r.GetId()})
				}
			}
		}
		return nil
	})
	return below, err
}

func (e *estate) add(r *v2.Resource) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.things[id(r.GetId())] = r
}

func (e *estate) thing(account string) *v2.Resource {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.things[account]
}

// scope is what grants or entitlements are asked for: one resource, or a whole type.
type scope struct {
	of    *v2.Resource
	notes []*anypb.Any
}

// scopes gives all of them. A type that carries whole is asked for once; what carries skip is not asked for.
func (e *estate) scopes(whole proto.Message, skip ...proto.Message) (out []scope) {
	skip = append(skip, &v2.SkipEntitlementsAndGrants{})
	skipped := func(notes []*anypb.Any) bool {
		for _, s := range skip {
			if has(notes, s) {
				return true
			}
		}
		return false
	}
	for _, t := range e.order {
		if has(e.types[t].GetAnnotations(), whole) {
			out = append(out, wholeType(t, whole))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(e.things)) {
		r := e.things[key]
		notes := e.types[r.GetId().GetResourceType()].GetAnnotations()
		if !has(notes, whole) && !skipped(notes) && !skipped(r.GetAnnotations()) {
			out = append(out, scope{of: r})
		}
	}
	return out
}

// wholeType asks for all of a type: the resource is a stand-in, and the annotation says so.
func wholeType(t string, whole proto.Message) scope {
	note, _ := anypb.New(whole) // of an empty message
	return scope{v2.Resource_builder{Id: v2.ResourceId_builder{ResourceType: t, Resource: t}.Build()}.Build(), []*anypb.Any{note}}
}

func (e *estate) loadRights(ctx context.Context) {
	each(e.parallel, e.scopes(&v2.TypeScopedEntitlements{}, &v2.SkipEntitlements{}), func(s scope) error {
		e.fault("entitlements of "+id(s.of.GetId()), pages(ctx, &e.reader, func(token string) (*v2.EntitlementsServiceListEntitlementsResponse, error) {
			return e.c.rights.ListEntitlements(ctx, v2.EntitlementsServiceListEntitlementsRequest_builder{Resource: s.of, PageToken: token,
				ActiveSyncId: e.sync, Annotations: s.notes}.Build())
		}, func(rows []*v2.Entitlement, _ []*anypb.Any) error {
			for _, right := range rows {
				e.addRight(right)
			}
			return nil
		}))
		return nil
	})
	each(e.parallel, e.order, func(t string) error {
		err := pages(ctx, &e.reader, func(token string) (*v2.EntitlementsServiceListStaticEntitlementsResponse, error) {
			return e.c.rights.ListStaticEntitlements(ctx, v2.EntitlementsServiceListStaticEntitlementsRequest_builder{ResourceTypeId: t, PageToken: token,
				ActiveSyncId: e.sync}.Build())
		}, func(rows []*v2.Entitlement, _ []*anypb.Any) error { e.addStatic(t, rows); return nil })
		if status.Code(err) != codes.Unimplemented { // of connectors older than static entitlements
			e.fault("static entitlements of "+t, err)
		}
		return nil
	})
}

// addStatic gives each resource of a type the entitlements that all of them have (NewEntitlementID of the SDK).
func (e *estate) addStatic(t string, rows []*v2.Entitlement) {
	for _, key := range slices.Sorted(maps.Keys(e.things)) {
		r := e.things[key]
		for _, right := range rows {
			if r.GetId().GetResourceType() == t {
				e.addRight(v2.Entitlement_builder{Resource: r, Id: t + ":" + r.GetId().GetResource() + ":" + right.GetSlug(), Slug: right.GetSlug(),
					DisplayName: right.GetDisplayName(), GrantableTo: right.GetGrantableTo(), Annotations: right.GetAnnotations(), Purpose: right.GetPurpose()}.Build())
			}
		}
	}
}

func (e *estate) addRight(right *v2.Entitlement) {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := right.GetId()
	if other := e.rights[key]; other != nil && id(other.GetResource().GetId()) != id(right.GetResource().GetId()) && !e.twice[key] {
		e.twice[key] = true
		e.faults = append(e.faults, fmt.Sprintf("%s and %s both have an entitlement %q", id(other.GetResource().GetId()), id(right.GetResource().GetId()), key))
	}
	e.rights[key] = right
}
