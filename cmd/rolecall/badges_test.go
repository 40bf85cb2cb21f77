package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// badges is the small program that the example examples/rest speaks to.
type badges struct {
	mu   sync.Mutex
	held [5][]string // by person
}

func (b *badges) names() []string { return []string{"lab", "Büro / Süd"} }

func (b *badges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	parts := strings.Split(r.URL.Path, "/")
	switch {
	case r.Header.Get("X-Key") != scoreSecret:
		http.Error(w, "who are you", http.StatusUnauthorized)
	case r.Method == http.MethodGet && r.URL.Path == "/badges":
		jsonAnswer(w, map[string]any{"badges": b.names()})
	case r.Method == http.MethodGet && r.URL.Path == "/people":
		jsonAnswer(w, b.page(r.URL.Query().Get("page")))
	case len(parts) >= 5 && parts[1] == "people" && parts[3] == "badges":
		b.change(w, r.Method == http.MethodPut, parts[2], strings.Join(parts[4:], "/"))
	default:
		http.NotFound(w, r)
	}
}

func jsonAnswer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (b *badges) page(number string) any {
	n, _ := strconv.Atoi(number)
	people := []any{}
	for i := max(0, n-1) * 2; i < min(len(b.held), max(0, n)*2); i++ {
		people = append(people, map[string]any{"id": i + 1, "name": []string{"ann", "Ben Smith", "Łucja", "zoe", "old"}[i], "badges": append([]string{}, b.held[i]...)})
	}
	return map[string]any{"people": people, "pages": 3, "total": len(b.held)}
}

func (b *badges) change(w http.ResponseWriter, give bool, id, name string) {
	n, _ := strconv.Atoi(id)
	if n < 1 || n > len(b.held) || !slices.Contains(b.names(), name) {
		http.Error(w, "no such person or badge", http.StatusNotFound)
		return
	}
	has := slices.Contains(b.held[n-1], name)
	switch {
	case has && !give:
		b.held[n-1] = slices.DeleteFunc(b.held[n-1], func(x string) bool { return x == name })
	case !has && give:
		b.held[n-1] = append(b.held[n-1], name)
	}
	w.WriteHeader(http.StatusNoContent)
}

// onBadges gives the example in Python, or a copy in which some text is another.
func onBadges(replace ...string) func(t *testing.T, dir string) (string, []string) {
	return func(t *testing.T, dir string) (string, []string) {
		text, err := os.ReadFile(filepath.Join("..", "..", "connectors", "plugin", "examples", "rest", "badges.py"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), "\n") >= 100 {
			t.Errorf("the example has %d lines", strings.Count(string(text), "\n"))
		}
		for i := 0; i < len(replace); i += 2 {
			if !strings.Contains(string(text), replace[i]) {
				t.Fatalf("%q is not in the example", replace[i])
			}
			text = []byte(strings.ReplaceAll(string(text), replace[i], replace[i+1]))
		}
		if err := os.WriteFile(filepath.Join(dir, "badges.py"), text, 0o700); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(&badges{held: [5][]string{4: {"lab"}}})
		t.Cleanup(server.Close)
		return "    kind: plugin\n    command: [./badges.py]\n    config: {url: \"" + server.URL + "\"}\n    secrets: {key: {env: SECRET}}\n    scratch: {accounts: [\"1\", \"2\", \"3\"], rights: [lab, Büro / Süd], through: url}\n", nil
	}
}

// What a plug-in does when its program is in trouble is tried through a proxy, and each mistake of that kind is found.
func TestPluginsAreTriedThroughAProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("a plug-in waits as long as it is told to")
	}
	t.Parallel()
	for name, tc := range map[string]struct{ check, from, to string }{
		"follows redirects":             {"follows nobody to a page to sign in", "build_opener(Stay)", "build_opener()"},
		"gives up when busy":            {"waits when a program is busy", "e.code != 429", "True"},
		"does not wait":                 {"waits when a program is busy", "time.sleep(", "int("},
		"takes a page for done":         {"takes no page for people for an answer", "answer.status == 204", "answer.status < 300"},
		"takes nothing for a list":      {"takes no empty answer for an empty list", "return json.load(answer)", `return json.loads(answer.read() or '{"people": [], "pages": 0, "total": 0}')`},
		"does not count":                {"misses no page", `len(people) != answer["total"]`, "False"},
		"believes in a list that broke": {"never takes a part for the whole", "        answer = ask(\"GET\", f\"/people?page={page}\")\n", "        try:\n            answer = ask(\"GET\", f\"/people?page={page}\")\n        except Exception:\n            return people\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, _ = onBadges(tc.from, tc.to)(t, dir)
			card := conformance.Card{Only: tc.check, Most: time.Minute, Fresh: func(conformance.T) *conformance.Subject { return freshBadges(t, dir) }}
			if lines := card.Score(t.Context()); len(lines) != 1 || lines[0].Result != conformance.Wrong {
				t.Errorf("%+v", lines)
			} else {
				t.Logf("%q", lines[0].Details[0])
			}
		})
	}
}

// The example as it stands passes the suite, also what is tried through the proxy.
func TestTheRESTExamplePassesTheSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("a plug-in waits as long as it is told to")
	}
	servers.Need(t, "python3", "python3")
	t.Parallel()
	dir := t.TempDir()
	_, _ = onBadges()(t, dir)
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest { return freshBadges(t, dir) })
}

// freshBadges is the plug-in of a folder with a program of its own, and a proxy between.
func freshBadges(t *testing.T, dir string) *conformance.Subject {
	server := httptest.NewServer(&badges{held: [5][]string{4: {"lab"}}})
	t.Cleanup(server.Close)
	proxy, err := conformance.NewProxy(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	web := &conformance.HTTPFaults{}
	proxy.Use(web)
	c, err := plugin.Open(plugin.Config{Command: []string{filepath.Join(dir, "badges.py")}, Config: map[string]any{"url": proxy.URL}, Secrets: map[string]engine.Secret{"key": {Env: "K"}}},
		plugin.Options{Program: "badges", Dir: dir, Env: os.Getenv, Now: time.Now, Wait: noPause, Secret: func(engine.Secret) (string, error) { return scoreSecret, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closeConnector(c) })
	return &conformance.Subject{Connector: c, HTTP: web, Arm: web.Arm, Accounts: []string{"1", "2", "3"}, Rights: []string{"lab", "Büro / Süd"}, Stranger: "nobody"}
}
