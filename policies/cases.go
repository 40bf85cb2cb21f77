package policies

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// testCase is one item of tests:.
type testCase struct {
	name, place           string
	person                engine.Person
	at                    time.Time // zero: the time given to Test
	has, lacks, undecided []engine.Entitlement
	holds                 []engine.Entitlement // what the person holds already
}

func (r *reader) testCase(n *node) testCase {
	out := testCase{place: r.place(n)}
	entitlements := func(to *[]engine.Entitlement) func(*node) {
		return func(n *node) { *to = r.entitlements(n, 0) }
	}
	r.fields(n, "a test", []field{
		{"name", true, r.textInto(&out.name)},
		{"person", true, func(n *node) { out.person = r.person(n) }},
		{"at", false, r.moment(&out.at)},
		{"holds", false, entitlements(&out.holds)},
		{"has", false, entitlements(&out.has)},
		{"lacks", false, entitlements(&out.lacks)},
		{"undecided", false, entitlements(&out.undecided)},
	}, nil)
	if n.kind == table && len(out.has)+len(out.lacks)+len(out.undecided) == 0 {
		r.wrong(n, "the test expects nothing", "say has, lacks or undecided")
	}
	return out
}

// moment takes a date, which means noon in the company's zone, or an instant as in RFC 3339.
func (r *reader) moment(to *time.Time) func(*node) {
	return func(n *node) {
		s, ok := r.text(n)
		if !ok {
			return
		}
		if t, err := time.ParseInLocation(time.DateOnly, s, r.schema.zone()); err == nil {
			*to = t.Add(12 * time.Hour)
			return
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			r.wrong(n, quote(s)+" is neither a date nor an instant", "write it like 2027-01-31 or 2027-01-31T23:59:00+01:00")
			return
		}
		*to = t
	}
}

// TestResult is the outcome of one test of the policy files.
type TestResult struct {
	Name  string
	Place string // file:line
	OK    bool
	Text  string // what differs, a line each with the reason below it; "" if nothing
}

// Test runs the tests: of the files, in their order. now stands in where a test has no at:.
func Test(p *Policy, now time.Time) []TestResult {
	out := make([]TestResult, len(p.defs.tests))
	for i := range p.defs.tests {
		t := &p.defs.tests[i]
		at := t.at
		if at.IsZero() {
			at = now
		}
		text := p.difference(t, at)
		out[i] = TestResult{Name: t.name, Place: t.place, OK: text == "", Text: text}
	}
	return out
}

func (p *Policy) difference(t *testCase, at time.Time) string {
	holds := func(e int32) bool { return slices.Contains(t.holds, p.entitlements[e]) }
	verdicts := p.Decide(&t.person, at, holds, nil)
	var b strings.Builder
	check := func(es []engine.Entitlement, want string) {
		for _, e := range es {
			if got := p.outcome(verdicts, e); got != want {
				fmt.Fprintf(&b, "%s: should be %s, is %s\n", e, want, got)
				for _, f := range p.Explain(&t.person, at, e) {
					fmt.Fprintf(&b, "    %s\n", findingText(f))
				}
			}
		}
	}
	check(t.has, "given")
	check(t.lacks, "not given")
	check(t.undecided, "undecided")
	return b.String()
}

func (p *Policy) outcome(verdicts []engine.Verdict, e engine.Entitlement) string {
	n, ok := p.number(e)
	if !ok {
		return "not given"
	}
	v, ok := verdictOf(verdicts, n)
	switch {
	case ok && (v.Say == engine.Desired || v.Say == engine.Recorded && v.Rule >= 0):
		return "given"
	case ok && v.Say == engine.Undecided:
		return "undecided"
	}
	return "not given"
}

// findingText gives one finding as a line: "rule x gives (file:line): text".
func findingText(f engine.Finding) string {
	head := strings.TrimSpace(f.Rule + " " + f.Answer)
	if f.Place != "" {
		head += " (" + f.Place + ")"
	}
	return head + ": " + f.Text
}
