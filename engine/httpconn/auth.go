package httpconn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Auth is how to sign in; exactly one of them.
type Auth struct {
	Bearer engine.Secret `yaml:"bearer"` // token (RFC 6750)
	OAuth  *OAuth        `yaml:"oauth"`  // client credentials (RFC 6749 section 4.4)
	Basic  *Basic        `yaml:"basic"`  // name and password (RFC 7617)
	Header *Header       `yaml:"header"` // a key in a header of its own
}

// OAuth says where tokens come from.
type OAuth struct {
	URL    string        `yaml:"url"`     // of the token endpoint
	Client string        `yaml:"client"`  // the name that Rolecall has there
	Secret engine.Secret `yaml:"secret"`  // that belongs to it
	Scope  string        `yaml:"scope"`   // space-separated, may be empty
	InBody bool          `yaml:"in_body"` // for servers that do not take client and secret in the Authorization header
}

// Basic is a name with its password.
type Basic struct {
	User     string        `yaml:"user"`     // the name to sign in with
	Password engine.Secret `yaml:"password"` // that belongs to it
}

// Header is a header that carries a key.
type Header struct {
	Name   string        `yaml:"name"`   // X-Api-Key
	Prefix string        `yaml:"prefix"` // before the key: "Token "
	Key    engine.Secret `yaml:"key"`    // the key itself
}

// authorizer signs requests. Secrets are read anew at each sign-in, so that a changed one is seen.
type authorizer struct {
	Auth
	resolve engine.Resolve
	http    *http.Client
	now     func() time.Time

	mu      sync.Mutex
	current string
	expires time.Time // zero: when it is refused
	known   []string  // every secret seen, to keep them out of messages
}

// early is how long before its end a token is replaced.
const early = 30 * time.Second

var headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

func newAuthorizer(c Auth, o Options, h *http.Client) (*authorizer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.secret().Check(); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	return &authorizer{Auth: c, resolve: o.Secret, http: h, now: o.Now}, nil
}

func (c *Auth) check() error {
	if n := len(slices.DeleteFunc([]bool{!c.Bearer.IsZero(), c.OAuth != nil, c.Basic != nil, c.Header != nil}, func(is bool) bool { return !is })); n != 1 {
		return errors.New("give exactly one of a token, oauth, basic and header to sign in with")
	}
	switch {
	case c.OAuth != nil:
		if _, err := CheckURL("oauth.url", c.OAuth.URL); err != nil {
			return err
		}
		if c.OAuth.Client == "" {
			return errors.New("oauth.client is missing")
		}
	case c.Basic != nil && (c.Basic.User == "" || strings.Contains(c.Basic.User, ":")):
		return errors.New("basic.user is missing, or has a colon in it")
	case c.Header != nil && !headerName.MatchString(c.Header.Name):
		return fmt.Errorf("header.name %q is not the name of a header; write one like X-Api-Key", c.Header.Name)
	}
	return nil
}

func (c *Auth) secret() engine.Secret {
	switch {
	case c.OAuth != nil:
		return c.OAuth.Secret
	case c.Basic != nil:
		return c.Basic.Password
	case c.Header != nil:
		return c.Header.Key
	}
	return c.Bearer
}

// sign puts what proves who asks into a request.
func (a *authorizer) sign(ctx context.Context, r *http.Request) error {
	secret, err := a.token(ctx)
	switch {
	case err != nil:
		return err
	case a.Basic != nil:
		r.SetBasicAuth(a.Basic.User, secret)
		a.know(strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "))
	case a.Header != nil:
		r.Header.Set(a.Header.Name, a.Header.Prefix+secret)
	default:
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	return nil
}

// forget makes the next call sign in anew.
func (a *authorizer) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current = ""
}

func (a *authorizer) token(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current != "" && (a.expires.IsZero() || a.now().Before(a.expires)) {
		return a.current, nil
	}
	a.current = ""
	secret, err := a.read()
	if err != nil {
		return "", err
	}
	if a.OAuth == nil {
		a.current = secret
		return secret, nil
	}
	err = a.grant(ctx, secret)
	return a.current, err
}

func (a *authorizer) read() (string, error) {
	s := a.secret()
	value, err := a.resolve(s)
	if err != nil {
		return "", err
	}
	if value == "" || strings.ContainsAny(value, "\r\n") {
		return "", fmt.Errorf("the secret in %s is empty or has line breaks", s)
	}
	a.learn(value)
	return value, nil
}

func (a *authorizer) know(secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.learn(secret)
}

func (a *authorizer) learn(secret string) {
	for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
		if !slices.Contains(a.known, form) {
			a.known = append(a.known, form)
		}
	}
}

// grant asks the token endpoint (RFC 6749 sections 4.4 and 2.3.1).
func (a *authorizer) grant(ctx context.Context, secret string) error {
	form := url.Values{"grant_type": {"client_credentials"}}
	if a.OAuth.Scope != "" {
		form.Set("scope", a.OAuth.Scope)
	}
	if a.OAuth.InBody {
		form.Set("client_id", a.OAuth.Client)
		form.Set("client_secret", secret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.OAuth.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if !a.OAuth.InBody {
		r.SetBasicAuth(url.QueryEscape(a.OAuth.Client), url.QueryEscape(secret))
		a.learn(strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "))
	}
	response, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("sign-in at %s: %w", a.OAuth.URL, err)
	}
	defer response.Body.Close()
	return a.take(response)
}

func (a *authorizer) take(response *http.Response) error {
	var body struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"` // seconds
		Error       string `json:"error"`
	}
	err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&body)
	if response.StatusCode != http.StatusOK || err != nil || body.AccessToken == "" || !strings.EqualFold(body.TokenType, "bearer") {
		return fmt.Errorf("sign-in at %s: %s, and no bearer token (error %.50q); check oauth.client and its secret", a.OAuth.URL, response.Status, a.clean(body.Error))
	}
	a.learn(body.AccessToken)
	a.current, a.expires = body.AccessToken, time.Time{}
	if body.ExpiresIn > 0 {
		a.expires = a.now().Add(time.Duration(min(body.ExpiresIn, 1<<31))*time.Second - early)
	}
	return nil
}

// scrub takes secrets out of a text.
func (a *authorizer) scrub(text string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clean(text)
}

func (a *authorizer) clean(text string) string {
	for _, secret := range a.known {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	return text
}
