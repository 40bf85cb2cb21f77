package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzEvents: a file that is handed to `audit accept --events` is refused, or is records without a gap, each of which is what
// its hash says; and the sum that is kept of it is that of the whole file.
func FuzzEvents(f *testing.F) {
	dir := f.TempDir()
	var export []byte
	for _, args := range [][]string{{"init", "."}, {"apply"}, {"audit", "export"}} {
		var out, said bytes.Buffer
		code := run(f.Context(), process{Args: args, Dir: dir, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &said, Env: func(string) string { return "" }, Now: time.Now, Random: rand1()})
		if code != exitDone && code != exitPartly {
			f.Fatalf("rolecall %v: %d\n%s%s", args, code, out.String(), said.String())
		}
		export = out.Bytes()
	}
	lines := bytes.SplitAfter(export, []byte("\n"))
	if len(lines) < 5 {
		f.Fatalf("no export to begin with: %s", export)
	}
	f.Add(export)
	f.Add(bytes.Join(lines[2:4], nil))
	f.Add(bytes.Join([][]byte{lines[0], lines[2]}, nil))
	f.Add(bytes.Join([][]byte{lines[1], lines[1]}, nil))
	f.Add(lines[0][:len(lines[0])/2])
	for _, edit := range [][2]string{{`"seq":1`, `"seq":9`}, {`"seq"`, `"SEQ"`}, {`"salt"`, `"Salt"`}, {`grant`, `cut`}} {
		f.Add(bytes.Replace(export, []byte(edit[0]), []byte(edit[1]), 1))
	}
	for _, text := range []string{"", "{}", "null", "[]", `{"seq":1,"hash":"","stored":{}}`, "\ufeff{}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		events, sum, err := readEvents(path)
		if (len(events) == 0) == (err == nil) {
			t.Fatalf("%d events, %v", len(events), err)
		}
		if whole := sha256.Sum256(data); err == nil && sum != hex.EncodeToString(whole[:]) {
			t.Fatalf("the sum %s is not that of the file", sum)
		}
		for i, e := range events {
			if e.Record.Seq != events[0].Record.Seq+int64(i) || e.Record.Hash != base64.StdEncoding.EncodeToString(e.Leaf[:]) {
				t.Fatalf("event %d: %+v", i, e)
			}
		}
	})
}

// FuzzAuthors: whatever Git says, nobody who had a hand in a version is left out, nobody is made up, and nobody is there twice.
func FuzzAuthors(f *testing.F) {
	for _, s := range []string{"Ann", "", " ", "Ann <ann@example.com>", "\r", "é\u2028", "a\tb", "\xff", "-", "\"", strings.Repeat("x", 300)} {
		f.Add("0f1e\x00Ann <a@x>\x00Bob <b@x>\n", s, "Bob")
		f.Add(s, "Ann", s)
	}
	f.Fuzz(func(t *testing.T, log, author, committer string) {
		told := authorsOf(log, "before")
		for _, name := range told.hands() {
			if !strings.Contains(log, name) {
				t.Fatalf("%q is not in %q", name, log)
			}
		}
		clean := strings.NewReplacer("\n", "", "\x00", "") // Git keeps neither in a name
		a, b, c, d := clean.Replace(author)+" <a@x>", clean.Replace(committer)+" <b@x>", "Carl <c@x>", clean.Replace(committer)+" <d@x>"
		w := authorsOf("h2\x00"+a+"\x00"+b+"\nh1\x00"+c+"\x00"+a+"\nh0\x00"+c+"\x00"+d+"\n", "before")
		hands := w.hands()
		for _, name := range []string{a, b, c, d} {
			if n := len(slices.DeleteFunc(slices.Clone(hands), func(h string) bool { return h != name })); n != 1 {
				t.Fatalf("%q is there %d times: %q", name, n, hands)
			}
		}
		if w.Commit != "h2" || w.Since != "before" || w.Merger != b {
			t.Fatalf("%+v", w)
		}
	})
}
