package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC)
	p := newProgress(&out, func() time.Time { return now })
	read := p.reading("corp")
	read(1)
	p.step(phaseRead, "programs", 1, 3)
	now = now.Add(redraw)
	read(5000)
	p.step(phaseRead, "programs", 2, 3) // too soon after the last to be drawn
	now = now.Add(redraw)
	p.step(phaseRead, "programs", 1, 3) // overtaken
	p.step(phaseWork, "wiki", 1, 600)
	now = now.Add(10 * time.Second)
	p.step(phaseWork, "wiki", 100, 600)
	if _, err := p.before(&out).Write([]byte("output\n")); err != nil {
		t.Fatal(err)
	}
	p.clear() // nothing is there any more
	want := []string{"", "reading: people 1", "reading: people 5000, programs 1 of 3", "reading: people 5000, programs 2 of 3",
		"applying: 100 of 600 changes, 10.0 a second, 50s left", "output\n"}
	if got := strings.Split(out.String(), clearLine); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("drawn: %q", got)
	}
}

// Progress is for somebody who watches; it never mixes with output.
func TestProgressOnATerminalOnly(t *testing.T) {
	dir := company(t)
	plan := func(watched bool) (stdout, stderr string) {
		var out, errs bytes.Buffer
		p := process{Args: []string{"plan", "-v"}, Dir: dir, Stdout: &out, Stderr: &errs, Env: func(string) string { return "" }, Now: time.Now, Random: rand1(), Watched: watched}
		if code := run(t.Context(), p); code != exitDone && code != exitApproval {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		return out.String(), errs.String()
	}
	stdout, stderr := plan(true)
	if !strings.Contains(stderr, "reading: people ") || strings.LastIndex(stderr, "reading:") > strings.LastIndex(stderr, clearLine) {
		t.Errorf("progress is not shown or not cleared: %q", stderr)
	}
	if strings.Contains(stdout, "reading:") || strings.Contains(stdout, clearLine) {
		t.Error("progress is in the output")
	}
	_, stderr = plan(false)
	if strings.Contains(stderr, "reading:") || strings.Contains(stderr, "\x1b") {
		t.Errorf("progress without a terminal: %q", stderr)
	}
	for _, phase := range []string{"memory", "people", "program", "evaluate", "plan"} {
		if !strings.Contains(stderr, `"msg":"phase","phase":"`+phase+`","what":"`) {
			t.Errorf("-v does not say how long %s took: %s", phase, stderr)
		}
	}
}
