package http_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

func (p *api) open(t *testing.T) *rest.Program {
	t.Helper()
	return open(t, p.config(), nil, canary)
}

func read(p *rest.Program) (held []string, proof engine.Proof, err error) {
	proof, err = p.Holdings(context.Background(), func(h engine.Holding) error {
		held = append(held, h.Account+"/"+h.Entitlement)
		return nil
	})
	return held, proof, err
}

func later(r *http.Request) bool {
	q := r.URL.Query()
	return q.Get("page") > "1" || q.Get("offset") > "0" || q.Has("cursor")
}

// Each of these lists looks whole to whoever does not ask.
func TestListsThatAreNotWhole(t *testing.T) {
	first := map[string]any{"id": 1, "login": "ann", "enabled": true, "name": "Sales", "user": "1"}
	for want, bend := range map[string]func(r *http.Request, list []any, total int) ([]any, int){
		"second time": func(r *http.Request, list []any, n int) ([]any, int) { // a page comes twice
			if later(r) {
				list[0] = first
			}
			return list, n
		},
		"4 came": func(r *http.Request, list []any, n int) ([]any, int) { // a page is empty
			if later(r) {
				list = []any{}
			}
			return list, n
		},
		"changed from 4 to": func(r *http.Request, list []any, n int) ([]any, int) {
			if later(r) {
				n++
			}
			return list, n
		},
		"3 of 4 came": func(r *http.Request, list []any, n int) ([]any, int) {
			if later(r) {
				list = list[:min(len(list), 1)]
			}
			return list, n
		},
		"4 of 3 came": func(_ *http.Request, list []any, _ int) ([]any, int) { return list, 3 },
		"no account":  func(_ *http.Request, _ []any, _ int) ([]any, int) { return []any{}, 0 },
		"no id that": func(_ *http.Request, list []any, n int) ([]any, int) {
			return append([]any{map[string]any{"login": "x", "enabled": true}}, list[1:]...), n
		},
		"neither true nor false": func(_ *http.Request, list []any, n int) ([]any, int) {
			return append([]any{map[string]any{"id": 1, "login": "ann", "enabled": "maybe"}}, list[1:]...), n
		},
	} {
		for _, by := range []string{"page", "offset", "cursor", "next", "link"} {
			p := newAPI(t, by)
			p.page = func(r *http.Request, list []any, total int) ([]any, int) {
				if strings.HasSuffix(r.URL.Path, "/users") {
					return bend(r, list, total)
				}
				return list, total
			}
			if by == "offset" && want == "3 of 4 came" {
				continue // it goes on from what came
			}
			held, proof, err := read(p.open(t))
			if err != nil || proof.Complete() || !strings.Contains(proof.Reasons[0].Detail, want) {
				t.Errorf("by %s, want %q: %v, %v, %v", by, want, held, proof.Reasons, err)
			}
		}
	}
}

// A cursor that leads back, or on for ever, ends nothing.
func TestCursorsInCircles(t *testing.T) {
	p := newAPI(t, "cursor")
	n := 0
	p.before = func(w http.ResponseWriter, _ *http.Request) bool {
		n++
		reply(w, 200, map[string]any{"data": []any{map[string]any{"id": n, "login": fmt.Sprint("u", n), "enabled": true}}, "next": fmt.Sprint("c", n%3)})
		return true
	}
	c := p.config()
	c.Users.List.Paging.Total = ""
	if held, proof, err := read(open(t, c, nil, canary)); err != nil || proof.Complete() || !strings.Contains(proof.Reasons[0].Detail, "goes on where it was before") || n > 5 {
		t.Errorf("%v, %v, %v after %d pages", held, proof, err, n)
	}
}

