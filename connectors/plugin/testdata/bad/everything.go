package main

import (
	"context"
	"fmt"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// full can do everything that the protocol knows.
type full struct{ *program }

func (p full) Account(_ context.Context, id string) (shown *sdk.Account, err error) {
	_, err = p.with(func(d *data) (sdk.Outcome, error) {
		if a := d.Accounts[id]; a != nil {
			shown = &sdk.Account{ID: id, Name: a.Name, Active: a.Active, Entitlements: a.Entitlements, Person: a.Person}
		}
		return sdk.Already, nil
	})
	return shown, err
}

func (p full) Update(_ context.Context, id string, to sdk.NewAccount) (sdk.Outcome, error) {
	return p.with(func(d *data) (sdk.Outcome, error) {
		a := d.Accounts[id]
		switch {
		case a == nil:
			return sdk.Refused, fmt.Errorf("there is no account %q", id)
		case a.Name == to.Name:
			return sdk.Already, nil
		}
		a.Name = to.Name
		return sdk.Done, nil
	})
}

func (p full) Batch(ctx context.Context, changes []sdk.Change) []sdk.Result {
	out := make([]sdk.Result, len(changes))
	for i, c := range changes {
		r := &out[i]
		switch c.Method {
		case "grant":
			r.Outcome, r.Err = p.Grant(ctx, c.Account, c.Entitlement)
		case "revoke":
			r.Outcome, r.Err = p.Revoke(ctx, c.Account, c.Entitlement)
		case "suspend":
			r.Outcome, r.Err = p.Suspend(ctx, c.Account)
		case "resume":
			r.Outcome, r.Err = p.Resume(ctx, c.Account)
		case "delete":
			r.Outcome, r.Err = p.Delete(ctx, c.Account)
		case "create":
			r.Account, r.Outcome, r.Err = p.Create(ctx, c.New)
		}
	}
	return out
}
