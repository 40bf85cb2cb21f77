package enginetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Show writes a memory as text, sorted and without the numbers that depend on how it was put together, so that two can be
// compared.
func Show(m *engine.Memory) string {
	var b strings.Builder
	fmt.Fprintf(&b, "head seq=%d control=%d epoch=%d runs=%d time=%s\n", m.Seq, m.Control, m.Epoch, m.Runs, stamp(m.Time))
	for _, i := range m.Open {
		change, _ := json.Marshal(i.Change) // strings only
		fmt.Fprintf(&b, "open %d run=%s time=%s class=%s unknown=%v claimed=%s/%s/%d %s\n", i.Seq, i.Run, stamp(i.Time), i.Class,
			i.Unknown, stamp(i.Claimed), stamp(i.Lease), i.Attempts, change)
	}
	for c := range m.Charges.All() {
		fmt.Fprintf(&b, "charge %s %+v\n", stamp(c.Time), c)
	}
	for _, kind := range m.FactKinds() {
		for _, f := range m.Facts(kind) {
			fmt.Fprintf(&b, "fact %q since=%s until=%s count=%d text=%q data=%s\n", f.FactKey, stamp(f.Since), stamp(f.Until), f.Count, f.Text, f.Data)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Programs)) {
		showProgram(&b, name, m.Programs[name])
	}
	return b.String()
}

func showProgram(b *strings.Builder, name string, p *engine.ProgramMemory) {
	lines := []string{}
	for _, r := range p.Rows {
		lines = append(lines, fmt.Sprintf("holding %s %q %q managed=%v confirmed=%v seen=%v since=%d rules=%q\n", name, p.Accounts[r.Account],
			p.Entitlements[r.Entitlement], r.Managed, r.Confirmed, r.Seen, r.Since, p.RuleSets[r.Rules]))
	}
	slices.SortFunc(lines, cmp.Compare)
	b.WriteString(strings.Join(lines, ""))
	for _, l := range p.Links {
		fmt.Fprintf(b, "link %s %q %q %q %s\n", name, l.Person, l.Kind, l.Account, stamp(l.Since))
	}
	if p.Baseline {
		fmt.Fprintf(b, "baseline %s\n", name)
	}
}

// withoutClaims leaves out what no record says.
func withoutClaims(shown string) string {
	lines := strings.Split(shown, "\n")
	for i, l := range lines {
		if before, rest, ok := strings.Cut(l, " claimed="); ok && strings.HasPrefix(l, "open ") {
			_, after, _ := strings.Cut(rest, " ")
			lines[i] = before + " " + after
		}
	}
	return strings.Join(lines, "\n")
}

func stamp(t interface {
	IsZero() bool
	Format(string) string
}) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("2006-01-02T15:04:05.999999999Z07:00")
}
