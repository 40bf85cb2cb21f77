package scim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// authorizer gives the bearer token. Secrets are read anew at each sign-in, so that a changed one is seen.
type authorizer struct {
	bearer  engine.Secret
	oauth   *OAuth
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

func newAuthorizer(c Config, o Options, h *http.Client) (*authorizer, error) {
	if (c.OAuth == nil) == c.Token.IsZero() {
		return nil, errors.New("give either token or oauth to sign in with")
	}
	secret := c.Token
	if c.OAuth != nil {
		if _, err := checkURL("oauth.url", c.OAuth.URL); err != nil {
			return nil, err
		}
		if c.OAuth.Client == "" {
			return nil, errors.New("oauth.client is missing")
		}
		secret = c.OAuth.Secret
	}
	if err := secret.Check(); err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	return &authorizer{bearer: c.Token, oauth: c.OAuth, resolve: o.Secret, http: h, now: o.Now}, nil
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
	if a.oauth != nil {
		return a.current, a.grant(ctx)
	}
	token, err := a.secret(a.bearer)
	a.current = token
	return token, err
}

func (a *authorizer) secret(s engine.Secret) (string, error) {
	value, err := a.resolve(s)
	if err != nil {
		return "", err
	}
	if value == "" || strings.ContainsAny(value, "\r\n") {
		return "", fmt.Errorf("the secret in %s is empty or has line breaks", s)
	}
	a.known = append(a.known, value)
	return value, nil
}

// grant asks the token endpoint (RFC 6749 sections 4.4 and 2.3.1).
func (a *authorizer) grant(ctx context.Context) error {
	a.current = ""
	secret, err := a.secret(a.oauth.Secret)
	if err != nil {
		return err
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if a.oauth.Scope != "" {
		form.Set("scope", a.oauth.Scope)
	}
	if a.oauth.InBody {
		form.Set("client_id", a.oauth.Client)
		form.Set("client_secret", secret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.oauth.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	if !a.oauth.InBody {
		r.SetBasicAuth(url.QueryEscape(a.oauth.Client), url.QueryEscape(secret))
	}
	response, err := a.http.Do(r)
	if err != nil {
		return fmt.Errorf("sign-in at %s: %w", a.oauth.URL, err)
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
		return fmt.Errorf("sign-in at %s: %s, and no bearer token (error %.50q); check oauth.client and its secret", a.oauth.URL, response.Status, a.clean(body.Error))
	}
	a.known = append(a.known, body.AccessToken)
	a.current, a.expires = body.AccessToken, time.Time{}
	if body.ExpiresIn > 0 {
		a.expires = a.now().Add(time.Duration(min(body.ExpiresIn, 1<<31))*time.Second - early)
	}
	return nil
}

// scrub takes secrets out of an error that comes from elsewhere: a provider may echo what it was sent.
func (a *authorizer) scrub(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if text := err.Error(); a.clean(text) != text {
		return errors.New(a.clean(text))
	}
	return err
}

func (a *authorizer) clean(text string) string {
	for _, secret := range a.known {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	return text
}
