package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// planOf has the text wherever a plan shows one.
func planOf(s string) *engine.Plan {
	return &engine.Plan{
		Changes: []engine.Change{{Op: engine.OpGrant, Person: s, Login: s, Name: s, Account: s, Program: s, Entitlement: s + "/" + s, Why: []string{s}, State: engine.Blocked, Reason: s},
			{Op: engine.OpRevoke, Person: "k", Account: s, Program: s, Entitlement: s, Why: []string{s, s}, State: engine.Ready}},
		Unmanaged: []engine.Unmanaged{{Program: s, Account: s, Name: s, Entitlement: s, Kind: s}},
		Notices:   []engine.Notice{{Level: "alarm", Program: s, Text: s}, {Level: "warning", Text: s}},
		Proofs:    []engine.Proof{{Source: s, Reasons: []engine.Reason{{Code: s, Detail: s}}, Roles: []engine.RoleProof{{Role: s, Reasons: []engine.Reason{{Code: s, Detail: s}}}}}},
	}
}

// shownAs gives a plan in a format, and its shape: lines, and cells in each of them.
func shownAs(t *testing.T, format render.Format, s string) (out, shape string) {
	t.Helper()
	var b bytes.Buffer
	if err := (render.Out{W: &b, Format: format}).Plan(planOf(s)); err != nil {
		t.Fatal(err)
	}
	out = b.String()
	switch format {
	case render.CSV:
		rows, err := csv.NewReader(&b).ReadAll()
		shape = fmt.Sprint(len(rows), err)
		for _, row := range rows {
			shape += fmt.Sprint(" ", len(row))
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\x00") {
					t.Errorf("%q is a formula", cell)
				}
			}
		}
	case render.Markdown:
		for line := range strings.Lines(out) {
			shape += fmt.Sprint(" ", strings.Count(strings.NewReplacer(`\\`, "", `\|`, "").Replace(line), "|"))
		}
		if plain := strings.NewReplacer(`\\`, "", `\<`, "", `\&`, "", `\[`, "", "\\`", "").Replace(out); strings.ContainsAny(plain, "<&[`") {
			t.Errorf("%q is markup in %s", s, out)
		}
	case render.JSON:
		var v any
		shape = fmt.Sprint(json.Unmarshal(b.Bytes(), &v), strings.Count(out, "\n"))
	default:
		shape = fmt.Sprint(strings.Count(out, "\n"))
	}
	return out, shape
}

func shownPlans(t *testing.T, texts []enginetest.HostileText) (taken int) {
	for _, format := range []render.Format{render.TableFormat, render.CSV, render.Markdown, render.JSON} {
		_, want := shownAs(t, format, "x")
		for _, h := range texts {
			out, shape := shownAs(t, format, h.Text)
			if shape != want && h.Text != "" {
				t.Errorf("%s: %q changes the shape from %s to %s:\n%s", format, h.Text, want, shape, out)
			}
			if format == render.CSV { // its cells may hold line breaks, in quotes
				out = strings.NewReplacer("\r", "", "\t", "").Replace(out)
			}
			obedient(t, string(format), out)
			taken++
		}
	}
	return taken / 4
}

// messages types the text where a command line takes one, and reads what is said about it.
func messages(t *testing.T, texts []enginetest.HostileText) (taken int) {
	u := newTerminal(t)
	u.types(exitDone, "init", ".")
	for i, h := range texts {
		if strings.HasPrefix(h.Text, "-") {
			continue
		}
		args := [][]string{{"why", h.Text}, {"plan", "--person", h.Text}, {"plan", "--program", h.Text}, {"apply", h.Text}, {"connector", h.Text}, {"audit", "show", h.Text},
			{"plan", "--config", h.Text}, {h.Text}, {"audit", "list", "--from", h.Text}, {"plan", "-o", h.Text}}[i%10]
		var out bytes.Buffer
		run(t.Context(), process{Args: args, Dir: u.dir, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Env: func(string) string { return "" }, Now: func() time.Time { return u.now },
			Random: rand1(), Actor: h.Text})
		obedient(t, fmt.Sprintf("rolecall %q", args), out.String())
		if strings.HasPrefix(out.String(), "rolecall:") && strings.Count(out.String(), "\n") > 2 {
			t.Errorf("rolecall %q says %q", args, out.String())
		}
		taken++
	}
	return taken
}

// page shows what the web will show, by the means of the standard library: text, an attribute, an address, a script.
const page = `<!doctype html><title>{{.}}</title><body><p class="{{.}}">{{.}}</p><a href="/person?key={{.}}">{{.}}</a><script>show({{.}})</script></body>`

// htmlPage holds the ground under the pages to come: html/template with text that render.Clean has made visible.
func htmlPage(t *testing.T, texts []enginetest.HostileText) (taken int) {
	tmpl := htmltemplate.Must(htmltemplate.New("page").Parse(page))
	shape := func(s string) string {
		var b bytes.Buffer
		if err := tmpl.Execute(&b, render.Clean(s)); err != nil {
			t.Fatal(err)
		}
		obedient(t, "a page", b.String())
		root, err := html.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for n := range root.Descendants() {
			if n.Type != html.TextNode {
				fmt.Fprintf(&out, "%d %s %d;", n.Type, n.Data, len(n.Attr))
			}
		}
		return out.String()
	}
	want := shape("x")
	for _, h := range texts {
		if got := shape(h.Text); got != want {
			t.Errorf("%q changes the page from %s to %s", h.Text, want, got)
		}
		taken++
	}
	return taken
}

// gitArguments names the text as a revision: git gets the same number of arguments, and the text as one of them, or is not
// started.
func gitArguments(t *testing.T, texts []enginetest.HostileText) (taken int) {
	bin := t.TempDir()
	said := filepath.Join(bin, "said")
	script := "#!/bin/sh\nprintf '%s\\0' \"$#\" \"$@\" >" + said + "\nexit 1\n"
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/bin")
	a := &app{process: process{Env: os.Getenv}}
	for _, h := range texts {
		_ = os.Remove(said)
		if _, err := a.revision(t.Context(), "policies", h.Text); err == nil {
			t.Errorf("%q is a revision", h.Text)
		}
		data, err := os.ReadFile(said)
		if err != nil { // not started
			if !strings.HasPrefix(h.Text, "-") && !strings.Contains(h.Text, "\x00") {
				t.Errorf("%q is not asked for", h.Text)
			}
			continue
		}
		if got := strings.Split(string(data), "\x00"); strings.HasPrefix(h.Text, "-") || len(got) != 8 || got[0] != "6" || got[5] != h.Text || got[6] != "." || got[3] != "archive" {
			t.Errorf("%q: git got %q", h.Text, got)
		}
		taken++
	}
	return taken
}
