package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// docBase is what the examples of the pages stand in: a key of an example takes the place of the same key here.
const docBase = `version: 1
policies: policies
directories:
  - {name: hr, kind: csv, authority: people, path: people.csv, complete: {count: rows}, key: id, attributes: {login: login, name: name, title: title, country: country}, roles: [{attribute: title}]}
programs:
  wiki: {kind: file, path: wiki.csv, revoke: managed}
  gitea: {kind: file, path: gitea.csv, revoke: managed}
  crm: {kind: file, path: crm.csv, revoke: managed}
leavers: {unmanaged: report}
`

// docDirectory is the same for the keys of one directory.
const docDirectory = `name: corp
kind: ldap
profile: openldap
authority: people
url: ldaps://ldap.example.com
people: {base: "ou=people,dc=example,dc=com"}
key: employeeNumber
attributes: {login: uid, name: cn, title: title}
roles: [{attribute: title}]
`

// The configurations and policies that the pages show are what the program takes.
func TestExamplesOfTheDocs(t *testing.T) {
	for page, want := range map[string]int{"audit.md": 3, "limits.md": 2, "commands.md": 1, "operations.md": 2, "directories.md": 5, "policy-language.md": 2} {
		blocks := examples(t, page)
		if len(blocks) != want {
			t.Errorf("%s has %d examples, not %d", page, len(blocks), want)
		}
		for i, block := range blocks {
			config, policy := docBase, "version: 1\nrules:\n"+indented("- {name: all, when: 'true', grant: [crm], reason: everybody}", "  ")
			switch {
			case strings.HasPrefix(block, "- name:"):
				policy = "version: 1\nrules:\n" + indented(block, "  ")
			case strings.HasPrefix(block, "tests:"):
				policy = "version: 1\nrules:\n" + indented(blocks[i-1], "  ") + block
			case page == "directories.md" && !strings.HasPrefix(block, "directories:"):
				config = over(config, "directories:\n  -\n"+indented(over(docDirectory, block), "    "))
			default:
				config = over(config, block)
			}
			offline(t, page, config, policy, block)
		}
	}
}

// offline checks a configuration and a policy without any server.
func offline(t *testing.T, page, config, policy, block string) {
	t.Helper()
	u := newTerminal(t)
	if err := os.Mkdir(filepath.Join(u.dir, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"rolecall.yaml": config, "policies/all.yaml": policy, "people.csv": "id,login,name,title,country\n1,ann,Ann,engineer,DE\nrows,1\n",
		"wiki.csv": "account,active,entitlements,person\n", "gitea.csv": "account,active,entitlements,person\n", "crm.csv": "account,active,entitlements,person\n"} {
		if err := os.WriteFile(filepath.Join(u.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	code := run(t.Context(), u.process(&out, []string{"check", "--offline"}))
	said := out.String()
	for line := range strings.Lines(said) {
		if regexp.MustCompile(`^(rolecall|policies/all)\.yaml:`).MatchString(line) && !strings.Contains(line, "no such file") { // certificates and keytabs
			t.Errorf("%s, %d: %s\n%s", page, code, line, block)
		}
	}
}

// examples are the blocks of a page that are YAML: fenced as such, or indented.
func examples(t *testing.T, page string) (out []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range strings.Split(string(text), "\n```yaml\n")[1:] {
		block, _, _ := strings.Cut(rest, "```")
		if !strings.HasPrefix(block, "notices:") || !strings.Contains(block, "people:") { // TestNoticesOfTheDocs has those, with people to tell
			out = append(out, block)
		}
	}
	for _, block := range regexp.MustCompile(`(?m)^\n(?:    .*\n)+`).FindAllString(string(text), -1) {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		for i := range lines {
			lines[i] = strings.TrimPrefix(lines[i], "    ")
		}
		if joined := strings.Join(lines, "\n") + "\n"; regexp.MustCompile(`^(- )?[a-z_]+:`).MatchString(joined) {
			out = append(out, joined)
		}
	}
	return out
}

var topKey = regexp.MustCompile(`(?m)^([a-z_]+):`)

// over puts the keys of an example over those of a base.
func over(base, block string) string {
	taken := topKey.FindAllString(block, -1)
	var out strings.Builder
	at := topKey.FindAllStringIndex(base, -1)
	for i, from := range at {
		end := len(base)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if !slices.Contains(taken, base[from[0]:from[1]]) {
			out.WriteString(base[from[0]:end])
		}
	}
	return out.String() + block
}

func indented(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by) + "\n"
}

// The examples of --help are commands that there are, with flags and arguments that they take.
func TestExamplesOfHelp(t *testing.T) {
	root := func() *cobra.Command {
		return (&app{process: process{Env: func(string) string { return "" }, Now: time.Now}}).root()
	}
	tried := 0
	for _, c := range commandsBelow(root()) {
		for line := range strings.Lines(c.Example) {
			for _, part := range regexp.MustCompile(` (?:\||&&) `).Split(strings.TrimSpace(line), -1) {
				part, _, _ = strings.Cut(part, " > ")
				words := words(part)
				if len(words) == 0 || words[0] != "rolecall" {
					continue
				}
				tried++
				found, rest, err := root().Find(words[1:])
				if err == nil {
					err = found.ParseFlags(rest)
				}
				if err == nil {
					err = found.ValidateArgs(found.Flags().Args())
				}
				if err != nil || found.HasSubCommands() {
					t.Errorf("%s: %q: %v", c.CommandPath(), part, err)
				}
			}
		}
	}
	if tried < 40 {
		t.Errorf("only %d examples", tried)
	}
}

// words are those of a command line, as a shell would take them.
func words(line string) []string {
	out := regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1)
	for i := range out {
		out[i] = strings.Trim(out[i], `"'`)
	}
	return out
}

func commandsBelow(c *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{c}
	for _, below := range c.Commands() {
		out = append(out, commandsBelow(below)...)
	}
	return out
}
