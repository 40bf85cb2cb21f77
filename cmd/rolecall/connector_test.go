package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/conformance"
)

// badPlugin builds the plug-in whose argument names its mistake.
func badPlugin(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bad")
	build := exec.Command("go", "build", "-o", path, "./testdata/bad")
	build.Dir = filepath.Join("..", "..", "connectors", "plugin")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

const scratchTeam = `{"entitlements": ["read", "Write all"], "accounts": {
	"ann": {"active": true, "entitlements": []}, "Ben Smith": {"active": true, "entitlements": []},
	"Łucja": {"active": true, "entitlements": []}, "old": {"active": false, "entitlements": ["read"]}}}`

// tryPlugin runs the command as a user does, and gives the score card.
func tryPlugin(t *testing.T, command string, args ...string) (card, int) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"team.json": scratchTeam,
		"bad.yaml":  "config: {path: team.json}\nsecrets: {token: {env: TOKEN}}\ntimeout: 5s\nscratch:\n  accounts: [ann, Ben Smith, Łucja]\n  rights: [read, Write all]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), process{
		Args: append([]string{"connector", "test", "--config", "bad.yaml", "-o", "json", "--most", "20s", command}, args...),
		Dir:  dir, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Now: time.Now, Actor: "tester",
		Env: func(name string) string {
			return map[string]string{"TOKEN": "canary-7f3a", "PATH": os.Getenv("PATH")}[name]
		},
	})
	if strings.ContainsAny(stderr.String()+stdout.String(), "\x1b\a") || strings.Contains(stderr.String()+stdout.String(), "canary-7f3a") {
		t.Errorf("a control character or a secret got through:\n%.2000q", stderr.String())
	}
	var c card
	if err := json.Unmarshal(stdout.Bytes(), &c); err != nil {
		t.Fatalf("%v\n%s\n%s", err, stdout.String(), stderr.String())
	}
	return c, code
}

// mistakes of plug-ins, and a part of what the card says about them.
func pluginMistakes() map[string]string {
	return map[string]string{
		"shows an empty list":                  "claims to be whole and does not show",
		"lists a page twice":                   "twice",
		"leaves the mark out":                  "without saying whether that was all",
		"loses an account":                     "3 accounts came", // it counts them, and one does not arrive
		"does nothing and says done":           "missing",
		"does it and says failed":              `gives "failed"`,
		"touches the wrong account":            `want ["done"]`,
		"changes bystanders":                   "missing",
		"never answers":                        "did not answer grant within",
		"floods standard output":               "a line of more than",
		"floods standard error":                "floods its standard error",
		"speaks of itself":                     "it is not JSON",
		"crashes in the middle":                "exit status 3",
		"answers other questions":              "nobody asked",
		"answers for another account":          "and was asked about",
		"folds case":                           "write all",
		"lags more than it declares":           "missing",
		"leaves children behind":               "processes behind when it ended",
		"makes accounts silently":              `gives "done"`,
		"takes any right":                      `gives "done"`,
		"says done again":                      `want ["already"]`,
		"takes over accounts":                  "created again for another person",
		"drops the rights of who is suspended": "after suspend",
	}
}

// Every plug-in with a mistake is caught by the command, for the right reason; the one without passes.
func TestBadPluginsAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("two dozen processes that hang, flood and crash; they run without the race detector")
	}
	bad := badPlugin(t)
	c, code := tryPlugin(t, bad, "none")
	if code != exitDone || !c.OK || c.Failed+c.NotTried > 0 || c.Passed < 15 {
		t.Fatalf("the plug-in without a mistake: exit code %d, %+v", code, c)
	}
	var caught atomic.Int32
	t.Cleanup(func() {
		if t.Logf("%d of %d bad plug-ins are caught", caught.Load(), len(pluginMistakes())); caught.Load() < 14 {
			t.Errorf("only %d are caught", caught.Load())
		}
	})
	for mistake, want := range pluginMistakes() {
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			c, code := tryPlugin(t, bad, mistake)
			found := ""
			for _, line := range c.Checks {
				if line.Result == conformance.Wrong {
					found += strings.Join(line.Details, "\n") + "\n"
				}
			}
			if code != exitFailed || c.OK || c.Failed == 0 || !strings.Contains(found, want) {
				t.Errorf("exit code %d, %d failed, looking for %q in:\n%.3000s", code, c.Failed, want, found)
				return
			}
			caught.Add(1)
		})
	}
}
