package sim

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
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
	anewFlag    = flag.Bool("anew", false, "hunt each from the first history on, also where one is known that shows it")
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
	binary := compiled(t, overlay)
	if f := hunt(t, binary, "", 1, 40); f.by != "" {
		t.Fatalf("without any bug: seed %d: %s", f.seeds, f.by)
	}
	began := time.Now()
	var table strings.Builder
	var needed []int
	seedsOf, known := map[string]int{}, foundBefore(t)
	all, which := bugs(), regexp.MustCompile(*onlyFlag)
	for _, b := range all {
		if !which.MatchString(b.name) {
			continue
		}
		began, f := time.Now(), found{}
		if seed := known[b.name]; seed > 0 && !*anewFlag {
			f = hunt(t, binary, b.name, seed, 1)
		}
		if f.by == "" {
			f = hunt(t, binary, b.name, 1, *mostFlag)
		}
		if f.by != "" {
			needed = append(needed, f.seeds)
			seedsOf[b.name] = f.seeds
			fmt.Fprintf(&table, "%-28s %5d seeds  %-34s %s\n", b.name, f.seeds, f.by, b.guard)
		} else {
			fmt.Fprintf(&table, "%-28s NOT FOUND in %d seeds: %s\n", b.name, *mostFlag, b.guard)
			t.Errorf("the planted bug %q is not found within %d seeds", b.name, *mostFlag)
		}
		fmt.Fprintf(os.Stderr, "%s: %d seeds, %s, %s\n", b.name, f.seeds, f.by, time.Since(began).Round(100*time.Millisecond))
	}
	if *writeFlag != "" && !t.Failed() {
		for _, b := range all { // those that were not planted this time
			if n, ok := known[b.name]; ok && seedsOf[b.name] == 0 {
				seedsOf[b.name] = n
			}
		}
		keep(t, seedsOf)
	}
	slices.Sort(needed)
	if n := len(needed); n > 0 {
		t.Logf("%d of %d planted bugs found, %d seeds in the median, %d at most, in %s\n%s", n, len(all), needed[n/2], needed[n-1], time.Since(began).Round(time.Second), table.String())
	}
}

// compiled is this test with the planted bugs.
func compiled(t *testing.T, overlay string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "planted.test")
	if out, err := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("the engine with planted bugs does not compile: %v\n%s", err, out)
	}
	return binary
}

// foundFile keeps the history that showed each bug when it was hunted last: the next time that one alone is played first.
const foundFile = "testdata/planted.json"

func foundBefore(t *testing.T) map[string]int {
	t.Helper()
	known := map[string]int{}
	text, err := os.ReadFile(foundFile)
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return known
}

// found is which history showed a bug, and which promise it broke.
type found struct {
	seeds int
	by    string
}

var failure = regexp.MustCompile(`seed (\d+): (\[I\d+ [a-z, ]+\]|two plays)`)

// hunt plays so many histories from the first one on, until one goes wrong.
func hunt(t *testing.T, binary, bug string, first, most int) found {
	t.Helper()
	c := exec.Command(binary, "-test.run", "^TestSim$", "-first", strconv.Itoa(first), "-seeds", strconv.Itoa(most), "-twice", "0", "-stop", "-test.timeout", "0")
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
	return best
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
	for path := range maps.Clone(texts) {
		folder := filepath.Dir(path)
		texts[filepath.Join(folder, "planted.go")] = "package " + filepath.Base(folder) + "\n\nimport \"os\"\n\nvar plantedBug = os.Getenv(\"" + plantedName + "\")\n\nfunc planted(name string) bool { return plantedBug == name }\n"
	}
	return enginetest.Overlay(t, texts)
}
