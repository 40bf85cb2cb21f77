package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

// program is a program behind a Baton connector.
type program struct {
	command  []string
	parallel int
	log      io.Writer
	wait     func(ctx context.Context, d time.Duration) error
	patience time.Duration // for one change
	ended    chan struct{} // closed when the connector has ended

	c        *child
	settings settings
	names    map[string]string // the connector's id of an entitlement → its name
	creates  map[string]bool   // types of accounts that can be made; nil: unknown

	mu      sync.Mutex
	cached  *estate
	running *load
	queued  *load
}

// settings are config of the plug-in.
type settings struct {
	Target string            `json:"target"`
	Fields map[string]string `json:"fields"`
	Files  []string          `json:"files"`
	Names  map[string]string `json:"names"`
	Person string            `json:"person"`
	Login  string            `json:"login"`
}

func newProgram(command []string, parallel int, log io.Writer) *program {
	return &program{command: command, parallel: parallel, log: log, wait: sleep, patience: changeFor, ended: make(chan struct{})}
}

// Open starts the connector. Secrets go to it as environment variables of its own, or as files without a name.
func (p *program) Open(ctx context.Context, s sdk.Settings) (string, error) {
	if err := p.settings.read(s.Config); err != nil {
		return "", err
	}
	p.names = map[string]string{}
	for name, right := range p.settings.Names {
		if other, twice := p.names[right]; twice {
			return "", fmt.Errorf("config.names gives %q two names, %q and %q; it can have one", right, min(name, other), max(name, other))
		}
		p.names[right] = name
	}
	about, err := p.start(ctx, s.Secrets)
	if err != nil {
		return "", err
	}
	p.learn(about.GetCapabilities())
	return "baton:" + p.settings.Target, nil
}

func (s *settings) read(raw json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return fmt.Errorf("config can't be read: %w; it has target, fields, files, names, person and login, and all values are text", err)
	}
	if s.Target == "" {
		return errors.New(`config.target is missing: say which installation this is, such as "github:example-org"`)
	}
	if !slices.Contains([]string{"", "none", "sso", "random"}, s.Login) {
		return fmt.Errorf("config.login is %q; it can be none, sso or random", s.Login)
	}
	return nil
}

// start gives the connector its fields and secrets.
func (p *program) start(ctx context.Context, secrets map[string]string) (*v2.ConnectorMetadata, error) {
	fields := map[string]string{"log-level": "warn"}
	for name, value := range p.settings.Fields {
		fields[name] = value
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for name, value := range secrets {
		if _, both := p.settings.Fields[name]; both {
			return nil, fmt.Errorf("%q is among both fields and secrets; it can be one of them", name)
		}
		if slices.Contains(p.settings.Files, name) {
			f, err := unlinked(value)
			if err != nil {
				return nil, fmt.Errorf("the secret %q can't be handed on as a file: %w", name, err)
			}
			files = append(files, f)
			value = fmt.Sprintf("/dev/fd/%d", 3+len(files)) // 3 is the socket
		}
		fields[name] = value
	}
	for _, name := range p.settings.Files {
		if _, ok := secrets[name]; !ok {
			return nil, fmt.Errorf("config.files names %q, which is not among secrets", name)
		}
	}
	c, err := start(ctx, p.command, environment(os.Environ(), fields), files, p.log)
	if err != nil {
		return nil, err
	}
	p.c = c
	go func() {
		<-c.dead
		close(p.ended)
	}()
	return c.ready(ctx)
}

// learn reads which types of accounts can be made.
func (p *program) learn(can *v2.ConnectorCapabilities) {
	if can == nil {
		return // of connectors older than capabilities
	}
	p.creates = map[string]bool{}
	for _, t := range can.GetResourceTypeCapabilities() {
		if slices.Contains(t.GetCapabilities(), v2.Capability_CAPABILITY_ACCOUNT_PROVISIONING) {
			p.creates[t.GetResourceType().GetId()] = true
		}
	}
}

func (p *program) close() {
	if p.c != nil {
		p.c.stop()
	}
}

// load is one read of the estate. e is set when done is closed.
type load struct {
	done chan struct{}
	e    *estate
}

func (p *program) newEstate() *estate {
	return &estate{reader: reader{c: p.c, sync: (rand.Text() + "0")[:27], wait: p.wait}, parallel: p.parallel} // 27 letters and digits, as the SDK checks
}

// reload gives an estate whose read began after the call. The read goes on when nobody waits for it any more.
func (p *program) reload(ctx context.Context) (*estate, error) {
	p.mu.Lock()
	var mine *load
	if p.running == nil {
		p.running = &load{done: make(chan struct{})}
		mine = p.running
		go p.run(context.WithoutCancel(ctx), mine)
	} else {
		p.queued = cmp.Or(p.queued, &load{done: make(chan struct{})})
		mine = p.queued
	}
	p.mu.Unlock()
	select {
	case <-mine.done:
		return mine.e, nil
	case <-ctx.Done():
		return nil, errors.New("what the program has is still being read; ask again later")
	}
}

func (p *program) run(ctx context.Context, l *load) {
	bounded, stop := context.WithTimeout(ctx, loadFor)
	defer stop()
	l.e = p.newEstate()
	l.e.load(bounded)
	p.keep(l.e)
	close(l.done)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running, p.queued = p.queued, nil; p.running != nil {
		go p.run(ctx, p.running)
	}
}

// keep remembers the newest estate. nil forgets it.
func (p *program) keep(e *estate) {
	p.mu.Lock()
	old := p.cached
	p.cached = e
	p.mu.Unlock()
	if old != nil {
		p.c.sessions.drop(func(k sessionKey) bool { return k.sync == old.sync })
	}
}

func (p *program) known() *estate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cached
}

// name is how Rolecall knows an entitlement: as config.names calls it, else by the connector's id.
func (p *program) name(right string) string { return cmp.Or(p.names[right], right) }

// right gives the connector's id of a name; each has one name only.
func (p *program) right(name string) (string, bool) {
	if right, ok := p.settings.Names[name]; ok {
		return right, true
	}
	_, renamed := p.names[name]
	return name, !renamed
}
