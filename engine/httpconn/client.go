package httpconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/rolecall/rolecall/engine"
)

// Bounds of one call.
const (
	maxAnswer   = 64 << 20 // bytes
	maxTries    = 5
	firstWait   = time.Second // doubled after each try
	longestWait = 2 * time.Minute
	timeout     = 60 * time.Second // for one try
)

// Config is what a program's interface is like.
type Config struct {
	URL      string                                           // https://host/path, what all calls are below of
	Auth     Auth                                             // how to sign in
	Accept   string                                           // media types to ask for
	Format   string                                           // what answers are written in, for messages: SCIM, JSON
	SameHost bool                                             // a read may be sent elsewhere on the same host; else no redirect is followed
	Rate     float64                                          // requests a second at most; 0: any
	Failure  func(a *Answer) (detail string, own bool)        // what an answer that is no success says, and whether the program itself says so
	Wait     func(ctx context.Context, d time.Duration) error // before another try; nil: waits
}

// Options is what a client needs of its surroundings.
type Options struct {
	Secret    engine.Resolve
	Now       func() time.Time
	Calls     int                                       // at once
	Transport http.RoundTripper                         // nil: one that verifies certificates
	Between   func(http.RoundTripper) http.RoundTripper // stands between the client and the transport; nil: nothing
}

// Client makes the calls. Safe for concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	auth    *authorizer
	config  Config
	now     func() time.Time
	limiter *rate.Limiter // nil: none
}

// New checks the configuration; no call is made.
func New(c Config, o Options) (*Client, error) {
	base, err := CheckURL("url", strings.TrimRight(c.URL, "/"))
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = o.Calls // by default 2 are kept open, and all others are made anew for each call
		transport = own
	}
	if o.Between != nil {
		transport = o.Between(transport)
	}
	h := &http.Client{Transport: transport, CheckRedirect: noRedirect, Timeout: timeout}
	if c.SameHost {
		h.CheckRedirect = sameHost
	}
	auth, err := newAuthorizer(c.Auth, o, h)
	if err != nil {
		return nil, err
	}
	if c.Wait == nil {
		c.Wait = sleep
	}
	client := &Client{base: base, http: h, auth: auth, config: c, now: o.Now}
	if c.Rate > 0 {
		client.limiter = rate.NewLimiter(rate.Limit(c.Rate), max(1, int(c.Rate)))
	}
	return client, nil
}

// Base is the address that all calls are below of.
func (c *Client) Base() string { return c.base.String() }

// Close ends the connections that are kept. The client may be used afterwards.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Scrub takes secrets out of a text that comes from elsewhere: a program may echo what it was sent.
func (c *Client) Scrub(text string) string { return c.auth.scrub(text) }

// Hide takes secrets out of what an error says; what it is stays.
func (c *Client) Hide(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); c.Scrub(text) != text {
		return &hidden{c.Scrub(text), err}
	}
	return err
}

// hidden is an error whose text had secrets in it.
type hidden struct {
	text string
	err  error
}

func (e *hidden) Error() string { return e.text }
func (e *hidden) Unwrap() error { return e.err }

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// sameHost lets a read be sent elsewhere on the same host; credentials go to no other, and no write is repeated.
func sameHost(next *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet || next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Call is one request.
type Call struct {
	Method string
	Path   string      // below the base, escaped; with the query, if it has one
	Body   []byte      // nil: none
	Type   string      // media type of the body
	Header http.Header // more headers
	Expect []int       // answers that are a success; nil: 200 to 299
}

func (k *Call) expects(status int) bool {
	if k.Expect == nil {
		return status >= 200 && status <= 299
	}
	return slices.Contains(k.Expect, status)
}

// Do makes a call. 429, and 503 to a read, are tried again after the wait that the program asks for (RFC 9110 section
// 10.2.3), a sign-in that is refused once with a new token, a lost read once. A write is answered 503 by what stands before
// the program after it took effect, too: it is sent once. The answer comes with a *StatusError, too.
func (c *Client) Do(ctx context.Context, k Call) (*Answer, error) {
	answer, err := c.tries(ctx, k)
	return answer, c.Hide(err)
}

func (c *Client) tries(ctx context.Context, k Call) (answer *Answer, err error) {
	renewed, reread := false, false
	for try := 1; ; try++ {
		answer, err = c.once(ctx, k)
		if err == nil {
			return answer, nil
		}
		var pause time.Duration
		var status *StatusError
		var unsent *unsentError
		switch {
		case ctx.Err() != nil || try == maxTries:
			return answer, err
		case IsStatus(err, http.StatusUnauthorized) && !renewed:
			renewed = true
			c.auth.forget()
		case IsStatus(err, http.StatusTooManyRequests), k.Method == http.MethodGet && IsStatus(err, http.StatusServiceUnavailable):
			pause = min(max(answer.retryAfter(c.now()), firstWait<<(try-1)), longestWait)
		case k.Method == http.MethodGet && !reread && !errors.As(err, &status) && !errors.As(err, &unsent):
			reread = true
		default:
			return answer, err
		}
		if pause > 0 && c.config.Wait(ctx, pause) != nil {
			return answer, err
		}
	}
}

// once sends a request and reads the whole answer.
func (c *Client) once(ctx context.Context, k Call) (*Answer, error) {
	request, err := c.request(ctx, k)
	if err != nil {
		return nil, &unsentError{err}
	}
	path, _, _ := strings.Cut(k.Path, "?")
	name := c.Scrub(k.Method + " " + c.base.String() + path) // the path may be one that the program gave
	response, err := c.http.Do(request)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" || ctx.Err() != nil && request.Method == http.MethodGet {
			return nil, &unsentError{fmt.Errorf("%s: no connection: %w", name, err)}
		}
		return nil, fmt.Errorf("%s: the answer was lost: %w", name, err)
	}
	defer response.Body.Close()
	a := &Answer{Call: name, Status: response.StatusCode, Header: response.Header, format: c.config.Format, hide: c.Hide}
	a.Body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(a.Body) > maxAnswer {
		err = fmt.Errorf("it is longer than %d MiB; use a smaller page_size", maxAnswer>>20)
	}
	if err != nil {
		return a, fmt.Errorf("%s: the answer can't be read to its end: %w", name, err)
	}
	if !k.expects(a.Status) {
		return a, c.failure(a)
	}
	return a, nil
}

func (c *Client) request(ctx context.Context, k Call) (*http.Request, error) {
	if err := c.pace(ctx); err != nil {
		return nil, err
	}
	var body io.Reader
	if k.Body != nil {
		body = bytes.NewReader(k.Body)
	}
	r, err := http.NewRequestWithContext(ctx, k.Method, c.base.String()+k.Path, body)
	if err != nil {
		return nil, err
	}
	for name, values := range k.Header {
		r.Header[name] = values
	}
	r.Header.Set("Accept", c.config.Accept)
	if body != nil {
		r.Header.Set("Content-Type", k.Type)
	}
	return r, c.auth.sign(ctx, r)
}

// pace waits for the turn of a request where their rate is limited.
func (c *Client) pace(ctx context.Context) error {
	if c.limiter == nil {
		return nil
	}
	now := c.now()
	if wait := c.limiter.ReserveN(now, 1).DelayFrom(now); wait > 0 {
		return c.config.Wait(ctx, wait)
	}
	return nil
}
