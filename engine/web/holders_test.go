package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Each page of holders goes on where the one before ended, and the last one leads nowhere.
func TestHoldersArePaged(t *testing.T) {
	for n, pages := range map[int][]int{0: {0}, 1: {1}, shownHolders: {shownHolders}, shownHolders + 1: {shownHolders, 1}, 2*shownHolders + 1: {shownHolders, shownHolders, 1}} {
		b := records("x")
		b.accounts = n
		s, _ := site(t, b, outlook("x"))
		path, seen := "/programs/crm/holders", map[string]bool{}
		for _, want := range pages {
			body := get(s, path).Body.String()
			found := regexp.MustCompile(`<tr><td>(x-[0-9]+)`).FindAllStringSubmatch(body, -1)
			for _, f := range found {
				seen[f[1]] = true
			}
			if len(found) != want {
				t.Fatalf("%s of %d shows %d, not %d", path, n, len(found), want)
			}
			next := regexp.MustCompile(`href="(\?after=[^"]+)"`).FindStringSubmatch(body)
			if path = ""; next != nil {
				path = "/programs/crm/holders" + next[1]
			}
		}
		if path != "" || len(seen) != n {
			t.Errorf("of %d holders %d are shown, and %q follows", n, len(seen), path)
		}
	}
	s, _ := site(t, records("x"), outlook("x"))
	if w := get(s, "/programs/wiki/holders"); w.Code != http.StatusNotFound {
		t.Error(w.Code)
	}
}

// What an account holds is one row: since when the first of it, by every rule, the account's mere existence not being a right.
func TestHolderRows(t *testing.T) {
	b := records("x")
	s, _ := site(t, b, outlook("x"))
	at := func(day int) time.Time { return time.Date(2027, 1, day, 0, 0, 0, 0, time.UTC) }
	var row holderRow
	row.Since = at(3)
	for _, h := range []engine.Held{{Program: "crm", Entitlement: engine.Exists, From: at(3)}, {Program: "crm", Entitlement: engine.Active, From: at(2), Managed: true, Rules: []string{"b", "a"}}, {Program: "crm", Entitlement: "x", From: at(4), Rules: []string{"a"}}} {
		row.add(h)
	}
	if got := fmt.Sprint(row.Since.Day(), row.Managed, row.Rights, row.Rules); got != "2 true [crm crm/x] [a b]" {
		t.Error(got)
	}
	page := get(s, "/programs/crm").Body.String()
	for _, want := range []string{"Rules that lead here", "Service and shared accounts", "nobody answers for it", "2027-01-02", "overdue", "History", "All records"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the program lacks %q", want)
		}
	}
	b.accounts = 2*shownHolders + 1
	if page := get(s, "/programs/crm").Body.String(); strings.Count(page, "<tr><td>x-") != shownAtFirst || !strings.Contains(page, `href="/programs/crm/holders"`) {
		t.Error("the first holders, and the way to the others, are not on the page of the program")
	}
}
