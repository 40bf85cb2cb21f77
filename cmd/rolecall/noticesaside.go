package main

import (
	"context"
	"net/url"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// tellAside logs which programs were set aside, or work again, and has people told at once, not only after the next run. A machine
// that does not plan leaves that to one that does.
func (s *server) tellAside(ctx context.Context, r engine.Report) {
	for _, one := range r.SetAside {
		s.log.Error("a program is set aside: it gets no more calls before the next run, but for cuts", "program", one.Program, "since", one.Since, "failed", one.Failed, "error", one.Error)
	}
	for _, name := range r.Again {
		s.log.Info("a program that was set aside works again", "program", name)
	}
	if o := s.outlook.Load(); o != nil && o.Run != "" && s.plans && len(r.SetAside)+len(r.Again) > 0 {
		s.tell(ctx, o.Plan)
	}
}

// setAside are the programs that get no calls, since they failed in a row, and those that work again. One that comes and goes is told
// once a day, see forget.
func (s *system) setAside(ctx context.Context, _ time.Time) (out []toldThing, err error) {
	line := func(program, text string) notify.Line {
		return notify.Line{Text: text, Program: program, Link: s.link("programs", url.PathEscape(program))}
	}
	aside, err := s.store.Facts(ctx, engine.FactAside)
	if err != nil {
		return nil, err
	}
	for _, f := range aside {
		out = append(out, single("programs", "set aside\n"+f.Program, line(f.Program, engine.SetAsideOf(f).String()+"; each run tries it with one call")))
	}
	back, err := s.store.Facts(ctx, engine.FactBack)
	for _, f := range back {
		out = append(out, single("programs", "works again\n"+f.Program, line(f.Program, engine.BackText(f))))
	}
	return out, err
}