// What is not JSON, or not from the program, is no answer: neither a list, nor that somebody is gone, nor that a change was made.
func TestAnswersThatAreNone(t *testing.T) {
	visited := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited = true }))
	defer other.Close()
	for name, tc := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
		write  engine.Outcome
	}{
		"HTML with 200": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>sign in</html>")
		}, "not JSON", engine.Uncertain},
		"empty with 200": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/json") }, "no valid JSON", ""},
		"half of it": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"data":[`)
		}, "no valid JSON", ""},
		"something else":        {func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, map[string]any{"items": []any{}}) }, "no list where items points", ""},
		"302 to a sign-in page": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "answers 302", engine.Uncertain},
		"307 to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, "answers 307", engine.Refused},
		"404 of something before it": {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "and not in JSON; check the url", engine.Refused},
		"404 to everything":          {func(w http.ResponseWriter, _ *http.Request) { reply(w, 404, map[string]any{"message": "no tenant"}) }, "no tenant", engine.Refused},
		"500 that echoes the token": {func(w http.ResponseWriter, r *http.Request) {
			reply(w, 500, map[string]any{"error": r.Header.Get("Authorization")})
		}, "[secret]", engine.Uncertain},
		"403 that will stay so":          {func(w http.ResponseWriter, _ *http.Request) { reply(w, 403, map[string]any{"detail": "not you"}) }, "not you", engine.Refused},
		"401, with a new sign-in, too":   {func(w http.ResponseWriter, _ *http.Request) { reply(w, 401, map[string]any{"error": "no"}) }, "answers 401", engine.Failed},
		"202, which says nothing at all": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) }, "not JSON", engine.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			p := newAPI(t, "page")
			c := p.open(t)
			bent := func(*http.Request) bool { return true }
			p.before = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/login") {
					visited = true
				}
				if bent(r) {
					tc.answer(w, r)
					return true
				}
				return false
			}
			if held, proof, err := read(c); err == nil && proof.Complete() || !strings.Contains(fmt.Sprint(err, proof.Reasons), tc.want) || visited {
				t.Errorf("list: %v, %v, %v, visited %v; want %q", held, proof, err, visited, tc.want)
			}
			for _, right := range []string{engine.Active, engine.Exists, "Sales"} {
				if outcome, err := c.Revoke(t.Context(), "1", right); outcome != engine.Failed && outcome != engine.Refused || err == nil || strings.Contains(err.Error(), canary) {
					t.Errorf("revoke %q while nothing can be read: %s, %v", right, outcome, err)
				}
			}
			if bent = func(r *http.Request) bool { return r.Method != http.MethodGet }; tc.write != "" {
				if outcome, err := c.Grant(t.Context(), "1", "Sales"); outcome != tc.write || err == nil {
					t.Errorf("grant: %s, %v, want %s", outcome, err, tc.write)
				}
			}
		})
	}
}

func TestWaits(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		header string
		fails  int
		want   engine.Outcome
		waits  []time.Duration
	}{
		"with seconds": {"7", 2, engine.Done, []time.Duration{7 * time.Second, 7 * time.Second}},
		"with a date":  {now.Add(9 * time.Second).Format(http.TimeFormat), 1, engine.Done, []time.Duration{9 * time.Second}},
		"without":      {"", 2, engine.Done, []time.Duration{time.Second, 2 * time.Second}},
		"for ever":     {"", 99, engine.Failed, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}},
	} {
		p, fails, waits := newAPI(t, "page"), tc.fails, []time.Duration(nil)
		p.before = func(w http.ResponseWriter, r *http.Request) bool {
			if fails == 0 || r.Method == http.MethodGet {
				return false
			}
			fails--
			w.Header().Set("Retry-After", tc.header)
			reply(w, 429, map[string]any{})
			return true
		}
		c, err := rest.Open(p.config(), rest.Options{Program: "p", Now: func() time.Time { return now }, Secret: func(engine.Secret) (string, error) { return canary, nil },
			Wait: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if outcome, err := c.Grant(t.Context(), "1", "Sales"); outcome != tc.want || (err == nil) != (tc.want == engine.Done) || !slices.Equal(waits, tc.waits) {
			t.Errorf("%s: %s, %v after waiting %v", name, outcome, err, waits)
		}
	}
}

// The rate of requests is kept by waiting before each that is too many.
func TestRate(t *testing.T) {
	p, waited := newAPI(t, ""), time.Duration(0)
	c := p.config()
	c.Requests = 2
	now := time.Unix(0, 0)
	q, err := rest.Open(c, rest.Options{Program: "p", Now: func() time.Time { return now }, Secret: func(engine.Secret) (string, error) { return canary, nil },
		Wait: func(_ context.Context, d time.Duration) error { waited += d; now = now.Add(d); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if outcome, err := q.Grant(t.Context(), "1", "Sales"); outcome != engine.Done || err != nil {
		t.Fatal(outcome, err)
	}
	if want := time.Duration(len(p.requests)-2) * time.Second / 2; waited != want {
		t.Errorf("%d requests took %s, want %s", len(p.requests), waited, want)
	}
}

// A program that replaces lists, or does nothing, is found out, be it in a batch.
func TestReadBack(t *testing.T) {
	for name, tc := range map[string]struct {
		after func(p *api)
		want  engine.Outcome
		text  string
	}{
		"replaces the list": {func(p *api) { p.members["g4"] = []string{"1", "2"} }, engine.Uncertain, "1 other holdings vanished"},
		"empties the list":  {func(p *api) { p.members["g4"] = nil }, engine.Failed, "does not show it"},
		"loses the group":   {func(p *api) { p.groups = p.groups[:2] }, engine.Uncertain, "can't be read back"},
	} {
		p := newAPI(t, "page")
		p.after = func(*http.Request) { tc.after(p) }
		if outcome, err := p.open(t).Grant(t.Context(), "1", "all"); outcome != tc.want || err == nil || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %s, %v", name, outcome, err)
		}
		p = newAPI(t, "page")
		p.after = func(*http.Request) { tc.after(p) }
		var calls []engine.Call
		for range 4 {
			calls = append(calls, engine.Call{Grant: true, Account: "1", Entitlement: "all"}, engine.Call{Grant: true, Account: "2", Entitlement: "all"})
		}
		results := p.open(t).Apply(t.Context(), calls)
		if len(results) != len(calls) || results[6].Outcome == engine.Done || results[6].Outcome != results[7].Outcome && results[7].Outcome == engine.Done {
			t.Errorf("%s, in a batch: %v", name, results)
		}
	}
	p := newAPI(t, "page") // lists that lag make it uncertain instead
	p.after = func(*http.Request) { p.members["g1"] = nil }
	c := p.config()
	c.Lag = time.Minute
	if outcome, err := open(t, c, nil, canary).Grant(t.Context(), "1", "Sales"); outcome != engine.Uncertain || err == nil {
		t.Errorf("a lie, or lag: %s, %v", outcome, err)
	}
}

// Many changes cost two looks at the lists, and a write each.
func TestBatchLooksTwice(t *testing.T) {
	p := newAPI(t, "")
	for i := range 50 {
		p.users = append(p.users, map[string]any{"id": 1000 + i, "login": fmt.Sprint("u", i), "enabled": true})
	}
	var calls []engine.Call
	for i := range 50 {
		calls = append(calls, engine.Call{Grant: true, Account: fmt.Sprint(1000 + i), Entitlement: "Sales"})
	}
	for i, r := range p.open(t).Apply(t.Context(), calls) {
		if r.Outcome != engine.Done || r.Err != nil {
			t.Fatal(i, r)
		}
	}
	if n := len(p.requests); n > 50+6 {
		t.Errorf("%d requests for 50 changes", n)
	}
}

// The id of a right may have another name by now: what was looked up before is not believed.
func TestRenamedRight(t *testing.T) {
	p := newAPI(t, "page")
	c := p.open(t)
	if outcome, err := c.Grant(t.Context(), "1", "Sales"); outcome != engine.Done {
		t.Fatal(outcome, err)
	}
	p.groups[0]["name"] = "admins"
	if outcome, err := c.Grant(t.Context(), "2", "Sales"); outcome != engine.Refused || err == nil || len(p.members["g1"]) != 1 {
		t.Errorf("by its former name: %s, %v, %v", outcome, err, p.members)
	}
	p.groups[1]["name"] = "admins"
	if _, proof, err := read(c); err != nil || proof.Complete() || proof.Reasons[0].Code != engine.ReasonDuplicate {
		t.Errorf("two of one name: %v, %v", proof, err)
	}
}

func TestUntilEmpty(t *testing.T) {
	p := newAPI(t, "page")
	c := p.config()
	for _, r := range []*rest.Read{&c.Users.List, c.Rights[0].Catalogue, c.Rights[0].List} {
		r.Paging.Total, r.Paging.Until = "", "empty"
	}
	if held, proof, err := read(open(t, c, nil, canary)); err != nil || !proof.Complete() || len(held) != 9 {
		t.Errorf("%v, %v, %v", held, proof, err)
	}
	once := true
	p.page = func(r *http.Request, list []any, total int) ([]any, int) {
		if later(r) && once {
			once = false
			return []any{}, total
		}
		return list, total
	}
	if held, proof, err := read(open(t, c, nil, canary)); err != nil || proof.Complete() {
		t.Errorf("a page that was empty once: %v, %v, %v", held, proof, err)
	}
}

func TestSignIn(t *testing.T) {
	for want, auth := range map[string]httpconn.Auth{
		"Basic cm9sZWNhbGw6Y2FuYXJ5LTdmM2E=": {Basic: &httpconn.Basic{User: "rolecall", Password: engine.Secret{Env: "T"}}},
		"Bearer " + canary:                   {Bearer: engine.Secret{Env: "T"}},
		"Key=" + canary:                      {Header: &httpconn.Header{Name: "X-Api-Key", Prefix: "Key=", Key: engine.Secret{Env: "T"}}},
	} {
		p := newAPI(t, "page")
		p.before = func(w http.ResponseWriter, r *http.Request) bool {
			if got := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key"); got != want || r.Header.Get("X-Version") != "2" {
				t.Errorf("%s", got)
			}
			reply(w, 500, map[string]any{"message": "you sent " + r.Header.Get("Authorization") + r.Header.Get("X-Api-Key")})
			return true
		}
		c := p.config()
		c.Auth, c.Headers = auth, map[string]string{"x-version": "2"}
		if _, _, err := read(open(t, c, nil, canary)); err == nil || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "cm9sZ") {
			t.Errorf("%v", err)
		}
	}
}
