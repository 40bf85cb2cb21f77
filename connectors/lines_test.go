package connectors_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var linesFlag = flag.Bool("lines", false, "write the lines of the examples in docs/connectors.md anew")

// How long each example is stands on the page, as counted.
//
//	go test ./connectors -run TestLinesOfExamples -lines
func TestLinesOfExamples(t *testing.T) {
	const path, begin, end = "../docs/connectors.md", "<!-- lines: written by a test -->\n", "<!-- end of lines -->\n"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(data), begin)
	was, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("the table is not on the page")
	}
	table := "\n| example | lines | of them neither empty nor a comment |\n|---|---|---|\n" + linesOfYAML(t, string(data)) + linesOfPlugins(t) + "\n"
	if *linesFlag {
		if err := os.WriteFile(path, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != table {
		t.Errorf("the page says otherwise than this; go test ./connectors -run TestLinesOfExamples -lines\n%s", table)
	}
}

// linesOfYAML counts the entries of the page that are a program with its kind, in the order of the page.
func linesOfYAML(t *testing.T, page string) (rows string) {
	for _, block := range strings.Split(page, "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		var file struct {
			Programs map[string]map[string]any `yaml:"programs"`
		}
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			t.Fatal(err)
		}
		kind, names := "", slices.Sorted(maps.Keys(file.Programs))
		for _, name := range names {
			if keys := file.Programs[name]; keys["accounts"] == nil { // of another chapter
				kind, _ = keys["kind"].(string)
			}
		}
		if kind != "" {
			rows += lineRow(fmt.Sprintf("`kind: %s`, `%s` of this page", kind, strings.Join(names, "` and `")), strings.TrimPrefix(text, "programs:\n"))
		}
	}
	return rows
}

func linesOfPlugins(t *testing.T) (rows string) {
	for _, file := range []string{"go/main.go", "python/team.py", "shell/team.sh", "rest/badges.py"} {
		text, err := os.ReadFile(filepath.Join("plugin", "examples", file))
		if err != nil {
			t.Fatal(err)
		}
		rows += lineRow(fmt.Sprintf("plug-in [`%s`](../connectors/plugin/examples/%s)", file, file), string(text))
	}
	return rows
}

func lineRow(name, text string) string {
	all, code := 0, 0
	for line := range strings.Lines(text) {
		all++
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "//") {
			code++
		}
	}
	return fmt.Sprintf("| %s | %d | %d |\n", name, all, code)
}
