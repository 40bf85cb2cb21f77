package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// creating is a program whose accounts Rolecall makes and deletes.
type creating struct{ *program }

// Open also sees that the connector can do it.
func (p *creating) Open(ctx context.Context, s sdk.Settings) (string, error) {
	identity, err := p.program.Open(ctx, s)
	if err == nil && p.creates != nil && len(p.creates) == 0 {
		return "", errors.New("the connector does not create accounts; leave out -accounts")
	}
	return identity, err
}

// Create makes an account. One of the same name is refused, unless it says that it was made for this person.
func (p *creating) Create(ctx context.Context, a sdk.NewAccount) (string, sdk.Outcome, error) {
	ctx, stop := context.WithTimeout(ctx, p.patience)
	defer stop()
	e := p.known()
	if e == nil {
		var err error
		if e, err = p.reload(ctx); err != nil {
			return "", sdk.Failed, err
		}
	}
	if err := e.err(); err != nil {
		p.keep(nil)
		return "", sdk.Failed, fmt.Errorf("whether there is an account %q already can't be told: %s", a.Name, plain(err))
	}
	if taken := p.called(e, a.Name); taken != nil {
		return p.taken(taken, a)
	}
	request, err := p.request(e, a)
	if err != nil {
		return "", sdk.Refused, err
	}
	answer, err := p.c.account.CreateAccount(ctx, request)
	if err != nil {
		return p.notCreated(ctx, a, err)
	}
	return p.created(ctx, a, answer)
}

// called gives the account of a name, or nil.
func (p *creating) called(e *estate, name string) *sdk.Account {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(e.things)) {
		if r := e.things[key]; e.isUser(r.GetId().GetResourceType()) {
			if a := p.account(r); a.Name == name {
				return a
			}
		}
	}
	return nil
}

func (p *creating) taken(by *sdk.Account, a sdk.NewAccount) (string, sdk.Outcome, error) {
	if by.Person != "" && by.Person == a.Person {
		return by.ID, sdk.Already, nil
	}
	return "", sdk.Refused, fmt.Errorf("there is an account %q already (%s), and nothing says that it is the same person's", a.Name, by.ID)
}

func (p *creating) request(e *estate, a sdk.NewAccount) (*v2.CreateAccountRequest, error) {
	profile := map[string]any{"login": a.Name}
	for name, value := range a.Attributes {
		profile[name] = value
	}
	if p.settings.Person != "" {
		profile[p.settings.Person] = a.Person
	}
	fields, err := structpb.NewStruct(profile)
	if err != nil {
		return nil, err
	}
	info := v2.AccountInfo_builder{Login: a.Name, Profile: fields}
	if mail := a.Attributes["mail"]; mail != "" {
		info.Emails = []*v2.AccountInfo_Email{v2.AccountInfo_Email_builder{Address: mail, IsPrimary: true}.Build()}
	}
	options := v2.CredentialOptions_builder{NoPassword: &v2.CredentialOptions_NoPassword{}}
	switch p.settings.Login {
	case "sso":
		options = v2.CredentialOptions_builder{Sso: &v2.CredentialOptions_SSO{}}
	case "random": // nobody gets to know it: without keys the connector gives it to nobody
		options = v2.CredentialOptions_builder{RandomPassword: v2.CredentialOptions_RandomPassword_builder{Length: 32}.Build()}
	}
	return v2.CreateAccountRequest_builder{AccountInfo: info.Build(), CredentialOptions: options.Build(), ResourceTypeId: p.kind(e)}.Build(), nil
}

// kind is the type of the accounts that are made, where there is only one; else the connector chooses.
func (p *creating) kind(e *estate) (kind string) {
	for t := range p.creates {
		if e.isUser(t) && len(p.creates) == 1 {
			kind = t
		}
	}
	return kind
}

func (p *creating) created(ctx context.Context, a sdk.NewAccount, answer *v2.CreateAccountResponse) (string, sdk.Outcome, error) {
	var made *v2.Resource
	waits := ""
	switch {
	case answer.GetSuccess() != nil:
		made = answer.GetSuccess().GetResource()
	case answer.GetAlreadyExists() != nil:
		return p.notCreated(ctx, a, status.Error(codes.AlreadyExists, "the connector says that it exists already"))
	case answer.GetActionRequired() != nil:
		made, waits = answer.GetActionRequired().GetResource(), answer.GetActionRequired().GetMessage()
	case answer.GetInProgress() != nil:
		made, waits = answer.GetInProgress().GetResource(), "it is being made"
	}
	if made.GetId().GetResource() == "" {
		p.keep(nil)
		return "", sdk.Unknown, fmt.Errorf("the connector gives no id for %q: %s", a.Name, waits)
	}
	if e := p.known(); e != nil {
		e.add(made)
	}
	return id(made.GetId()), sdk.Done, nil
}

// notCreated looks whether the name is taken, by that person or another one.
func (p *creating) notCreated(ctx context.Context, a sdk.NewAccount, wrong error) (string, sdk.Outcome, error) {
	outcome := judge(wrong)
	p.keep(nil)
	if status.Code(wrong) == codes.AlreadyExists {
		if e, err := p.reload(ctx); err == nil {
			if taken := p.called(e, a.Name); taken != nil {
				return p.taken(taken, a)
			}
		}
	}
	return "", outcome, errors.New(plain(wrong))
}

// Delete deletes an account.
func (p *creating) Delete(ctx context.Context, account string) (sdk.Outcome, error) {
	ctx, stop := context.WithTimeout(ctx, p.patience)
	defer stop()
	e, err := p.reload(ctx)
	if err != nil {
		return sdk.Failed, err
	}
	r := e.thing(account)
	switch {
	case r == nil && e.err() != nil:
		return sdk.Failed, e.err()
	case r == nil:
		return sdk.Already, nil
	case !e.isUser(r.GetId().GetResourceType()):
		return sdk.Refused, fmt.Errorf("%q is no account", account)
	}
	answer, err := p.c.remover.DeleteResource(ctx, v2.DeleteResourceRequest_builder{ResourceId: r.GetId(), ParentResourceId: r.GetParentResourceId()}.Build())
	p.keep(nil)
	switch {
	case err == nil && has(answer.GetAnnotations(), &v2.ResourceDoesNotExist{}):
		return sdk.Already, nil
	case err == nil:
		return sdk.Done, nil
	case status.Code(err) == codes.NotFound:
		return sdk.Unknown, errors.New(plain(err)) // it was there a moment ago: Rolecall looks again
	}
	return judge(err), errors.New(plain(err))
}
