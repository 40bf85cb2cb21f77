package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The configuration reference and the JSON schema are made from the types and their comments:
//
//	go test ./cmd/rolecall/config -update
func TestReference(t *testing.T) {
	r := newReference(t)
	schema, err := json.MarshalIndent(r.schema(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	upToDate(t, "../../../docs/rolecall.schema.json", append(schema, '\n'))
	upToDate(t, "../../../docs/configuration.md", []byte(r.markdown()))
	titles := map[string]bool{}
	for _, s := range r.sections() {
		if titles[s.title] {
			t.Errorf("two headings say %q: nobody can tell which keys are meant", s.title)
		}
		titles[s.title] = true
	}
	for _, missing := range r.undocumented {
		t.Errorf("%s has no comment", missing)
	}
}

func upToDate(t *testing.T, path string, want []byte) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, want, 0o644); err != nil { // #nosec G306 -- documentation
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is out of date (%v); run: go test ./cmd/rolecall/config -update\n%s", path, err, cmp.Diff(string(got), string(want)))
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the reference and the schema anew")
	m.Run()
}

// The schema takes what the program takes, and refuses what it refuses.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile("../../../docs/rolecall.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rolecall.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("rolecall.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"testdata/good.yaml", "../example/rolecall.yaml"} {
		if err := schema.Validate(asJSON(t, file, nil)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for old, fresh := range map[string]string{
		"kind: file": "kind: fiel", "revoke: managed": "revoke: manage", "authority: people": "autority: people", "zone: Europe/Berlin": "zone: [1]",
		"{env: LDAP_PASSWORD}": "hunter2", "wait: 30d": "wait: 30", "path: wiki.csv": "paths: wiki.csv",
	} {
		if err := schema.Validate(asJSON(t, "testdata/good.yaml", strings.NewReplacer(old, fresh))); err == nil {
			t.Errorf("%q is accepted instead of %q", fresh, old)
		}
	}
}

func asJSON(t *testing.T, file string, change *strings.Replacer) any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		changed := change.Replace(string(data))
		if changed == string(data) {
			t.Fatalf("%s does not contain what is to be changed", file)
		}
		data = []byte(changed)
	}
	text, err := yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (r *reference) markdown() string {
	var b strings.Builder
	b.WriteString(`# Configuration

One strict YAML file; unknown and duplicate keys are errors, and every mistake is named with its line and column, all at once.
Editors find [a JSON schema](rolecall.schema.json) useful: begin the file with
` + "`# yaml-language-server: $schema=docs/rolecall.schema.json`" + `.

A *span* is a number with a unit: ` + "`90s`, `15m`, `24h`, `30d`, `2w`, `1h30m`" + `. A *secret* is a reference, never a value: ` + "`{env: NAME}`, `{file: PATH}` or `{credential: NAME}`" + `
(a file in systemd's credentials directory). A *template* is text with attributes of a person in braces, ` + "`{login}`" + `; ` + "`{key}`" + ` is the
immutable key, ` + "`{{`" + ` a brace. An *expression* is CEL over the declared attributes, ` + "`status == \"left\"`" + `. Where a list may stand, one
value alone is a list of one. Relative paths start at the folder of the file. This page is made from the program's source.
`)
	for _, s := range r.sections() {
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.text != "" {
			b.WriteString(s.text + "\n\n")
		}
		b.WriteString("| key | value | default | meaning |\n|---|---|---|---|\n")
		for _, row := range s.rows {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", row.key, row.value, row.standard, strings.ReplaceAll(row.text, "|", `\|`))
		}
	}
	return b.String()
}
