package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The examples of the page do what it says.
func TestSeatsPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "seats.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, rest := range strings.Split(string(page), "```yaml\n")[1:] {
		block, _, _ := strings.Cut(rest, "```")
		blocks = append(blocks, block)
	}
	if len(blocks) != 2 {
		t.Fatalf("the page has %d examples", len(blocks))
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"people.csv": "id,login,name,department,status\n1,ann,Ann,Board,\n2,bob,Bob,Board,\n3,carl,Carl,Board,\n4,dora,Dora,Sales,\nrows,4\n",
		"crm.csv":    "account,active,entitlements,person\n", "policies/all.yaml": "version: 1\n" + blocks[1],
		"rolecall.yaml": "version: 1\ndirectories:\n  - {name: hr, kind: csv, authority: people, path: people.csv, complete: {count: rows}, key: id, attributes: {login: login, name: name, department: department, status: status}, state: {left: 'status == \"left\"'}, roles: [{attribute: department}]}\nleavers: {unmanaged: report}\n" + blocks[0],
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), process{Args: []string{"plan", "--no-color"}, Dir: dir, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Now: func() time.Time { return time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC) }, Actor: "tester", Env: func(string) string { return "" }})
	for _, want := range []string{`waiting for a "full" seat of crm: 1st of 1, since 2027-01-04 (0 of 2 taken, 2 given now)`, "full +60.00 EUR a month, paid already", "light +30.00 EUR a month, paid already"} {
		if code != exitDone || !strings.Contains(stdout.String(), want) {
			t.Errorf("exit code %d, and %q is not in\n%s\n%s", code, want, stdout.String(), stderr.String())
		}
	}
}
