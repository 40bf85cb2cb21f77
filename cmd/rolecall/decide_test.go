package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shoot looks at a page in both widths and schemes, for barriers and for what it shows; pictures go to ROLECALL_PICTURES.
func (b *browser) shoot(name, path string, wanted ...string) {
	b.t.Helper()
	for _, width := range []int64{375, 1440} {
		for _, scheme := range []string{"light", "dark"} {
			contains(b.t, b.look(path, width, scheme), wanted...)
			if dir := os.Getenv("ROLECALL_PICTURES"); dir != "" {
				ctx, end := b.step()
				picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				end()
				if err != nil {
					b.t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme)), picture, 0o600); err != nil {
					b.t.Fatal(err)
				}
			}
		}
	}
}

// choose ticks a box by what it is called.
func (b *browser) choose(label string) {
	b.t.Helper()
	if !ask[bool](b, "{let e = [...document.querySelectorAll('input[type=checkbox]')].find(e => (e.getAttribute('aria-label') ?? e.parentElement.innerText).includes("+quoted(label)+")); e?.click(); !!e}") {
		b.t.Fatalf("no box %q: %s", label, b.text())
	}
}

// decisions is the example company whose wiki is taken from everybody by a change of policy, and a browser on its page.
func decisions(t *testing.T) (b *browser, p process, dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser")
	}
	dir, p = signInCompany(t)
	d := startDaemonAs(t, p)
	t.Cleanup(d.ended)
	b = newBrowser(t, "http://"+d.wait("page, with login")["address"].(string))
	d.wait("run ended")
	d.wait("worked")
	d.wait("worked")
	return b, p, dir
}

// Approvals are decided in the browser, one by one and together, by those who may, and never on their own access.
func TestApprovalsOnThePage(t *testing.T) {
	b, p, dir := decisions(t)
	replace(t, filepath.Join(dir, "policies", "company.yaml"), "when: 'true'\n    grant: [wiki]", "when: 'job.country == \"XX\"'\n    grant: [wiki]")
	p.Args, p.Stdout, p.Stderr, p.Random, p.Actor = []string{"apply"}, io.Discard, os.Stderr, rand1(), "root"
	if code := run(t.Context(), p); code != exitApproval {
		t.Fatalf("apply: exit code %d", code)
	}
	b.signIn("u-dave") // a viewer
	b.shoot("waiting-viewer", "/waiting", "change", "Approvers decide here")
	if ask[int](b, "document.querySelectorAll('main form').length") != 0 {
		t.Error("a viewer is offered to decide")
	}
	b.forget()
	b.signIn("u-alice")
	b.shoot("waiting", "/waiting", "To decide", "yours: somebody else decides", "Bob Brandt", "All that are shown")
	boxes := ask[int](b, "document.querySelectorAll('[name=item]').length")

	b.choose("Bob Brandt")
	b.fill("reason", "moves to the new wiki")
	b.press("Approve")
	contains(t, b.text(), "Approved: 1 item", "Decided, and not yet used", "moves to the new wiki")
	b.choose("Carol Conti")
	b.fill("reason", "needs it still")
	b.press("Reject")
	contains(t, b.text(), "Rejected: 1 item")
	b.choose("All that are shown")
	b.fill("reason", "agreed with HR")
	b.press("Approve")
	contains(t, b.text(), fmt.Sprintf("Approved: %d items", boxes-2), "yours: somebody else decides")
	b.shoot("decided", "/waiting", "Decided, and not yet used", "oidc:u-alice (Alice Adler)")

	log := told(t, p, "audit", "list", "--actor", "oidc:u-alice (Alice Adler)", "-o", "csv")
	contains(t, log, "approve", "reject", "agreed with HR", "needs it still")
	if own := told(t, p, "audit", "list", "--kind", "approve", "--person", "1001", "-o", "csv"); strings.Contains(own, "oidc:u-alice") {
		t.Errorf("she decided on her own access: %s", own)
	}
	// What the form does not offer is refused all the same: her own item, sent by hand.
	items := told(t, p, "approvals", "list", "-o", "csv")
	for line := range strings.Lines(items) {
		if id, rest, _ := strings.Cut(line, ","); strings.Contains(rest, ",alice,") {
			b.post("/waiting", "do=approve&reason=mine&item="+id)
			contains(t, b.text(), "nobody decides on their own access")
		}
	}
	contains(t, told(t, p, "audit", "list", "--kind", "refusal", "-o", "csv"), "oidc:u-alice (Alice Adler)", "nobody decides on their own access")
}

// post sends a form that no page has, from this page.
func (b *browser) post(path, form string) {
	b.t.Helper()
	ask[bool](b, `{window.before = true; let f = document.createElement('form'); f.method = 'post'; f.action = `+quoted(path)+`;
		for (const [k, v] of new URLSearchParams(`+quoted(form)+`)) { let i = document.createElement('input'); i.name = k; i.value = v; f.append(i) }; document.body.append(f); f.submit(); true}`)
	b.settle()
}

