package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// An approver lets a colleague without any permission stand in: he decides on what waits, both names are recorded, and neither decides
// on the own access or the other's. What waits for too long says so.
func TestStandInsOnThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser")
	}
	dir, p := signInCompany(t)
	replace(t, filepath.Join(dir, "rolecall.yaml"), "zone: Europe/Berlin", "zone: Europe/Berlin\napprovals: {escalate: {after: 1s, to: [chief@example.com]}}")
	d := startDaemonAs(t, p)
	defer d.ended()
	b := newBrowser(t, "http://"+d.wait("page, with login")["address"].(string))
	d.wait("run ended")
	d.wait("worked")
	d.wait("worked")
	replace(t, filepath.Join(dir, "policies", "company.yaml"), "when: 'true'\n    grant: [wiki]", "when: 'job.country == \"XX\"'\n    grant: [wiki]")
	p.Args, p.Stdout, p.Stderr, p.Random, p.Actor = []string{"apply"}, io.Discard, os.Stderr, rand1(), "root"
	if code := run(t.Context(), p); code != exitApproval {
		t.Fatalf("apply: exit code %d", code)
	}

	b.signIn("u-bob")
	b.open("/waiting")
	contains(t, b.text(), "This is for viewers")
	b.forget()
	b.signIn("u-alice")
	b.open("/waiting")
	b.do(chromedp.Click("summary"))
	b.fill("to", "bob")
	b.fill("from", time.Now().AddDate(0, 0, -1).Format(time.DateOnly))
	b.fill("until", time.Now().AddDate(0, 0, 7).Format(time.DateOnly))
	b.do(chromedp.SetValue("form[action='/delegations'] [name=reason]", "holidays"))
	b.press("Delegate")
	contains(t, b.text(), "They may decide in your place on these days", "Bob Brandt", "Alice Adler", "holidays")
	b.shoot("delegated", "/waiting", "Who stands in for whom", "escalated", "told to chief@example.com", "Let somebody decide in your place")

	b.forget()
	b.signIn("u-bob")
	b.shoot("stand-in", "/waiting", "You decide in the place of Alice Adler", "yours: somebody else decides", "of whom you stand in for: somebody else decides", "Carol Conti")
	b.choose("Carol Conti")
	b.fill("reason", "moves to the new wiki")
	b.press("Approve")
	contains(t, b.text(), "Approved: 1 item", "in the place of Alice Adler (1001)")
	b.shoot("stand-in-decided", "/waiting", "in the place of Alice Adler (1001)")
	for line := range strings.Lines(told(t, p, "approvals", "list", "-o", "csv")) {
		id, rest, _ := strings.Cut(line, ",")
		for login, refusal := range map[string]string{",bob,": "nobody decides on their own access", ",alice,": "nobody decides on the access of whom they stand in for"} {
			if strings.Contains(rest, login) {
				b.post("/waiting", "do=approve&reason=mine&item="+id)
				contains(t, b.text(), refusal)
			}
		}
	}
	b.open("/people")
	contains(t, b.text(), "This is for viewers")
	log := told(t, p, "audit", "list", "--kind", "approve", "--actor", "oidc:u-bob (Bob Brandt)", "-o", "csv")
	contains(t, log, "moves to the new wiki", "in the place of Alice Adler (1001)")

	b.forget()
	b.signIn("u-alice")
	b.open("/waiting")
	b.do(chromedp.SetValue("form[action='/delegations/end'] [name=reason]", "back early"))
	b.press("End")
	contains(t, b.text(), "Ended.", "Nobody stands in for anybody")
	b.forget()
	b.signIn("u-bob")
	b.open("/waiting")
	contains(t, b.text(), "This is for viewers")
}

// The page on which people sign in, and what it says of a wrong token.
func TestLoginPageInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser")
	}
	_, p := signInCompany(t)
	d := startDaemonAs(t, p)
	defer d.ended()
	b := newBrowser(t, "http://"+d.wait("page, with login")["address"].(string))
	b.shoot("login", "/login", "Sign in", "Example ID", "token")
	b.shoot("login-after", "/login?out=yes", "Sign in")
	b.fill("token", "rc_wrong")
	b.do(chromedp.Click("form[action='/login/token'] button"))
	b.do(chromedp.WaitReady("#content"))
	if text := b.text(); strings.Contains(text, "rc_wrong") {
		t.Errorf("the token is shown: %s", text)
	}
}
