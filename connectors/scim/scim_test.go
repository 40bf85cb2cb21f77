package scim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/scim"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/httpconn"
)

func (p *provider) open(t *testing.T) *scim.Program {
	t.Helper()
	return open(t, scim.Config{URL: p.URL, Token: engine.Secret{Env: "T"}, PageSize: 2}, nil, canary)
}

// writes counts the requests that change something.
func (p *provider) writes() int {
	p.Mu.Lock()
	defer p.Mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(p.Requests), func(r string) bool { return strings.HasPrefix(r, "GET") }))
}

func read(p *scim.Program) (held []string, proof engine.Proof, err error) {
	proof, err = p.Holdings(context.Background(), func(h engine.Holding) error {
		held = append(held, h.Account+"/"+h.Entitlement)
		return nil
	})
	return held, proof, err
}

// Each of these lists was taken for whole by some program once.
func TestListsThatAreNotWhole(t *testing.T) {
	for want, bend := range map[string]func(list *servers.ListPage, r *http.Request){
		"no totalResults":     func(l *servers.ListPage, _ *http.Request) { l.TotalResults = nil },
		"changed from 3 to 4": func(l *servers.ListPage, r *http.Request) { *l.TotalResults += later(r) },
		"2 of 3 came":         func(l *servers.ListPage, r *http.Request) { l.Resources = l.Resources[:len(l.Resources)-later(r)] },
		"comes a second time": func(l *servers.ListPage, r *http.Request) { again(l, r) },
		"has no id":           func(l *servers.ListPage, _ *http.Request) { delete(l.Resources[0], "id") },
		"3 of 2 came": func(l *servers.ListPage, _ *http.Request) {
			*l.TotalResults = 2
			l.Resources = append(l.Resources, map[string]any{"id": "x", "displayName": "x", "members": []any{}})
		},
	} {
		for _, path := range []string{"/Users", "/Groups"} {
			p := newProvider(t)
			p.Page = func(l *servers.ListPage, r *http.Request) {
				if r.URL.Path == path {
					bend(l, r)
				}
			}
			_, proof, err := read(p.open(t))
			if err != nil || proof.Complete() || !strings.Contains(proof.Reasons[0].Detail, want) {
				t.Errorf("%s, want %q: %v, %v", path, want, proof.Reasons, err)
			}
		}
	}
}

func later(r *http.Request) int {
	if r.URL.Query().Get("startIndex") == "1" {
		return 0
	}
	return 1
}

func again(l *servers.ListPage, r *http.Request) {
	if later(r) == 1 {
		l.Resources[0]["id"] = map[string]string{"/Users": "u1", "/Groups": "g1"}[r.URL.Path]
	}
}

func TestAnswersThatAreNoSCIM(t *testing.T) {
	for want, before := range map[string]func(w http.ResponseWriter, r *http.Request){
		"not SCIM": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>sign in</html>") },
		"no valid JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"totalResults":`)
		},
		"and not in SCIM; check": func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
		"longer than 64 MiB":     func(w http.ResponseWriter, _ *http.Request) { flood(w) },
		"answers 302": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example.com/", http.StatusFound)
		},
	} {
		p := newProvider(t)
		c := p.open(t)
		p.Before = func(w http.ResponseWriter, r *http.Request) bool { before(w, r); return true }
		if _, _, err := read(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
		// A 404 that the provider did not say itself is no proof that an account is gone.
		if outcome, err := c.Revoke(t.Context(), "u1", engine.Active); outcome != engine.Failed && outcome != engine.Refused || err == nil {
			t.Errorf("%s: revoke gives %s, %v", want, outcome, err)
		}
		if want != "longer than 64 MiB" {
			if outcome, err := c.Revoke(t.Context(), "u1", engine.Exists); outcome == engine.Done || outcome == engine.Already || err == nil {
				t.Errorf("%s: delete gives %s, %v", want, outcome, err)
			}
		}
	}
}

