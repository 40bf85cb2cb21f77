package login

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// provider is an OpenID Connect provider that can be bent.
type provider struct {
	*httptest.Server
	key    *rsa.PrivateKey
	forger *rsa.PrivateKey // who signs instead; nil: nobody
	nonce  string          // of the last way there
	claims map[string]any  // that the ID token has instead of the right ones; nil values are left out
	user   map[string]any  // what it says of the user
	config map[string]any  // that discovery has instead
	forms  []url.Values    // that the token endpoint was sent
}

func newProvider(t *testing.T) *provider {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, claims: map[string]any{}, user: map[string]any{"sub": "1"}, config: map[string]any{}}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	say := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer := map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/me", "id_token_signing_alg_values_supported": []string{"RS256"}}
		maps.Copy(answer, p.config)
		say(answer)
	case "/keys":
		say(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	case "/token":
		_ = r.ParseForm()
		p.forms = append(p.forms, r.PostForm)
		say(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": p.token()})
	case "/me":
		say(p.user)
	}
}

func (p *provider) token() string {
	c := map[string]any{"iss": p.URL, "aud": "rolecall", "sub": "1", "nonce": p.nonce, "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix()}
	for name, value := range p.claims {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	signer, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: cmp.Or(p.forger, p.key), KeyID: "k"}}, nil)
	text, _ := json.Marshal(c)
	signed, _ := signer.Sign(text)
	out, _ := signed.CompactSerialize()
	return out
}

// gates is a gate on a clock of its own, and what it recorded.
type gates struct {
	*Gate
	t        *testing.T
	p        *provider
	now      time.Time
	events   []Event
	why      string // why nobody is let in
	recorded error
}

func newGate(t *testing.T, secure bool) *gates {
	p := newProvider(t)
	g := &gates{t: t, p: p, now: time.Now()}
	now := func() time.Time { return g.now }
	g.Gate = New(Options{
		Provider: &Provider{Issuer: p.URL, ClientID: "rolecall", Secret: func() (string, error) { return "s", nil }, GroupsClaim: "groups", PersonClaim: "email", Now: now},
		Token: func(_ context.Context, secret string) (Identity, error) {
			if secret != "right" {
				return Identity{}, ErrUnknown
			}
			return Identity{By: "token", Subject: "ann"}, nil
		},
		Admit:  func(context.Context, Identity) (string, error) { return g.why, nil },
		Record: func(_ context.Context, e Event) error { g.events = append(g.events, e); return g.recorded },
		Secure: secure, Idle: 30 * time.Minute, Absolute: 12 * time.Hour, Now: now,
	})
	return g
}

func request(path string, cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
	for _, c := range cookies {
		if c.MaxAge >= 0 {
			r.AddCookie(c)
		}
	}
	return r
}

// begin goes to the provider; the cookie is the attempt's.
func (g *gates) begin(next string) (q url.Values, cookie *http.Cookie) {
	g.t.Helper()
	w := httptest.NewRecorder()
	if err := g.Begin(w, request("/login/start"), "https://r.example.com", next); err != nil {
		g.t.Fatal(err)
	}
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther {
		g.t.Fatal(w.Code, err)
	}
	g.p.nonce = to.Query().Get("nonce")
	return to.Query(), w.Result().Cookies()[0]
}

// back comes back from there.
func (g *gates) back(query string, cookies ...*http.Cookie) (next string, session *http.Cookie, err error) {
	w := httptest.NewRecorder()
	next, err = g.Return(w, request("/login/return?"+query, cookies...), "https://r.example.com")
	for _, c := range w.Result().Cookies() {
		if c.Name == g.session {
			session = c
		}
	}
	return next, session, err
}

func (g *gates) enter() *http.Cookie {
	g.t.Helper()
	w := httptest.NewRecorder()
	if err := g.Enter(w, request("/login/token"), "right"); err != nil {
		g.t.Fatal(err)
	}
	return w.Result().Cookies()[0]
}

func (g *gates) in(c *http.Cookie) bool {
	g.t.Helper()
	_, in, err := g.Who(request("/", c))
	if err != nil {
		g.t.Fatal(err)
	}
	return in
}

