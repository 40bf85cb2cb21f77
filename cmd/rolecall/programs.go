package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/connectors"
	"github.com/rolecall/rolecall/engine"
)

// programs opens the connector of every program; no call is made. What is wrong with any of them comes together,
// next to those that are right.
func (a *app) programs(ctx context.Context, cfg *config.File) ([]engine.Program, error) {
	var out []engine.Program
	var wrong engine.Mistakes
	for _, name := range slices.Sorted(maps.Keys(cfg.Programs)) {
		p := cfg.Programs[name]
		connector, err := a.connector(ctx, cfg, name, p)
		var more engine.Mistakes
		switch {
		case errors.As(err, &more):
			wrong = append(wrong, more...)
		case err != nil:
			wrong = append(wrong, engine.Mistake{Place: cfg.PlaceOf(p), Text: err.Error()})
		default:
			out = append(out, program(cfg, name, p, connector))
		}
	}
	if len(wrong) > 0 {
		return out, wrong
	}
	return out, nil
}

func (a *app) connector(ctx context.Context, cfg *config.File, name string, p *config.Program) (engine.Connector, error) {
	return a.openKind(ctx, cfg, name, p, func(*connectors.Env) {})
}

// openKind opens a connector in surroundings that may be changed before.
func (a *app) openKind(ctx context.Context, cfg *config.File, name string, p *config.Program, change func(*connectors.Env)) (engine.Connector, error) {
	kinds := connectors.All()
	open, ok := kinds[p.Kind]
	if !ok {
		known := slices.Sorted(maps.Keys(kinds))
		return nil, engine.Mistakes{{Place: cfg.PlaceOf(&p.Kind), Text: "program " + name + " is of unknown kind " + p.Kind, Hint: "known are: " + strings.Join(known, ", ")}}
	}
	env := connectors.Env{Program: name, Dir: cfg.Dir, Secret: a.secrets(cfg.Dir), Now: a.Now, Directory: a.groupDirectory(cfg), Calls: p.Concurrency,
		Getenv: a.Env, Log: a.logger()}
	change(&env)
	return open(ctx, p.Settings.Decode, env)
}

// program puts a connector and its settings together; templates were checked with the configuration.
func program(cfg *config.File, name string, p *config.Program, c engine.Connector) engine.Program {
	out := engine.Program{
		Name: name, Kind: p.Kind, Connector: c, Revoke: p.Revoke, Patterns: p.Entitlements, Match: p.Match, MatchWith: template(p.MatchWith),
		Create: template(p.Create), Attributes: map[string]engine.Template{}, Accounts: map[string]engine.DeclaredAccount{}, Repair: p.Repair, Away: p.Away, Delete: p.Delete,
		Wait: *cmp.Or(p.Wait, &cfg.Leavers.Wait), Grace: p.Grace, Protected: p.Protected, Admin: p.Admin, Concurrency: p.Concurrency, Rate: p.Rate, Lost: &atomic.Int32{}, After: p.After, Owner: p.Owner,
	}
	if p.Usage != nil {
		out.LastUse = engine.LastUse{Attribute: p.Usage.LastUsed, Purpose: p.Usage.Purpose}
	}
	for account, d := range p.Accounts {
		out.Accounts[account] = engine.DeclaredAccount{Kind: d.Kind, Owner: d.Owner, Review: dayAfter(d.Review, zone(cfg))}
	}
	for attribute, text := range p.Attributes {
		out.Attributes[attribute] = template(text)
	}
	return out
}

// dayAfter is the midnight in a zone at which a day ends; no day has no end.
func dayAfter(day time.Time, in *time.Location) time.Time {
	if day.IsZero() {
		return day
	}
	return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, in)
}

func template(text string) engine.Template {
	t, err := config.ParseTemplate(text)
	if err != nil || text == "" {
		return nil
	}
	return t.Fill
}
