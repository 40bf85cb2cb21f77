package sim

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest"
)

var (
	plantFlag   = flag.Bool("planted", false, "plant bugs in the engine, one after the other, and see which the simulation finds")
	mostFlag    = flag.Int("most", 2000, "within so many histories each")
	onlyFlag    = flag.String("bug", "", "plant those only whose names match, as \"halt|lease\"; with -write the others keep what was found before")
	plantedName = "ROLECALL_PLANTED"
)

// TestPlantedBugs looks how well the simulation finds what is wrong. All bugs are compiled in once, into a copy of the
// engine that exists only for the compiler (its -overlay), and one is chosen when the program starts. So the engine itself
// has no hook for them. Without -planted it only looks whether each bug still has its place.
func TestPlantedBugs(t *testing.T) {
	overlay := overlayOf(t, bugs())
	if !*plantFlag {
		return
	}
	binary := filepath.Join(t.TempDir(), "planted.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("the engine with planted bugs does not compile: %v\n%s", err, out)
	}
	if f, _ := hunt(t, binary, "", 40); f.by != "" {
		t.Fatalf("without any bug: seed %d: %s", f.seeds, f.by)
	}
	began := time.Now()
	var table strings.Builder
	var needed []int
	seedsOf := map[string]int{}
	all, which := bugs(), regexp.MustCompile(*onlyFlag)
	for _, b := range all {
		if !which.MatchString(b.name) {
			continue
		}
		f, took := hunt(t, binary, b.name, *mostFlag)
		if f.by != "" {
			needed = append(needed, f.seeds)
			seedsOf[b.name] = f.seeds
			fmt.Fprintf(&table, "%-28s %5d seeds  %-34s %s\n", b.name, f.seeds, f.by, b.guard)
		} else {
			fmt.Fprintf(&table, "%-28s NOT FOUND in %d seeds: %s\n", b.name, *mostFlag, b.guard)
			t.Errorf("the planted bug %q is not found within %d seeds", b.name, *mostFlag)
		}
		fmt.Fprintf(os.Stderr, "%s: %d seeds, %s, %s\n", b.name, f.seeds, f.by, took.Round(100*time.Millisecond))
	}
	if *writeFlag != "" && !t.Failed() {
		keep(t, foundBefore(t, all, seedsOf))
	}
	slices.Sort(needed)
	if n := len(needed); n > 0 {
		t.Logf("%d of %d planted bugs found, %d seeds in the median, %d at most, in %s\n%s", n, len(all), needed[n/2], needed[n-1], time.Since(began).Round(time.Second), table.String())
	}
}

// foundBefore adds what was written of bugs that were not planted this time.
func foundBefore(t *testing.T, all []bug, now map[string]int) map[string]int {
	t.Helper()
	before := map[string]int{}
	text, err := os.ReadFile(*writeFlag)
	if err == nil {
		err = json.Unmarshal(text, &before)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, b := range all {
		if n, ok := before[b.name]; ok && now[b.name] == 0 {
			now[b.name] = n
		}
	}
	return now
}

// found is which history showed a bug, and which promise it broke.
type found struct {
	seeds int
	by    string
}

var failure = regexp.MustCompile(`seed (\d+): (\[I\d+ [a-z, ]+\]|two plays)`)

// hunt plays histories until one goes wrong.
func hunt(t *testing.T, binary, bug string, most int) (found, time.Duration) {
	t.Helper()
	began := time.Now()
	c := exec.Command(binary, "-test.run", "^TestSim$", "-seeds", strconv.Itoa(most), "-twice", "0", "-stop", "-test.timeout", "0")
	c.Env = append(os.Environ(), plantedName+"="+bug)
	out, err := c.CombinedOutput()
	best := found{}
	for _, m := range failure.FindAllStringSubmatch(string(out), -1) {
		if n, err := strconv.Atoi(m[1]); err == nil && (best.by == "" || n < best.seeds) {
			best = found{n, m[2]}
		}
	}
	if err != nil && best.by == "" {
		t.Fatalf("bug %q: %v\n%s", bug, err, out)
	}
	return best, time.Since(began)
}

// overlayOf writes the changed copies of the engine's files, and the list of them that the compiler takes.
func overlayOf(t *testing.T, bugs []bug) string {
	t.Helper()
	engine, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	texts, names := map[string]string{}, map[string]bool{}
	for _, b := range bugs {
		if names[b.name] {
			t.Errorf("two bugs are called %q", b.name)
		}
		names[b.name] = true
		for _, e := range b.edits {
			path := filepath.Join(engine, e.file)
			if texts[path] == "" {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				texts[path] = string(text)
			}
			if n := strings.Count(texts[path], e.old); n != 1 {
				t.Errorf("bug %q: %s has %d places like this one, where there must be one; if the guard was changed, plant the bug anew:\n%s", b.name, e.file, n, e.old)
			}
			texts[path] = strings.Replace(texts[path], e.old, strings.ReplaceAll(e.new, "$", fmt.Sprintf("planted(%q)", b.name)), 1)
		}
	}
	texts[filepath.Join(engine, "planted.go")] = "package engine\n\nimport \"os\"\n\nvar plantedBug = os.Getenv(\"" + plantedName + "\")\n\nfunc planted(name string) bool { return plantedBug == name }\n"
	return enginetest.Overlay(t, texts)
}