func TestTheWayThereAndBack(t *testing.T) {
	g := newGate(t, true)
	g.p.claims["groups"], g.p.user = []string{"b", "a"}, map[string]any{"sub": "1", "name": "Ann", "email": "ann@example.com", "email_verified": true, "groups": []string{"not these"}}
	q, cookie := g.begin("/people")
	if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || q.Get("redirect_uri") != "https://r.example.com/login/return" || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 {
		t.Errorf("asked with %v", q)
	}
	if cookie.Name != "__Host-rolecall-signin" || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
		t.Errorf("the attempt's cookie is %v", cookie)
	}
	next, session, err := g.back("code=c&state="+q.Get("state"), cookie)
	if err != nil || next != "/people" {
		t.Fatal(next, err)
	}
	if session.Name != "__Host-rolecall" || !session.Secure || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != "" {
		t.Errorf("the session's cookie is %v", session)
	}
	if f := g.p.forms[0]; f.Get("code_verifier") == "" || f.Get("code") != "c" {
		t.Errorf("the code was sent with %v", f)
	}
	who, in, err := g.Who(request("/", session))
	if err != nil || !in || who.Actor() != "oidc:1 (Ann)" || who.Person != "ann@example.com" || !slices.Equal(who.Groups, []string{"a", "b"}) {
		t.Errorf("%+v %v %v", who, in, err)
	}
	if len(g.events) != 1 || g.events[0].Who.Subject != "1" || g.events[0].Refused {
		t.Errorf("recorded %+v", g.events)
	}
	if _, long := g.begin("/" + strings.Repeat("x", mostNext-1)); len(long.String()) > 4096 {
		t.Errorf("a cookie of %d bytes", len(long.String()))
	}
	_, first := g.begin("/")
	if _, second := g.begin("/"); first.Value == second.Value {
		t.Error("two attempts are the same")
	}
}

// Whatever is not exactly right about the provider's answer lets nobody in, and is recorded.
func TestWrongAnswersLetNobodyIn(t *testing.T) {
	for name, bend := range map[string]func(g *gates, q url.Values, cookie **http.Cookie){
		"no cookie":                func(_ *gates, _ url.Values, c **http.Cookie) { *c = &http.Cookie{Name: "x", Value: "y"} },
		"another state":            func(_ *gates, q url.Values, _ **http.Cookie) { q.Set("state", "other") },
		"no state":                 func(_ *gates, q url.Values, _ **http.Cookie) { q.Del("state") },
		"another attempt's cookie": func(g *gates, _ url.Values, c **http.Cookie) { n := g.p.nonce; _, *c = g.begin("/"); g.p.nonce = n },
		"too late": func(g *gates, _ url.Values, _ **http.Cookie) {
			g.now, g.p.claims["exp"] = g.now.Add(attemptLife), time.Now().Add(time.Hour).Unix()
		},
		"the provider refused":      func(_ *gates, q url.Values, _ **http.Cookie) { q.Set("error", "access_denied") },
		"another provider":          func(_ *gates, q url.Values, _ **http.Cookie) { q.Set("iss", "https://other.example.com") },
		"another nonce":             func(g *gates, _ url.Values, _ **http.Cookie) { g.p.claims["nonce"] = "other" },
		"no nonce":                  func(g *gates, _ url.Values, _ **http.Cookie) { g.p.claims["nonce"] = nil },
		"for another client":        func(g *gates, _ url.Values, _ **http.Cookie) { g.p.claims["aud"] = "other" },
		"of another issuer":         func(g *gates, _ url.Values, _ **http.Cookie) { g.p.claims["iss"] = "https://other.example.com" },
		"of nobody":                 func(g *gates, _ url.Values, _ **http.Cookie) { g.p.claims["sub"], g.p.user["sub"] = "", "" },
		"no subject":                func(g *gates, _ url.Values, _ **http.Cookie) { g.p.claims["sub"], g.p.user["sub"] = nil, "" },
		"expired":                   func(g *gates, _ url.Values, _ **http.Cookie) { g.p.claims["exp"] = time.Now().Add(-time.Minute).Unix() },
		"the user is somebody else": func(g *gates, _ url.Values, _ **http.Cookie) { g.p.user["sub"] = "2" },
		"signed by somebody else":   func(g *gates, _ url.Values, _ **http.Cookie) { g.p.forger, _ = rsa.GenerateKey(rand.Reader, 2048) },
		"who must not be let in":    func(g *gates, _ url.Values, _ **http.Cookie) { g.why = "you are cut off" },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, false)
			q, cookie := g.begin("/")
			answer := url.Values{"code": {"c"}, "state": {q.Get("state")}}
			bend(g, answer, &cookie)
			_, session, err := g.back(answer.Encode(), cookie)
			if !errors.As(err, new(Refusal)) || session != nil {
				t.Errorf("%v, session %v", err, session)
			}
			if len(g.events) != 1 || !g.events[0].Refused {
				t.Errorf("recorded %+v", g.events)
			}
		})
	}
}

