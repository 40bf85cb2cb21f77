package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/rolecall/rolecall/engine"
)

// Provider is an OpenID Connect provider. Its fields are set before the first call; methods may be called concurrently.
type Provider struct {
	Issuer      string
	ClientID    string
	Secret      func() (string, error) // read anew for each sign-in
	Scopes      []string               // besides openid
	GroupsClaim string
	PersonClaim string            // whose value says who in the directory it is
	Transport   http.RoundTripper // nil: the standard one
	Now         func() time.Time

	mu    sync.Mutex
	found *oidc.Provider
	at    time.Time // when it was found, or could not be asked
	fault error     // why it could not be asked
}

const (
	asking    = 10 * time.Second // how long one answer of the provider may take
	foundLife = time.Hour        // how long what the provider says of itself is believed
	faultLife = 3 * time.Second  // how long one that could not be asked is not asked again: others wait meanwhile
	mostBytes = 1 << 20          // the largest answer that is read
)

// Look asks the provider what it says of itself.
func (p *Provider) Look(ctx context.Context) error {
	_, err := p.discovered(ctx)
	return err
}

func (p *Provider) client() *http.Client {
	transport := p.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	return &http.Client{Timeout: asking, Transport: bounded{transport}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// bounded reads no more of an answer than makes sense.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, mostBytes), answer.Body}
	}
	return answer, err
}

// discovered is what the provider says of itself, asked for anew each hour.
func (p *Provider) discovered(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := p.Now().Sub(p.at)
	if p.found != nil && age < foundLife {
		return p.found, nil
	}
	if p.fault != nil && age < faultLife {
		return nil, p.fault
	}
	p.found, p.fault = p.ask(ctx)
	p.at = p.Now()
	return p.found, p.fault
}

func (p *Provider) ask(ctx context.Context) (*oidc.Provider, error) {
	// Keys are fetched later with the client of this context, which must outlive the request.
	lasting := oidc.ClientContext(context.WithoutCancel(ctx), p.client())
	found, err := oidc.NewProvider(lasting, p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("the provider at %s can't be asked: %w", p.Issuer, err)
	}
	if err := safe(found); err != nil {
		return nil, fmt.Errorf("the provider at %s: %w", p.Issuer, err)
	}
	return found, nil
}

// safe refuses a provider that asks for secrets over a connection that anybody on the way can read.
func safe(found *oidc.Provider) error {
	var places struct {
		Authorize string `json:"authorization_endpoint"`
		Token     string `json:"token_endpoint"`
		User      string `json:"userinfo_endpoint"`
		Keys      string `json:"jwks_uri"`
	}
	if err := found.Claims(&places); err != nil {
		return err
	}
	for what, place := range map[string]string{"authorization_endpoint": places.Authorize, "token_endpoint": places.Token, "jwks_uri": places.Keys, "userinfo_endpoint": places.User} {
		if what == "userinfo_endpoint" && place == "" {
			continue
		}
		if !SafePlace(place) {
			return fmt.Errorf("its %s %q is no https:// address", what, place)
		}
	}
	return nil
}

// SafePlace says whether an address is https, or http on this machine.
func SafePlace(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback())
}

func (p *Provider) oauth(found *oidc.Provider, back string) (*oauth2.Config, error) {
	secret, err := p.Secret()
	if err != nil {
		return nil, err
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: secret, Endpoint: found.Endpoint(), RedirectURL: back, Scopes: append([]string{oidc.ScopeOpenID}, p.Scopes...)}, nil
}

// sent are the forms in which the provider gets the own secret, and may repeat it.
func sent(c *oauth2.Config) []string {
	return []string{c.ClientID + ":" + c.ClientSecret, url.QueryEscape(c.ClientID) + ":" + url.QueryEscape(c.ClientSecret), c.ClientSecret}
}

// way is where the browser is sent.
func (p *Provider) way(ctx context.Context, a attempt, back string) (string, error) {
	found, err := p.discovered(ctx)
	if err != nil {
		return "", err
	}
	c, err := p.oauth(found, back)
	if err != nil {
		return "", err
	}
	return c.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

// identity takes the code that the browser brought back.
func (p *Provider) identity(ctx context.Context, a attempt, back, code string) (Identity, error) {
	found, err := p.discovered(ctx)
	if err != nil {
		return Identity{}, err
	}
	c, err := p.oauth(found, back)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client())
	token, err := c.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Identity{}, fmt.Errorf("the provider takes the code for no token: %w", engine.Scrub(err, sent(c)...))
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Identity{}, errors.New("the provider gave no ID token")
	}
	id, err := found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.Now}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, fmt.Errorf("the provider's ID token is not right: %w", err)
	}
	if id.Nonce != a.Nonce {
		return Identity{}, errors.New("the provider's ID token is of another sign-in")
	}
	if id.Subject == "" { // all of whom would be one
		return Identity{}, errors.New("the provider's ID token names nobody")
	}
	claims := claims{}
	if err := id.Claims(&claims); err != nil {
		return Identity{}, err
	}
	if err := p.more(ctx, found, id.Subject, token, claims); err != nil {
		return Identity{}, engine.Scrub(err, token.AccessToken)
	}
	return p.identityOf(id.Subject, claims), nil
}

// more adds what the provider says only when it is asked for the user. The ID token's word goes before.
func (p *Provider) more(ctx context.Context, found *oidc.Provider, subject string, token *oauth2.Token, into claims) error {
	if found.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return fmt.Errorf("the provider does not say who it is: %w", err)
	}
	if info.Subject != subject {
		return errors.New("the provider speaks of somebody else than its ID token")
	}
	further := claims{}
	if err := info.Claims(&further); err != nil {
		return err
	}
	for name, value := range further {
		if _, said := into[name]; !said {
			into[name] = value
		}
	}
	return nil
}

func (p *Provider) identityOf(subject string, c claims) Identity {
	i := Identity{By: "oidc", Subject: subject, Name: short(c.text("name")), Login: c.text("preferred_username"), Groups: c.list(p.GroupsClaim), Person: c.text(p.PersonClaim)}
	if c.verified() {
		i.Mail = c.text("email")
	} else if p.PersonClaim == "email" { // which anybody may have typed
		i.Person = ""
	}
	return i
}

// short keeps a name short enough for the records that it is in.
func short(name string) string {
	if all := []rune(name); len(all) > mostName {
		return string(all[:mostName]) + "…"
	}
	return name
}

const mostName = 100 // characters

// claims are what a provider says of somebody.
type claims map[string]json.RawMessage

func (c claims) text(name string) (text string) {
	if json.Unmarshal(c[name], &text) != nil {
		return ""
	}
	return text
}

// list is a list of texts, or one.
func (c claims) list(name string) (list []string) {
	if json.Unmarshal(c[name], &list) != nil {
		list = nil
		if one := c.text(name); one != "" {
			list = []string{one}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// verified is whether the address is the user's own: a provider that says nothing of it gives out addresses itself.
func (c claims) verified() bool {
	raw, said := c["email_verified"]
	return !said || string(raw) == "true" || string(raw) == `"true"`
}
