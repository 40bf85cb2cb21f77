package museum

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// measured is what the mutants and the coverage came to when they were last run.
type measured struct {
	fates []struct {
		Mutant, Killer string
		Lived          bool
	}
	same   map[string]string // mutant → why it changes nothing
	covers []struct {
		Package        string
		Blocks, Taken  int
		Guards, Passed int
		Errors, Failed int
		Missing        []string
	}
}

func measurements(t *testing.T) (m measured) {
	t.Helper()
	for file, into := range map[string]any{"../mutants/testdata/score.json": &m.fates, "../mutants/testdata/equivalent.json": &m.same, "../coverage/testdata/coverage.json": &m.covers} {
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *measured) write(b *strings.Builder) {
	killers, lives, late, same := map[string]int{}, []string{}, 0, map[string]string{}
	lived := 0
	for _, f := range m.fates {
		if f.Lived && m.same[f.Mutant] == "" {
			lived++
		}
		folder, _, _ := strings.Cut(f.Killer, " ")
		switch {
		case f.Killer == "time-out":
			late++
		case f.Killer != "":
			killers[folder]++
		case m.same[f.Mutant] != "":
			same[f.Mutant] = m.same[f.Mutant]
		default:
			lives = append(lives, f.Mutant)
		}
	}
	dead := len(m.fates) - len(lives) - len(same)
	fmt.Fprintf(b, mutantsIntro, len(m.fates), len(same), dead, len(m.fates)-len(same), percent(dead, len(m.fates)-len(same)), percent(len(m.fates)-len(same)-lived, len(m.fates)-len(same)), late)
	for _, folder := range slices.Sorted(maps.Keys(killers)) {
		fmt.Fprintf(b, ", %d by the tests of `%s`", killers[folder], folder)
	}
	b.WriteString(".\n\nThese live, and a test of them is missing:\n\n")
	slices.Sort(lives)
	for _, name := range lives {
		fmt.Fprintf(b, "- %s\n", name)
	}
	b.WriteString("\nThese change nothing, as somebody found who read them:\n\n| mutant | why it changes nothing |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(same)) {
		fmt.Fprintf(b, "| %s | %s |\n", cell(name), cell(same[name]))
	}
	if len(m.covers) == 0 {
		return
	}
	b.WriteString(coverageIntro)
	for _, c := range m.covers {
		fmt.Fprintf(b, "| `%s` | %d of %d | %d of %d (%.1f %%) | %d of %d |\n", c.Package, c.Taken, c.Blocks, c.Passed, c.Guards, percent(c.Passed, c.Guards), c.Failed, c.Errors)
	}
	b.WriteString("\nGuarding branches that no test takes:\n\n")
	for _, c := range m.covers {
		for _, name := range c.Missing {
			fmt.Fprintf(b, "- `%s`\n", strings.ReplaceAll(name, "`", "'"))
		}
	}
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(max(1, of)) }

const mutantsIntro = `
## Mutants

What decides, remembers, proves and reads pages is changed in one small place at a time: a condition never holds, && becomes ||, < becomes <=,
a statement is left out. Then the tests that come past the place run until one dies (` + "`make mutants`" + `). Of all such changes a sample of %d
was tried, the same one each time as long as the code is the same. %d of them change nothing; of the others %d of %d died (**%.1f %%**).
Tests were written for what had lived, so this says how well the sample is guarded, not how well the rest is: at first sight %.1f %% died, and the
mutants that nobody has tried will fare like that. Of the deaths, %d are tests that never ended`

const coverageIntro = `
## Branches

What the tests of the engine, of the journal, of the audit log and of the LDAP reader and twelve simulated histories take together
(` + "`make coverage`" + `). Go counts blocks of statements, not conditions: a branch is the body of an if, an else or a case. Whether a
condition was ever false is not seen here, but by the mutants. Branches that only pass somebody else's error on are counted apart.

| package | blocks of statements | guarding branches | branches that pass an error on |
|---|---|---|---|
`
