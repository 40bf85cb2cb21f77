package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Bounds of one call.
const (
	maxAnswer   = 64 << 20 // bytes
	maxTries    = 5
	firstWait   = time.Second // doubled after each try
	longestWait = 2 * time.Minute
	timeout     = 60 * time.Second // for one try
	maxDetail   = 300              // bytes of the provider's own words in an error
)

// client makes the calls: signs in, tries again when told to wait, and takes nothing but SCIM for an answer.
type client struct {
	base *url.URL
	http *http.Client
	auth *authorizer
	wait func(context.Context, time.Duration) error
	now  func() time.Time
}

func newClient(c Config, o Options) (*client, error) {
	base, err := checkURL("url", strings.TrimRight(c.URL, "/"))
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = o.Calls // by default 2 are kept open, and all others are made anew for each call
		transport = own
	}
	h := &http.Client{Transport: transport, CheckRedirect: checkRedirect, Timeout: timeout}
	auth, err := newAuthorizer(c, o, h)
	if err != nil {
		return nil, err
	}
	cl := &client{base: base, http: h, auth: auth, wait: o.Wait, now: o.Now}
	if cl.wait == nil {
		cl.wait = sleep
	}
	return cl, nil
}

// checkRedirect lets a read be sent elsewhere on the same host; credentials go to no other, and no write is repeated.
func checkRedirect(next *http.Request, via []*http.Request) error {
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

// call is one request.
type call struct {
	method string
	path   string // below the base, escaped
	query  url.Values
	body   any
	match  string // If-Match
}

// statusError is an answer that is no success.
type statusError struct {
	call   string
	Status int
	detail string
	scim   bool // the provider itself says so, and not something before it
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s: the provider answers %d %s", e.call, e.Status, http.StatusText(e.Status))
	switch {
	case e.detail != "":
		text += fmt.Sprintf(" (%q)", e.detail)
	case !e.scim:
		text += ", and not in SCIM; check the url"
	}
	return text
}

func (e *statusError) outcome() engine.Outcome {
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusTooManyRequests, e.Status == http.StatusPreconditionFailed:
		return engine.Failed
	case e.Status == http.StatusRequestTimeout, e.Status >= 500 && e.Status != http.StatusNotImplemented:
		return engine.Uncertain
	}
	return engine.Refused
}

// gone is the provider's own word that a resource is not there. A 404 from anything else means a wrong address.
func gone(err error) bool {
	var e *statusError
	return errors.As(err, &e) && e.Status == http.StatusNotFound && e.scim
}

func isStatus(err error, status int) bool {
	var e *statusError
	return errors.As(err, &e) && e.Status == status
}

// unsentError wraps what happened before a request left.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// do makes a call and decodes the answer into out (nil: none is wanted). 429 and 503 are tried again after the wait that
// the provider asks for (RFC 9110 section 10.2.3), a sign-in that is refused once with a new token, a lost read once.
func (c *client) do(ctx context.Context, k call, out any) (version string, err error) {
	renewed, reread := false, false
	for try := 1; ; try++ {
		var answer *answer
		answer, err = c.once(ctx, k)
		if err == nil {
			return answer.version(), answer.decode(out)
		}
		var pause time.Duration
		var status *statusError
		var unsent *unsentError
		switch {
		case ctx.Err() != nil || try == maxTries:
			return "", err
		case isStatus(err, http.StatusUnauthorized) && !renewed:
			renewed = true
			c.auth.forget()
		case isStatus(err, http.StatusTooManyRequests), isStatus(err, http.StatusServiceUnavailable):
			pause = min(max(answer.retryAfter(c.now()), firstWait<<(try-1)), longestWait)
		case k.method == http.MethodGet && !reread && !errors.As(err, &status) && !errors.As(err, &unsent):
			reread = true
		default:
			return "", err
		}
		if pause > 0 && c.wait(ctx, pause) != nil {
			return "", err
		}
	}
}

type answer struct {
	call   string
	status int
	header http.Header
	body   []byte
}

// once sends a request and reads the whole answer.
func (c *client) once(ctx context.Context, k call) (*answer, error) {
	request, err := c.request(ctx, k)
	if err != nil {
		return nil, &unsentError{err}
	}
	name := k.method + " " + c.base.String() + k.path
	response, err := c.http.Do(request)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" || ctx.Err() != nil && request.Method == http.MethodGet {
			return nil, &unsentError{fmt.Errorf("%s: no connection: %w", name, c.auth.scrub(err))}
		}
		return nil, fmt.Errorf("%s: the answer was lost: %w", name, c.auth.scrub(err))
	}
	defer response.Body.Close()
	a := &answer{call: name, status: response.StatusCode, header: response.Header}
	a.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err == nil && len(a.body) > maxAnswer {
		err = fmt.Errorf("it is longer than %d MiB; use a smaller page_size", maxAnswer>>20)
	}
	if err != nil {
		return a, fmt.Errorf("%s: the answer can't be read to its end: %w", name, c.auth.scrub(err))
	}
	if a.status < 200 || a.status > 299 {
		return a, c.failure(a)
	}
	return a, nil
}

func (c *client) request(ctx context.Context, k call) (*http.Request, error) {
	var body io.Reader
	if k.body != nil {
		data, err := json.Marshal(k.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	target := c.base.String() + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, k.method, target, body)
	if err != nil {
		return nil, err
	}
	token, err := c.auth.token(ctx)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "application/scim+json, application/json;q=0.9")
	if body != nil {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	if k.match != "" {
		r.Header.Set("If-Match", k.match)
	}
	return r, nil
}

// errorSchema is of RFC 7644 section 3.12.
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

func (c *client) failure(a *answer) error {
	var body struct {
		Schemas []string
		Detail  string
	}
	e := &statusError{call: a.call, Status: a.status}
	if a.isJSON() && json.Unmarshal(a.body, &body) == nil {
		e.scim = len(body.Schemas) > 0 && strings.EqualFold(body.Schemas[0], errorSchema)
		detail := c.auth.scrub(errors.New(body.Detail)).Error()
		e.detail = strings.ToValidUTF8(detail[:min(len(detail), maxDetail)], "")
	}
	return e
}

func (a *answer) isJSON() bool {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	return err == nil && (kind == "application/scim+json" || kind == "application/json")
}

// decode refuses what is no JSON: a sign-in page comes with 200, too.
func (a *answer) decode(out any) error {
	if out == nil {
		return nil
	}
	if !a.isJSON() {
		return fmt.Errorf("%s: the answer is %q and not SCIM; check the url, and whether something before the program wants a sign-in", a.call, a.header.Get("Content-Type"))
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		return fmt.Errorf("%s: the answer is no valid JSON: %w", a.call, err)
	}
	return nil
}

func (a *answer) version() string { return a.header.Get("ETag") }

// retryAfter reads seconds or a date, 0 if there is neither.
func (a *answer) retryAfter(now time.Time) time.Duration {
	text := a.header.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(min(n, int(longestWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return 0
}
