package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// unalarmed says what of an alarm is missing in the run that was lied to, in each place where somebody may look: whoever runs a
// command has the exit code and the reason before their eyes; whoever runs the daemon has its log and its metrics. It is what
// docs/operations.md promises (What a read could not show).
func unalarmed(p *engine.Plan, r engine.Report, want *regexp.Regexp) (missing []string) {
	code, output := applyShows(p, r)
	if code != exitPartly {
		missing = append(missing, fmt.Sprintf("the exit code is %d", code))
	}
	details := detailsOf(p, want)
	if len(details) == 0 {
		return append(missing, fmt.Sprintf("no reason %q", want))
	}
	for where, text := range map[string]string{"the output of apply": output, "the log of the daemon": daemonLogs(p)} {
		if !slices.ContainsFunc(details, func(d string) bool { return strings.Contains(text, d) }) {
			missing = append(missing, fmt.Sprintf("%s names no reason %q: %s", where, want, text))
		}
	}
	m := newMetrics(nil, func() engine.ReviewLog { return nil })
	if m.run(0, p, r, nil); counted(m, "rolecall_runs_total", "partly") != 1 {
		missing = append(missing, "the metrics count no run that was done partly")
	}
	slices.Sort(missing)
	return missing
}

// detailsOf are the words of the reasons that are as they should be, with their code, and with the role that they are of.
func detailsOf(p *engine.Plan, want *regexp.Regexp) (out []string) {
	add := func(prefix string, reasons []engine.Reason) {
		for _, r := range reasons {
			if want.MatchString(fmt.Sprintf("%s%s: %s", prefix, r.Code, r.Detail)) {
				out = append(out, r.Detail)
			}
		}
	}
	for i := range p.Proofs {
		add("", p.Proofs[i].Reasons)
		for _, role := range p.Proofs[i].Roles {
			add(role.Role+" ", role.Reasons)
		}
	}
	return out
}

// applyShows is what apply shows, and its exit code.
func applyShows(p *engine.Plan, r engine.Report) (code int, output string) {
	var out bytes.Buffer
	a := &app{process: process{Stdout: &out, Stderr: io.Discard, Env: func(string) string { return "" }}, output: "table"}
	err := a.applied(p, r, 0)
	return a.report(err), out.String()
}

// daemonLogs is what the daemon logs, its values without the escapes of JSON.
func daemonLogs(p *engine.Plan) string {
	var out bytes.Buffer
	unseen(slog.New(slog.NewTextHandler(&out, nil)), p.Proofs)
	return strings.ReplaceAll(out.String(), `\"`, `"`)
}

// counted is the value of a counter with one label.
func counted(m *metrics, name, label string) float64 {
	families, err := m.registry.Gather()
	if err != nil {
		return -1
	}
	for _, f := range families {
		for _, one := range f.GetMetric() {
			if f.GetName() == name && len(one.GetLabel()) == 1 && one.GetLabel()[0].GetValue() == label {
				return one.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// A read that is sound raises no alarm, and each place in which one is missing is named.
func TestSilenceIsNoticed(t *testing.T) {
	p := &engine.Plan{Proofs: []engine.Proof{{Source: "corp"}}}
	if missing := unalarmed(p, engine.Report{}, regexp.MustCompile("baseline")); len(missing) != 2 {
		t.Errorf("a sound read: %q", missing)
	}
	p.Proofs[0].Roles = []engine.RoleProof{{Role: "group:staff", Reasons: []engine.Reason{{Code: "baseline", Detail: "corp shows 3 holders"}}}}
	if missing := unalarmed(p, engine.Report{}, regexp.MustCompile("^group:staff baseline")); len(missing) != 0 {
		t.Errorf("a role that was lost: %q", missing)
	}
	if missing := unalarmed(p, engine.Report{}, regexp.MustCompile("empty")); len(missing) != 1 {
		t.Errorf("another reason: %q", missing)
	}
}
