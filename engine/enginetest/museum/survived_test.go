package museum

import (
	"fmt"
	"strings"
	"testing"
)

const (
	survivedFile = "cmd/rolecall/testdata/survived.json" // its tests write it with -write
	fuzzFile     = "engine/enginetest/museum/testdata/fuzz.json"
)

// fuzzed is what became of one fuzz target, as .ci/fuzz writes it.
type fuzzed struct {
	Package, Target, Elapsed string
	Inputs, Crashes          int
}

// survived tells how often the program, its stores and its line to the directory were broken, and what the fuzz targets tried.
func survived() string {
	var b strings.Builder
	b.WriteString("\n## Crashes and cuts\n\n")
	if times := map[string]int{}; recorded(survivedFile, &times) {
		b.WriteString("What the long tests (`make soak`) did when they were last recorded. Each time the program went on to the same end as without it, or stopped with one\n" +
			"sentence and went on when the store was mended: nothing lost, nothing twice, nothing taken from anybody by a read that was cut.\n\n| what was done | times |\n|---|---|\n")
		list(&b, times)
	} else {
		b.WriteString("No run of the long tests was recorded yet (`make soak`).\n")
	}
	b.WriteString("\n## Fuzz targets\n\n")
	var targets []fuzzed
	if !recorded(fuzzFile, &targets) {
		b.WriteString("No run of the fuzz targets was recorded yet (`make soak`).\n")
		return b.String()
	}
	inputs, crashes := 0, 0
	for _, f := range targets {
		inputs, crashes = inputs+f.Inputs, crashes+f.Crashes
	}
	fmt.Fprintf(&b, "Every parser of what comes from outside has one. The last recorded run tried %d targets with %d inputs in all, on top of those that are kept in the\n"+
		"repository; %d of them crashed.\n\n| package | target | time | inputs | crashes |\n|---|---|---|---|---|\n", len(targets), inputs, crashes)
	for _, f := range targets {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d | %d |\n", f.Package, f.Target, f.Elapsed, f.Inputs, f.Crashes)
	}
	return b.String()
}

// What is recorded of a fuzz target is of one that is there, and each is there once.
func TestFuzzTargets(t *testing.T) {
	var targets []fuzzed
	if !recorded(fuzzFile, &targets) {
		return
	}
	known, seen := testNames(t), map[string]bool{}
	for _, f := range targets {
		name := f.Package + " " + f.Target
		if !known[name] || seen[name] {
			t.Errorf("there is no fuzz target %s, or it is recorded twice; record them anew with: make soak", name)
		}
		seen[name] = true
	}
}
