package mutants

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

var (
	sampleFlag = flag.Int("sample", 0, "how many mutants to try, 0: none")
	seedFlag   = flag.Uint64("seed", 1, "which ones")
)

// core is what guards: files, and the tests that must notice, the fast ones first.
var core = []struct {
	files []string
	tests [][]string
}{
	{[]string{"engine/diff.go", "engine/makeplan.go", "engine/decide.go", "engine/grants.go", "engine/revokes.go", "engine/accounts.go", "engine/subject.go", "engine/limits.go",
		"engine/charge*.go", "engine/items.go", "engine/dependencies.go", "engine/baseline.go", "engine/openwork.go", "engine/note.go", "engine/programplan.go", "engine/restrict.go",
		"engine/undo.go", "engine/fold*.go", "engine/work*.go", "engine/call.go", "engine/units.go", "engine/proof.go"},
		[][]string{{"./engine"}, {"./engine/enginetest/sim", "-seeds", "12"}}},
	{[]string{"engine/ldapconn/search.go", "engine/ldapconn/get.go", "engine/ldapconn/ranges.go", "engine/ldapconn/message.go", "engine/ldapconn/ber.go", "engine/ldapconn/errors.go"},
		[][]string{{"./engine/ldapconn"}}},
	{[]string{"engine/audit/[a-z]*.go"}, [][]string{{"./engine/audit"}}},
	{[]string{"engine/journal/commit.go", "engine/journal/append.go", "engine/journal/claim.go", "engine/journal/head.go", "engine/journal/save.go", "engine/journal/verify.go"},
		[][]string{{"./engine/journal"}}},
}

// candidate is a mutant with the tests that must notice it.
type candidate struct {
	mutant
	tests [][]string
}

func candidates(t *testing.T) (out []candidate) {
	t.Helper()
	for _, c := range core {
		for _, pattern := range c.files {
			files, err := filepath.Glob(filepath.Join(root, pattern))
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: no such file, %v", pattern, err)
			}
			for _, f := range files {
				if !strings.HasSuffix(f, "_test.go") {
					out = append(out, ofFile(t, f, c.tests)...)
				}
			}
		}
	}
	return out
}

func ofFile(t *testing.T, path string, tests [][]string) (out []candidate) {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := mutantsOf(filepath.ToSlash(name), source)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		out = append(out, candidate{m, tests})
	}
	return out
}

// TestScore tries a sample of mutants, the same ones for the same seed:
//
//	go test ./engine/enginetest/mutants -run TestScore -sample 300 -timeout 0 -v
func TestScore(t *testing.T) {
	all := candidates(t)
	if len(all) < 1000 {
		t.Fatalf("only %d mutants: are the patterns right?", len(all))
	}
	if *sampleFlag == 0 {
		t.Logf("%d mutants; make mutants tries a sample of them", len(all))
		return
	}
	random := rand.New(rand.NewPCG(*seedFlag, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	tried, dead := 0, 0
	for i := 0; i < len(all) && tried < *sampleFlag; i++ {
		switch verdict := try(t, &all[i]); verdict {
		case killed:
			tried, dead = tried+1, dead+1
		case survived:
			tried++
			t.Log("lives: ", all[i].String())
		}
	}
	t.Logf("%d of %d mutants died (%.1f %%), of %d in all; seed %d", dead, tried, 100*float64(dead)/float64(tried), len(all), *seedFlag)
}

type verdict int

const (
	nothing  verdict = iota // it does not compile
	killed                  // a test failed, or never ended
	survived                // no test noticed
)

func try(t *testing.T, c *candidate) verdict {
	t.Helper()
	overlay := overlayOf(t, c)
	build := exec.Command("go", "build", "-overlay", overlay, c.tests[0][0])
	build.Dir = root
	if _, err := build.CombinedOutput(); err != nil {
		return nothing
	}
	for _, test := range c.tests {
		args := append([]string{"test", "-short", "-count=1", "-timeout", "2m", "-failfast", "-overlay", overlay}, test...)
		cmd := exec.Command("go", args...)
		cmd.Dir = root
		if _, err := cmd.CombinedOutput(); err != nil {
			return killed
		}
	}
	return survived
}

func overlayOf(t *testing.T, c *candidate) string {
	t.Helper()
	dir := t.TempDir()
	real, err := filepath.Abs(filepath.Join(root, c.file))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{real: filepath.Join(dir, "mutant.go")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"mutant.go": c.text, "overlay.json": data} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "overlay.json")
}

func TestMutantsOf(t *testing.T) {
	source := "package p\n\nfunc f(a, b int) bool {\n\tif a < b && !g() {\n\t\tg()\n\t\treturn true\n\t}\n\treturn \"a\"+\"b\" == \"\"\n}\n"
	all, err := mutantsOf("p.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for i := range all {
		got += fmt.Sprintln(all[i].line, all[i].what)
	}
	want := `4 if a < b && !g() never holds
4 < becomes <=
4 && becomes ||
4 without the ! of !g()
5 without g()
6 true becomes false
`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
