package plugin

import (
	"context"
	"fmt"

	"github.com/rolecall/rolecall/engine"
)

// EndSessions ends what an account has running, where the plug-in declares that it can.
func (p *Program) EndSessions(ctx context.Context, account string) error {
	s, err := p.session(ctx, urgent)
	if err != nil {
		return err
	}
	if !s.can.Sessions {
		return fmt.Errorf("the plug-in of %s does not end sessions; end them by hand", p.options.Program)
	}
	if err := checkName("account", account); err != nil {
		return err
	}
	r := s.change(ctx, &change{Method: methodEndSessions, Account: account})
	if r.Outcome == engine.Done || r.Outcome == engine.Already {
		return nil
	}
	return r.Err
}
