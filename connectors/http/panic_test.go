package http_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// panics is a transport that can't bear one path.
type panics struct{ path string }

func (p panics) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, p.path) {
		panic("oops")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Lists of single accounts are read side by side. What panics in one of them ends the read, where the caller can catch it, and not the process.
func TestAPanicInOneListIsTheCallers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		list := []map[string]any{}
		if r.URL.Path == "/users" {
			list = append(list, map[string]any{"id": "ann"}, map[string]any{"id": "bob"})
		}
		_ = json.NewEncoder(w).Encode(list)
	}))
	t.Cleanup(server.Close)
	write := []rest.Write{{Method: "PUT", Path: "/users/{account}/x"}}
	c, err := rest.Open(rest.Config{URL: server.URL, Auth: httpconn.Auth{Bearer: engine.Secret{Env: "T"}}, Users: rest.Users{List: rest.Read{Path: "/users"}, ID: "/id"},
		Rights: []rest.Right{{Names: []string{"x"}, List: &rest.Read{Path: "/users/{account}/rights"}, Account: "/user", Right: "/right", Grant: write, Revoke: write}}},
		rest.Options{Program: "p", Now: time.Now, Transport: panics{"bob/rights"}, Secret: func(engine.Secret) (string, error) { return canary, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("nobody panics")
		}
	}()
	proof, err := c.Holdings(t.Context(), func(engine.Holding) error { return nil })
	t.Errorf("%v, %v", proof, err)
}
