package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// hooks takes what webhooks and chats are sent.
type hooks struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string // path and body
	refuse string   // a path that is answered with an error
}

func newHooks(t *testing.T) *hooks {
	t.Helper()
	h := &hooks{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if r.URL.Path == h.refuse {
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		}
		body, _ := io.ReadAll(r.Body)
		h.bodies = append(h.bodies, r.URL.Path+" "+string(body))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hooks) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.bodies
	h.bodies = nil
	return out
}

// toldCompany is the example company with a mail server, a webhook and a chat, whose wiki is about to be taken from everybody.
func toldCompany(t *testing.T) (p process, mail *servers.SMTP, h *hooks) {
	t.Helper()
	mail, h = servers.NewSMTP(t, filepath.Join("testdata", "smtp"), "AUTH=rolecall:hunter2"), newHooks(t)
	dir := company(t)
	p = process{Dir: dir, Env: func(name string) string {
		return map[string]string{"SMTP_PASSWORD": "hunter2", "CHAT": h.URL + "/chat"}[name]
	}, Now: time.Now}
	told(t, p, "apply")
	replace(t, filepath.Join(dir, "policies", "company.yaml"), "when: 'true'\n    grant: [wiki]", "when: 'job.country == \"XX\"'\n    grant: [wiki]")
	if err := os.Mkdir(filepath.Join(dir, "texts"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "texts", "contracts.txt"), []byte("Subject: Vertrag\n\n{{range .Lines}}{{.Text}}{{end}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "rolecall.yaml")
	soon := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	text, _ := os.ReadFile(file)
	text = append(text, strings.NewReplacer("MAIL", mail.Address, "HOOKS", h.URL, "SOON", soon).Replace(`
notices:
  templates: texts
  ends: {the token of crm: SOON}
  channels:
    mail: {kind: mail, server: "smtp://MAIL", user: rolecall, password: {env: SMTP_PASSWORD}, from: rolecall@example.com, to: [it@example.com], about: [approvals, contracts, weekly]}
    ops:  {kind: webhook, url: "HOOKS/ops", about: [credentials, approvals]}
    team: {kind: chat, address: {env: CHAT}, about: approvals}
`)...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	replace(t, file, `  wiki:`, "  wiki:\n    contract: {ends: "+time.Now().AddDate(0, 0, 20).Format(time.DateOnly)+"}")
	return p, mail, h
}

// ran is a daemon's run at a time, and how many messages it sent.
func ran(t *testing.T, p process, at time.Time) (messages float64) {
	t.Helper()
	p.Now = func() time.Time { return at }
	d := startDaemonAs(t, p)
	defer d.ended()
	d.wait("run ended")
	line := d.wait("people were told")
	if line["error"] != nil {
		t.Log(line["error"])
	}
	return line["messages"].(float64)
}

// What waits, ends or is to be known is told once by each channel, over restarts too; what could not be sent comes with the next run.
func TestNotices(t *testing.T) {
	p, mail, h := toldCompany(t)
	h.refuse = "/chat"
	now := time.Now()
	if n := ran(t, p, now); n != 4 {
		t.Errorf("%v messages", n)
	}
	var subjects []string
	for _, m := range mail.Taken() {
		_, subject, _ := strings.Cut(m.Text, "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		if subjects = append(subjects, subject); m.User != "rolecall" || m.To[0] != "it@example.com" {
			t.Errorf("%+v", m)
		}
	}
	if !slices.Equal(subjects, []string{"10 changes wait for an approval", "Vertrag"}) {
		t.Errorf("mail: %q", subjects)
	}
	if t.Failed() {
		return
	}
	contains(t, mail.Taken()[0].Text, "suspend wiki of", "/waiting")
	contains(t, mail.Taken()[1].Text, "the contract of wiki ends on "+now.AddDate(0, 0, 20).Format(time.DateOnly))
	bodies := strings.Join(h.take(), "\n")
	contains(t, bodies, `/ops {"version":1,"id":"`, `"about":"approvals"`, `"about":"credentials"`, "the token of crm ends on ")
	contains(t, told(t, p, "audit", "list", "--kind", "notice", "-o", "csv"), "mail was told: Vertrag", "ops was told: 1 credential ends soon")

	h.refuse = ""
	later := now.AddDate(0, 0, 400) // the contract is over, its token too
	if n := ran(t, p, later); n != 2 {
		t.Errorf("%v messages after a year", n)
	}
	if bodies := h.take(); len(bodies) != 1 || !strings.HasPrefix(bodies[0], `/chat {"text":"10 changes wait for an approval\n\n`) {
		t.Errorf("after a year: %q", bodies)
	}
	if all := mail.Taken(); len(all) != 3 || !strings.Contains(all[2].Text, "the week in short") {
		t.Errorf("after a year: %+v", all)
	}
	contains(t, told(t, p, "audit", "list", "--kind", "notice", "-o", "csv"), "what was told before is over: 1 thing")
}

// A configuration of notices that can't work is refused, with its place.
func TestNoticesAreChecked(t *testing.T) {
	p, _, _ := toldCompany(t)
	file := filepath.Join(p.Dir, "texts", "contracts.txt")
	if err := os.WriteFile(file, []byte("Subject: {{.Nothing}}\n\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	p.Args, p.Stdout, p.Stderr, p.Random, p.Actor = []string{"check", "--offline"}, &out, &out, rand1(), "tester"
	if code := run(t.Context(), p); code == exitDone {
		t.Error("a text that can't be filled is taken")
	}
	contains(t, out.String(), "contracts.txt", "rolecall.yaml:")
}
