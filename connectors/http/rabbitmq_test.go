package http_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	rest "github.com/rolecall/rolecall/connectors/http"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const canary = "canary-7f3a"

// documented gives the configuration of a program on the page, with another address.
func documented(t *testing.T, page, program, address string) rest.Config {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		var file struct {
			Programs map[string]struct {
				rest.Config `yaml:",inline"`
				Rest        map[string]any `yaml:",inline"`
			} `yaml:"programs"`
		}
		if yaml.Unmarshal([]byte(example), &file) == nil && file.Programs[program].URL != "" {
			c := file.Programs[program].Config
			c.URL = address
			return c
		}
	}
	t.Fatalf("%s has no program %q", page, program)
	return rest.Config{}
}

func open(t *testing.T, c rest.Config, transport http.RoundTripper, secret string) *rest.Program {
	t.Helper()
	p, err := rest.Open(c, rest.Options{Program: "p", Now: time.Now, Transport: transport, Wait: noWait,
		Secret: func(engine.Secret) (string, error) { return secret, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// rabbit calls the broker past the connector.
func rabbit(t *testing.T, s *servers.RabbitMQServer, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("rolecall", s.Password)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode > 299 && answer.StatusCode != http.StatusNotFound {
		t.Fatalf("%s %s: %s %s", method, path, answer.Status, text)
	}
	return string(text)
}

// rabbitSubject empties the broker, and makes what a check needs.
func rabbitSubject(t *testing.T, s *servers.RabbitMQServer) *enginetest.ConnectorUnderTest {
	t.Helper()
	u := &enginetest.ConnectorUnderTest{Accounts: []string{"ann", "Ben B. Smith", "Łucja/é%2F?&"}, Rights: []string{"tag:policymaker", "vhost:Büro Süd/1", "tag:monitoring", "vhost:/"},
		Stranger: "zoe", NoRight: "vhost:nowhere", NewNames: []string{"dan@example.com", `Eve "É" <x>`}, Secrets: []string{canary}}
	var names []struct{ Name string }
	if err := yaml.Unmarshal([]byte(rabbit(t, s, http.MethodGet, "/users", "")), &names); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if n.Name != "rolecall" {
			rabbit(t, s, http.MethodDelete, "/users/"+url.PathEscape(n.Name), "")
		}
	}
	for _, name := range u.Accounts {
		rabbit(t, s, http.MethodPut, "/users/"+url.PathEscape(name), `{"password_hash":"","tags":"management"}`)
	}
	rabbit(t, s, http.MethodPut, "/vhosts/"+url.PathEscape("Büro Süd/1"), "")
	return u
}

func TestOnRabbitMQ(t *testing.T) {
	s := servers.RabbitMQ(t, canary)
	c := documented(t, "connectors.md", "rabbit", s.URL)
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
		u := rabbitSubject(t, s)
		faults := &faultyTransport{list: "/permissions"}
		u.Connector, u.Arm = open(t, c, faults, canary), faults.arm
		elsewhere, closed := c, c
		elsewhere.URL, closed.URL = s.URL+"/v2", "http://127.0.0.1:1"
		wrong := canary + "-wrong"
		u.Secrets = append(u.Secrets, wrong)
		u.Broken = []engine.Connector{open(t, c, nil, wrong), open(t, elsewhere, nil, canary), open(t, closed, nil, canary)}
		return u
	})
}

// faultyTransport makes the next call of the armed kind go wrong.
type faultyTransport struct {
	list string // path that ends so: a list, beyond the first page if it has page=

	mu    sync.Mutex
	fault enginetest.Fault
}

func (f *faultyTransport) arm(fault enginetest.Fault) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
	return fault != enginetest.Unreachable
}

func (f *faultyTransport) take(write, list bool) enginetest.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.fault {
	case enginetest.BreakList, enginetest.PartialList, enginetest.HidePart:
		if !list {
			return enginetest.NoFault
		}
	default:
		if !write {
			return enginetest.NoFault
		}
	}
	fault := f.fault
	if fault != enginetest.BreakList { // a read is tried again, so this one goes on
		f.fault = enginetest.NoFault
	}
	return fault
}

func (f *faultyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	fault := f.take(r.Method != http.MethodGet, strings.HasSuffix(r.URL.Path, f.list))
	switch fault {
	case enginetest.FailBefore:
		return answer(r, http.StatusBadGateway, "text/html", "<html>bad gateway "+r.Header.Get("Authorization")), nil
	case enginetest.LoseBefore:
		return nil, io.ErrUnexpectedEOF
	case enginetest.Lie:
		return answer(r, http.StatusNoContent, "", ""), nil
	case enginetest.HidePart:
		return answer(r, http.StatusOK, "application/json", "[]"), nil
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || fault == enginetest.NoFault {
		return response, err
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	switch fault {
	case enginetest.LoseAfter:
		return nil, io.ErrUnexpectedEOF
	case enginetest.BreakList:
		body = body[:len(body)/2]
	case enginetest.PartialList:
		body = nil // empty, with 200
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), -1
	return response, nil
}

func answer(r *http.Request, status int, kind, body string) *http.Response {
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: -1,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}
}