// An extra, a cut and its end, pauses, and the undo of a run, each looked at first.
func TestDecisionsOnThePage(t *testing.T) {
	b, p, dir := decisions(t)
	b.signIn("u-alice")

	b.shoot("person", "/people/1004", "Give an extra", "Cut off now…")
	b.do(chromedp.SetValue("[name=entitlement]", "gitea/eng"))
	b.fill("until", time.Now().AddDate(0, 0, 7).Format(time.DateOnly))
	b.do(chromedp.SetValue("form[action$='/give'] [name=reason]", "trade fair"))
	b.press("Give")
	contains(t, b.text(), "Given. The next run makes the change", "trade fair")

	b.open("/people/1001")
	contains(t, b.text(), "This is you: somebody else decides")
	b.post("/people/1001/give", "entitlement=gitea/eng&reason=mine&until="+time.Now().AddDate(0, 0, 7).Format(time.DateOnly))
	contains(t, b.text(), "nobody decides on their own access")

	b.open("/people/1002")
	b.press("Cut off now…")
	b.shoot("cut", "/people/1002/cut", "Cut off Bob Brandt", "What will happen, at once", "suspend", "No limit stands in the way")
	b.fill("reason", "laptop stolen")
	b.press("Cut off now")
	contains(t, b.text(), "Cut off. What was done is in the history below", "Cut off since", "laptop stolen")
	wiki, err := os.ReadFile(filepath.Join(dir, "programs", "wiki.csv"))
	if err != nil || strings.Contains(string(wiki), "\nbob,yes,") {
		t.Errorf("the account is active still: %s %v", wiki, err)
	}
	b.shoot("cut-off", "/people/1002", "Cut off since", "Lift the cut")
	b.do(chromedp.SetValue("form[action$='/lift'] [name=reason]", "laptop found"))
	b.press("Lift the cut")
	contains(t, b.text(), "The cut is lifted")

	b.open("/programs/wiki")
	b.do(chromedp.Click("summary"))
	b.do(chromedp.SetValue("form[action='/pause'] [name=reason]", "the vendor's incident 4711"))
	b.press("Pause wiki")
	b.shoot("paused", "/programs/wiki", "Paused: the vendor's incident 4711", "Resume wiki")
	b.press("Resume wiki")
	contains(t, b.text(), "Resumed.", "Emergency stop")
	b.open("/")
	b.do(chromedp.Click("summary"))
	b.do(chromedp.SetValue("form[action='/pause'] [name=reason]", "the directory looks wrong"))
	b.press("Pause everything")
	b.shoot("paused-all", "/", "Everything is paused since", "Resume everything")
	b.press("Resume everything")
	contains(t, b.text(), "Resumed.")

	b.open("/runs/r1")
	b.press("Undo…")
	b.shoot("undo", "/runs/r1/undo", "What will happen, with the next run", "taken back")
	b.fill("reason", "wrong rule")
	b.press("Undo this run")
	contains(t, b.text(), "Noted. The next run takes it back")
	b.shoot("frozen", "/runs", "Held as an undo left it")
	b.fill("reason", "the rule was right")
	b.press("Let go of all")
	contains(t, b.text(), "Let go of")
	if strings.Contains(b.text(), "Held as an undo left it") {
		t.Error("something is held still")
	}

	log := told(t, p, "audit", "list", "--actor", "oidc:u-alice (Alice Adler)", "-o", "csv", "--limit", "0")
	contains(t, log, ",extra,", ",cut,", ",lift,", ",pause,", ",resume,", ",undo,", ",free,", "the rule was right", "laptop stolen", "laptop found", "incident 4711")
}

// What a person must do is ticked off on the page, by somebody whom it is not about.
func TestTasksOnThePage(t *testing.T) {
	b, p, dir := decisions(t)
	replace(t, filepath.Join(dir, "rolecall.yaml"), "    create: \"{login}\" # the name of a new account; without it none are made\n    # Which removals are wanted: never | managed (only what Rolecall gave or adopted) | all\n    revoke: managed", "    create: \"{login}\"\n    revoke: never")
	replace(t, filepath.Join(dir, "people.csv"), "Erin Esser,Account manager,Sales,DE,", "Erin Esser,Account manager,Sales,DE,left")
	p.Args, p.Stdout, p.Stderr, p.Random, p.Actor = []string{"apply"}, io.Discard, os.Stderr, rand1(), "root"
	if code := run(t.Context(), p); code != exitDone {
		t.Fatalf("apply: exit code %d", code)
	}
	b.signIn("u-dave") // a viewer
	b.open("/waiting")
	contains(t, b.text(), "Erin Esser has left but keeps access to wiki", "rolecall tasks done")
	b.forget()
	b.signIn("u-alice")
	b.open("/waiting")
	b.do(chromedp.Click("li summary"))
	b.fill("reason", "closed by hand in the wiki")
	b.shoot("tasks", "/waiting", "To do by hand")
	b.open("/waiting")
	b.do(chromedp.Click("li summary"))
	b.do(chromedp.SetValue("form[action='/tasks/done'] [name=reason]", "closed by hand in the wiki"))
	b.press("Tick off")
	contains(t, b.text(), "Ticked off.")
	if strings.Contains(b.text(), "To do by hand") {
		t.Error("the task is there still")
	}
	contains(t, told(t, p, "tasks", "list", "-o", "csv"), "oidc:u-alice (Alice Adler): closed by hand in the wiki")
}