// A provider that says of everything that it is not there speaks of the tenant, and not of one account.
func TestTenantThatIsGone(t *testing.T) {
	p := newProvider(t)
	c := p.open(t)
	for _, account := range []string{"u9", "u8"} {
		for _, right := range []string{engine.Active, engine.Exists, "group g1"} {
			if outcome, err := c.Revoke(t.Context(), account, right); outcome != engine.Already || err != nil {
				t.Errorf("revoke %q of nobody: %s, %v", right, outcome, err)
			}
		}
	}
	p.Before = func(w http.ResponseWriter, _ *http.Request) bool { servers.Problem(w, 404, "not found"); return true }
	for _, right := range []string{engine.Active, engine.Exists, "group g2"} {
		outcome, err := c.Revoke(t.Context(), "u1", right)
		if outcome != engine.Refused && outcome != engine.Failed && outcome != engine.Uncertain || err == nil {
			t.Errorf("revoke %q while all is gone: %s, %v", right, outcome, err)
		}
	}
	if held, err := c.Account(t.Context(), "u1"); err == nil {
		t.Errorf("u1 holds %v", held)
	}
	if _, _, err := read(c); err == nil {
		t.Error("a list of nothing is read")
	}
}

func flood(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	block := make([]byte, 1<<20)
	for range 65 {
		_, _ = w.Write(block)
	}
}

// A redirect to another host gets neither credentials nor anything else; nor is a write sent on to the same host.
func TestRedirects(t *testing.T) {
	visited := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited = true }))
	defer other.Close()
	p := newProvider(t)
	c := p.open(t)
	p.Before = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		return true
	}
	if _, _, err := read(c); err == nil || visited {
		t.Errorf("a read followed to another host: %v, %v", visited, err)
	}
	p.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/Users/u1" && r.Method == http.MethodPatch {
			http.Redirect(w, r, "/Users/u2", http.StatusTemporaryRedirect)
			return true
		}
		if r.URL.Path == "/Users" && r.URL.Query().Get("startIndex") == "1" && !r.URL.Query().Has("again") {
			http.Redirect(w, r, "/Users?again=1&"+r.URL.RawQuery, http.StatusFound)
			return true
		}
		return false
	}
	if _, proof, err := read(c); err != nil || !proof.Complete() {
		t.Errorf("a read on the same host: %v, %v", proof, err)
	}
	if outcome, err := c.Revoke(t.Context(), "u1", engine.Active); outcome != engine.Refused || err == nil || p.Users[1]["active"] != "True" {
		t.Errorf("a write was sent on: %s, %v, %v", outcome, err, p.Users[1])
	}
}

func TestWaits(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		status int
		header string
		fails  int
		want   engine.Outcome
		waits  []time.Duration
	}{
		"429 with seconds":          {429, "7", 2, engine.Done, []time.Duration{7 * time.Second, 7 * time.Second}},
		"429 with a date":           {429, now.Add(9 * time.Second).Format(http.TimeFormat), 1, engine.Done, []time.Duration{9 * time.Second}},
		"429 without":               {429, "", 2, engine.Done, []time.Duration{time.Second, 2 * time.Second}},
		"429 with nonsense":         {429, "-5", 1, engine.Done, []time.Duration{time.Second}},
		"429 with a year":           {429, "31536000", 1, engine.Done, []time.Duration{2 * time.Minute}},
		"503 may have taken effect": {503, "3", 1, engine.Uncertain, nil},
		"429 for ever":              {429, "", 99, engine.Failed, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
		"500 is not tried again":    {500, "", 1, engine.Uncertain, nil},
		"501 will stay so":          {501, "", 1, engine.Refused, nil},
		"403 will stay so":          {403, "", 1, engine.Refused, nil},
		"401 signs in once more":    {401, "", 1, engine.Done, nil},
		"401 twice is a wrong key":  {401, "", 2, engine.Failed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			fails := tc.fails
			p.Before = func(w http.ResponseWriter, r *http.Request) bool {
				if fails == 0 || r.Method == http.MethodGet {
					return false
				}
				fails--
				if tc.header != "" {
					w.Header().Set("Retry-After", tc.header)
				}
				servers.Problem(w, tc.status, "no, "+r.Header.Get("Authorization"))
				return true
			}
			var waits []time.Duration
			c, err := scim.Open(scim.Config{URL: p.URL, Token: engine.Secret{Env: "T"}}, scim.Options{Program: "crm", Now: func() time.Time { return now },
				Secret: func(engine.Secret) (string, error) { return canary, nil },
				Wait:   func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }})
			if err != nil {
				t.Fatal(err)
			}
			outcome, err := c.Grant(t.Context(), "u1", "group g1")
			if outcome != tc.want || (err == nil) != (tc.want == engine.Done) || !slices.Equal(waits, tc.waits) {
				t.Errorf("%s, %v after waiting %v", outcome, err, waits)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the provider's echo of the token is passed on: %v", err)
			}
		})
	}
}

