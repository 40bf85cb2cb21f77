package sql

import (
	"context"

	"github.com/rolecall/rolecall/engine"
)

// NewSecret runs the statement that gives an account a new secret: one row, or nothing. The secret is a parameter, never text of it.
func (p *Tables) NewSecret(ctx context.Context, account string) (string, error) {
	if _, written := p.changes["secret"]; !written || !plain(account) {
		return "", p.explain(refuse("there is no statement for a secret of the account %q; add secret to statements", account))
	}
	secret := engine.OneTimeSecret()
	look := func(tx *transaction) (map[string]bool, error) { return p.held(ctx, tx, account) }
	_, err := transact(ctx, p, look, func(tx *transaction, before map[string]bool) (engine.Outcome, error) {
		if before == nil {
			return "", refuse("there is no account %q", account)
		}
		return engine.Done, p.exec(ctx, tx, "secret", map[string]any{"account": account, "secret": secret})
	})
	if err != nil {
		return "", engine.Scrub(err, secret)
	}
	return secret, nil
}
