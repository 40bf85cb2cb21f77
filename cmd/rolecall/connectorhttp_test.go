package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// The example of the page, as it stands there, passes the suite on a broker: from the configuration to the score card.
func TestRabbitMQPassesTheSuite(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "connectors.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\nprograms:\n  rabbit:\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the example is not on the page")
	}
	s := servers.RabbitMQ(t, "canary-7f3a")
	dir := t.TempDir()
	for name, text := range map[string]string{
		"people.csv": "id,login\n1,ann\n",
		"rolecall.yaml": "version: 1\ndirectories:\n  - {name: hr, kind: csv, authority: people, path: people.csv, key: id, attributes: {login: login}}\nleavers: {unmanaged: report}\n" +
			"programs:\n  rabbit:\n    create: '{login}'\n    revoke: managed\n    scratch: {}\n" + strings.Replace(example, "https://rabbit.example.com:15671/api", s.URL, 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), process{Args: []string{"connector", "test", "rabbit", "-o", "json"}, Dir: dir, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Now: time.Now, Actor: "tester", Env: func(name string) string { return map[string]string{"RABBIT_PASSWORD": "canary-7f3a"}[name] }})
	var c card
	if err := json.Unmarshal(stdout.Bytes(), &c); err != nil || code != exitDone || !c.OK || c.Passed < 16 || c.Kind != "http" {
		t.Errorf("exit code %d, %v\n%s\n%s", code, err, stdout.String(), stderr.String())
	}
	t.Logf("%d of %d passed, %d skipped", c.Passed, len(c.Checks), c.Skipped)
}
