package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/connectors"
	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// tester holds one program to the suite and puts back what that changes.
type tester struct {
	name, kind, identity string
	open                 func(between between) (engine.Connector, error)
	scratch              config.Scratch
	most                 time.Duration
	notes                []string

	proxy *conformance.Proxy // between a plug-in and its program; nil: nothing is

	mu      sync.Mutex
	secrets []string // that were handed out

	connector   engine.Connector // of the check that runs
	description engine.Description
	created     []string            // accounts that were made for it
	there       map[string]bool     // ids of all accounts before
	before      map[string][]string // account → rights of the scratch accounts before; also of those that are not in the list, which hold nothing
	wrong       error               // why nothing can be tried
}

// between is what stands between a connector and its program; the zero value is nothing.
type between struct {
	faults *plugin.Faults
	wire   *conformance.Wire
	http   *conformance.HTTPFaults
}

// put makes the connector's surroundings such that there are no pauses and that faults can be.
func (b between) put(e *connectors.Env) {
	e.Wait = noPause
	if b.http == nil {
		return
	}
	e.Tried = true
	e.Between, e.Wait, e.Step, e.Dial = b.http.Between, b.http.Wait, b.wire.Step, b.wire.Dialing(nil)
	e.Pipe = func(p plugin.Pipe) plugin.Pipe {
		p = b.faults.Between(p)
		p.In, p.Out = b.wire.Pipe(p.In, p.Out)
		return p
	}
}

// tester finds out what is to be tried, and refuses to write where nobody said so.
func (a *app) tester(c *cobra.Command, given []string, f testFlags) (*tester, error) {
	t := &tester{name: given[0], most: f.most}
	var p *config.Program
	var err error
	if strings.Contains(given[0], "/") {
		p, err = a.testExecutable(c, t, given)
	} else {
		p, err = a.testProgram(c.Context(), t, given)
	}
	if err != nil {
		return nil, err
	}
	if p.Kind == "manual" {
		return nil, usage("", "people make the changes of %s, so there is nothing to try", t.name)
	}
	if p.Scratch == nil && !f.writes {
		return nil, usage("put scratch: {} into its configuration if it is there to be tried, or say --yes-it-writes",
			"this test grants, revokes, suspends, creates and deletes in %s, and nobody said that it may", t.name)
	}
	t.scratch.Accounts, t.scratch.Rights = append(t.scratch.Accounts, f.accounts...), append(t.scratch.Rights, f.rights...)
	t.scratch.Stranger = cmp.Or(t.scratch.Stranger, "rolecall-test-nobody")
	if len(t.scratch.Names) == 0 {
		t.scratch.Names = []string{"Rolecall-Test Dan", "rolecall-test-Évé"}
	}
	return t, nil
}

func (t *tester) know(p *config.Program) {
	if p.Scratch != nil {
		t.scratch = *p.Scratch
	}
}

// testProgram opens a program of the configuration, as often as it is asked to.
func (a *app) testProgram(ctx context.Context, t *tester, given []string) (*config.Program, error) {
	if len(given) > 1 {
		return nil, usage("arguments are for executables; those of a plug-in of the configuration stand in its command:", "%s takes no arguments", given[0])
	}
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	p := cfg.Programs[t.name]
	if p == nil {
		return nil, usage("a path to an executable has a slash in it: ./"+t.name, "there is no program %q in %s", t.name, cfg.Path)
	}
	t.kind = p.Kind
	t.know(p)
	t.open = func(b between) (engine.Connector, error) {
		return a.openKind(ctx, cfg, t.name, p, t.through(p.Settings.Decode), func(e *connectors.Env) {
			e.Secret = t.watch(e.Secret)
			b.put(e)
			e.Directory = a.groupDirectory(cfg, func(d *config.Directory) (*ldapconn.Client, error) { return a.newLDAP(cfg, d, e.Dial, noRound) })
		})
	}
	c, err := t.open(between{}) // mistakes of the configuration come before anything is tried
	if err != nil {
		return nil, err
	}
	return p, closeConnector(c)
}

