package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/login"
	"github.com/rolecall/rolecall/engine/web"
	"github.com/rolecall/rolecall/policies"
)

// page is what people look at in a browser. It listens on loopback only, which the configuration is checked for.
func (s *server) page(ctx context.Context) (http.Handler, error) {
	o := web.Options{
		Outlook: func() *engine.Outlook { return s.lookedAt(ctx) },
		Journal: func() web.Journal { return s.system().store },
		Paused:  func(ctx context.Context) ([]engine.Fact, error) { return paused(ctx, s.system()) },
		Items:   func(ctx context.Context) ([]engine.Item, error) { return items(ctx, s.system()) },
		Hand:    func(ctx context.Context) ([]engine.Task, error) { return tasks(ctx, s.system()) },
		Holders: func(ctx context.Context, program, after string, accounts int) ([]engine.Held, error) {
			return s.system().store.Holders(ctx, program, after, accounts)
		},
		Begun: func(ctx context.Context, run string) (int, error) { return s.system().store.OpenOf(ctx, run) },
		Had: func(ctx context.Context, q engine.AsOfQuery) ([]engine.Held, error) {
			return s.system().store.AsOfPage(ctx, q)
		},
		Leads: func(program string) []web.Lead { return leadsTo(s.system().policy, program) },
		CutSince: func(ctx context.Context, person string) (*engine.Fact, error) {
			return cutSince(ctx, s.system(), person)
		},
		Extras:    s.extras,
		Blanked:   s.blanked,
		Exports:   exports{s},
		Reports:   func() []web.ReportKind { return s.reportKinds(ctx) },
		CSV:       writeCSV,
		Prove:     s.prove,
		Levels:    func() *web.Levels { return s.levelsAt(ctx) },
		Programs:  func() []web.Program { return described(s.system().cfg, s.app.Now()) },
		Ending:    func(ctx context.Context) ([]web.Credential, error) { return s.system().credentials(ctx, s.app.Now()) },
		Lead:      func(source string) time.Duration { return s.system().leadOf(source) },
		Overdue:   func() time.Duration { return s.system().engine.Settings.Alarms.Unfinished },
		Escalates: func() engine.Escalation { return s.system().engine.Settings.Escalate },
		Next:      s.next,
		Now:       s.app.Now,
		Zone:      func() *time.Location { return zone(s.system().cfg) },
		Failed:    func(what string, err error) { s.log.Error("a page can't be shown", "page", what, "error", err) },
	}
	if d := s.newDoor(); d != nil {
		o.Door, o.Decisions, o.Reviews, o.Delegates, o.Chores, o.Local, o.Refused, o.Ways = d, d, d, d, d, login.Local, d.refused, ways(s.system().cfg.Login)
	}
	return web.New(o)
}

// ways are how people sign in.
func ways(l *config.Login) web.Ways {
	w := web.Ways{Tokens: l.Tokens, Host: l.Host(), Secure: l.Secure()}
	if l.OIDC != nil {
		w.Provider = l.OIDC.Name
	}
	return w
}

// paused are the pauses in force now, of everything and of single programs.
func paused(ctx context.Context, sys *system) (out []engine.Fact, err error) {
	for _, program := range append([]string{""}, sys.names()...) {
		f, is, err := sys.store.Fact(ctx, engine.FactKey{Kind: engine.FactPause, Program: program})
		if err != nil {
			return nil, err
		}
		if is {
			out = append(out, f)
		}
	}
	return out, nil
}

// items are what waits for a decision now, or was decided and not yet used.
func items(ctx context.Context, sys *system) (out []engine.Item, err error) {
	facts, err := sys.store.Facts(ctx, engine.FactItem)
	for _, f := range facts {
		out = append(out, engine.ItemOf(f))
	}
	return out, err
}

// tasks are the changes that people are to make now.
func tasks(ctx context.Context, sys *system) ([]engine.Task, error) {
	var open []engine.Intent
	for _, name := range engine.ByHandNames(sys.engine.Programs) {
		more, err := sys.store.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		open = append(open, more...)
	}
	return engine.HandTasks(open, sys.engine.Programs), nil
}

// cutSince is since when somebody is cut off, nil if they are not.
func cutSince(ctx context.Context, sys *system, person string) (*engine.Fact, error) {
	f, is, err := sys.store.Fact(ctx, engine.FactKey{Kind: engine.FactCut, Person: person})
	if err != nil || !is {
		return nil, err
	}
	return &f, nil
}

// extras are what somebody was given on the command line or the page, and is not over.
func (s *server) extras(ctx context.Context, person string) (out []engine.Fact, err error) {
	facts, err := s.system().store.Facts(ctx, engine.FactExtra)
	for _, f := range facts {
		if f.Person == person && s.app.Now().Before(f.Until.AddDate(0, 0, 1)) {
			out = append(out, f)
		}
	}
	return out, err
}

// next is when this daemon plans the next time; one that only works never does.
func (s *server) next() time.Time {
	if !s.plans {
		return time.Time{}
	}
	return s.system().schedule.Next(s.app.Now())
}

