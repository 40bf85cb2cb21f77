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
	"github.com/rolecall/rolecall/engine/ldapconn"
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
	return a.openKind(ctx, cfg, name, p, p.Settings.Decode, func(*connectors.Env) {})
}

// openKind opens a connector with its own settings, in surroundings that may be changed before.
func (a *app) openKind(ctx context.Context, cfg *config.File, name string, p *config.Program, decode func(any) error, change func(*connectors.Env)) (engine.Connector, error) {
	kinds := connectors.All()
	open, ok := kinds[p.Kind]
	if !ok {
		known := slices.Sorted(maps.Keys(kinds))
		return nil, engine.Mistakes{{Place: cfg.PlaceOf(&p.Kind), Text: "program " + name + " is of unknown kind " + p.Kind, Hint: "known are: " + strings.Join(known, ", ")}}
	}
	env := connectors.Env{Program: name, Dir: cfg.Dir, Secret: a.secrets(cfg.Dir), Now: a.Now, Directory: a.groupDirectory(cfg, func(d *config.Directory) (*ldapconn.Client, error) { return a.ldap(cfg, d) }), Calls: p.Concurrency,
		Getenv: a.Env, Log: a.logger()}
	change(&env)
	return open(ctx, decode, env)
}

// program puts a connector and its settings together; templates were checked with the configuration.
func program(cfg *config.File, name string, p *config.Program, c engine.Connector) engine.Program {
	out := engine.Program{
		Name: name, Kind: p.Kind, Connector: c, Revoke: p.Revoke, Patterns: p.Entitlements, Match: p.Match, MatchWith: template(p.MatchWith),
		Create: template(p.Create), Attributes: map[string]engine.Template{}, Accounts: map[string]engine.DeclaredAccount{}, Repair: p.Repair, Away: p.Away, Delete: p.Delete,
		Wait: *cmp.Or(p.Wait, &cfg.Leavers.Wait), Grace: p.Grace, Protected: p.Protected, Admin: p.Admin, Concurrency: p.Concurrency, Rate: p.Rate, Lost: &atomic.Int32{}, After: p.After, Owner: p.Owner, Seats: seatRules(cfg, p),
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

// seatRules are nil where nothing is said of seats or their price.
func seatRules(cfg *config.File, p *config.Program) *engine.SeatRules {
	if len(p.Seats) == 0 && p.Price == nil {
		return nil
	}
	out := &engine.SeatRules{Reserve: p.Reserve, Contract: contract(cfg, p.Contract)}
	for _, name := range p.Seats.Names() {
		k := cmp.Or(p.Seats[name], &config.SeatKind{})
		kind := engine.SeatKind{Name: name, For: k.For, Count: engine.NoSeatLimit, Suspended: k.Suspended, Price: seatPrice(cmp.Or(k.Price, p.Price))}
		if k.Count != nil {
			kind.Count = *k.Count
		}
		out.Kinds = append(out.Kinds, kind)
	}
	return out
}

// seatPrice is by the month.
func seatPrice(p *config.Price) (out engine.SeatPrice) {
	if p == nil {
		return out
	}
	out = engine.SeatPrice{Month: monthly(p).Amount, Currency: p.Currency, Minimum: p.Minimum}
	for _, t := range p.Tiers {
		out.Tiers = append(out.Tiers, engine.SeatTier{Above: t.Above, Month: monthly(&config.Price{Amount: t.Amount, Per: p.Per}).Amount})
	}
	return out
}

// contract ends at the midnight after its last day.
func contract(cfg *config.File, c *config.Contract) (out engine.SeatContract) {
	if c == nil {
		return out
	}
	return engine.SeatContract{Ends: dayAfter(c.Ends, zone(cfg)), Notice: c.Notice, Renews: c.Months(), Budget: c.Budget, Hold: c.Hold}
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