// testExecutable opens an executable with the settings of a file of its own, if there is one.
func (a *app) testExecutable(c *cobra.Command, t *tester, given []string) (p *config.Program, err error) {
	p, dir := &config.Program{}, a.Dir
	if c.Flags().Changed("config") {
		if p, dir, err = config.LoadProgram(a.Dir, a.configFile); err != nil {
			return nil, err
		}
	}
	path, err := filepath.Abs(a.path(given[0]))
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	t.kind = "plugin"
	t.know(p)
	decode := func(into any) error {
		err := p.Settings.Decode(into)
		if own, ok := into.(*plugin.Config); ok {
			own.Command = append([]string{path}, given[1:]...)
		}
		return err
	}
	t.open = func(b between) (engine.Connector, error) {
		env := connectors.Env{Program: filepath.Base(path), Dir: dir, Secret: t.watch(a.secrets(dir)), Now: a.Now, Calls: p.Concurrency, Getenv: a.Env, Log: a.logger()}
		b.put(&env)
		return connectors.All()[t.kind](c.Context(), t.through(decode), env)
	}
	connector, err := t.open(between{})
	if err != nil {
		return nil, err
	}
	return p, closeConnector(connector)
}

// through lets a plug-in speak to its program through a proxy, if its configuration says where the address is.
func (t *tester) through(decode func(any) error) func(any) error {
	return func(into any) error {
		err := decode(into)
		own, ok := into.(*plugin.Config)
		if err != nil || !ok || t.scratch.Through == "" {
			return err
		}
		address, _ := own.Config[t.scratch.Through].(string)
		if t.proxy == nil {
			if t.proxy, err = conformance.NewProxy(address); err != nil {
				return fmt.Errorf("scratch: through: config has no address of a program at %q: %w", t.scratch.Through, err)
			}
		}
		own.Config = maps.Clone(own.Config)
		own.Config[t.scratch.Through] = t.proxy.URL
		return nil
	}
}

// noPause: a plug-in that fails is to show all its mistakes soon.
func noPause(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// noRound: a directory that does not answer is asked again soon.
func noRound(ctx context.Context, _ int) error { return ctx.Err() }

func closeConnector(c engine.Connector) error {
	if closer, ok := c.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// watch remembers the secrets that the connector gets, so that what it says can be searched for them.
func (t *tester) watch(resolve engine.Resolve) engine.Resolve {
	return func(s engine.Secret) (string, error) {
		value, err := resolve(s)
		if err == nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			if !slices.Contains(t.secrets, value) { // they are read anew for each check, and more often
				t.secrets = append(t.secrets, value)
			}
		}
		return value, err
	}
}

// shortSecrets notes, once, that a secret can't be looked for.
func (t *tester) shortSecrets() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.ContainsFunc(t.secrets, func(s string) bool { return len(s) < conformance.LeastSecret }) {
		t.notes = append(t.notes, fmt.Sprintf("whether errors tell a secret was not tried for one of less than %d characters, which would be found by chance", conformance.LeastSecret))
	}
}

// score makes all checks.
func (t *tester) score(ctx context.Context) []conformance.Line {
	ready, err := t.prepare(ctx)
	if err != nil {
		t.wrong = err
	}
	card := conformance.Card{Fresh: t.fresh, Restore: t.restore, GiveUp: t.giveUp, Most: t.most + 40*t.description.Lag}
	if t.kind == "plugin" && t.proxy == nil {
		t.notes = append(t.notes, "what the plug-in does when its program fails was not tried: nothing stands between the two; if it speaks HTTP, name the key of config with the address: scratch: {through: url}")
	}
	if t.proxy != nil {
		defer t.proxy.Close()
	}
	lines := card.Score(ctx)
	t.shortSecrets()
	if ready {
		t.clear(context.WithoutCancel(ctx))
	}
	return lines
}

// fresh is a connector that nothing was asked yet.
func (t *tester) fresh(to conformance.T) *conformance.Subject {
	if t.wrong != nil {
		to.Fatalf("%v", t.wrong)
	}
	faults, web, wire := &plugin.Faults{}, &conformance.HTTPFaults{}, &conformance.Wire{Prompt: t.kind == "file"}
	c, err := t.open(between{faults, wire, web})
	if err != nil {
		to.Fatalf("%v", err)
	}
	t.swap(c)
	t.mu.Lock()
	defer t.mu.Unlock()
	u := &conformance.Subject{Connector: c, Accounts: t.scratch.Accounts, Rights: t.scratch.Rights, Stranger: t.scratch.Stranger, NoRight: t.scratch.NoRight,
		NewNames: t.scratch.Names, New: engine.NewAccount{Attributes: t.scratch.Attributes}, Secrets: slices.Clone(t.secrets)}
	switch t.kind {
	case "http", "scim":
		u.HTTP, u.Arm = web, web.Arm
	case "sql", "ldap-group", "file", "git":
		u.Wire = wire
	case "plugin":
		u.Wire = wire
		u.Arm = func(f conformance.Fault) bool { return faults.Arm(f.String()) }
		if t.proxy != nil {
			t.proxy.Use(web)
			u.HTTP = web
			u.Arm = func(f conformance.Fault) bool { return web.Arm(f) || faults.Arm(f.String()) }
		}
	}
	return u
}

