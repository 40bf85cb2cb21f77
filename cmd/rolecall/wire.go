package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
	"github.com/rolecall/rolecall/engine/journal"
	"github.com/rolecall/rolecall/policies"
)

// access says what a command does with the journal.
type access int

const (
	reading access = iota // a dry run: nothing is written, made or migrated
	writing
	accepting // writing on a journal that was rolled back, which is what the command is about
	cutting   // writing that even a journal that was rolled back must not hold up
)

// system is a configuration put together.
type system struct {
	cfg      *config.File
	schema   policies.Schema
	policy   *policies.Policy
	packed   []byte // files of the policy, see archive
	schedule *dispatch.Schedule
	channels *channels          // by which people are told
	tried    tries              // letters
	before   map[beginning]bool // who had access before their first day, of those whose first day it was in the last run
	store    *journal.Store
	engine   *engine.Engine
	seal     func(context.Context) error // nothing while only reading
	using    sync.WaitGroup              // of the daemon: what still works with it; see server.use
}

// names of all programs.
func (s *system) names() []string {
	out := make([]string, len(s.engine.Programs))
	for i := range s.engine.Programs {
		out[i] = s.engine.Programs[i].Name
	}
	return out
}

// waitingFor are the programs that have the named one in their after:.
func (s *system) waitingFor(name string) (out []string) {
	for i := range s.engine.Programs {
		if p := &s.engine.Programs[i]; slices.Contains(p.After, name) {
			out = append(out, p.Name)
		}
	}
	return out
}

// program is nil if there is none of that name.
func (s *system) program(name string) *engine.Program {
	for i := range s.engine.Programs {
		if s.engine.Programs[i].Name == name {
			return &s.engine.Programs[i]
		}
	}
	return nil
}

