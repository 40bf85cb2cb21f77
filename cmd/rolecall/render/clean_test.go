package render

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

func hostile() []string {
	return []string{"\x1b[31mred\x1b[0m", "\x1b]0;title\a", "\u009b31m", "a\u202eb", "line\nbreak\r", "\u2028x", "bad\xffutf8", "=1+1", "@SUM(A1)", "\ttab", "＝1",
		"zero\u200bwidth", "tag\U000E0041", "| a | b |", "<script>", "[x](http://evil)", "\x00", "Zoë Łukasz 山田", "\u2066x\u2069", "\u3164"}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[31m": `\x1b[31m`, "a\u202eb": `a\u202eb`, "\u009b": `\u009b`, "\xff": `\xff`, "Zoë 山田": "Zoë 山田", "\ufffd": "\ufffd", "a\nb": `a\x0ab`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// mustBeSafe fails where output holds anything that a terminal obeys.
func mustBeSafe(t *testing.T, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("no UTF-8: %q", out)
	}
	for _, r := range out {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("%U reached the terminal in %q", r, out)
		}
	}
}

func hostilePlan(s string) *engine.Plan {
	return &engine.Plan{
		Changes: []engine.Change{{Op: engine.OpGrant, Person: s, Login: s, Name: s + "x", Account: s, Program: s, Entitlement: s + "/" + s, Why: []string{s},
			State: engine.Blocked, Reason: s}},
		Unmanaged: []engine.Unmanaged{{Program: s, Account: s, Name: s, Entitlement: s, Kind: s}},
		Notices:   []engine.Notice{{Level: "alarm", Program: s, Text: s}},
		Proofs:    []engine.Proof{{Source: s, Reasons: []engine.Reason{{Code: s, Detail: s}}, Partners: []engine.Proof{{Source: s, Reasons: []engine.Reason{{Detail: s}}}}}},
	}
}

func TestHostileTextIsData(t *testing.T) {
	for _, s := range hostile() {
		checkHostile(t, s)
	}
}

func checkHostile(t *testing.T, s string) {
	t.Helper()
	p := hostilePlan(s)
	for _, format := range []Format{TableFormat, Markdown} {
		var b bytes.Buffer
		if err := (Out{W: &b, Format: format}).Plan(p); err != nil {
			t.Fatal(err)
		}
		mustBeSafe(t, b.String())
		if format == Markdown && strings.Count(b.String(), "\n") != 3 {
			t.Errorf("%q changed the number of lines:\n%s", s, b.String())
		}
	}
	var b bytes.Buffer
	if err := (Out{W: &b, Format: CSV}).Plan(p); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%q: %d rows, %v", s, len(rows), err)
	}
	for _, cell := range rows[1] {
		if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\x00") {
			t.Errorf("%q is a formula", cell)
		}
	}
	b.Reset()
	if err := (Out{W: &b, Format: JSON}).Plan(p); err != nil || !json.Valid(b.Bytes()) {
		t.Errorf("%q: JSON is broken: %v", s, err)
	}
}

func FuzzHostile(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(checkHostile)
}

func TestPlanJSON(t *testing.T) {
	var b bytes.Buffer
	if err := (Out{W: &b, Format: JSON}).Plan(hostilePlan("x")); err != nil {
		t.Fatal(err)
	}
	var v struct {
		Proofs []struct {
			Source   string
			Complete *bool
			Reasons  []engine.Reason
		}
		Changes, Unmanaged []any
		Summary            map[string]int
	}
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Proofs) != 1 || v.Proofs[0].Complete == nil || *v.Proofs[0].Complete || len(v.Proofs[0].Reasons) != 1 {
		t.Errorf("proofs are %+v", v.Proofs)
	}
	if _, ok := v.Summary["grant"]; !ok {
		t.Errorf("summary is %v", v.Summary)
	}
}