// What the provider says of itself is not believed where anybody could read what is sent there.
func TestUnsafeProviders(t *testing.T) {
	for name, config := range map[string]map[string]any{
		"the code":   {"token_endpoint": "http://id.example.com/token"},
		"the keys":   {"jwks_uri": "http://id.example.com/keys"},
		"the way":    {"authorization_endpoint": "http://id.example.com/auth"},
		"the user":   {"userinfo_endpoint": "http://id.example.com/me"},
		"no issuer":  {"issuer": "https://other.example.com"},
		"no address": {"token_endpoint": ""},
	} {
		g := newGate(t, true)
		g.p.config = config
		if err := g.Begin(httptest.NewRecorder(), request("/login/start"), "https://r.example.com", "/"); err == nil {
			t.Errorf("%s goes to anybody", name)
		}
	}
}

// An address that somebody only typed makes nobody a person of the directory.
func TestUnverifiedMail(t *testing.T) {
	for verified, want := range map[any]string{true: "ann@example.com", "true": "ann@example.com", false: "", "false": "", nil: "ann@example.com"} {
		g := newGate(t, false)
		if g.p.user = map[string]any{"sub": "1", "email": "ann@example.com"}; verified != nil {
			g.p.user["email_verified"] = verified
		}
		q, cookie := g.begin("/")
		_, session, err := g.back("code=c&state="+q.Get("state"), cookie)
		if err != nil {
			t.Fatal(err)
		}
		if who, _, _ := g.Who(request("/", session)); who.Person != want || who.Mail != want {
			t.Errorf("verified %v: %+v", verified, who)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	g := newGate(t, false)
	c := g.enter()
	for range 20 { // used all the time
		g.now = g.now.Add(29 * time.Minute)
		if !g.in(c) {
			t.Fatal("a session that is used ended")
		}
	}
	for range 5 {
		g.now = g.now.Add(29 * time.Minute)
		g.in(c)
	}
	if g.in(c) {
		t.Error("a session lasts for ever")
	}
	if c = g.enter(); !g.in(c) {
		t.Fatal("a fresh session is none")
	}
	if g.now = g.now.Add(30 * time.Minute); g.in(c) {
		t.Error("an idle session did not end")
	}
	if g.now = g.now.Add(-30 * time.Minute); g.in(c) {
		t.Error("it came back")
	}
	if c = g.enter(); !g.in(c) {
		t.Fatal("a fresh session is none")
	}
	if g.why = "cut off"; g.in(c) {
		t.Error("who must not be let in any more is")
	}
	if g.why = ""; g.in(c) {
		t.Error("the session came back")
	}
	if last := g.events[len(g.events)-1]; !last.Refused || !strings.Contains(last.Text, "cut off") {
		t.Errorf("recorded %+v", last)
	}
	if g.in(&http.Cookie{Name: g.session, Value: "made up"}) {
		t.Error("any cookie is a session")
	}
}

// Whoever signs in gets another session than the browser had before, and who signs out has none, even if a request that began
// before is written after.
func TestSessionsAreRenewedAndEnded(t *testing.T) {
	g := newGate(t, false)
	old := g.enter()
	w := httptest.NewRecorder()
	if err := g.Enter(w, request("/login/token", old), "right"); err != nil {
		t.Fatal(err)
	}
	c := w.Result().Cookies()[0]
	if c.Value == old.Value || g.in(old) || !g.in(c) {
		t.Error("the session is the one from before the sign-in")
	}
	slow, err := g.load(request("/", c)) // a request that takes long
	if err != nil {
		t.Fatal(err)
	}
	w = httptest.NewRecorder()
	if err := g.Leave(w, request("/logout", c)); err != nil {
		t.Fatal(err)
	}
	if gone := w.Result().Cookies()[0]; gone.Name != g.session || gone.MaxAge >= 0 {
		t.Errorf("the cookie stays: %v", gone)
	}
	if _, _, err := g.sessions.Commit(slow); err != nil {
		t.Fatal(err)
	}
	if g.in(c) {
		t.Error("signed out and still in")
	}
	if last := g.events[len(g.events)-1]; last.Text != "signed out" || last.Who.Subject != "ann" {
		t.Errorf("recorded %+v", last)
	}
}

// No record, no sign-in.
func TestSignInsAreRecordedFirst(t *testing.T) {
	g := newGate(t, false)
	g.recorded = errors.New("the disk is full")
	w := httptest.NewRecorder()
	if err := g.Enter(w, request("/login/token"), "right"); err == nil || len(w.Result().Cookies()) > 0 {
		t.Error(err, w.Result().Cookies())
	}
}

func TestFailuresAreSlowedDown(t *testing.T) {
	g := newGate(t, false)
	try := func(from, token string) error {
		r := request("/login/token")
		r.RemoteAddr = from
		return g.Enter(httptest.NewRecorder(), r, token)
	}
	wait := func(err error) bool { var r Refusal; return errors.As(err, &r) && r.Wait > 0 }
	for i := range failAtOnce {
		if wait(try("192.0.2.1:1", "wrong")) {
			t.Fatalf("slowed down after %d", i)
		}
	}
	if !wait(try("192.0.2.1:2", "wrong")) {
		t.Error("not slowed down")
	}
	if err := try("192.0.2.1:2", "right"); err != nil {
		t.Error("who has the right token is kept out by strangers behind the same proxy:", err)
	}
	if _, err := g.Return(httptest.NewRecorder(), withFrom(request("/login/return"), "192.0.2.1:3"), ""); !wait(err) {
		t.Error("the provider's way back is not slowed down")
	}
	if len(g.events) != failAtOnce+1 { // and the one who was let in
		t.Errorf("%d records", len(g.events))
	}
	if wait(try("192.0.2.2:1", "right")) {
		t.Error("somebody else is slowed down")
	}
	if g.now = g.now.Add(failAgain); wait(try("192.0.2.1:1", "right")) {
		t.Error("slowed down for ever")
	}
	for i := range failAtOnce + 1 { // one network
		try("[2001:db8::"+string(rune('a'+i%6))+"]:1", "wrong")
	}
	if !wait(try("[2001:db8::1234]:1", "wrong")) {
		t.Error("a network of IPv6 is many")
	}
}

func withFrom(r *http.Request, from string) *http.Request { r.RemoteAddr = from; return r }

// The list of addresses has an end.
func TestManyAddressesFail(t *testing.T) {
	var l limiter
	now := time.Now()
	for i := range mostSeen + 100 {
		r := request("/")
		r.RemoteAddr = "10." + strings.Join([]string{itoa(i >> 16), itoa(i >> 8 & 255), itoa(i & 255)}, ".") + ":1"
		l.failed(r, now)
	}
	if !l.over(withFrom(request("/"), "203.0.113.10:1"), now) {
		t.Error("an address that is one too many is not slowed down with the others of its kind")
	}
	if len(l.seen) > mostSeen+1 {
		t.Errorf("%d addresses are remembered", len(l.seen))
	}
	l.failed(request("/"), now.Add(time.Hour))
	if len(l.seen) > 2 {
		t.Errorf("%d addresses are remembered after an hour", len(l.seen))
	}
}

func itoa(i int) string { return fmt.Sprint(i) }

func TestLocal(t *testing.T) {
	for next, want := range map[string]string{"/people?q=a": "/people?q=a", "": "/", "//evil.example.com": "/", "///evil.example.com": "/", "https://evil.example.com": "/", "/\\evil.example.com": "/", "javascript:alert(1)": "/", "people": "/", "/a\nb": "/", "/%2f%2fevil": "/%2f%2fevil", "/" + strings.Repeat("x", mostNext): "/"} {
		if got := Local(next); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// Nobody's subject or name makes them look like somebody else in the journal.
func TestActors(t *testing.T) {
	for want, i := range map[string]Identity{
		"oidc:1 (Ann)": {By: "oidc", Subject: "1", Name: "Ann"}, "token:ann": {By: "token", Subject: "ann"}, "oidc:“1 (Ann)”": {By: "oidc", Subject: "1 (Ann)"}, "oidc:2 (1 (Ann))": {By: "oidc", Subject: "2", Name: "1 (Ann)"},
	} {
		if got := i.Actor(); got != want {
			t.Errorf("%+v is %q", i, got)
		}
	}
}
