// Package scim manages users and groups of any program that speaks SCIM 2.0 (RFC 7643, RFC 7644). An account is a user,
// its id the `id` of the service provider; a right is a group, by its displayName. Every write is read back, since
// providers are known to answer yes and do nothing, or to replace whole lists.
package scim

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// Config is the connector's own part of a program's configuration.
type Config struct {
	URL      string          `yaml:"url"`       // https://crm.example.com/scim/v2
	Token    engine.Secret   `yaml:"token"`     // bearer token (RFC 6750); or:
	OAuth    *httpconn.OAuth `yaml:"oauth"`     // client credentials (RFC 6749 section 4.4)
	PageSize int             `yaml:"page_size"` // resources a page, 1..10000; default 100
	Lag      time.Duration   `yaml:"lag"`       // lists may lag behind writes by this much
}

// Options is what the connector needs of its surroundings.
type Options struct {
	Program   string
	Secret    engine.Resolve
	Now       func() time.Time
	Calls     int                                              // at once; 0: 4
	Transport http.RoundTripper                                // nil: one that verifies certificates
	Between   func(http.RoundTripper) http.RoundTripper        // stands before the transport; nil: nothing
	Wait      func(ctx context.Context, d time.Duration) error // before another try; nil: waits
}

// Program is a SCIM service provider as a program. Safe for concurrent use.
type Program struct {
	client  *client
	page    int
	lag     time.Duration
	options Options

	mu     sync.Mutex
	groups map[string]string      // displayName → id, looked up anew when it is gone
	known  map[string]bool        // accounts that a list or a read showed
	locks  map[string]*sync.Mutex // by group: its list is compared before and after
	etag   *bool                  // whether the provider checks If-Match, nil: not asked yet
}

// Close ends the connections that are kept. The program may be used afterwards.
func (p *Program) Close() error {
	p.client.Close()
	return nil
}

// Page sizes, in resources, and calls at once.
const (
	defaultPage  = 100
	largestPage  = 10_000
	concurrency  = 4
	perCall      = 32 // changes claimed for each call at once: the journal's work on them is done beside the calls of the next ones
	largestBatch = 4000
)

// Open checks the configuration; no call is made.
func Open(c Config, o Options) (*Program, error) {
	if c.PageSize == 0 {
		c.PageSize = defaultPage
	}
	o.Calls = cmp.Or(o.Calls, concurrency)
	cl, err := newClient(c, o)
	if err == nil && (c.PageSize < 1 || c.PageSize > largestPage) {
		err = fmt.Errorf("page_size is %d; write 1 to %d", c.PageSize, largestPage)
	}
	if err == nil && c.Lag < 0 {
		err = fmt.Errorf("lag is %s; write how long lists may be behind, or leave it out", c.Lag)
	}
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", o.Program, err)
	}
	return &Program{client: cl, page: c.PageSize, lag: c.Lag, options: o, groups: map[string]string{}, known: map[string]bool{}, locks: map[string]*sync.Mutex{}}, nil
}

// Describe lists the groups.
func (p *Program) Describe(ctx context.Context) (engine.Description, error) {
	d := engine.Description{Identity: "scim:" + p.client.Base(), Accounts: true, Lifecycle: true, Rename: true, Lag: p.lag,
		Concurrency: p.options.Calls, Batch: min(largestBatch, perCall*p.options.Calls), Grantable: []string{}, Deletes: "the user, and what the program keeps with it"}
	err := each(ctx, p, "/Groups", url.Values{"excludedAttributes": {"members"}}, func(g *group) error {
		d.Grantable = append(d.Grantable, g.DisplayName)
		return nil
	})
	if err != nil {
		return d, p.explain(err)
	}
	slices.Sort(d.Grantable)
	d.Grantable = slices.Compact(d.Grantable)
	return d, nil
}

func (p *Program) explain(err error) error {
	return fmt.Errorf("program %s: %w", p.options.Program, p.client.Hide(err)) // values of the provider are in it
}

// plainID says whether an id is handed to the provider: some build filters of ids without quoting them.
func plainID(id string) bool { return httpconn.Plain(id) && !strings.ContainsAny(id, "\"\\") }