// Whoever changed the group meanwhile is not overwritten, where the provider can tell.
func TestIfMatch(t *testing.T) {
	p := newProvider(t)
	p.ETag = true
	c := p.open(t)
	changed := 0
	p.Before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && changed < 2 { // somebody else is faster, twice
			changed++
			p.Groups[0]["version"] = p.Groups[0]["version"].(int) + 1
		}
		return false
	}
	if outcome, err := c.Grant(t.Context(), "u1", "group g1"); outcome != engine.Done || err != nil || p.writes() != 3 {
		t.Errorf("%s, %v after %d writes", outcome, err, p.writes())
	}
	changed = -100
	if outcome, err := c.Grant(t.Context(), "u2", "group g1"); outcome != engine.Failed || err == nil {
		t.Errorf("always changed: %s, %v", outcome, err)
	}
}

// Incidents of the field: servers that answer yes and do something else.
func TestReadBack(t *testing.T) {
	for name, tc := range map[string]struct {
		after func(p *servers.Provider, r *http.Request)
		want  engine.Outcome
		text  string
	}{
		"replaces the list":        {func(p *servers.Provider, _ *http.Request) { p.Groups[0]["members"] = []string{"u1"} }, engine.Uncertain, `1 other members, "u3" first, vanished`},
		"empties the list":         {func(p *servers.Provider, _ *http.Request) { p.Groups[0]["members"] = []string{} }, engine.Failed, "does not show it"},
		"the group goes meanwhile": {func(p *servers.Provider, _ *http.Request) { p.Groups = p.Groups[1:] }, engine.Uncertain, "can't be read back"},
	} {
		p := newProvider(t)
		p.After = tc.after
		outcome, err := p.open(t).Grant(t.Context(), "u1", "group g1")
		if outcome != tc.want || err == nil || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %s, %v", name, outcome, err)
		}
	}
	p := newProvider(t) // lists that lag make it uncertain instead
	p.After = func(p *servers.Provider, _ *http.Request) { p.Users[0]["active"] = true }
	c := open(t, scim.Config{URL: p.URL, Token: engine.Secret{Env: "T"}, Lag: time.Minute}, nil, canary)
	if outcome, err := c.Revoke(t.Context(), "u1", engine.Active); outcome != engine.Uncertain || err == nil {
		t.Errorf("a lie, or lag: %s, %v", outcome, err)
	}
}

// Changes of one group at the same time are not taken for damage.
func TestParallelChangesOfOneGroup(t *testing.T) {
	p := newProvider(t)
	c := p.open(t)
	var all sync.WaitGroup
	for _, account := range []string{"u1", "u2"} {
		all.Go(func() {
			for range 25 {
				for _, change := range []func(context.Context, string, string) (engine.Outcome, error){c.Grant, c.Revoke} {
					if outcome, err := change(t.Context(), account, "group g1"); outcome != engine.Done {
						t.Errorf("%s: %s, %v", account, outcome, err)
					}
				}
			}
		})
	}
	all.Wait()
}

