package museum

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

const (
	survivedFile = "cmd/rolecall/testdata/survived.json" // its tests write it with -write
	fuzzFile     = "engine/enginetest/museum/testdata/fuzz.json"
	editsFile    = "engine/audit/testdata/edits.json"
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
	b.WriteString(edited())
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

// edited tells how many edits of a long log were found.
func edited() string {
	var b strings.Builder
	b.WriteString("\n## Edits of the journal\n\n")
	var log struct {
		Records int
		Found   map[string]int
	}
	if !recorded(editsFile, &log) {
		b.WriteString("No run of the long test was recorded yet (`make soak`).\n")
		return b.String()
	}
	total := 0
	for _, n := range log.Found {
		total += n
	}
	fmt.Fprintf(&b, "A log of %d records was edited %d times at random, each time anew, and verified with its stored tree and a checkpoint: all edits were found. Every bit\n"+
		"of a log of 200 records is turned in each run of the tests.\n\n| edit | found |\n|---|---|\n", log.Records, total)
	list(&b, log.Found)
	return b.String()
}

// What is recorded of fuzz targets is of those that are there, all of them, and of each once.
func TestFuzzTargets(t *testing.T) {
	var targets []fuzzed
	if !recorded(fuzzFile, &targets) {
		t.Fatalf("%s is not there; record it with: make soak", fuzzFile)
	}
	for _, wrong := range staleFuzz(testNames(t), targets) {
		t.Errorf("%s; record them anew with: make soak", wrong)
	}
}

// staleFuzz says where what is recorded and the source differ.
func staleFuzz(known map[string]bool, targets []fuzzed) (wrong []string) {
	seen := map[string]bool{}
	for _, f := range targets {
		name := f.Package + " " + f.Target
		if !known[name] || seen[name] {
			wrong = append(wrong, fmt.Sprintf("there is no fuzz target %s, or it is recorded twice", name))
		}
		if f.Inputs == 0 {
			wrong = append(wrong, fmt.Sprintf("fuzz target %s was tried with nothing", name))
		}
		seen[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if _, target, _ := strings.Cut(name, " "); strings.HasPrefix(target, "Fuzz") && !seen[name] {
			wrong = append(wrong, fmt.Sprintf("fuzz target %s was never tried", name))
		}
	}
	return wrong
}

func TestStaleFuzz(t *testing.T) {
	known := map[string]bool{"a FuzzX": true, "a TestX": true}
	for want, targets := range map[string][]fuzzed{
		"": {{Package: "a", Target: "FuzzX", Inputs: 1}}, "never tried": nil, "with nothing": {{Package: "a", Target: "FuzzX"}},
		"recorded twice": {{Package: "a", Target: "FuzzX", Inputs: 1}, {Package: "a", Target: "FuzzX", Inputs: 1}},
		"no fuzz target": {{Package: "a", Target: "FuzzX", Inputs: 1}, {Package: "b", Target: "FuzzX", Inputs: 1}},
	} {
		wrong := staleFuzz(known, targets)
		if (len(wrong) == 0) != (want == "") || want != "" && !strings.Contains(wrong[0], want) {
			t.Errorf("%v: %q, want %q", targets, wrong, want)
		}
	}
}
