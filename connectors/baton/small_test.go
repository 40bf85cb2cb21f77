package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin/sdk"
)

const (
	token = "canary-7f3a"
	key   = "-----BEGIN KEY-----\ncanary-88b1\n"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "baton-test-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	binaries.dir = dir
	m.Run()
}

// binaries are built once each, when they are first needed.
var binaries struct {
	dir                      string
	adapter, small, rolecall binary
}

type binary struct {
	once sync.Once
	path string
	err  error
}

// built gives the path of an executable, from the package of the module in a folder.
func (b *binary) built(t testing.TB, name, folder, pkg string) string {
	t.Helper()
	b.once.Do(func() {
		b.path = filepath.Join(binaries.dir, name)
		if out, err := exec.Command("go", "build", "-C", folder, "-o", b.path, pkg).CombinedOutput(); err != nil { // #nosec G204 -- our own
			b.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return b.path
}

func adapter(t testing.TB) string { t.Helper(); return binaries.adapter.built(t, "baton", ".", ".") }

func small(t testing.TB) string {
	t.Helper()
	return binaries.small.built(t, "small", "testdata/small", ".")
}

func rolecall(t testing.TB) string {
	t.Helper()
	return binaries.rolecall.built(t, "rolecall", "../..", "./cmd/rolecall")
}

const estateJSON = `{"token": "canary-7f3a", "key": "-----BEGIN KEY-----\ncanary-88b1\n", "next": 100,
	"users": {"1": {"login": "ann", "mail": "ann@example.com", "employee": "4711"}, "2": {"login": "Ben Smith"}, "3": {"login": "Łucja", "disabled": true},
		"4": {"login": "old", "employee": "17"}, "5": {"login": "eve:x"}},
	"groups": {"read": {"name": "Readers", "members": ["4", "5"]}, "Write all": {"name": "Writers"}, "Büro \"Süd\"": {"name": "South"},
		"all": {"name": "Everybody", "members": ["4", "5", "3"], "groups": ["read"], "fixed": ["5"]}}}`

// world is the small connector's program.
type world struct {
	t    testing.TB
	path string
}

func newWorld(t testing.TB) world {
	w := world{t, filepath.Join(t.TempDir(), "small.json")}
	w.write("", estateJSON)
	return w
}

func (w world) write(end, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path+end, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) fault(how string) { w.t.Helper(); w.write(".fault", how) }

func (w world) well() { os.Remove(w.path + ".fault") }

// members of a group as the program has them.
func (w world) members(group string) []string {
	w.t.Helper()
	text, err := os.ReadFile(w.path)
	var d struct {
		Groups map[string]struct{ Members []string }
	}
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Groups[group].Members
}

func (w world) config(more map[string]any) map[string]any {
	c := map[string]any{"target": "small:test", "fields": map[string]string{"path": w.path}, "files": []string{"key-file"}, "person": "employee"}
	for k, v := range more {
		c[k] = v
	}
	return c
}

func secrets() map[string]string { return map[string]string{"api-token": token, "key-file": key} }

// syncBuffer may be written by several.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

// open gives the adapter in this process, with a running connector.
func (w world) open(more map[string]any) *creating {
	w.t.Helper()
	log := &syncBuffer{}
	p := &creating{newProgram([]string{small(w.t)}, 4, log)}
	p.wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	w.t.Cleanup(p.close)
	raw, _ := json.Marshal(w.config(more))
	identity, err := p.Open(w.t.Context(), sdk.Settings{Program: "small", Config: raw, Secrets: secrets()})
	if err != nil || identity != "baton:small:test" {
		w.t.Fatalf("%q, %v\n%s", identity, err, log)
	}
	return p
}

// list gives a list as text, one line an account.
func list(t testing.TB, p *creating) (string, error) {
	t.Helper()
	lines := []string{}
	err := p.Accounts(t.Context(), func(a sdk.Account) {
		lines = append(lines, fmt.Sprintf("%s %q %s %s %s", a.ID, a.Name, a.Kind, a.Person, strings.Join(a.Entitlements, ",")))
	})
	return strings.Join(lines, "\n"), err
}

func want(t testing.TB, what string, got sdk.Outcome, err error, outcome sdk.Outcome, say ...string) {
	t.Helper()
	if got != outcome || (err == nil) != (outcome == sdk.Done || outcome == sdk.Already) {
		t.Errorf("%s: %s, %v; want %s", what, got, err, outcome)
	}
	for _, text := range say {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v does not say %q", what, err, text)
		}
	}
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q; want %q", what, got, want)
	}
}