func TestBatch(t *testing.T) {
	batch := func(p *provider) ([]engine.Result, int) {
		c := p.open(t)
		if _, _, err := read(c); err != nil {
			t.Fatal(err)
		}
		start := len(p.Requests)
		results := c.Apply(t.Context(), []engine.Call{{Grant: true, Account: "u1", Entitlement: "group g1"}, {Grant: true, Account: "u2", Entitlement: "group g1"},
			{Account: "u3", Entitlement: "group g1"}, {Account: "u1", Entitlement: "group g2"}, {Grant: true, Account: "u3", Entitlement: "group g2"}})
		return results, len(p.Requests) - start
	}
	p := newProvider(t)
	results, n := batch(p)
	want := []engine.Outcome{engine.Done, engine.Done, engine.Done, engine.Already, engine.Already}
	for i, r := range results {
		if r.Outcome != want[i] || r.Err != nil {
			t.Errorf("%d: %v, want %s", i, r, want[i])
		}
	}
	if p.writes() != 1 || n > 8 { // two lookups, two reads before and after, one PATCH, the configuration
		t.Errorf("%d requests, %d of them writes", n, p.writes())
	}
	for name, tc := range map[string]struct {
		bend func(p *provider)
		want engine.Outcome
	}{
		"replaces the list": {func(p *provider) {
			p.Groups[0]["members"] = []string{"u3", "x"}
			p.After = func(p *servers.Provider, _ *http.Request) { p.Groups[0]["members"] = []string{"u1", "u2"} }
		}, engine.Uncertain},
		"does nothing": {func(p *provider) {
			p.After = func(p *servers.Provider, _ *http.Request) { p.Groups[0]["members"] = []string{"u3"} }
		}, engine.Failed},
		"answers 500": {func(p *provider) {
			p.Before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPatch {
					servers.Problem(w, 500, "oops")
				}
				return r.Method == http.MethodPatch
			}
		}, engine.Uncertain},
		"the group goes meanwhile": {func(p *provider) {
			p.After = func(p *servers.Provider, _ *http.Request) { p.Groups = p.Groups[1:] }
		}, engine.Uncertain},
		"refuses to be read after it": {func(p *provider) {
			written := false
			p.Before = func(w http.ResponseWriter, r *http.Request) bool {
				gone := written && r.Method == http.MethodGet
				written = written || r.Method == http.MethodPatch
				if gone {
					servers.Problem(w, 401, "expired")
				}
				return gone
			}
		}, engine.Uncertain},
		"takes one operation at a time": {func(p *provider) {
			first := true
			p.Before = func(w http.ResponseWriter, r *http.Request) bool {
				refuse := r.Method == http.MethodPatch && first
				if refuse {
					first = false
					servers.Problem(w, 400, "too many operations")
				}
				return refuse
			}
		}, engine.Done},
	} {
		p := newProvider(t)
		tc.bend(p)
		results, _ := batch(p)
		if r := results[0]; r.Outcome != tc.want || (r.Err == nil) != (tc.want == engine.Done) {
			t.Errorf("%s: %v, want %s", name, r, tc.want)
		}
	}
}

func TestMembersThatListsLeaveOut(t *testing.T) {
	p := newProvider(t)
	p.Page = func(l *servers.ListPage, r *http.Request) {
		for _, x := range l.Resources {
			delete(x, "members")
		}
	}
	held, proof, err := read(p.open(t))
	if err != nil || !proof.Complete() || !slices.Contains(held, "u3/group g1") || !slices.Contains(held, "u1/") {
		t.Errorf("%v %v %v", held, proof.Reasons, err)
	}
}

// What a page leaves out does not come from the page before (okta/terraform-provider-okta#2951).
func TestEachPageSpeaksForItself(t *testing.T) {
	p := newProvider(t)
	p.Groups[2]["members"] = []string{"u1"}
	p.Page = func(l *servers.ListPage, r *http.Request) {
		for _, x := range l.Resources[:len(l.Resources)*later(r)] {
			delete(x, "members")
		}
	}
	held, proof, err := read(p.open(t))
	if err != nil || !proof.Complete() || !slices.Contains(held, "u1/group g3") || slices.Contains(held, "u3/group g3") {
		t.Errorf("%v %v %v", held, proof.Reasons, err)
	}
}

