package main

import (
	"context"
	"errors"
	"fmt"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// pair is what a change is about. Either may be nil: there is no such account or right.
type pair struct {
	e     *estate
	right *v2.Entitlement
	who   *v2.Resource
}

// find looks both up, and reads the estate anew if one is not there. With an error, what is nil is only not known.
func (p *program) find(ctx context.Context, account, name string) (pair, error) {
	if e := p.known(); e != nil {
		if found := p.look(e, account, name); found.right != nil && found.who != nil {
			return found, nil
		}
	}
	e, err := p.reload(ctx)
	if err != nil {
		return pair{}, err
	}
	found := p.look(e, account, name)
	if found.right == nil || found.who == nil {
		return found, e.err()
	}
	return found, nil
}

func (p *program) look(e *estate, account, name string) pair {
	found := pair{e: e, who: e.thing(account)}
	if key, ok := p.right(name); ok {
		e.mu.Lock()
		found.right = e.rights[key]
		e.mu.Unlock()
	}
	return found
}

// held gives the grant by which an account has a right, or nil.
func (f pair) held(ctx context.Context) (grant *v2.Grant, err error) {
	s := scope{of: f.right.GetResource()}
	if kind := s.of.GetId().GetResourceType(); has(f.e.types[kind].GetAnnotations(), &v2.TypeScopedGrants{}) {
		s = wholeType(kind, &v2.TypeScopedGrants{})
	}
	enough := errors.New("found")
	err = f.e.grants(ctx, s, func(rows []*v2.Grant, _ []*anypb.Any) error {
		for _, g := range rows {
			if g.GetEntitlement().GetId() == f.right.GetId() && id(g.GetPrincipal().GetId()) == id(f.who.GetId()) {
				grant = g
				return enough
			}
		}
		return nil
	})
	if errors.Is(err, enough) {
		err = nil
	}
	return grant, err
}

// settled says what keeps a pair from being changed at all.
func (f pair) settled() error {
	switch {
	case f.e.twice[f.right.GetId()]:
		return fmt.Errorf("more than one resource has an entitlement %q", f.right.GetId())
	case has(f.right.GetAnnotations(), &v2.EntitlementImmutable{}):
		return fmt.Errorf("the connector says that %q can't be changed", f.right.GetId())
	}
	return nil
}

// Grant looks before it gives: connectors call it done, whether it was so before or not.
func (p *program) Grant(ctx context.Context, account, name string) (sdk.Outcome, error) {
	ctx, stop := context.WithTimeout(ctx, p.patience)
	defer stop()
	f, err := p.find(ctx, account, name)
	if err != nil {
		return sdk.Failed, errors.New(plain(err))
	}
	if err := f.refusal(account, name); err != nil {
		return sdk.Refused, err
	}
	switch before, err := f.held(ctx); {
	case err != nil:
		return sdk.Failed, fmt.Errorf("who holds it can't be listed: %s", plain(err))
	case before != nil:
		return sdk.Already, nil
	}
	answer, err := p.c.manager.Grant(ctx, v2.GrantManagerServiceGrantRequest_builder{Entitlement: f.right, Principal: f.who}.Build())
	if err != nil {
		return f.after(ctx, err, true)
	}
	if has(answer.GetAnnotations(), &v2.GrantAlreadyExists{}) {
		return sdk.Already, nil
	}
	return sdk.Done, nil
}

// refusal says why a right can't be given.
func (f pair) refusal(account, name string) error {
	switch {
	case f.who == nil:
		return fmt.Errorf("there is no account %q", account)
	case !f.e.isUser(f.who.GetId().GetResourceType()):
		return fmt.Errorf("%q is no account of a person; what groups hold is changed in the program itself", account)
	case f.right == nil:
		return fmt.Errorf("there is no right %q", name)
	case !f.e.grantable(f.right, f.who.GetId().GetResourceType()):
		return fmt.Errorf("the connector does not give %q to accounts like %q", name, account)
	}
	return f.settled()
}

// Revoke takes the very grant that the connector lists. Where it can't list, it is asked with a grant that is put together:
// a leaver's right must go.
func (p *program) Revoke(ctx context.Context, account, name string) (sdk.Outcome, error) {
	ctx, stop := context.WithTimeout(ctx, p.patience)
	defer stop()
	if _, ok := p.right(name); !ok { // held under its name, so that nobody may call it gone
		return sdk.Refused, fmt.Errorf("%q is called %q here", name, p.names[name])
	}
	f, err := p.find(ctx, account, name)
	switch {
	case err != nil:
		return sdk.Failed, errors.New(plain(err))
	case f.who == nil || f.right == nil:
		return sdk.Already, nil
	}
	if err := f.settled(); err != nil {
		return sdk.Refused, err
	}
	grant, err := f.held(ctx)
	switch {
	case err == nil && grant == nil:
		return sdk.Already, nil
	case has(grant.GetAnnotations(), &v2.GrantImmutable{}):
		return sdk.Refused, fmt.Errorf("the connector says that this grant of %q can't be taken", name)
	}
	whole := v2.Grant_builder{Id: grant.GetId(), Entitlement: f.right, Principal: f.who, Sources: grant.GetSources(), Annotations: grant.GetAnnotations()}
	if grant == nil {
		whole.Id = f.right.GetId() + ":" + f.who.GetId().GetResourceType() + ":" + f.who.GetId().GetResource() // NewGrantID of the SDK
	}
	answer, err := p.c.manager.Revoke(ctx, v2.GrantManagerServiceRevokeRequest_builder{Grant: whole.Build()}.Build())
	if err != nil {
		return f.after(ctx, err, false)
	}
	if has(answer.GetAnnotations(), &v2.GrantAlreadyRevoked{}) {
		return sdk.Already, nil
	}
	return sdk.Done, nil
}

// after finds out what became of a change that came back with an error: by looking, and by the kind of the error where it
// is not as it was to be.
func (f pair) after(ctx context.Context, wrong error, wanted bool) (sdk.Outcome, error) {
	outcome := judge(wrong)
	if outcome == sdk.Unknown {
		return outcome, errors.New(plain(wrong)) // it may still be happening: whoever looks now learns nothing
	}
	grant, err := f.held(ctx)
	switch {
	case err != nil:
		return sdk.Unknown, errors.New(plain(wrong))
	case (grant != nil) == wanted:
		return sdk.Done, nil
	}
	return outcome, errors.New(plain(wrong))
}

// judge says what an error of a change means. What a connector or the way to it says when it does not know is Unknown.
func judge(err error) sdk.Outcome {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.Unimplemented, codes.OutOfRange, codes.AlreadyExists:
		return sdk.Refused
	case codes.PermissionDenied, codes.Unauthenticated, codes.ResourceExhausted, codes.Aborted:
		return sdk.Failed
	}
	return sdk.Unknown
}
