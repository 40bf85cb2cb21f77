// Package http manages accounts and rights of any program with a REST interface in JSON, as its configuration describes it.
// Every write is read back; a list is whole only if the program's own words prove it; values are escaped for their place, so
// that no name can change what is asked for.
package http

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// Program is a REST interface as a program. Safe for concurrent use.
type Program struct {
	client  *httpconn.Client
	headers http.Header
	users   *users
	groups  []*group // longest prefix first
	counts  []count
	lag     time.Duration
	options Options

	mu    sync.Mutex
	names map[*group]map[string]string // of the rights that exist: name → id
}

// Calls at once, and changes at once.
const (
	concurrency  = 4
	perCall      = 32 // changes claimed for each call at once: the journal's work on them is done beside the calls of the next ones
	largestBatch = 4000
)

// Open checks the configuration; no call is made.
func Open(c Config, o Options) (*Program, error) {
	p, err := open(c, o)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", o.Program, err)
	}
	return p, nil
}

func open(c Config, o Options) (*Program, error) {
	o.Calls = cmp.Or(o.Calls, concurrency)
	client, err := httpconn.New(httpconn.Config{URL: c.URL, Auth: c.Auth, Accept: "application/json, */*;q=0.1", Format: "JSON", Rate: c.Requests, Failure: failure, Wait: o.Wait},
		httpconn.Options{Secret: o.Secret, Now: o.Now, Calls: o.Calls, Transport: o.Transport, Between: o.Between})
	if err != nil {
		return nil, err
	}
	language, err := newLanguage()
	if err != nil {
		return nil, err
	}
	k := &compiler{language: language}
	k.demand(c.Lag >= 0 && c.Requests >= 0, "lag", "lag and requests are not negative")
	p := &Program{client: client, headers: k.headers(c.Headers), users: k.users(&c.Users), groups: k.groups(c.Rights), counts: k.counts(c.Counts), lag: c.Lag, options: o, names: map[*group]map[string]string{}}
	slices.SortStableFunc(p.groups, func(a, b *group) int { return cmp.Compare(len(b.prefix), len(a.prefix)) })
	return p, errors.Join(k.wrong...)
}

func (c *compiler) headers(list map[string]string) http.Header {
	out := http.Header{}
	for _, name := range slices.Sorted(maps.Keys(list)) {
		value := list[name]
		name = http.CanonicalHeaderKey(name)
		c.demand(!slices.Contains([]string{"Authorization", "Cookie", "Host", "Content-Type", "Accept", "Proxy-Authorization"}, name) && !strings.ContainsAny(name+value, "\r\n"), "headers", fmt.Sprintf("the header %s is set otherwise; secrets belong to auth", name))
		out.Set(name, value)
	}
	return out
}

// Close ends the connections that are kept. The program may be used afterwards.
func (p *Program) Close() error {
	p.client.Close()
	return nil
}

// failure reads what the program says of itself: what is JSON is its own word.
func failure(a *httpconn.Answer) (detail string, own bool) {
	var v any
	if !a.IsJSON() || json.Unmarshal(a.Body, &v) != nil {
		return "", false
	}
	object, _ := v.(map[string]any)
	for _, name := range []string{"message", "detail", "error_description", "reason", "error", "title"} {
		if text, ok := object[name].(string); ok && text != "" {
			return text, true
		}
	}
	return "", true
}

// Describe lists the rights that exist.
func (p *Program) Describe(ctx context.Context) (engine.Description, error) {
	d := engine.Description{Identity: "http:" + p.client.Base(), Accounts: len(p.users.suspend) > 0, Lifecycle: len(p.users.create) > 0, Rename: len(p.users.update) > 0, Seats: len(p.counts) > 0,
		Lag: p.lag, Concurrency: p.options.Calls, Batch: min(largestBatch, perCall*p.options.Calls)}
	if d.Lifecycle {
		d.Deletes = "what the program deletes with an account"
	}
	if slices.ContainsFunc(p.groups, func(g *group) bool { return !g.counted() }) {
		return d, nil
	}
	d.Grantable = []string{}
	for _, g := range p.groups {
		names, err := p.catalogue(ctx, g)
		if err != nil {
			return d, p.explain(err)
		}
		for name := range names {
			d.Grantable = append(d.Grantable, g.prefix+name)
		}
	}
	slices.Sort(d.Grantable)
	return d, nil
}

// Catalogue is what is known without a call.
func (p *Program) Catalogue() []string {
	var out []string
	for _, g := range p.groups {
		if len(g.names) == 0 {
			return nil
		}
		for _, name := range g.names {
			out = append(out, g.prefix+name)
		}
	}
	slices.Sort(out)
	return out
}

// catalogue reads which rights of a group exist, with their ids; nil where every name is one.
func (p *Program) catalogue(ctx context.Context, g *group) (map[string]string, error) {
	if !g.counted() {
		return nil, nil
	}
	out := map[string]string{}
	for _, name := range g.names {
		out[name] = name
	}
	if g.catalogue != nil {
		ids := map[string]bool{}
		err := p.each(ctx, g.catalogue, nil, func(item any) error { return g.entry(out, ids, item) })
		if err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[g] = out
	return out, nil
}

// entry adds one right to a catalogue. Two of one name can't be told apart, and two of one id mean that something else may be
// missing, or that id is the wrong pick.
func (g *group) entry(to map[string]string, ids map[string]bool, item any) error {
	name, err := g.name.text(item, nil)
	id := name
	if err == nil && g.id != nil {
		id, err = g.id.text(item, nil)
	}
	switch {
	case err != nil || !httpconn.Plain(name) || id == "":
		return &partial{engine.ReasonMalformed, fmt.Sprintf("%s.catalogue: an item has no name or id that can be used (%q); check name and id", g.place, name)}
	case ids[id]:
		return &partial{engine.ReasonDuplicate, fmt.Sprintf("%s.catalogue: the id %q comes a second time, at the right %q; check id, and whether the program lists in a stable order", g.place, id, name)}
	case to[name] != "":
		return &partial{engine.ReasonDuplicate, fmt.Sprintf("%s.catalogue: there are two rights of the name %q; rename one", g.place, name)}
	}
	to[name], ids[id] = id, true
	return nil
}

// groupOf finds the group of a right by its prefix, and the name within; nil: there is no such right.
func (p *Program) groupOf(right string) (*group, string) {
	for _, g := range p.groups {
		if name, ok := strings.CutPrefix(right, g.prefix); ok {
			return g, name
		}
	}
	return nil, ""
}

func (p *Program) explain(err error) error {
	return fmt.Errorf("program %s: %w", p.options.Program, p.client.Hide(err)) // values of the program are in it
}
