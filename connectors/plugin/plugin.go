// Package plugin speaks to programs through executables that anybody can write, in any language: JSON lines on standard
// input and output, JSON-RPC 2.0. docs/plugins.md is the protocol, package sdk what authors in Go may use.
//
// A plug-in is believed no more than it must be. It gets its own program's settings and secrets, on the pipe, and an empty
// environment; what it says is checked strictly, and limited in time and size; whatever goes wrong in the middle of a
// change is an unknown effect, which the engine reads back. Lists run in a process of their own, so that a cut need
// not wait for them; changes share another one. Both are started when they are needed.
package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Config is the connector's own part of a program's configuration.
type Config struct {
	Command []string                 `yaml:"command"` // the executable and its arguments; a relative path starts in the folder of the configuration
	Config  map[string]any           `yaml:"config"`  // given to the plug-in as it is
	Secrets map[string]engine.Secret `yaml:"secrets"` // given to the plug-in by these names
	Batch   bool                     `yaml:"batch"`   // hand it many changes at once, if it declares that it takes them
	Timeout time.Duration            `yaml:"timeout"` // of one call, and between two accounts of a list; 0: 30 s
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program string                                           // name, for the proof
	Dir     string                                           // absolute: where a relative path starts, and the plug-in's working directory
	Env     func(string) string                              // the environment, of which the plug-in gets four variables
	Secret  engine.Resolve                                   // reads what engine.Secret refers to
	Now     func() time.Time                                 // the clock
	Log     *slog.Logger                                     // gets what plug-ins write to standard error; nil: nobody does
	Pipe    func(Pipe) Pipe                                  // puts something between the plug-in and its caller; nil: nothing
	Wait    func(ctx context.Context, d time.Duration) error // before a plug-in that failed is started again; nil: a timer
	Tried   bool                                             // by the suite: one that failed is started again at once
}

// Pipe is the line to a plug-in, both ways.
type Pipe struct {
	In  io.WriteCloser // the plug-in's standard input
	Out io.ReadCloser  // its standard output
}

const (
	defaultTimeout = 30 * time.Second
	maxLists       = 2       // processes that list at once
	maxList        = 1 << 30 // bytes of one list
)

// Program is a program behind a plug-in. Safe for concurrent use. Close ends what still runs.
type Program struct {
	config  Config
	options Options
	host    host
	changes changes
	lists   chan struct{} // full while as many lists run as may
	pool    pool          // of processes that list
	told    told
	mostFor time.Duration // one list
	lagged  backoff       // of lists
}

// Batched is a Program that is handed many changes at once.
type Batched struct{ *Program }

// Open checks the configuration; the plug-in is looked at and started only when something is read or changed.
func Open(c Config, o Options) (engine.Connector, error) {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return nil, fmt.Errorf("program %s: command is missing; name the plug-in's executable", o.Program)
	}
	if !strings.Contains(c.Command[0], "/") {
		return nil, fmt.Errorf("program %s: command %q is no path, and nothing is searched for; write ./%[2]s or an absolute path", o.Program, c.Command[0])
	}
	if c.Timeout < 0 {
		return nil, fmt.Errorf("program %s: timeout is negative", o.Program)
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	p := &Program{config: c, options: o, lists: make(chan struct{}, maxLists), mostFor: 120 * c.Timeout}
	path := c.Command[0]
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.Dir, path)
	}
	p.host = host{program: o.Program, command: append([]string{path}, c.Command[1:]...), dir: o.Dir, env: environment(o.Env), log: o.Log, now: o.Now, pipe: o.Pipe}
	p.changes.lock = make(chan struct{}, 1)
	if c.Batch {
		return &Batched{p}, nil
	}
	return p, nil
}

// environment is all that a plug-in sees of ours.
func environment(get func(string) string) (env []string) {
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG"} {
		if get == nil {
			break
		}
		if value := get(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Close ends the plug-in.
func (p *Program) Close() error {
	p.changes.close()
	p.pool.close()
	return nil
}

// Complaints tells what plug-ins did besides answering, as conformance.Complainer says.
func (p *Program) Complaints() []string { return p.host.complaints.take() }

// Describe asks the plug-in what it can do; its process is started anew where a secret has changed since.
func (p *Program) Describe(ctx context.Context) (engine.Description, error) {
	s, err := p.session(ctx, fresh)
	if err != nil {
		return engine.Description{}, err
	}
	p.told.set(s)
	a := &s.can
	d := engine.Description{Identity: "plugin:" + s.identity, Accounts: a.Accounts, Lifecycle: a.Lifecycle, Rename: a.Update, Keyed: a.Keyed,
		Lag: a.lag(), Deletes: s.clean(a.Deletes), Concurrency: max(1, a.Parallel), Batch: a.Batch}
	if p.config.Batch && a.Batch == 0 {
		return d, fmt.Errorf("the plug-in of %s takes no batches; take batch: true out of its configuration", p.options.Program)
	}
	if a.Catalogue {
		d.Grantable, err = s.catalogue(ctx)
	}
	return d, err
}

// catalogue asks for the names of all rights.
func (s *session) catalogue(ctx context.Context) ([]string, error) {
	var answer entitlements
	if err := s.ask(ctx, "entitlements", nil, &answer); err != nil {
		return nil, err
	}
	if answer.Entitlements == nil {
		return nil, s.fail(errors.New("it answers entitlements without entitlements"))
	}
	for _, name := range answer.Entitlements {
		if err := checkRight(name); err != nil {
			return nil, s.fail(fmt.Errorf("it lists its entitlements wrongly: %w", err))
		}
	}
	slices.Sort(answer.Entitlements)
	return append([]string{}, slices.Compact(answer.Entitlements)...), nil
}

func checkRight(name string) error {
	if name == engine.Exists {
		return fmt.Errorf("the name %s is reserved", engine.Exists)
	}
	return checkName("entitlement", name)
}

// complaints collects what is wrong with a plug-in besides its answers.
type complaints struct {
	mu    sync.Mutex
	texts []string
}

const maxComplaints = 20

func (c *complaints) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.texts) < maxComplaints && !slices.Contains(c.texts, text) {
		c.texts = append(c.texts, text)
	}
}

func (c *complaints) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	texts := c.texts
	c.texts = nil
	return texts
}