// hangUp ends the connections of programs.
func hangUp(programs []engine.Program) error {
	var errs []error
	for i := range programs {
		if c, ok := programs[i].Connector.(io.Closer); ok {
			if err := c.Close(); err != nil {
				errs = append(errs, fmt.Errorf("ending the connections of %s: %w", programs[i].Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// close seals what was written.
func (s *system) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // also when the command was interrupted
	defer cancel()
	return errors.Join(s.seal(ctx), s.store.Close(), hangUp(s.engine.Programs))
}

// open puts the configuration together. Mistakes in different places come together; the journal is opened last, so that
// nothing is made while anything is wrong.
func (a *app) open(ctx context.Context, mode access) (*system, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, errors.Join(err, a.alsoWrong(ctx))
	}
	s, err := a.parts(ctx, cfg)
	if err != nil {
		return nil, err
	}
	store, err := a.store(ctx, cfg, mode, nil)
	if err != nil {
		return nil, errors.Join(err, hangUp(s.engine.Programs))
	}
	if err := a.join(ctx, s, store, mode); err != nil {
		return nil, errors.Join(err, store.Close(), hangUp(s.engine.Programs))
	}
	return s, nil
}

// alsoWrong names what is wrong besides the configuration, so that all of it can be mended at once.
func (a *app) alsoWrong(ctx context.Context) error {
	cfg, whole := config.LoadAnyway(a.Dir, a.configFile)
	if cfg == nil {
		return nil
	}
	schema := schema(cfg)
	maps.DeleteFunc(cfg.Programs, func(_ string, p *config.Program) bool { return p.Kind == "" }) // is said already
	programs, wrong3 := a.programs(ctx, cfg)
	known := knowing(schema, programs)
	var wrong1, wrong2 error
	if whole {
		_, _, wrong1 = a.archived(cfg, known)
		_, wrong2 = a.directory(cfg, schema)
	} else {
		wrong1 = policyMistakes(cfg, policies.Judge(os.DirFS(cfg.In(cfg.Policies)), known))
	}
	return errors.Join(wrong2, wrong3, wrong1, hangUp(programs))
}

// journalOnly opens the journal alone, so that it can be read whatever else is wrong.
func (a *app) journalOnly(ctx context.Context) (*journal.Store, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	return a.store(ctx, cfg, reading, nil)
}

// remembered shows something of what the journal remembers, whatever else is wrong.
func (a *app) remembered(ctx context.Context, show func(*journal.Store, *engine.Memory) error) (err error) {
	s, err := a.journalOnly(ctx)
	if err != nil {
		return err
	}
	defer settle(&err, s.Close)
	memory, err := s.Memory(ctx, a.Now())
	if err != nil {
		return err
	}
	return show(s, memory)
}

// parts is everything but the journal. Nothing is called or made.
func (a *app) parts(ctx context.Context, cfg *config.File) (*system, error) {
	schema := schema(cfg)
	programs, wrong1 := a.programs(ctx, cfg)
	people, wrong2 := a.directory(cfg, schema)
	policy, packed, wrong3 := a.archived(cfg, knowing(schema, programs))
	schedule, wrong4 := dispatch.ParseSchedule(cfg.Schedule)
	channels, wrong5 := a.channels(cfg)
	if err := errors.Join(wrong1, wrong2, wrong3, wrong4, wrong5); err != nil {
		return nil, errors.Join(err, hangUp(programs))
	}
	protect(programs, policy.Protected().Accounts)
	return &system{cfg: cfg, schema: schema, policy: policy, packed: packed, schedule: schedule, channels: channels, engine: &engine.Engine{
		Directory: people, Policy: policy, Named: policy.Roles(), Programs: programs, Settings: settings(cfg, policy.Protected(), a.Now()), Now: a.Now, Uptime: uptime(), Log: a.logger(),
		Timing: a.timed(), Progress: a.progress.step, Wait: a.Wait,
	}}, nil
}

// uptime counts from now on, whatever the clock is set to meanwhile.
func uptime() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

// join adds the journal, which stays the caller's if it is refused.
func (a *app) join(ctx context.Context, s *system, store *journal.Store, mode access) error {
	s.seal = func(context.Context) error { return nil }
	s.store, s.engine.Journal, s.engine.Outbox, s.engine.Former = store, store, store, s.former(s.schema)
	if s.cfg.Approvals.FourEyes {
		s.engine.Changes = s.changes
		s.engine.SamePerson = func(names []string, author string) bool {
			return engine.SameAuthor(s.cfg.Approvals.Logins, names, author)
		}
	}
	if mode == reading {
		return nil
	}
	switch err := a.continues(ctx, s.cfg, store); {
	case err == nil:
		s.seal = func(ctx context.Context) error { return a.seal(ctx, s.cfg, store) }
	case mode == writing:
		return err
	case mode == accepting: // which seals it when all is said
	default: // not sealed: the checkpoint outside is what shows the roll-back
		a.logger().Error("the journal can't be trusted; only the cut is carried out", "error", err)
		s.engine.Outbox = cutsOnly{store}
	}
	return nil
}

func (a *app) policy(cfg *config.File, s policies.Schema) (*policies.Policy, error) {
	p, err := policies.Load(os.DirFS(cfg.In(cfg.Policies)), s)
	if err != nil {
		return nil, policyMistakes(cfg, err)
	}
	return p, nil
}

// policyMistakes gives what is wrong with the policies its place below the configuration's folder.
func policyMistakes(cfg *config.File, err error) error {
	var wrong engine.Mistakes
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		for i := range wrong {
			wrong[i].File = strings.TrimSuffix(cfg.Policies, "/") + "/" + wrong[i].File
		}
		return wrong
	}
	return engine.Mistakes{{Place: cfg.PlaceOf(&cfg.Policies), Text: cfg.Policies + ": " + err.Error()}}
}

// protect adds accounts that policy protects, written program/account, to their programs.
func protect(programs []engine.Program, accounts []string) {
	for i := range programs {
		p := &programs[i]
		for _, a := range accounts {
			if account, ok := strings.CutPrefix(a, p.Name+"/"); ok {
				p.Protected = append(p.Protected, account)
			}
		}
	}
}

// enqueue asks a queue for work, see journal.Options.
type enqueue = func(ctx context.Context, tx *sql.Tx, programs []string) error

// store opens the journal; queue is nil but for a daemon on PostgreSQL, which a restore must not come in between.
func (a *app) store(ctx context.Context, cfg *config.File, mode access, queue enqueue) (*journal.Store, error) {
	address, err := a.address(cfg)
	if err != nil {
		return nil, err
	}
	s, err := journal.Open(ctx, address, journal.Options{Now: a.Now, Random: a.Random, ReadOnly: mode == reading, Migrate: mode != reading, Enqueue: queue, Stays: queue != nil})
	if err != nil {
		return nil, failed("", "%w", err)
	}
	return s, nil
}

func (a *app) address(cfg *config.File) (string, error) {
	if path, ok := strings.CutPrefix(cfg.Store, "sqlite:"); ok {
		return "sqlite:" + cfg.In(path), nil
	}
	if cfg.StorePassword.IsZero() {
		return cfg.Store, nil
	}
	password, err := a.secrets(cfg.Dir)(cfg.StorePassword)
	if err != nil {
		return "", usage("", "the store's password: %w", err)
	}
	u, err := url.Parse(cfg.Store)
	if err != nil {
		return "", usage("", "the store's URL can't be read")
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String(), nil
}
