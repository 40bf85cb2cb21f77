package plugin_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const canary = "canary-7f3a"

// built gives the executable of a Go package below this folder.
func built(t testing.TB, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", path, "./"+pkg).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// copied gives a copy of an executable that nobody else may change, whoever owns this checkout.
func copied(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), filepath.Base(path))
	executable(t, to, string(text))
	return to
}

// examples are the executables of the worked examples.
func examples(t testing.TB) map[string]string {
	return map[string]string{"go": built(t, "examples/go"), "python": copied(t, "examples/python/team.py"), "shell": copied(t, "examples/shell/team.sh")}
}

const team = `{"entitlements": ["read", "Write all", "Büro \"Süd\""], "accounts": {
	"ann": {"active": true, "entitlements": []}, "Ben \"B\" Smith\\": {"active": true, "entitlements": []},
	"Łucja, ø": {"active": true, "entitlements": []}, "old": {"active": false, "entitlements": ["read"], "person": "17"}}}`

func teamFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "team.json")
	if err := os.WriteFile(path, []byte(team), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func options(t testing.TB) plugin.Options {
	return plugin.Options{Program: "team", Dir: t.TempDir(), Env: os.Getenv, Now: time.Now,
		Secret: func(engine.Secret) (string, error) { return canary, nil }}
}

func open(t testing.TB, c plugin.Config, o plugin.Options) engine.Connector {
	t.Helper()
	p, err := plugin.Open(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.(interface{ Close() error }).Close() })
	return p
}

func TestExamplesPassTheSuite(t *testing.T) {
	for name, command := range examples(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, need := range map[string][]string{"python": {"python3"}, "shell": {"jq", "flock"}}[name] {
				servers.Need(t, need, need)
			}
			enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
				faults := &plugin.Faults{}
				o := options(t)
				o.Pipe = faults.Between
				c := plugin.Config{Command: []string{command}, Config: map[string]any{"path": teamFile(t)}, Secrets: map[string]engine.Secret{"token": {Env: "T"}}}
				gone := c
				gone.Config = map[string]any{"path": filepath.Join(t.TempDir(), "gone.json")}
				return &enginetest.ConnectorUnderTest{
					Connector: open(t, c, o), Accounts: []string{"ann", `Ben "B" Smith\`, "Łucja, ø"}, Rights: []string{"read", "Write all", `Büro "Süd"`},
					Stranger: "nobody", NoRight: "fly", NewNames: []string{"dan", "Eve É"}, Secrets: []string{canary},
					Broken: []engine.Connector{open(t, gone, options(t))},
					Arm:    func(f enginetest.Fault) bool { return faults.Arm(f.String()) },
				}
			})
		})
	}
}

// The examples are what a newcomer copies, so they are short.
func TestExamplesAreShort(t *testing.T) {
	for _, path := range []string{"examples/go/main.go", "examples/python/team.py", "examples/shell/team.sh"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, b := range text {
			if b == '\n' {
				lines++
			}
		}
		if lines >= 100 {
			t.Errorf("%s has %d lines", path, lines)
		}
	}
}
