package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
)

// The conformance kit as a user calls it, against the connector as it is shipped.
func TestConformance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	settings := filepath.Join(t.TempDir(), "small.yaml")
	text := fmt.Sprintf(`config: {target: "small:test", fields: {path: %q}, files: [key-file], person: employee}
secrets: {api-token: {env: SMALL_TOKEN}, key-file: {env: SMALL_KEY}}
scratch:
  accounts: ["user:1", "user:2", "user:3"]
  rights: ["group:read:member", "group:Write all:member", 'group:Büro "Süd":member']
`, w.path)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(rolecall(t), "connector", "test", "--config", settings, "-o", "json", "--", adapter(t), "-accounts", small(t)) // #nosec G204 -- our own
	c.Env = append(os.Environ(), "SMALL_TOKEN="+token, "SMALL_KEY="+key)
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.Output()
	var card struct {
		OK                      bool
		Passed, Failed, Skipped int
		Checks                  []struct {
			Check, Result string
			Details       []string
		}
	}
	if wrong := json.Unmarshal(out, &card); wrong != nil {
		t.Fatalf("%v, %v\n%s\n%s", err, wrong, out, &log)
	}
	for _, line := range card.Checks {
		t.Logf("%s %s %s", line.Result, line.Check, strings.Join(line.Details, "; "))
	}
	if err != nil || !card.OK || card.Passed < 15 {
		t.Errorf("%v: %d passed, %d failed, %d skipped\n%s", err, card.Passed, card.Failed, card.Skipped, &log)
	}
	if strings.Contains(string(out)+log.String(), "canary") {
		t.Errorf("a secret is told:\n%s\n%s", out, &log)
	}
}

// plugged gives the adapter as Rolecall runs it.
func (w world) plugged(log *syncBuffer, options ...string) engine.Connector {
	w.t.Helper()
	values := map[string]string{"T": token, "K": key}
	c, err := plugin.Open(plugin.Config{Command: append(append([]string{adapter(w.t)}, options...), small(w.t)), Config: w.config(nil),
		Secrets: map[string]engine.Secret{"api-token": {Env: "T"}, "key-file": {Env: "K"}}}, plugin.Options{Program: "small", Dir: w.t.TempDir(),
		Env: os.Getenv, Now: time.Now, Secret: func(s engine.Secret) (string, error) { return values[s.Env], nil },
		Log: slog.New(slog.NewTextHandler(log, nil)), Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.(interface{ Close() error }).Close() })
	return c
}

// Rolecall's own side: a part is not whole, a connector that dies leaves an unknown outcome and is started again, and
// the log shows neither secrets nor breaks the line to the plug-in.
func TestPluggedIn(t *testing.T) {
	t.Parallel()
	w, log := newWorld(t), &syncBuffer{}
	c := w.plugged(log)
	holdings := func() (n int, complete bool, why string) {
		proof, err := c.Holdings(t.Context(), func(engine.Holding) error { n++; return nil })
		if err != nil {
			return n, false, err.Error()
		}
		return n, proof.Complete(), fmt.Sprint(proof.Reasons)
	}
	const all = 6 + 6 // accounts, and what they hold
	if n, ok, why := holdings(); n != all || !ok {
		t.Fatalf("%d, %v, %s\n%s", n, ok, why, log)
	}
	w.fault("grants error")
	if n, ok, why := holdings(); n == 0 || ok || !strings.Contains(why, "page 2") {
		t.Errorf("%d, %v, %s", n, ok, why)
	}
	w.fault("changed die")
	if o, err := c.Grant(t.Context(), "user:1", "group:read:member"); o != engine.Uncertain {
		t.Errorf("%s, %v", o, err)
	}
	w.well()
	o, err := engine.Uncertain, error(nil)
	ends := func() bool { return o == engine.Failed && strings.Contains(err.Error(), "the connector has ended") } // before it was asked to change anything
	for n := 0; n < 50 && (o == engine.Uncertain || ends()); n++ {                                                // what reaches the process while it ends is unknown, too
		o, err = c.Grant(t.Context(), "user:1", "group:read:member")
	}
	if o != engine.Already {
		t.Errorf("after the connector has died: %s, %v", o, err)
	}
	if n, ok, why := holdings(); n != all+1 || !ok {
		t.Errorf("%d, %v, %s", n, ok, why)
	}
	if text := log.String(); strings.Contains(text, "canary") || !strings.Contains(text, "the token is") || !strings.Contains(text, "this is standard output") {
		t.Errorf("the log:\n%s", text)
	}
}
