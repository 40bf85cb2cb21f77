package http_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
)

// doors answers for sessions and secrets, and keeps what it was sent.
func doors(t *testing.T, bend func(c *rest.Config), answer func(w http.ResponseWriter, body string)) (*rest.Program, *[]string) {
	t.Helper()
	p, sent := newAPI(t, "page"), &[]string{}
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/sessions") && !strings.HasSuffix(r.URL.Path, "/password") {
			return false
		}
		body, _ := io.ReadAll(r.Body)
		*sent = append(*sent, r.Method+" "+r.URL.Path)
		answer(w, string(body))
		return true
	}
	c := p.config()
	c.Users.EndSessions = []rest.Write{{Method: "DELETE", Path: "/users/{account}/sessions", Expect: []int{204, 404}}}
	c.Users.NewSecret = []rest.Write{{Method: "PUT", Path: "/users/{account}/password", Body: map[string]any{"password": "{secret}"}}}
	bend(&c)
	return open(t, c, nil, canary), sent
}

func TestRequestsThatEndSessions(t *testing.T) {
	status := http.StatusNoContent
	p, sent := doors(t, func(*rest.Config) {}, func(w http.ResponseWriter, _ string) { w.WriteHeader(status) })
	if d, err := p.Describe(t.Context()); err != nil || !d.Sessions || !d.Secrets || d.Invites {
		t.Errorf("%+v, %v", d, err)
	}
	for _, status = range []int{http.StatusNoContent, http.StatusNotFound} {
		if err := p.EndSessions(t.Context(), "1"); err != nil {
			t.Errorf("%d: %v", status, err)
		}
	}
	status = http.StatusForbidden
	if err := p.EndSessions(t.Context(), "1"); err == nil {
		t.Error("a refusal is taken for an end")
	}
	if err := p.EndSessions(t.Context(), "77"); err != nil || len(*sent) != 3 || (*sent)[0] != "DELETE /api/users/1/sessions" {
		t.Errorf("of nobody: %v, %q", err, *sent)
	}
}

func TestRequestsThatSetASecret(t *testing.T) {
	var got struct{ Password string }
	p, _ := doors(t, func(*rest.Config) {}, func(w http.ResponseWriter, body string) {
		_ = json.Unmarshal([]byte(body), &got)
		w.WriteHeader(http.StatusNoContent)
	})
	secret, err := p.NewSecret(t.Context(), "1")
	if err != nil || secret == "" || got.Password != secret {
		t.Errorf("%q, %q, %v", secret, got.Password, err)
	}
	if _, err := p.NewSecret(t.Context(), "77"); err == nil {
		t.Error("a secret for nobody")
	}
	p, _ = doors(t, func(*rest.Config) {}, func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.Unmarshal([]byte(body), &got)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": "not good enough: " + got.Password})
	})
	if secret, err := p.NewSecret(t.Context(), "1"); secret != "" || err == nil || strings.Contains(err.Error(), got.Password) || !strings.Contains(err.Error(), "[secret]") {
		t.Errorf("%q, %v", secret, err)
	}
}

// The program makes it up: it is picked in the answer, and an error has no word of one.
func TestASecretOfTheProgram(t *testing.T) {
	text, status := `{"temporary": "canary-temp"}`, http.StatusOK
	p, _ := doors(t, func(c *rest.Config) {
		c.Users.NewSecret = []rest.Write{{Method: "POST", Path: "/users/{account}/password"}}
		c.Users.Secret, c.Users.Invites = "/temporary", true
	}, func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	})
	if secret, err := p.NewSecret(t.Context(), "1"); secret != "canary-temp" || err != nil {
		t.Errorf("%q, %v", secret, err)
	}
	for text, status = range map[string]int{`{"message": "canary-temp"}`: http.StatusBadRequest, `{"temp": "canary-temp"}`: http.StatusOK, `canary-temp`: http.StatusOK} {
		if secret, err := p.NewSecret(t.Context(), "1"); secret != "" || err == nil || strings.Contains(err.Error(), "canary-temp") {
			t.Errorf("%s: %q, %v", text, secret, err)
		}
	}
	if _, is := engine.Connector(p).(engine.SecretMaker); !is {
		t.Error("it is no SecretMaker")
	}
}
