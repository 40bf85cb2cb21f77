package login

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
)

// What stands for a session is random enough, and what the daemon keeps of it is of no use to anybody.
func TestSessionsCanNotBeGuessed(t *testing.T) {
	g, seen := newGate(t, false), map[string]bool{}
	for range 100 {
		c := g.enter()
		bits, err := base64.RawURLEncoding.DecodeString(c.Value)
		if err != nil || len(bits) < 16 || seen[c.Value] {
			t.Fatalf("session %d is %d bytes, %v, seen before: %v", len(seen)+1, len(bits), err, seen[c.Value])
		}
		seen[c.Value] = true
	}
	store, _ := g.sessions.Store.(*store)
	if len(store.kept) != len(seen) {
		t.Fatalf("%d sessions are kept", len(store.kept))
	}
	for token := range store.kept {
		if seen[token] {
			t.Fatal("a token is kept as it is")
		}
	}
}

// Whoever guesses learns nothing from the answers, whether there is such a token or was.
func TestWrongTokensAreAnsweredAlike(t *testing.T) {
	said := map[string]bool{}
	for _, token := range []string{"", "wrong", "righ", "right ", strings.Repeat("x", 10_000)} {
		g := newGate(t, false)
		w := httptest.NewRecorder()
		err := g.Enter(w, request("/login/token"), token)
		if err == nil || len(w.Result().Cookies()) > 0 {
			t.Fatalf("%.20q lets somebody in", token)
		}
		said[err.Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("wrong tokens are answered with %v", said)
	}
}
