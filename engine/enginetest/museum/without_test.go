package museum

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest"
)

var (
	withoutFlag = flag.String("without", "", "take the guards out whose rows match, as \"incident 6$\" or \".\" for all, one at a time, and see their tests die")
	updateFlag  = flag.Bool("update", false, "write docs/safety.md, and what died without its guard")
)

// diedFile keeps what became of each test without its guard, a line each.
const diedFile = "testdata/without.json"

// TestWithoutTheGuard compiles the tests against sources without one guard each (go build -overlay, nothing is written to
// the tree) and sees that they fail. It takes some seconds for each, so it is asked for:
//
//	go test ./engine/enginetest/museum -run Without -without . -timeout 0 -v
func TestWithoutTheGuard(t *testing.T) {
	if *withoutFlag == "" {
		t.Skip("asked for with -without, as make museum does")
	}
	which := regexp.MustCompile(*withoutFlag)
	died, same := kept(t), map[string]death{} // many a fault is an incident
	for name, e := range named {
		if len(e.cuts) == 0 || !which.MatchString(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			key := fmt.Sprint(e.tests[0], e.cuts)
			if _, ok := same[key]; !ok {
				same[key] = without(t, e)
			}
			if same[key].Test == "" {
				delete(died, name)
				return
			}
			died[name] = same[key]
		})
	}
	if *updateFlag {
		data, err := json.MarshalIndent(died, "", "  ")
		if err == nil {
			err = os.WriteFile(diedFile, append(data, '\n'), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// named goes through all rows, incidents first.
func named(yield func(string, *exhibit) bool) {
	for _, table := range []struct {
		kind string
		rows []exhibit
	}{{"incident", incidents}, {"fault", faults}, {"guard", guards}} {
		for i := range table.rows {
			if !yield(table.rows[i].name(table.kind), &table.rows[i]) {
				return
			}
		}
	}
}

// death is what a test said without its guard.
type death struct{ Test, Said string }

func kept(t *testing.T) map[string]death {
	t.Helper()
	died := map[string]death{}
	if data, err := os.ReadFile(diedFile); err == nil {
		if err := json.Unmarshal(data, &died); err != nil {
			t.Fatal(err)
		}
	}
	return died
}

// without runs the first test of an exhibit on sources that lack its guard.
func without(t *testing.T, e *exhibit) death {
	folder, name, _ := strings.Cut(e.tests[0], " ")
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = "^" + parts[i] + "$"
	}
	cmd := exec.Command("go", "test", "-count=1", "-timeout", "5m", "-overlay", overlay(t, e.cuts), "-run", strings.Join(parts, "/"), "./"+folder)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("%s lives on without its guard (%s):\n%s", e.tests[0], e.guard, out)
		return death{}
	}
	dead := regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`).FindAllStringSubmatch(string(out), -1)
	if len(dead) == 0 && !strings.Contains(string(out), "panic: ") || strings.Contains(string(out), "panic: test timed out") {
		t.Errorf("%s did not run without its guard: %v\n%s", e.tests[0], err, out)
		return death{}
	}
	d := death{Test: name, Said: said(string(out))}
	if d.Said == "" {
		t.Errorf("nobody can tell what %s said:\n%s", e.tests[0], out)
		return death{}
	}
	if len(dead) > 0 {
		d.Test = dead[len(dead)-1][1]
	}
	t.Log(d)
	return d
}

// said is the first thing that a failing test says: what a script wanted, what a test or a suite that it runs found, or a panic.
func said(out string) string {
	const most = 160
	var m []string
	for _, form := range []string{`(?m)^\s+FAIL: (\S+:\d+: .*)$`, `(?m)^\s+\w+\.go:\d+: (.*(?:\n {6,}.*)*)$`, `(?m)^(panic: .*)$`} {
		if m == nil {
			m = regexp.MustCompile(form).FindStringSubmatch(out)
		}
	}
	if m == nil {
		return ""
	}
	text := strings.Join(strings.Fields(regexp.MustCompile(`/tmp/\S+|127\.0\.0\.1:\d+`).ReplaceAllString(m[1], "…")), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// Whatever kind of test dies, the table tells what it said.
func TestSaid(t *testing.T) {
	for out, want := range map[string]string{
		"--- FAIL: TestX (0.00s)\n    x_test.go:7: one\n        two\n    x_test.go:8: three\nFAIL\n":                                                                                            "one two",
		"--- FAIL: TestSQLite (0.02s)\n    --- FAIL: TestSQLite/numbers_and_times (0.00s)\n        suite.go:51: at 7 after 7\nFAIL\n":                                                           "at 7 after 7",
		"    --- FAIL: TestScripts/export (0.02s)\n        testscript.go:558: # a comment\n            > exec x\n            FAIL: testdata/scripts/export.txtar:3: unexpected success\nFAIL\n": "testdata/scripts/export.txtar:3: unexpected success",
		"panic: a bad plug-in [recovered]\n\ngoroutine 7\n": "panic: a bad plug-in [recovered]",
		"FAIL\n": "",
	} {
		if got := said(out); got != want {
			t.Errorf("said %q, want %q, of\n%s", got, want, out)
		}
	}
}

// overlay writes the files without their guard, and what tells the compiler to take them.
func overlay(t *testing.T, cuts []cut) string {
	t.Helper()
	texts := map[string]string{}
	for _, c := range cuts {
		path := filepath.Join(root, c.file)
		text, ok := texts[path]
		if !ok {
			text = read(t, c.file)
		}
		if !strings.Contains(text, c.old) {
			t.Fatalf("the guard does not stand in %s: %q", c.file, c.old)
		}
		texts[path] = strings.Replace(text, c.old, c.new, 1)
	}
	return enginetest.Overlay(t, texts)
}

// Taking text out replaces what is meant and nothing else.
func TestOverlay(t *testing.T) {
	file := overlay(t, []cut{{"engine/diff.go", "d.Revoke = ours.Minus(&s.Keep)", "d.Revoke = ours"}, {"engine/diff.go", "ours := undesired.And(&s.Managed)", "ours := undesired"}})
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var o struct{ Replace map[string]string }
	if err := json.Unmarshal(data, &o); err != nil || len(o.Replace) != 1 {
		t.Fatal(err, o)
	}
	for _, to := range o.Replace {
		text, err := os.ReadFile(to)
		if err != nil || slices.Contains([]bool{strings.Contains(string(text), "s.Keep)"), strings.Contains(string(text), "And(&s.Managed)")}, true) {
			t.Errorf("%v:\n%s", err, text)
		}
	}
}
