package museum

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const simFolder = "engine/enginetest/sim/testdata"

// histories tells what the simulation tried when `make figures` ran last, from the files that it wrote.
func histories() string {
	var run struct {
		Histories, Steps, Twice int
		PerSecond               float64
		Checks, Faults          map[string]int
	}
	var b strings.Builder
	b.WriteString("\n## Histories\n\n")
	if recorded(simFolder+"/histories.json", &run) {
		fmt.Fprintf(&b, "The last recorded run of the simulation (`make figures`) played %d histories of %d steps in all, %d of them twice and equal byte for byte,\n"+
			"about %.0f a second on the machine at hand; no promise was broken.\n\n| promise | checks |\n|---|---|\n", run.Histories, run.Steps, run.Twice, run.PerSecond)
		list(&b, run.Checks)
		narrowly(&b)
		b.WriteString("\n| what happened | times |\n|---|---|\n")
		list(&b, run.Faults)
	} else {
		b.WriteString("No run of the simulation was recorded yet (`make figures`).\n")
	}
	plantedBugs(&b)
	return b.String()
}

// plantedBugs tells which history showed each of the bugs that were planted.
func plantedBugs(b *strings.Builder) {
	planted := map[string]int{}
	if !recorded(simFolder+"/planted.json", &planted) {
		return
	}
	needed := slices.Sorted(maps.Values(planted))
	fmt.Fprintf(b, "\n%d bugs were planted in a copy of the engine (`make planted`), one after the other, at least one for each guard and each rule of what a crash may leave.\n"+
		"All were found: by %d histories in the median, by %d at most. The history that showed each is played again whenever this is measured.\n\n| bug | the history that showed it |\n|---|---|\n",
		len(needed), needed[len(needed)/2], needed[len(needed)-1])
	list(b, planted)
}

func recorded(file string, into any) bool {
	text, err := os.ReadFile(filepath.Join(root, file))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		panic(err)
	}
	return true
}

func list(b *strings.Builder, counts map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(b, "| %s | %d |\n", cell(name), counts[name])
	}
}
