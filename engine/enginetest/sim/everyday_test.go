package sim

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// everyday are bugs that are planted in every `go test`, each with the promise that it breaks. Together they need the checks
// that matter most: without one of these, a bug is not found, or by another promise.
func everyday() map[string]invariant {
	return map[string]invariant{
		"baseline slides": I1, "grants by half a list": I2, "retried": I3, "stale plan": I5, "one seat more": I6, "managed by result": I7, "cut spares unmanaged": I9, "unreviewed lines": I10,
		"rewritten": I11, "one program stops all": I12, "attributes in the log": I13, "names decide": I14, "nobody did it": I15,
	}
}

// TestEverydayBugs plays the history that showed each of a few planted bugs, so that a checker that lost a check fails.
func TestEverydayBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the engine once more; it runs without -short")
	}
	binary, known := compiled(t, overlayOf(t, bugs())), foundBefore(t)
	for name, promise := range everyday() {
		if !slices.ContainsFunc(bugs(), func(b bug) bool { return b.name == name }) || known[name] == 0 {
			t.Errorf("there is no planted bug %q, or no history is known that shows it", name)
			continue
		}
		if by := findsBug(t, binary, name, known[name], promise); by != promise.String() {
			t.Errorf("the planted bug %q breaks %v; what was found in history %d is %q", name, promise, known[name], by)
		}
	}
	shrinks(t, binary)
}

// findsBug plays the history that is known to show a bug and, since a change of the engine lets histories take another course, a
// few others if it doesn't.
func findsBug(t *testing.T, binary, name string, seed int, promise invariant) (by string) {
	t.Helper()
	if by = hunt(t, binary, name, seed, 1).by; by == promise.String() {
		return by
	}
	for other := 1; other <= 20; other++ {
		if f := hunt(t, binary, name, other, 1); f.by == promise.String() {
			return f.by
		}
	}
	return by
}

var shrunkTo = regexp.MustCompile(`(?s)seed (\d+) goes wrong with (\d+) of (\d+) steps: (\[I\d+ [^]]*\])[^\n]*\n(.*)`)

// shrinks wants a history that went wrong to be told by few of its steps, which go wrong in the same way.
func shrinks(t *testing.T, binary string) {
	c := exec.Command(binary, "-test.run", "^TestSim$", "-first", "1", "-seeds", "1", "-steps", "60", "-twice", "0")
	c.Env = append(os.Environ(), plantedName+"=attributes in the log")
	out, err := c.CombinedOutput()
	if err == nil {
		t.Fatalf("nothing went wrong:\n%s", out)
	}
	m := shrunkTo.FindStringSubmatch(string(out))
	if m == nil {
		t.Fatalf("it was not shrunk:\n%.2000s", out)
	}
	left, errLeft := strconv.Atoi(m[2])
	if errLeft != nil || left > 10 || m[3] != "60" || m[4] != I13.String() {
		t.Errorf("%s of %s steps are left, which break %s", m[2], m[3], m[4])
	}
	if story := strings.TrimSpace(m[5]); !strings.Contains(story, "run") || strings.Count(story, "\n") < left {
		t.Errorf("the story of %d steps:\n%s", left, story)
	}
}

// soaked soaks once more with a file that keeps the seed, and gives what is printed.
func soaked(t *testing.T, file string, want bool) string {
	t.Helper()
	out, err := exec.Command(os.Args[0], "-test.v", "-test.run", "^TestSim$", "-soak", file, "-batch", "2", "-for", "1ns", "-twice", "1", "-tell").CombinedOutput()
	if (err == nil) != want {
		t.Fatalf("%v:\n%.2000s", err, out)
	}
	return string(out)
}

// Soaking goes on where it ended, and says what was tried.
func TestSoakGoesOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sim.seed")
	for _, first := range []int{1, 3} {
		said := soaked(t, file, true)
		text, err := os.ReadFile(file)
		if err != nil || strings.TrimSpace(string(text)) != strconv.Itoa(first+2) {
			t.Errorf("the next seed is %q, %v", text, err)
		}
		for _, form := range []string{`2 histories, 600 steps, [0-9.]+ histories/s, 1 played twice and equal`, `\n +[0-9]+ checks\n`, `event: run +[1-9][0-9]* times`, `call: lost after its effect +[1-9][0-9]* times`,
			`the story of seed ` + strconv.Itoa(first) + `:`, `the story of seed ` + strconv.Itoa(first+1) + `:`, `0 histories went wrong`} {
			if !regexp.MustCompile(form).MatchString(said) {
				t.Errorf("from seed %d: %q is not printed", first, form)
			}
		}
		for i := I1; i <= I15; i++ {
			if !regexp.MustCompile(`I` + itoa(int(i)) + ` +` + promises[i] + ` +[1-9][0-9]* checks\n`).MatchString(said) {
				t.Errorf("from seed %d: the checks of %v are not printed", first, i)
			}
		}
	}
	if err := os.WriteFile(file, []byte("many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := soaked(t, file, false); !strings.Contains(said, "holds no seed") {
		t.Errorf("a file without a seed:\n%.500s", said)
	}
}