func TestGroupsOfOneName(t *testing.T) {
	p := newProvider(t)
	p.Groups[1]["displayName"] = "group g1"
	c := p.open(t)
	if _, proof, err := read(c); err != nil || proof.Complete() {
		t.Errorf("read: %v, %v", proof, err)
	}
	if outcome, err := c.Grant(t.Context(), "u1", "group g1"); outcome != engine.Refused || err == nil || p.writes() > 0 {
		t.Errorf("grant: %s, %v", outcome, err)
	}
	// Renamed after it was looked up: the id is not used for the old name any more.
	if outcome, err := c.Grant(t.Context(), "u1", "group g3"); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	p.Groups[2]["displayName"] = "admins"
	if outcome, err := c.Grant(t.Context(), "u2", "group g3"); outcome != engine.Refused || err == nil {
		t.Errorf("grant by the former name: %s, %v", outcome, err)
	}
}

func TestOAuth(t *testing.T) {
	const client, secret = "rolecall:ä", "canary secret&%"
	now, given := time.Unix(0, 0), 0
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, key, ok := r.BasicAuth()
		if !ok {
			id, key = url.QueryEscape(r.PostFormValue("client_id")), url.QueryEscape(r.PostFormValue("client_secret"))
		}
		if id != url.QueryEscape(client) || key != url.QueryEscape(secret) || r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("scope") != "scim" {
			servers.Reply(w, 400, map[string]any{"error": "invalid_client " + secret})
			return
		}
		given++
		servers.Reply(w, 200, map[string]any{"access_token": fmt.Sprint("token", given), "token_type": "Bearer", "expires_in": 3600})
	}))
	defer tokens.Close()
	for _, inBody := range []bool{false, true} {
		given = 0
		p := newProvider(t)
		valid, refused := "token1", 0
		p.Before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Authorization") != "Bearer "+valid {
				refused++
				servers.Problem(w, 401, "expired")
				return true
			}
			return false
		}
		password := secret
		c, err := scim.Open(scim.Config{URL: p.URL, OAuth: &httpconn.OAuth{URL: tokens.URL, Client: client, Scope: "scim", Secret: engine.Secret{File: "f"}, InBody: inBody}},
			scim.Options{Program: "crm", Now: func() time.Time { return now }, Secret: func(engine.Secret) (string, error) { return password, nil }, Wait: noWait})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, _, err := read(c); err != nil || given != 1 {
				t.Errorf("%d tokens, %v", given, err)
			}
		}
		now, valid = now.Add(3599*time.Second), "token2" // just before its end a token is replaced
		if _, _, err := read(c); err != nil || given != 2 || refused != 0 {
			t.Errorf("%d tokens after an hour, %d calls with the old one, %v", given, refused, err)
		}
		valid = "token3" // revoked by the provider
		if _, _, err := read(c); err != nil || given != 3 {
			t.Errorf("%d tokens after a 401, %v", given, err)
		}
		valid, password = "token4", "canary wrong"
		if _, _, err := read(c); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("with a wrong secret: %v", err)
		}
	}
}

func TestConfigurationMistakes(t *testing.T) {
	token := engine.Secret{Env: "T"}
	for want, c := range map[string]scim.Config{
		"url is not of the form":        {Token: token},
		"in the clear":                  {URL: "http://crm.example.com/scim", Token: token},
		"https://host/path":             {URL: "https://u:" + canary + "@crm.example.com", Token: token},
		"exactly one of a token, oauth": {URL: "https://crm.example.com"},
		"exactly one":                   {URL: "https://crm.example.com", Token: engine.Secret{Env: "T", File: "f"}},
		"oauth.url":                     {URL: "https://crm.example.com", OAuth: &httpconn.OAuth{URL: "http://example.com", Client: "c", Secret: token}},
		"oauth.client":                  {URL: "https://crm.example.com", OAuth: &httpconn.OAuth{URL: "https://example.com", Secret: token}},
		"page_size":                     {URL: "https://crm.example.com", Token: token, PageSize: 20_000},
		"lag":                           {URL: "https://crm.example.com", Token: token, Lag: -1},
	} {
		if _, err := scim.Open(c, scim.Options{Program: "crm"}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