// prepare learns what there is to try. Whatever it finds, checks are made, so that there is a card; ready says that there
// is something to clear.
func (t *tester) prepare(ctx context.Context) (ready bool, err error) {
	c, err := t.open(between{})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, closeConnector(c)) }()
	d, ok := c.(engine.Describer)
	if !ok {
		return false, errors.New("the connector does not describe itself")
	}
	if t.description, err = d.Describe(ctx); err != nil {
		return false, err
	}
	t.identity = t.description.Identity
	if t.there, err = ids(ctx, c); err != nil {
		return false, err
	}
	if len(t.scratch.Accounts) == 0 {
		if err := t.makeAccounts(ctx, c); err != nil {
			return len(t.created) > 0, err
		}
	}
	if t.before, err = t.held(ctx, c); err != nil {
		return true, err
	}
	for _, account := range t.scratch.Accounts {
		t.before[account] = append([]string{}, t.before[account]...)
	}
	return true, t.chooseRights()
}

// ids are those of all accounts of a whole list.
func ids(ctx context.Context, c engine.Connector) (map[string]bool, error) {
	out := map[string]bool{}
	proof, err := c.Holdings(ctx, func(h engine.Holding) error { out[h.Account] = true; return nil })
	if err == nil && !proof.Complete() {
		err = fmt.Errorf("its list is not complete: %s", proof.Reasons[0].Detail)
	}
	return out, err
}

// makeAccounts creates three accounts to try things on, of hard names where the program takes them.
func (t *tester) makeAccounts(ctx context.Context, c engine.Connector) error {
	maker, ok := c.(engine.Creator)
	if !ok || !t.description.Lifecycle {
		return errors.New("it creates no accounts, so three that may be changed must be named: scratch: {accounts: [...]} or --account")
	}
	for i, hard := range []string{"Rolecall-Test Ann", "rolecall-test-ben", "rolecall-test-Łucja"} {
		var id string
		var outcome engine.Outcome
		var err error
		for _, name := range []string{hard, fmt.Sprint("rolecall-test-", i)} {
			id, outcome, err = maker.Create(ctx, engine.NewAccount{Name: name, Person: fmt.Sprint("rolecall-test-", i), Attributes: t.scratch.Attributes})
			if outcome != engine.Refused {
				break
			}
			t.notes = append(t.notes, fmt.Sprintf("it refuses to create an account %q: %v", name, err))
		}
		if err != nil || id == "" {
			return fmt.Errorf("accounts to try things on can't be created: %w", cmp.Or(err, errors.New("no id came")))
		}
		if t.there[id] {
			return fmt.Errorf("asked to create an account to try things on, it gives %q, which was there before; if an earlier test left that behind, delete it by hand", id)
		}
		t.created, t.scratch.Accounts = append(t.created, id), append(t.scratch.Accounts, id)
	}
	return nil
}

// chooseRights takes rights that the program lists where none were named.
func (t *tester) chooseRights() error {
	if t.scratch.NoRight == "" && t.description.Grantable != nil {
		t.scratch.NoRight = "rolecall-test-no-such-right"
	}
	if len(t.scratch.Rights) > 0 {
		return nil
	}
	for _, right := range t.description.Grantable {
		if len(t.scratch.Rights) < 3 && !t.anyHolds(right) {
			t.scratch.Rights = append(t.scratch.Rights, right)
		}
	}
	if len(t.scratch.Rights) < 2 {
		return errors.New("it lists no two rights that the accounts do not hold; name two: scratch: {rights: [...]} or --right")
	}
	return nil
}

func (t *tester) anyHolds(right string) bool {
	for _, rights := range t.before {
		if slices.Contains(rights, right) {
			return true
		}
	}
	return false
}