// described is what the configuration says of the programs, for people; sorted by name.
func described(cfg *config.File, now time.Time) (out []web.Program) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Programs)) {
		p := cfg.Programs[name]
		d := web.Program{Name: name, Kind: p.Kind, Vendor: p.Vendor, Owner: p.Owner, Seats: p.Seats.Count()}
		if p.Price != nil {
			d.Price = fmt.Sprintf("%g %s per %s", p.Price.Amount, p.Price.Currency, cmp.Or(p.Price.Per, "month"))
			d.Monthly = web.Money{Amount: p.Price.Amount, Currency: p.Price.Currency}
			if p.Price.Per == "year" {
				d.Monthly.Amount /= 12
			}
		}
		if p.Contract != nil && !p.Contract.Ends.IsZero() {
			d.Ends, d.Notice = lastDays(cfg, p.Contract, now)
			d.Renews = p.Contract.Renews != ""
		}
		d.Declared = declared(p.Accounts, zone(cfg))
		out = append(out, d)
	}
	return out
}

// lastDays are those of a contract, and of its notice, zero where none is agreed: of the term that can still be given up, where it goes
// on by itself.
func lastDays(cfg *config.File, c *config.Contract, now time.Time) (ends, notice time.Time) {
	rules := contract(cfg, c)
	ends, notice = rules.Term(now)
	lastDay := func(after time.Time) time.Time {
		y, m, d := after.Add(-1).In(zone(cfg)).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	if ends = lastDay(ends); c.Notice <= 0 {
		return ends, time.Time{}
	}
	return ends, lastDay(notice)
}

// declared are the service and shared accounts of a configuration, sorted by name.
func declared(accounts map[string]*config.Account, in *time.Location) (out []web.DeclaredAccount) {
	for _, name := range slices.Sorted(maps.Keys(accounts)) {
		if a := accounts[name]; a.Kind == engine.ServiceAccount || a.Kind == engine.SharedAccount {
			out = append(out, web.DeclaredAccount{Name: name, Kind: a.Kind, Owner: a.Owner, Review: dayAfter(a.Review, in)})
		}
	}
	return out
}

// leadsTo are the rules that lead to a program, for people.
func leadsTo(policy *policies.Policy, program string) (out []web.Lead) {
	for _, l := range policy.Leads(program) {
		one := web.Lead{Name: l.Name, Mode: l.Mode, Reason: l.Reason, Place: l.Place, When: l.When}
		if l.Extra {
			one.Until = l.Until.Format(time.DateOnly)
		}
		var roles []string
		for _, r := range []struct {
			word string
			list []string
		}{{"any of ", l.Any}, {"all of ", l.All}, {"none of ", l.None}} {
			if len(r.list) > 0 {
				roles = append(roles, r.word+strings.Join(r.list, ", "))
			}
		}
		one.Roles = strings.Join(roles, "; ")
		for _, e := range l.Grants {
			one.Grants = append(one.Grants, e.String())
		}
		slices.Sort(one.Grants)
		out = append(out, one)
	}
	return out
}

// staleAfter is how old a look may be for the page: a run on another machine, or none for long, leaves the last one here
// behind.
const staleAfter = time.Hour

// lookedAt is what the page shows. Where there is nothing new enough, a look is begun, but nobody waits for it: it may take
// as long as a run. ctx ends with the daemon.
func (s *server) lookedAt(ctx context.Context) *engine.Outlook {
	o := s.outlook.Load()
	if o != nil && s.app.Now().Sub(o.At) < staleAfter || !s.looking.TryLock() {
		return o
	}
	s.former.Go(func() {
		defer s.looking.Unlock()
		sys, done := s.use()
		defer done()
		fresh, err := sys.engine.Look(ctx)
		if err != nil {
			s.log.Warn("nothing new can be shown", "error", err)
			return
		}
		s.outlook.CompareAndSwap(o, fresh) // a run that came meanwhile knows more
	})
	return o
}

const (
	levelDays  = 30               // days that levels are of
	levelsLast = 10 * time.Minute // how long they are shown before they are read again
)

// levelsAt is how long changes took, read in the background like what lookedAt gives.
func (s *server) levelsAt(ctx context.Context) *web.Levels {
	l := s.levels.Load()
	if l != nil && s.app.Now().Sub(l.At) < levelsLast || !s.measuring.TryLock() {
		return l
	}
	s.former.Go(func() {
		defer s.measuring.Unlock()
		now := s.app.Now().In(zone(s.system().cfg))
		since := time.Date(now.Year(), now.Month(), now.Day()-levelDays+1, 0, 0, 0, 0, now.Location())
		list, err := engine.ServiceLevels(ctx, s.system().store, since, now)
		if err != nil {
			s.log.Warn("how long changes take can't be told", "error", err)
			return
		}
		s.levels.Store(&web.Levels{At: now, Days: levelDays, List: list})
	})
	return l
}

// looked keeps what the last run saw, for the page.
func (s *server) looked(o *engine.Outlook) { s.outlook.Store(o) }

// blanked is when, by whom and why the records of somebody were blanked, nil if they were not.
func (s *server) blanked(ctx context.Context, person string) (*web.Blanked, error) {
	b, err := blankingOf(ctx, s.system().store, person)
	if b == nil {
		return nil, err
	}
	return &web.Blanked{At: b.at, By: b.By, Reason: b.Reason, Record: b.Record}, err
}
