package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Login says how people sign in to the page and what they may do there. Without it the page has no login: it shows, and changes
// nothing.
type Login struct {
	// URL is the address under which browsers know the page, `https://rolecall.example.com`: that of the proxy in front of it, which ends TLS on the same machine. Left out, the page is for browsers on the machine itself.
	URL string `yaml:"url"`
	// OIDC is the OpenID Connect provider that people sign in with.
	OIDC *OIDC `yaml:"oidc"`
	// Tokens lets people sign in with tokens that `rolecall token create` makes.
	Tokens bool `yaml:"tokens"`
	// Permissions says which groups of the provider may do what. Who is in none of them sees only what concerns them.
	Permissions Permissions `yaml:"permissions"`
	// Idle is how long somebody stays signed in without doing anything.
	Idle time.Duration `yaml:"idle"`
	// Absolute is how long somebody stays signed in at most; the groups are those of the sign-in.
	Absolute time.Duration `yaml:"absolute"`
}

// OIDC is an OpenID Connect provider. Rolecall's return address there is `/login/return` below `url`.
type OIDC struct {
	// Name is what the page calls the provider; left out, the host of the issuer.
	Name string `yaml:"name"`
	// Issuer is the provider's address, exactly as it says it itself: `https://login.example.com`. `http://` on this machine only.
	Issuer string `yaml:"issuer"`
	// ClientID is what the provider calls Rolecall.
	ClientID string `yaml:"client_id"`
	// ClientSecret is Rolecall's secret there.
	ClientSecret engine.Secret `yaml:"client_secret"`
	// Scopes are asked for besides `openid`.
	Scopes []string `yaml:"scopes"`
	// GroupsClaim is the claim that lists the groups of whoever signs in.
	GroupsClaim string `yaml:"groups_claim"`
	// PersonClaim is the claim that says who in the directory it is, by key, login or mail. Choose one that people can't change themselves.
	PersonClaim string `yaml:"person_claim"`
}

// Permissions are groups by what they may do; each may do what stands above it, too.
type Permissions struct {
	// Viewer sees everything.
	Viewer []string `yaml:"viewer"`
	// Reviewer takes part in reviews.
	Reviewer []string `yaml:"reviewer"`
	// Approver decides what waits, gives extras and cuts people off.
	Approver []string `yaml:"approver"`
	// Admin pauses and resumes, undoes runs and lifts cuts.
	Admin []string `yaml:"admin"`
}

// Below are the groups by permission, the least first.
func (p *Permissions) Below() [4][]string {
	return [4][]string{p.Viewer, p.Reviewer, p.Approver, p.Admin}
}

// Defaults of a login that is configured.
const (
	idleTime     = 30 * time.Minute
	absoluteTime = 12 * time.Hour
)

// filled is the login with what was left out.
func (l *Login) fill() {
	if l.Idle == 0 {
		l.Idle = idleTime
	}
	if l.Absolute == 0 {
		l.Absolute = absoluteTime
	}
	if o := l.OIDC; o != nil {
		if o.Scopes == nil {
			o.Scopes = []string{"profile", "email"}
		}
		if o.GroupsClaim == "" {
			o.GroupsClaim = "groups"
		}
		if o.PersonClaim == "" {
			o.PersonClaim = "email"
		}
		if u, err := url.Parse(o.Issuer); err == nil && o.Name == "" {
			o.Name = u.Host
		}
	}
}

// Host is the host that browsers ask for, "" for the machine itself.
func (l *Login) Host() string {
	u, err := url.Parse(l.URL)
	if err != nil {
		return ""
	}
	return u.Host
}

// Secure says whether browsers use https.
func (l *Login) Secure() bool { return strings.HasPrefix(l.URL, "https://") }

func (c *checks) login() {
	l := c.Login
	if l == nil {
		return
	}
	l.fill()
	if c.Listen == "" {
		c.add(l, "login is configured and no page to sign in to", "add listen: 127.0.0.1:8484, or remove login:")
	}
	if l.OIDC == nil && !l.Tokens {
		c.add(l, "nobody can sign in", "add oidc: or tokens: true below login:")
	}
	if u, err := url.Parse(l.URL); l.URL != "" && (err != nil || !safeURL(l.URL) || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		c.add(&l.URL, fmt.Sprintf("%q is no address for a page that people sign in to", l.URL), "write https://HOST, without a path; http:// is for 127.0.0.1 and localhost")
	}
	if l.Idle < time.Minute || l.Absolute < l.Idle || l.Absolute > 7*24*time.Hour {
		c.add(l, "idle is at least a minute, and absolute at least idle and at most seven days", "idle: 30m, absolute: 12h")
	}
	c.oidc(l)
}

func (c *checks) oidc(l *Login) {
	groups := slices.Concat(l.Permissions.Viewer, l.Permissions.Reviewer, l.Permissions.Approver, l.Permissions.Admin)
	if slices.Contains(groups, "") {
		c.add(&l.Permissions, "a group of the permissions has no name", "")
	}
	if l.OIDC == nil {
		if len(groups) > 0 {
			c.add(&l.Permissions, "permissions are for groups of a provider, and there is none", "add oidc:, or remove permissions:; a token has its own permission")
		}
		return
	}
	o := l.OIDC
	if !safeURL(o.Issuer) {
		c.add(o, fmt.Sprintf("the issuer %q is no https:// address", o.Issuer), "issuer: https://login.example.com; http:// is for 127.0.0.1 and localhost")
	}
	if o.ClientID == "" {
		c.add(o, "oidc has no client_id", "client_id: as the provider calls Rolecall")
	}
	if o.ClientSecret.IsZero() {
		c.add(o, "oidc has no client_secret", "client_secret: {env: NAME} or {file: PATH}")
	}
}

// safeURL says whether an address is https, or http on this machine.
func safeURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && OnThisMachine(u.Hostname())
}
