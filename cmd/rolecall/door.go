package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/login"
	"github.com/rolecall/rolecall/engine/web"
)

// door joins who signs in with the directory, with the permissions of the configuration in force, and with the journal.
type door struct {
	s    *server
	base string // the page's address for browsers, "" for the machine itself
	gate *login.Gate

	people matching
	mu     sync.Mutex
	limits map[string]*rate.Limiter // of refusals that are recorded, by actor
}

// newDoor is nil where no login is configured.
func (s *server) newDoor() *door {
	cfg := s.system().cfg
	if cfg.Login == nil {
		return nil
	}
	d := &door{s: s, base: cfg.Login.URL, limits: map[string]*rate.Limiter{}}
	o := login.Options{Admit: d.admit, Record: d.record, Secure: cfg.Login.Secure(), Idle: cfg.Login.Idle, Absolute: cfg.Login.Absolute, Now: s.app.Now}
	if cfg.Login.OIDC != nil {
		o.Provider = s.app.provider(cfg)
	}
	if cfg.Login.Tokens {
		o.Token = d.token
	}
	d.gate = login.New(o)
	return d
}

// provider is the one that people sign in with.
func (a *app) provider(cfg *config.File) *login.Provider {
	o := cfg.Login.OIDC
	return &login.Provider{Issuer: o.Issuer, ClientID: o.ClientID, Secret: func() (string, error) { return a.secrets(cfg.Dir)(o.ClientSecret) },
		Scopes: o.Scopes, GroupsClaim: o.GroupsClaim, PersonClaim: o.PersonClaim, Now: a.Now,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, TLSHandshakeTimeout: 5 * time.Second}}
}

// Who implements web.Door. The permission is that of the configuration in force now.
func (d *door) Who(r *http.Request) (u web.User, in bool, err error) {
	who, in, err := d.gate.Who(r)
	var refused web.Refused
	if err = d.said(err); errors.As(err, &refused) && refused.Status == http.StatusForbidden {
		err = web.Refused{Text: refused.Text, Status: http.StatusUnauthorized} // by the token that came along
	}
	if err != nil || !in {
		return u, false, err
	}
	m := d.match(who)
	u = web.User{Actor: who.Actor(), Name: cmp.Or(who.Name, who.Login, who.Subject), Person: m.one(), Words: append(who.Words(), m.words...), Unsure: m.unsure(who), Token: who.By == byToken}
	u.Permission, err = d.permission(r.Context(), who)
	return u, err == nil, err
}

func (d *door) permission(ctx context.Context, who login.Identity) (p web.Permission, err error) {
	p = web.Own
	if who.By == byToken {
		t, ok, err := d.s.system().token(ctx, who.Subject, d.s.app.Now())
		if given, known := web.ParsePermission(t.Permission); ok && known {
			p = given
		}
		return p, err
	}
	cfg := d.s.system().cfg.Login
	if cfg == nil {
		return p, nil
	}
	for i, groups := range cfg.Permissions.Below() {
		if slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(who.Groups, g) }) {
			p = web.Viewer + web.Permission(i)
		}
	}
	return p, nil
}

// byToken is Identity.By of who came with a token.
const byToken = "token"

func (d *door) token(ctx context.Context, secret string) (login.Identity, error) {
	t, err := d.s.system().tokenOf(ctx, secret, d.s.app.Now())
	if errors.Is(err, errNoToken) {
		return login.Identity{}, login.ErrUnknown
	}
	return login.Identity{By: byToken, Subject: t.Name, Person: t.Person, Proof: t.Hash}, err
}

