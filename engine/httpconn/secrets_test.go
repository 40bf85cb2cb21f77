package httpconn

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

const canary = "canary-7f3a"

// echo answers with what it was sent.
type echo struct {
	status int
	kind   string
}

func (e echo) RoundTrip(r *http.Request) (*http.Response, error) {
	if e.status == 0 {
		return nil, fmt.Errorf("lost after %s", r.Header.Get("Authorization"))
	}
	return &http.Response{StatusCode: e.status, Request: r, Header: http.Header{"Content-Type": {e.kind + r.Header.Get("Authorization")}}, Body: io.NopCloser(strings.NewReader("[]"))}, nil
}

func (e echo) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(Config{URL: "https://crm.example.com", Auth: Auth{Bearer: engine.Secret{Env: "T"}}, Format: "JSON", Failure: func(*Answer) (string, bool) { return "no", true }},
		Options{Secret: func(engine.Secret) (string, error) { return canary, nil }, Now: time.Now, Calls: 1, Transport: e})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// No message has a secret in it, whatever the program repeats of what it was sent, be it in the address of a next page.
func TestMessagesHaveNoSecrets(t *testing.T) {
	if _, err := (echo{}).client(t).Do(t.Context(), Call{Method: http.MethodPut, Path: "/users"}); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("%v", err)
	}
	var status *StatusError
	path := "/next/" + canary
	if _, err := (echo{status: 500}).client(t).Do(t.Context(), Call{Method: http.MethodPut, Path: path}); !errors.As(err, &status) || strings.Contains(err.Error()+status.Error(), canary) || OutcomeOf(err) != engine.Uncertain {
		t.Errorf("%v", err)
	}
	answer, err := echo{status: 200, kind: "text/html; sent="}.client(t).Do(t.Context(), Call{Method: http.MethodGet, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := answer.Decode(&out); err == nil || strings.Contains(err.Error()+answer.Call, canary) {
		t.Errorf("%v, %s", err, answer.Call)
	}
}
