package mutants

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest"
)

const root = "../../.."

// core is what guards: which files of a package are changed. The rest of the engine only words and shows.
var core = []struct {
	folder string
	files  []string // patterns
	but    []string
}{
	{"engine", []string{"*.go"}, []string{"why.go", "whyline.go", "text.go", "failpoint.go", "failpoint_on.go", "kinds.go", "tasks.go"}},
	{"engine/ldapconn", []string{"search.go", "get.go", "ranges.go", "message.go", "ber.go", "errors.go"}, nil},
	{"engine/audit", []string{"*.go"}, nil},
	{"engine/journal", []string{"append.go", "begun.go", "charges.go", "checkpoint.go", "claim.go", "commit.go", "head.go", "load.go", "memory*.go", "open.go", "recover.go",
		"refill.go", "restore.go", "rows.go", "save.go", "stored.go", "tree.go", "verify*.go"}, nil},
}

// suite is a package whose tests must notice.
type suite struct {
	folder string
	args   []string
	only   string // pattern of tests, "": all
}

// suites are tried in this order.
var suites = []suite{
	{"engine", nil, ""}, {"engine/ldapconn", nil, ""}, {"engine/audit", nil, ""},
	{"engine/enginetest/sim", []string{"-seeds", "8", "-twice", "1"}, "^TestSim$"}, {"engine/journal", nil, ""},
}

// mutated gives the texts of the core with all mutants in them, by path below the root, and the mutants.
func mutated(t *testing.T) (map[string]string, []mutant) {
	t.Helper()
	texts, all := map[string]string{}, []mutant{}
	for _, c := range core {
		for _, path := range coreFiles(t, c.folder, c.files, c.but) {
			source, err := os.ReadFile(filepath.Join(root, path))
			if err != nil {
				t.Fatal(err)
			}
			text, found, err := mutate(path, source, len(all)+1)
			if err != nil {
				t.Fatal(err)
			}
			texts[path] = text
			all = append(all, found...)
		}
		texts[c.folder+"/mutated.go"] = strings.Replace(hook, "%s", filepath.Base(c.folder), 1)
	}
	return texts, all
}

func coreFiles(t *testing.T, folder string, patterns, but []string) (out []string) {
	t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(root, folder, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s/%s: no such file, %v", folder, pattern, err)
		}
		for _, f := range files {
			if name := filepath.Base(f); !strings.HasSuffix(name, "_test.go") && !slices.Contains(but, name) {
				out = append(out, folder+"/"+name)
			}
		}
	}
	return out
}

func overlayOf(t *testing.T, texts map[string]string) string {
	t.Helper()
	below := map[string]string{}
	for path, text := range texts {
		below[filepath.Join(root, path)] = text
	}
	return enginetest.Overlay(t, below)
}
