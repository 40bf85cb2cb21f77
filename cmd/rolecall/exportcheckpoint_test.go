package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/engine/audit"
)

// Checkpoints go elsewhere as they are signed, each once: by them somebody else finds a journal that was rolled back.
func TestExportsOfCheckpoints(t *testing.T) {
	var mu sync.Mutex
	var notes []string
	witness := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		note, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if notes = append(notes, string(note)); r.Header.Get("Content-Type") != checkpointType {
			t.Errorf("headers: %v", r.Header)
		}
	}))
	t.Cleanup(witness.Close)
	c := startCollector(t)
	e := newExporting(t, "")
	verifier := strings.TrimSpace(told(t, e.p, "audit", "key", "example.com/journal", "--out", "journal.key"))
	appendTo(t, filepath.Join(e.p.Dir, "rolecall.yaml"), "audit: {key: {file: journal.key}, verifier: \""+verifier+"\", checkpoints: sealed}\n"+
		"exports:\n  witness: {kind: http, url: \""+witness.URL+"\", format: checkpoint}\n  siem: {kind: syslog, collector: \""+c.address+"\", ca: "+c.ca+", format: checkpoint}\n")
	told(t, e.p, "pause", "wiki", "--reason", "trouble")
	told(t, e.p, "apply")
	e.open()
	keys, err := audit.NewKeys(verifier)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		if round == 2 { // what is new is sealed, and goes too
			told(t, e.p, "resume", "wiki")
			told(t, e.p, "apply")
		}
		for _, name := range []string{"witness", "siem"} {
			if err := e.all(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	newest, err := os.ReadFile(filepath.Join(e.p.Dir, "sealed"))
	if err != nil || len(notes) != 2 || notes[1] != string(newest) || notes[0] == notes[1] {
		t.Fatalf("%v: the witness has %q, and the file %q", err, notes, newest)
	}
	messages := c.take()
	if len(messages) != 2 {
		t.Fatalf("the collector has %q", messages)
	}
	for i, message := range messages {
		if _, err := keys.Open([]byte(notes[i])); err != nil {
			t.Error(err)
		}
		if got := checkpointIn(t, message); got != notes[i] {
			t.Errorf("the collector has %q, the witness %q", got, notes[i])
		}
	}
}

// checkpointIn takes the note out of a message, as whoever reads the collector would.
func checkpointIn(t *testing.T, message string) (note string) {
	t.Helper()
	m := regexp.MustCompile(`note="((?:[^"\\]|\\.)*)"\]`).FindStringSubmatch(message)
	if m == nil {
		t.Fatalf("no note in %q", message)
	}
	if err := json.Unmarshal([]byte(strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\]`, `]`).Replace(m[1])), &note); err != nil {
		t.Fatalf("%v in %q", err, m[1])
	}
	return note
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