// Without JavaScript everything is done as well: forms are plain.
func TestFormsNeedNoScripts(t *testing.T) {
	dir, p := signInCompany(t)
	_ = dir
	d := startDaemonAs(t, p)
	defer d.ended()
	home := "http://" + d.wait("page, with login")["address"].(string)
	d.wait("run ended")
	secret := strings.TrimSpace(told(t, p, "token", "create", "boss", "--permission", "admin", "--until", time.Now().AddDate(0, 0, 2).Format(time.DateOnly), "--reason", "first steps"))
	session := d.ask("POST", home+"/login/token", "token="+secret).Cookies()[0]
	answer := d.ask("POST", home+"/pause", "program=wiki&reason=incident", session)
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/programs/wiki?did=pause" {
		t.Errorf("%s %v", answer.Status, answer.Header)
	}
	page, _ := io.ReadAll(d.ask("GET", home+"/programs/wiki?did=pause", "", session).Body)
	contains(t, string(page), "Paused: incident", "Paused.")
	if strings.Contains(string(page), "<script") {
		t.Error("there are scripts")
	}
	viewer := strings.TrimSpace(told(t, p, "token", "create", "eve", "--until", time.Now().AddDate(0, 0, 2).Format(time.DateOnly), "--reason", "looks"))
	eve := d.ask("POST", home+"/login/token", "token="+viewer).Cookies()[0]
	if answer := d.ask("POST", home+"/resume", "program=wiki", eve); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer resumed: %s", answer.Status)
	}
	contains(t, told(t, p, "audit", "list", "--kind", "refusal", "-o", "csv"), "token:eve", "POST /resume is for admins, and viewer is not enough")
	contains(t, told(t, p, "audit", "list", "--kind", "pause", "-o", "csv"), "token:boss")
}

// withManagers gives the example company's people a manager, by key.
func withManagers(t *testing.T, dir string, of map[string]string) {
	t.Helper()
	people := filepath.Join(dir, "people.csv")
	text, err := os.ReadFile(people)
	if err != nil {
		t.Fatal(err)
	}
	of["employee_id"] = "manager"
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if key, _, _ := strings.Cut(line, ","); key != "rows" {
			line += "," + of[key]
		}
		out.WriteString(line + "\n")
	}
	if err := os.WriteFile(people, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	replace(t, filepath.Join(dir, "rolecall.yaml"), "      country: country", "      country: country\n      manager: manager")
}

// Whoever has no permission sees their own access, the team and the programs they own.
func TestMineOnThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser")
	}
	dir, p := signInCompany(t)
	withManagers(t, dir, map[string]string{"1003": "bob", "1007": "bob"})
	replace(t, filepath.Join(dir, "rolecall.yaml"), "owner: it@example.com", "owner: bob@example.com")
	d := startDaemonAs(t, p)
	defer d.ended()
	b := newBrowser(t, "http://"+d.wait("page, with login")["address"].(string))
	d.wait("run ended")
	d.wait("worked")
	d.wait("worked")
	told(t, p, "give", "bob", "gitea/review", "--until", time.Now().AddDate(0, 1, 0).Format(time.DateOnly), "--reason", "stands in")
	b.signIn("u-bob")
	if b.path() != "/mine" {
		t.Errorf("after the sign-in: %s", b.path())
	}
	b.shoot("mine", "/mine", "My access", "Bob Brandt", "gitea/eng", "everybody who ships code", "Your team", "Carol Conti", "Grace Gruber", "Your programs", "wiki", "gitea/review until the end of")
	if strings.Contains(b.text(), "Dave Dubois") {
		t.Error("somebody else's access is shown")
	}
	b.press("Carol Conti")
	contains(t, b.text(), "Carol Conti", "everybody who ships code")
	b.shoot("mate", b.path(), "Carol Conti")
	b.shoot("own-program", "/mine/programs/wiki", "Removals that are wanted")
	b.shoot("not-yours", "/mine/people/1004", "of nobody in your team")
	contains(t, told(t, p, "audit", "list", "--kind", "refusal", "-o", "csv"), "GET /mine/people/1004 does not concern them")
}
