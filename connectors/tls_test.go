package connectors_test

import (
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/rolecall/rolecall/connectors"
	"github.com/rolecall/rolecall/engine"
)

// private is a server whose certificate nobody vouches for. It answers a token to who asks for one, and counts what arrives.
type private struct {
	*httptest.Server
	asked atomic.Int32
}

func newPrivate(t *testing.T) *private {
	t.Helper()
	p := &private{}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token": "t", "token_type": "Bearer", "expires_in": 60, "Resources": [], "totalResults": 0}`)
	}))
	p.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are refused, as they should be
	p.StartTLS()
	t.Cleanup(p.Close)
	return p
}

// trusting lets a connector's own transport know the server's certificate, as the machine's store would.
func (p *private) trusting(next http.RoundTripper) http.RoundTripper {
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate())
	own := next.(*http.Transport)
	own.TLSClientConfig.RootCAs = pool
	return own
}

// list asks a program for its accounts, and gives what the errors and reasons say.
func list(t *testing.T, kind, config string, between func(http.RoundTripper) http.RoundTripper) string {
	t.Helper()
	e := connectors.Env{Program: "p", Dir: t.TempDir(), Now: time.Now, Calls: 1, Between: between,
		Secret: func(engine.Secret) (string, error) { return "token-of-the-test", nil }}
	c, err := connectors.All()[kind](t.Context(), func(into any) error { return yaml.Unmarshal([]byte(config), into) }, e)
	if err != nil {
		t.Fatal(err)
	}
	if closer, ok := c.(io.Closer); ok {
		defer closer.Close()
	}
	said := ""
	proof, err := c.Holdings(t.Context(), func(engine.Holding) error { return nil })
	if err != nil {
		said = err.Error()
	}
	for _, r := range proof.Reasons {
		said += " " + r.Detail
	}
	return said
}

const restLists = "\nusers: {list: {path: /users, items: /Resources}, id: /id}\nrights: [{names: [x], each: '[]', grant: [{method: PUT, path: /x}], revoke: [{method: DELETE, path: /x}]}]"

// A server that nobody vouches for gets neither a request nor a secret, whatever it is asked for.
func TestUnknownCertificatesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ kind, config string }{
		"http":       {"http", "url: SERVER\nauth: {bearer: {env: T}}" + restLists},
		"http oauth": {"http", "url: PLAIN\nauth: {oauth: {url: SERVER, client: c, secret: {env: T}}}" + restLists},
		"scim":       {"scim", "url: SERVER\ntoken: {env: T}"},
		"scim oauth": {"scim", "url: PLAIN\noauth: {url: SERVER, client: c, secret: {env: T}}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newPrivate(t)
			plain := httptest.NewServer(server.Config.Handler)
			defer plain.Close()
			config := strings.NewReplacer("SERVER", server.URL, "PLAIN", plain.URL).Replace(c.config)
			if said := list(t, c.kind, config, nil); !strings.Contains(said, "certificate") || server.asked.Load() != 0 {
				t.Errorf("%d requests arrived: %s", server.asked.Load(), said)
			}
			if said := list(t, c.kind, config, server.trusting); strings.Contains(said, "certificate") || server.asked.Load() == 0 {
				t.Errorf("with a certificate that is known: %d requests arrived: %s", server.asked.Load(), said)
			}
		})
	}
}

func TestGitRefusesUnknownCertificates(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	server := newPrivate(t)
	t.Setenv("GIT_SSL_NO_VERIFY", "true") // what whoever started Rolecall wants of their own Git
	said := list(t, "git", "repository: "+server.URL+"/access.git\nbranch: main\npath: a.csv\ntoken: {env: T}\nauthor: Rolecall <rolecall@example.com>", nil)
	if !strings.Contains(said, "certificate") || server.asked.Load() != 0 {
		t.Errorf("%d requests arrived: %s", server.asked.Load(), said)
	}
}
