package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Where the log goes decides its form, and not where the output goes.
func TestLogsAreTextOnATerminalOnly(t *testing.T) {
	for _, test := range []struct {
		watched, terminal, noColor bool
		env                        string
		json, color                bool
	}{
		{watched: true, color: true}, // rolecall plan -o json > plan.json
		{watched: true, terminal: true, noColor: true},
		{watched: true, env: "1"},
		{terminal: true, json: true}, // rolecall serve 2> log
		{json: true},
	} {
		var out bytes.Buffer
		a := &app{process: process{Stderr: &out, Watched: test.watched, Terminal: test.terminal, Env: func(string) string { return test.env }}, noColor: test.noColor}
		a.logger().Warn("told", "source", "corp")
		if got := json.Valid(out.Bytes()); got != test.json {
			t.Errorf("%+v: %q", test, out.String())
		}
		if got := bytes.Contains(out.Bytes(), []byte("\x1b")); got != test.color {
			t.Errorf("%+v: colours: %q", test, out.String())
		}
	}
}
