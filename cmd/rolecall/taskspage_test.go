package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Tasks of a program without interface are ticked off in the browser by those who may; the change is done by their name then.
func TestHandTasksOnThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser")
	}
	dir, p := signInCompany(t)
	replace(t, filepath.Join(dir, "rolecall.yaml"), "programs:\n", "programs:\n  legacy:\n    kind: manual\n    list: programs/legacy.csv\n    create: \"{login}\"\n    revoke: managed\n    due: 3d\n"+
		"    how: Users, then New\n    link: https://legacy.example.com/users\n")
	replace(t, filepath.Join(dir, "policies", "company.yaml"), "rules:\n", "rules:\n  - {name: sales-sell, roles: {any: [\"department:sales\"]}, grant: [legacy/orders]}\n")
	list, past := filepath.Join(dir, "programs", "legacy.csv"), time.Now().Add(-time.Hour) // a younger one may still be written
	if err := errors.Join(os.WriteFile(list, []byte("account,active,entitlements\nroot,yes,orders\n"), 0o600), os.Chtimes(list, past, past)); err != nil {
		t.Fatal(err)
	}
	d := startDaemonAs(t, p)
	t.Cleanup(d.ended)
	b := newBrowser(t, "http://"+d.wait("page, with login")["address"].(string))
	d.wait("run ended")

	b.signIn("u-dave") // a viewer
	b.shoot("tasks-viewer", "/waiting", "To do by hand", "rolecall tasks done")
	if ask[int](b, "document.querySelectorAll('main form[action=\\'/tasks/done\\']').length") != 0 {
		t.Error("a viewer is offered to tick off")
	}
	b.forget()
	b.signIn("u-alice")
	b.shoot("tasks", "/waiting", "To do by hand", "create the account", "in legacy", "Users, then New", "https://legacy.example.com/users", "due ")
	b.shoot("run-under-way", "/runs/r1", "Under way", "changes are at their end", "Look again")
	b.shoot("changes-blocked", "/changes?state=ready", "About to change", "legacy")
	b.do(chromedp.Navigate(b.home + "/waiting"))
	before := ask[int](b, "document.querySelectorAll('ul.plain li').length")
	b.do(chromedp.Click("li summary"))
	b.do(chromedp.SetValue("form[action='/tasks/done'] [name=reason]", "made, ticket 7712"))
	b.press("Tick off")
	if left := ask[int](b, "document.querySelectorAll('ul.plain li').length"); left != before-1 {
		t.Errorf("%d tasks of %d are left", left, before)
	}
	contains(t, told(t, p, "audit", "list", "--kind", "outcome", "--actor", "oidc:u-alice (Alice Adler)", "-o", "csv"), "legacy", "create", "done", "ticket 7712")
}
