package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// linesOf are the ids of the lines of a review, by login and entitlement.
func linesOf(t *testing.T, p process, review string) map[string]string {
	t.Helper()
	var shown reviewJSON
	if err := json.Unmarshal([]byte(told(t, p, "review", "show", review, "-o", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, l := range shown.Lines {
		out[l.Login+" "+l.Entitlement] = l.ID
	}
	return out
}

// A review of access in the browser: an admin begins it, a manager without any permission decides on the own team and on nobody else,
// a viewer only looks, and it is closed.
func TestReviewsOnThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser")
	}
	dir, p := signInCompany(t)
	withManagers(t, dir, map[string]string{"1001": "bob", "1002": "grace", "1003": "bob", "1004": "1008", "1007": "bob@example.com", "1010": "alice"})
	d := startDaemonAs(t, p)
	defer d.ended()
	b := newBrowser(t, "http://"+d.wait("page, with login")["address"].(string))
	d.wait("run ended")
	d.wait("worked")
	d.wait("worked")

	b.signIn("u-alice")
	b.shoot("reviews-none", "/reviews", "There was no review of access yet", "Begin a review")
	b.fill("name", "2027-q1")
	b.do(chromedp.SetValue("[name=program]", "gitea"))
	b.fill("due", time.Now().AddDate(0, 0, 14).Format(time.DateOnly))
	b.fill("reason", "yearly, as the auditor wants it")
	b.press("Begin")
	contains(t, b.text(), "The review has begun: 6 lines to decide", "engineers-build: everybody who ships code", "3 of 4 with title Engineer", "yours: somebody else decides", "19 EUR per month")
	b.shoot("review", "/reviews/2027-q1", "under way", "All that are shown here for you to decide", "Close this review")
	b.shoot("review-by-right", "/reviews/2027-q1?sort=right&q=eng", "Sorted by", "4 lines")
	b.post("/reviews/2027-q1", "do=keep&reason=mine&line="+linesOf(t, p, "2027-q1")["alice gitea/eng"])
	contains(t, b.text(), "nobody decides on their own access")

	b.forget()
	b.signIn("u-bob")
	b.shoot("reviews-asked", "/reviews", "2027-q1", "For you")
	b.press("2027-q1")
	if text := b.text(); strings.Contains(text, "Judy Jansen") || strings.Contains(text, "Close this review") {
		t.Errorf("a manager sees others' people: %s", text)
	}
	b.shoot("review-asked", "/reviews/2027-q1", "Carol Conti", "Alice Adler", "Grace Gruber", "Of these for you")
	b.choose("gitea/eng of Carol Conti")
	b.fill("reason", "ships code")
	b.press("Keep")
	contains(t, b.text(), "Kept: 1 line", "confirmed", "ships code")
	b.choose("gitea/review of Alice Adler")
	b.fill("reason", "reviews no more")
	b.press("Revoke")
	contains(t, b.text(), "Revoked: 1 line", "block", "reviews no more")
	b.choose("All that are shown here")
	b.fill("reason", "as it should be")
	b.press("Keep")
	contains(t, b.text(), "Kept: 2 lines")
	b.shoot("review-decided", "/reviews/2027-q1", "oidc:u-bob (Bob Brandt)")
	lines := linesOf(t, p, "2027-q1")
	b.post("/reviews/2027-q1", "do=revoke&reason=mine&line="+lines["judy gitea"])
	contains(t, b.text(), "this is for somebody else to review")
	b.post("/reviews/2027-q1", "do=revoke&reason=mine&line="+lines["bob gitea/eng"])
	contains(t, b.text(), "nobody decides on their own access")

	b.forget()
	b.signIn("u-dave") // a viewer, who is asked for nothing
	b.shoot("review-viewer", "/reviews/2027-q1", "Judy Jansen", "reviews no more")
	if ask[int](b, "document.querySelectorAll('main form[method=post]').length") != 0 {
		t.Error("a viewer is offered to decide")
	}
	b.forget()
	b.signIn("u-alice")
	b.open("/reviews/2027-q1")
	b.do(chromedp.SetValue("form[action$='/close'] [name=reason]", "signed off"))
	b.press("Close")
	contains(t, b.text(), "The review is closed.", "closed")
	b.shoot("review-closed", "/reviews/2027-q1", "Closed", "signed off", "confirmed")
	b.shoot("reviews-closed", "/reviews", "closed")

	contains(t, told(t, p, "audit", "list", "--kind", "line", "--actor", "oidc:u-bob (Bob Brandt)", "-o", "csv"), "ships code", "reviews no more", "as it should be")
	contains(t, told(t, p, "audit", "list", "--kind", "refusal", "-o", "csv"), "this is for somebody else to review", "nobody decides on their own access")
	contains(t, told(t, p, "review", "blocks"), "1001", "gitea/review")
	p.Args, p.Stdout, p.Stderr, p.Random, p.Actor = []string{"plan"}, io.Discard, os.Stderr, rand1(), "root"
	if code := run(t.Context(), p); code != exitApproval {
		t.Errorf("the block is in no plan: exit code %d", code)
	}
}

// A reviewer needs no scripts, and no permission but being asked.
func TestReviewsNeedNoScripts(t *testing.T) {
	dir, p := signInCompany(t)
	withManagers(t, dir, map[string]string{"1003": "bob"})
	d := startDaemonAs(t, p)
	defer d.ended()
	home := "http://" + d.wait("page, with login")["address"].(string)
	d.wait("run ended")
	d.wait("worked")
	d.wait("worked")
	told(t, p, "review", "start", "q1", "--scope", "entitlement:gitea/eng", "--reviewers", "managers", "--due", time.Now().AddDate(0, 0, 2).Format(time.DateOnly))
	secret := strings.TrimSpace(told(t, p, "token", "create", "carl", "--permission", "reviewer", "--until", time.Now().AddDate(0, 0, 2).Format(time.DateOnly), "--reason", "reviews"))
	session := d.ask("POST", home+"/login/token", "token="+secret).Cookies()[0]
	answer := d.ask("POST", home+"/reviews/q1", "do=keep&reason=fine&line="+linesOf(t, p, "q1")["carol gitea/eng"], session)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/reviews/q1?did=keep&n=1" {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
	page, _ := io.ReadAll(d.ask("GET", home+"/reviews/q1?did=keep&n=1", "", session).Body)
	contains(t, string(page), "Kept: 1 line", "confirmed")
	if strings.Contains(string(page), "<script") {
		t.Error("there are scripts")
	}
}
