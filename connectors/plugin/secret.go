package plugin

import (
	"context"
	"fmt"

	"github.com/rolecall/rolecall/engine"
)

// NewSecret makes up a secret and has the plug-in set it, where it declares that it can. What the plug-in says of it tells nothing of
// the secret; what it writes to standard error does, if its author lets it.
func (p *Program) NewSecret(ctx context.Context, account string) (string, error) {
	s, err := p.session(ctx, anything)
	if err != nil {
		return "", err
	}
	if !s.can.Secrets {
		return "", fmt.Errorf("the plug-in of %s sets no secrets; do it by hand", p.options.Program)
	}
	if err := checkName("account", account); err != nil {
		return "", err
	}
	secret := engine.OneTimeSecret()
	r := s.change(ctx, &change{Method: methodNewSecret, Account: account, Secret: secret})
	if r.Outcome != engine.Done {
		if r.Err == nil { // already: then another one holds
			r.Err = fmt.Errorf("the plug-in of %s did not set the secret", p.options.Program)
		}
		return "", engine.Scrub(r.Err, secret)
	}
	return secret, nil
}
