package main

import (
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
)

// byHand lists on standard error what somebody must do in the programs, since Rolecall can't.
func (a *app) byHand(p *engine.Plan) {
	out := render.Out{W: a.Stderr}
	for i := range p.Changes {
		c := &p.Changes[i]
		out.Line("to do by hand: %s %s of account %s in %s", string(c.Op), c.Entitlement, c.Account, c.Program)
	}
}
