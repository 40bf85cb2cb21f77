package plugin_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/rolecall/rolecall/connectors/plugin"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// everything opens the plug-in that can do all that the protocol knows.
func everything(t testing.TB, command, path string, o plugin.Options) engine.Connector {
	t.Helper()
	return open(t, plugin.Config{Command: []string{command, "everything"}, Config: map[string]any{"path": path}, Secrets: map[string]engine.Secret{"token": {Env: "T"}}, Batch: true}, o)
}

// A plug-in that can do everything passes, and every line of the conversation is one of the schema.
func TestEverythingPassesTheSuiteByTheSchema(t *testing.T) {
	command, seen := built(t, "testdata/bad"), &tap{}
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
		o := options(t)
		o.Pipe = seen.between
		return &enginetest.ConnectorUnderTest{
			Connector: everything(t, command, teamFile(t), o), Accounts: []string{"ann", `Ben "B" Smith\`, "Łucja, ø"}, Rights: []string{"read", "Write all"},
			Stranger: "nobody", NoRight: "fly", NewNames: []string{"dan", "Eve É"}, Secrets: []string{canary},
		}
	})
	schema := compiled(t)
	methods := map[string]bool{}
	for _, line := range seen.all() {
		holdsTo(t, schema, line)
		var r struct{ Method string }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		methods[r.Method] = true
	}
	for _, method := range []string{"describe", "open", "holdings", "account", "entitlements", "grant", "revoke", "suspend", "resume", "delete", "create", "update", "batch"} {
		if !methods[method] {
			t.Errorf("%s never came", method)
		}
	}
}

// The lines on the page are of the schema, and what the schema refuses is refused by the connector too.
func TestDocumentedLines(t *testing.T) {
	text, err := os.ReadFile("../../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	schema, n := compiled(t), 0
	for _, block := range strings.Split(string(text), "```json\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for line := range strings.Lines(block) {
			n++
			holdsTo(t, schema, []byte(line))
		}
	}
	if n < 8 {
		t.Errorf("only %d lines on the page", n)
	}
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"result":{"outcome":"ok","account":"ann","entitlement":"read"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"protocol":2}}`,
		`{"jsonrpc":"2.0","method":"account","params":{"of":1,"account":{"id":""}}}`,
		`{"jsonrpc":"2.0","method":"log","params":{}}`,
		`{"jsonrpc":"2.0","id":1,"method":"grant","params":{"account":"ann"}}`,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(value) == nil {
			t.Errorf("the schema takes %s", line)
		}
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "plugin.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func holdsTo(t *testing.T, schema *jsonschema.Schema, line []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s is not of the schema: %v", line, err)
	}
}

// tap keeps all lines, both ways.
type tap struct {
	mu    sync.Mutex
	lines [][]byte
}

func (l *tap) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, bytes.Clone(line))
}

func (l *tap) all() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

type tapped struct {
	io.WriteCloser
	l *tap
}

func (w tapped) Write(p []byte) (int, error) {
	w.l.add(p)
	return w.WriteCloser.Write(p)
}

func (l *tap) between(p plugin.Pipe) plugin.Pipe {
	r, w := io.Pipe()
	go func() {
		lines := bufio.NewReader(p.Out)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				_ = w.CloseWithError(err)
				return
			}
			l.add(line)
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	}()
	return plugin.Pipe{In: tapped{p.In, l}, Out: r}
}

// Whatever a name holds, it goes there and comes back letter for letter, or is refused before anything is asked.
func TestHostileNames(t *testing.T) {
	type account struct {
		Active       bool     `json:"active"`
		Entitlements []string `json:"entitlements"`
	}
	accounts := map[string]account{}
	for _, h := range enginetest.Hostile()[:400] {
		if h.Text != "" && len(h.Text) <= 4096 && utf8.ValidString(h.Text) && !strings.ContainsRune(h.Text, 0) {
			accounts[h.Text] = account{true, []string{}}
		}
	}
	file, err := json.Marshal(map[string]any{"entitlements": []string{"read"}, "accounts": accounts})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "team.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	p := everything(t, built(t, "testdata/bad"), path, options(t))
	var calls []engine.Call
	for _, h := range enginetest.Hostile()[:400] {
		calls = append(calls, engine.Call{Grant: true, Account: h.Text, Entitlement: "read"})
	}
	for i, r := range p.(engine.Batcher).Apply(t.Context(), calls) {
		_, there := accounts[calls[i].Account]
		if there != (r.Outcome == engine.Done) || !there && r.Outcome != engine.Refused {
			t.Errorf("%q: %s, %v", calls[i].Account, r.Outcome, r.Err)
		}
		if r.Err != nil && strings.ContainsFunc(fmt.Sprint(r.Err), func(c rune) bool { return c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 }) {
			t.Errorf("%q: the error is %q", calls[i].Account, r.Err)
		}
	}
	held := map[string]bool{}
	proof, err := p.Holdings(t.Context(), func(h engine.Holding) error {
		if h.Entitlement == "read" {
			held[h.Account] = true
		}
		return nil
	})
	if err != nil || !proof.Complete() || len(held) != len(accounts) {
		t.Errorf("%d of %d are listed: %v, %+v", len(held), len(accounts), err, proof.Reasons)
	}
	for name := range accounts {
		if !held[name] {
			t.Errorf("%q does not come back", name)
		}
	}
}