// admit keeps out who has left or is cut off, and whose token is not good any more.
func (d *door) admit(ctx context.Context, who login.Identity) (why string, err error) {
	sys := d.s.system()
	if who.By == byToken {
		t, ok, err := sys.token(ctx, who.Subject, d.s.app.Now())
		if err != nil {
			return "", err
		}
		if !ok || t.Hash != who.Proof {
			return "the token is over or was taken back", nil
		}
	}
	m := d.match(who)
	for _, key := range m.or(who.Person) { // by its own word, too: the directory may never have been read
		if _, cut, err := sys.store.Fact(ctx, engine.FactKey{Kind: engine.FactCut, Person: key}); err != nil || cut {
			return "you are cut off", err
		}
	}
	if m.left {
		return "you have left", nil
	}
	return "", nil
}

// match is who in the directory somebody is.
func (d *door) match(who login.Identity) matched {
	return d.people.of(d.s.outlook.Load(), strings.ToLower(who.Person))
}

// record keeps what happened at the gate.
func (d *door) record(ctx context.Context, e login.Event) error {
	from, err := json.Marshal(struct {
		From string `json:"from"`
	}{e.From})
	if err != nil {
		return err
	}
	r := engine.Record{Kind: engine.KindLogin, Actor: "somebody", Why: []string{e.Text}, Data: from}
	if e.Who.Subject != "" {
		m := d.match(e.Who)
		r.Actor, r.Person = e.Who.Actor(), m.one()
	}
	if e.Refused {
		r.Outcome = engine.Refused
	}
	return d.s.system().store.Append(context.WithoutCancel(ctx), engine.Free, []engine.Record{r})
}

const (
	refusalsAtOnce = 20               // of one person are recorded
	refusalsAgain  = 10 * time.Second // after which one more is
)

// refused records what somebody may not; of somebody who goes on and on not all, so that nobody fills the journal.
func (d *door) refused(ctx context.Context, u web.User, what string) error {
	d.mu.Lock()
	l := d.limits[u.Actor]
	if l == nil {
		l = rate.NewLimiter(rate.Every(refusalsAgain), refusalsAtOnce)
		d.limits[u.Actor] = l
	}
	recorded := l.AllowN(d.s.app.Now(), 1)
	d.mu.Unlock()
	d.s.log.Warn("refused on the page", "actor", u.Actor, "what", what, "recorded", recorded)
	if !recorded {
		return nil
	}
	return d.s.system().store.Append(context.WithoutCancel(ctx), engine.Free, []engine.Record{{Kind: engine.KindRefusal, Actor: u.Actor, Person: u.Person, Why: []string{what}}})
}

func (d *door) at(r *http.Request) string { return cmp.Or(d.base, "http://"+r.Host) }

// Begin implements web.Door.
func (d *door) Begin(w http.ResponseWriter, r *http.Request, next string) error {
	err := d.said(d.gate.Begin(w, r, d.at(r), next))
	if err != nil && !errors.As(err, new(web.Refused)) {
		d.s.log.Error("nobody can sign in", "error", err)
		return web.Refused{Text: "The provider can't be asked now; the log says why", Status: http.StatusBadGateway}
	}
	return err
}

// Return implements web.Door.
func (d *door) Return(w http.ResponseWriter, r *http.Request) (next string, err error) {
	next, err = d.gate.Return(w, r, d.at(r))
	return next, d.said(err)
}

// Enter implements web.Door.
func (d *door) Enter(w http.ResponseWriter, r *http.Request, token string) error {
	return d.said(d.gate.Enter(w, r, strings.TrimSpace(token)))
}

// Leave implements web.Door.
func (d *door) Leave(w http.ResponseWriter, r *http.Request) error { return d.said(d.gate.Leave(w, r)) }

// said makes what the gate refuses readable for whoever asks; other errors, and what went wrong besides, are for the log.
func (d *door) said(err error) error {
	var refused login.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	d.s.log.Warn("somebody was not let in", "error", err)
	status := http.StatusForbidden
	if refused.Wait > 0 {
		status = http.StatusTooManyRequests
	}
	return web.Refused{Text: strings.TrimSuffix(refused.Text, "."), Status: status}
}
