package http

import (
	"context"

	"github.com/rolecall/rolecall/engine/httpconn"
)

// EndSessions makes the requests that end what an account has running. That there are no sessions is a success where expect: says so.
func (p *Program) EndSessions(ctx context.Context, account string) error {
	if len(p.users.endSessions) == 0 {
		return p.explain(httpconn.Refuse("sessions can't be ended here; users.end_sessions would say how"))
	}
	a, err := p.find(ctx, account)
	if err == nil && a != nil { // whose sessions are gone with it
		err = p.send(ctx, p.users.endSessions, values{"account": a.id}, a.item)
	}
	if err != nil {
		return p.explain(err)
	}
	return nil
}
