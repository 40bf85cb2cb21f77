package main

import (
	"context"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// EndSessions has nothing to end: the accounts are lines of a file.
func (p full) EndSessions(context.Context, string) error { return nil }

// NewSecret refuses in the words that must not come through.
func (p full) NewSecret(_ context.Context, account, secret string) (sdk.Outcome, error) {
	if account == "nobody" {
		return sdk.Refused, &told{secret}
	}
	return sdk.Done, nil
}

type told struct{ secret string }

func (t *told) Error() string { return "there is nobody for " + t.secret }
