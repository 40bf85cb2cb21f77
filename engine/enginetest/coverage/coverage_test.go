package coverage

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../../.."
	module = "github.com/rolecall/rolecall"
	// keptFile is what was reached last, for docs/safety.md and for the next time.
	keptFile = "testdata/coverage.json"
)

var (
	measureFlag = flag.Bool("measure", false, "run the tests of the core with coverage")
	updateFlag  = flag.Bool("update", false, "keep what was measured")
)

// words are files of the engine that only word and show, and failpoints, which are empty in the program that people use.
var words = []string{"why.go", "whyline.go", "text.go", "failpoint.go", "failpoint_on.go", "mistake.go"}

// core is what guards; the patterns are below the root.
var core = []string{"engine/*.go", "engine/journal/*.go", "engine/audit/*.go", "engine/ldapconn/search.go", "engine/ldapconn/get.go", "engine/ldapconn/ranges.go",
	"engine/ldapconn/message.go", "engine/ldapconn/ber.go", "engine/ldapconn/errors.go"}

// suites are the tests that count, for all of the core, whichever package they are in.
var suites = [][]string{{"./engine"}, {"./engine/ldapconn"}, {"./engine/audit"}, {"./engine/journal", "-short=false"}, {"./engine/enginetest/sim", "-seeds", "12"}}

// figure is what was reached of a package.
type figure struct {
	Package        string
	Blocks, Taken  int // blocks of statements
	Guards, Passed int // branches that do more than pass an error on
	Errors, Failed int // branches that only pass an error on
	Missing        []string
}

// TestCoverage runs the suites and compares with what was reached before; some minutes, so it is asked for:
//
//	go test ./engine/enginetest/coverage -measure -v -timeout 30m
func TestCoverage(t *testing.T) {
	if !*measureFlag {
		t.Skip("asked for with -measure, as make coverage does")
	}
	var profiles []string
	for _, s := range suites {
		profiles = append(profiles, measure(t, s))
	}
	blocks, err := blocksOf(module, profiles...)
	if err != nil {
		t.Fatal(err)
	}
	figures := figuresOf(t, blocks)
	t.Log("\n" + table(figures))
	for _, f := range figures {
		for _, name := range f.Missing {
			t.Log("not taken: ", name)
		}
	}
	if *updateFlag {
		data, err := json.MarshalIndent(figures, "", "  ")
		if err == nil {
			err = os.WriteFile(keptFile, append(data, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, complaint := range worse(kept(t), figures) {
		t.Error(complaint)
	}
}

func measure(t *testing.T, suite []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "profile")
	packages := "./engine,./engine/journal,./engine/audit,./engine/ldapconn"
	args := append([]string{"test", "-short", "-count=1", "-timeout", "15m", "-coverprofile", file, "-coverpkg", packages}, suite...)
	cmd := exec.Command("go", args...) // #nosec G204 -- the suites above
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", suite[0], err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func figuresOf(t *testing.T, blocks map[string][]block) (out []figure) {
	t.Helper()
	at := map[string]int{}
	for _, pattern := range core {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no such file, %v", pattern, err)
		}
		for _, path := range files {
			name := strings.TrimPrefix(filepath.ToSlash(path), root+"/")
			if strings.HasSuffix(name, "_test.go") || slices.Contains(words, filepath.Base(name)) {
				continue
			}
			folder := filepath.Dir(name)
			if _, ok := at[folder]; !ok {
				at[folder] = len(out)
				out = append(out, figure{Package: folder, Missing: []string{}})
			}
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := out[at[folder]].add(name, source, blocks[name]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

func (f *figure) add(file string, source []byte, blocks []block) error {
	for _, b := range blocks {
		f.Blocks++
		f.Taken += one(b.reached)
	}
	branches, err := branchesOf(file, source, blocks)
	for _, b := range branches {
		if b.Passes {
			f.Errors++
			f.Failed += one(b.Reached)
			continue
		}
		f.Guards++
		f.Passed += one(b.Reached)
		if !b.Reached {
			f.Missing = append(f.Missing, b.Name)
		}
	}
	return err
}

func one(is bool) int {
	if is {
		return 1
	}
	return 0
}

func table(figures []figure) string {
	var b strings.Builder
	for _, f := range figures {
		fmt.Fprintf(&b, "%-16s %4d of %4d blocks, %4d of %4d guarding branches (%.1f %%), %4d of %4d that pass an error on\n", f.Package, f.Taken, f.Blocks, f.Passed, f.Guards,
			100*float64(f.Passed)/float64(max(1, f.Guards)), f.Failed, f.Errors)
	}
	return b.String()
}

// worse names guarding branches that are not taken and were not known to be so. Where chance decides, as in a race, a branch
// may be known and taken.
func worse(before, now []figure) (complaints []string) {
	known := map[string]bool{}
	for _, f := range before {
		for _, name := range f.Missing {
			known[name] = true
		}
	}
	for _, f := range now {
		for _, name := range f.Missing {
			if !known[name] {
				complaints = append(complaints, "no test takes this branch; write one, or if there can be none, say so with: make coverage KEEP=-update\n"+name)
			}
		}
	}
	slices.Sort(complaints)
	return complaints
}

func kept(t *testing.T) (out []figure) {
	t.Helper()
	data, err := os.ReadFile(keptFile)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBranches(t *testing.T) {
	const source = `package p

func f(a, b int) error {
	if a < b {
		g()
	} else {
		h()
	}
	if err := g(); err != nil {
		return err
	}
	switch {
	case a > 1:
		g()
	case b > 1:
	}
	return nil
}
`
	const profile = `mode: set
m/p.go:3.25,4.11 1 1
m/p.go:4.11,6.3 1 1
m/p.go:6.8,8.3 1 0
m/p.go:9.2,9.32 1 1
m/p.go:9.32,11.3 1 0
m/p.go:12.2,12.9 1 1
m/p.go:13.13,14.6 1 0
m/p.go:15.13,15.13 0 0
m/p.go:17.2,17.12 1 1
`
	blocks, err := blocksOf("m", profile, strings.ReplaceAll(profile, "13.13,14.6 1 0", "13.13,14.6 1 3"))
	if err != nil {
		t.Fatal(err)
	}
	branches, err := branchesOf("p.go", []byte(source), blocks["p.go"])
	got := ""
	for _, b := range branches {
		got += fmt.Sprintln(b.Name, b.Passes, b.Reached)
	}
	want := "p.go f: if a < b false true\np.go f: else of if a < b false false\np.go f: if err != nil true false\np.go f: case a > 1 false true\n"
	if err != nil || got != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	f := figure{}
	if err := f.add("p.go", []byte(source), blocks["p.go"]); err != nil || f.Guards != 3 || f.Passed != 2 || f.Errors != 1 || f.Failed != 0 || len(worse(nil, []figure{f})) != 1 || len(worse([]figure{f}, []figure{f})) != 0 {
		t.Errorf("%v %+v", err, f)
	}
}
