package museum

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pageFile = "docs/safety.md"

// docs/safety.md says what the tables say.
func TestSafetyPage(t *testing.T) {
	want := page(kept(t), measurements(t))
	if *updateFlag {
		if err := os.WriteFile(filepath.Join(root, pageFile), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, pageFile); got != want {
		t.Errorf("%s is not what the tests say; write it anew with: make safety", pageFile)
	}
}

func page(died map[string]death, m measured) string {
	var b strings.Builder
	fmt.Fprintf(&b, intro, len(incidents), replayed(incidents), len(faults), replayed(faults), len(guards), len(died))
	b.WriteString("\n## Incidents\n\n| # | what happened | told in | what stops it here | replayed by | without the guard |\n|---|---|---|---|---|---|\n")
	for i := range incidents {
		e := &incidents[i]
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", e.n, cell(e.what), cell(e.source), cell(e.guard), tests(e), dead(e, died["incident "+fmt.Sprint(e.n)]))
	}
	b.WriteString("\n## Faults\n\n| # | fault | what holds | guard | tests | without the guard |\n|---|---|---|---|---|---|\n")
	for i := range faults {
		e := &faults[i]
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", e.n, cell(e.what), cell(e.holds), cell(e.guard), tests(e), dead(e, died["fault "+fmt.Sprint(e.n)]))
	}
	b.WriteString("\n## Guards of our own\n\n| # | what would happen without it | guard | tests | without the guard |\n|---|---|---|---|---|\n")
	for i := range guards {
		e := &guards[i]
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", e.n, cell(e.what), cell(e.guard), tests(e), dead(e, died["guard "+fmt.Sprint(e.n)]))
	}
	m.write(&b)
	b.WriteString(survived())
	b.WriteString(histories())
	return b.String()
}

const intro = `# What went wrong elsewhere, and what is tried here

This page is written by the tests (` + "`make safety`" + `), so it says what they do: %d public incidents, of which %d are replayed, %d faults that
may come, of which %d are tried, and %d guards that no incident asked for. For %d of all these rows the guard was taken out of the source and
the test died; the last column is what it said. Whoever doubts one runs it, for example:

    go test ./engine -run TestUnmanagedIsListedNotTouched
    go test ./engine/enginetest/museum -run Without -without 'incident 10$' -v

The simulation tries what nobody thought of: ` + "`make sim`" + ` plays thousands of random histories with crashes, lies and several
daemons on the real engine, and checks fifteen promises after each step; in a quarter of them people are read by the real reader of
LDAP directories, and in a sixth a program is reached by the real SCIM connector, over lines that fail as real ones do. It prints what
was tried, and how often.
`

func replayed(rows []exhibit) (n int) {
	for i := range rows {
		if len(rows[i].tests) > 0 {
			n++
		}
	}
	return n
}

// cell keeps text in one cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func tests(e *exhibit) string {
	if len(e.tests) == 0 {
		return "not tried yet"
	}
	out := make([]string, len(e.tests))
	for i, test := range e.tests {
		folder, name, _ := strings.Cut(test, " ")
		out[i] = "`" + folder + "` " + cell(strings.ReplaceAll(name, "_", " "))
	}
	return strings.Join(out, ", ")
}

func dead(e *exhibit, d death) string {
	switch {
	case len(e.cuts) == 0:
		return ""
	case d.Test == "":
		return "not tried yet"
	}
	return cell(strings.ReplaceAll(d.Said, "`", "'"))
}
