package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// gossip is a SCIM provider that repeats what it was sent, credentials and all, in every answer that may hold a text: in
// errors and headers. It lets in whoever has the right token.
type gossip struct {
	url string

	mu    sync.Mutex
	token string // of /token
	asked string // the secret that gets …
	given string // … the access token of /oauth
	seen  map[string]bool
}

func newGossip(t *testing.T, token, secret, access string) *gossip {
	g := &gossip{token: token, asked: secret, given: access, seen: map[string]bool{}}
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	g.url = s.URL
	return g
}

// ServeHTTP implements http.Handler.
func (g *gossip) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	_, password, _ := r.BasicAuth()
	all := fmt.Sprint(r.Header, string(body), password)
	say := func(status int, v any) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	wrong := func(status int) {
		say(status, map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "detail": r.Header.Get("Authorization") + " " + all, "error": password, "error_description": all})
	}
	root, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if root == "sign-in" {
		if password != g.asked {
			wrong(http.StatusBadRequest)
			return
		}
		g.seen["oauth secret"] = true
		say(http.StatusOK, map[string]any{"access_token": g.given, "token_type": "Bearer", "expires_in": 60})
		return
	}
	want := map[string]string{"token": g.token, "oauth": g.given}[root]
	if r.Header.Get("Authorization") != "Bearer "+want {
		wrong(http.StatusUnauthorized)
		return
	}
	g.seen[map[string]string{"token": "scim token", "oauth": "access token"}[root]] = true
	switch {
	case r.Method != http.MethodGet: // every change fails, each in its own way
		wrong([]int{400, 403, 409, 500}[len(body)%4])
	case strings.HasPrefix(rest, "Users") && !r.URL.Query().Has("filter"):
		say(http.StatusOK, map[string]any{"totalResults": 0, "Resources": []any{}})
	case strings.HasPrefix(rest, "Groups") && !r.URL.Query().Has("filter"):
		say(http.StatusOK, map[string]any{"totalResults": 1, "Resources": []any{map[string]any{"id": "g1", "displayName": "Sales", "members": []any{}}}})
	default:
		say(http.StatusOK, map[string]any{"totalResults": 0, "Resources": []any{}})
	}
}
