package sim

import (
	"encoding/json"
	"os"
	"testing"
)

const historiesFile = "testdata/histories.json"

// What docs/safety.md tells of the simulation is of a run that had every kind of fault, and of all bugs that are planted: whoever
// adds one measures anew, with make figures.
func TestFiguresAreOfToday(t *testing.T) {
	text, err := os.ReadFile(historiesFile)
	if err != nil {
		t.Fatal(err)
	}
	var run tried
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	if run.Histories < 20_000 || run.Twice < 200 {
		t.Errorf("%s: %d histories, %d of them twice; at least 20,000 and 200 are told", historiesFile, run.Histories, run.Twice)
	}
	for row, kinds := range matrix() {
		for _, kind := range kinds {
			if run.Faults[kind] == 0 {
				t.Errorf("%s: %q (%s) never happened; measure anew with: make figures", historiesFile, kind, row)
			}
		}
	}
	for i := I1; i <= I15; i++ {
		if run.Checks[promiseName(i)] == 0 {
			t.Errorf("%s: %v was never checked; measure anew with: make figures", historiesFile, i)
		}
	}
	known := foundBefore(t)
	for _, b := range bugs() {
		if known[b.name] == 0 {
			t.Errorf("%s: no history is known that shows %q; measure anew with: make figures", foundFile, b.name)
		}
		delete(known, b.name)
	}
	for name := range known {
		t.Errorf("%s: no bug %q is planted any more", foundFile, name)
	}
}
