package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const liarsConfig = `version: 1
store: sqlite:rolecall.db
policies: policies
directories:
  - {name: hr, kind: csv, authority: people, path: people.csv, complete: {count: rows}, key: id, attributes: {login: login, mail: mail, title: title, status: status}, state: {left: 'status == "left"'}}
programs:
  wiki: {kind: file, path: wiki.csv, create: "{login}", revoke: managed}
  crm: {kind: scim, url: "%s", token: {env: CRM_TOKEN}, match: externalId, create: "{mail}", revoke: managed, page_size: 3}
  zoo: {kind: file, path: zoo.csv, create: "{login}", revoke: managed}
leavers: {unmanaged: suspend, wait: 30d}
limits:
  revoke: {people: {floor: 99, percent: 100, cap: 99, window: 24h}, holdings: {floor: 99, percent: 100, cap: 99, window: 24h}}
  leavers: {floor: 99, percent: 100, cap: 99, window: 24h}
  grant: {floor: 99, percent: 100, cap: 99, window: 24h}
`

const liarsPolicy = `version: 1
rules:
  - {name: all, when: 'true', grant: [wiki, zoo, crm, "crm/group g1"], reason: everybody}
  - {name: sellers, when: 'job.title == "Seller"', grant: ["crm/group g2", wiki/sales, zoo/sales], reason: sellers}
`

// bazaar is a company with one SCIM program, which may lie, between two that do not.
type bazaar struct {
	*terminal
	crm *servers.Provider
}

func newBazaar(t *testing.T) *bazaar {
	t.Helper()
	b := &bazaar{newTerminal(t), servers.NewProvider(t)}
	b.crm.Users = nil
	for _, g := range b.crm.Groups {
		g["members"] = []string{}
	}
	b.env["CRM_TOKEN"] = "t0ken-canary"
	b.types(exitDone, "init", ".")
	b.write("rolecall.yaml", fmt.Sprintf(liarsConfig, b.crm.URL))
	b.write("policies/company.yaml", liarsPolicy)
	b.write("wiki.csv", "account,active,entitlements\nby-hand,yes,sales\n")
	b.write("zoo.csv", "account,active,entitlements\nby-hand,yes,sales\n")
	b.people("", "")
	b.types(exitDone, "apply")
	b.types(exitDone, "plan", "--exit-code")
	b.crm.Mu.Lock()
	b.crm.Users = append(b.crm.Users, map[string]any{"id": "byhand", "userName": "by-hand", "active": true, "version": 1})
	b.crm.Groups[1]["members"] = append(b.crm.Groups[1]["members"].([]string), "byhand")
	b.crm.Mu.Unlock()
	return b
}

// people are eight, of whom one may have left and one may have become a seller.
func (b *bazaar) people(left, seller string) {
	text := "id,login,mail,title,status\n"
	for i := range 8 {
		name, title, status := fmt.Sprint("p", i), "Clerk", "here"
		if name == seller {
			title = "Seller"
		}
		if name == left {
			status = "left"
		}
		text += fmt.Sprintf("k%d,%s,%s@example.com,%s,%s\n", i, name, name, title, status)
	}
	b.write("people.csv", text+"rows,8\n")
}

// state is what the crm holds, by user name; without the two whose change is due.
func (b *bazaar) state(without ...string) string {
	b.crm.Mu.Lock()
	defer b.crm.Mu.Unlock()
	var out []string
	for _, u := range b.crm.Users {
		name := fmt.Sprint(u["userName"])
		line := fmt.Sprint(name, " active ", u["active"])
		for _, g := range b.crm.Groups {
			if slices.Contains(g["members"].([]string), fmt.Sprint(u["id"])) {
				line += fmt.Sprint(" ", g["displayName"])
			}
		}
		if !slices.ContainsFunc(without, func(w string) bool { return strings.HasPrefix(name, w+"@") }) {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// outcomes are the words of the journal on the crm in the last run, sorted.
func (b *bazaar) outcomes() (out []string) {
	b.t.Helper()
	var list []struct {
		Run, Outcome, Program string
		Why                   []string
	}
	text := b.types(exitDone, "audit", "list", "--kind", "outcome", "--limit", "0", "-o", "json")
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		b.t.Fatal(err)
	}
	for _, r := range list {
		if r.Run == list[0].Run && r.Program == "crm" && !slices.Contains(out, r.Outcome) {
			out = append(out, r.Outcome)
		}
	}
	slices.Sort(out)
	return out
}

func answerHTML(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, "<html><form>Sign in</form></html>")
}

// writesOnly bends changes of users and groups.
func writesOnly(bend func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			return false
		}
		bend(w, r)
		return true
	}
}

// TestProgramsThatLie: one leaves and one becomes a seller while the crm lies. The journal has the right word and a reason,
// nobody else in the crm and no other program is touched, and once the lie ends all is as it should be.
func TestProgramsThatLie(t *testing.T) {
	var visited atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { visited.Add(1); answerHTML(w) }))
	defer other.Close()
	redirect := func(status int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL+"/login", status) }
	}
	all := func(bend func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool { bend(w, r); return true }
	}
	html := func(w http.ResponseWriter, _ *http.Request) { answerHTML(w) }
	for name, lie := range map[string]struct {
		before func(http.ResponseWriter, *http.Request) bool
		after  func(*servers.Provider, *http.Request)
		page   func(*servers.ListPage, *http.Request)
		words  string // of the journal, those of changes that were tried
		reason string // in what apply says
	}{
		"200 with HTML to changes":    {before: writesOnly(html), words: "failed", reason: "does not show it"},
		"200 with HTML to everything": {before: all(html), words: "failed", reason: "not SCIM"},
		"a redirect to a login page":  {before: all(redirect(http.StatusFound)), words: "failed|refused", reason: "302"},
		"a redirect of changes":       {before: writesOnly(redirect(http.StatusTemporaryRedirect)), words: "refused", reason: "307"},
		"404 for the tenant":          {before: all(func(w http.ResponseWriter, _ *http.Request) { servers.Problem(w, 404, "no such tenant") }), words: "failed|refused|unknown", reason: "404"},
		"404 by something before":     {before: all(http.NotFound), words: "failed|refused", reason: "not in SCIM"},
		"success without effect":      {before: writesOnly(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), words: "failed", reason: "does not show it"},
		"effect without success":      {after: func(*servers.Provider, *http.Request) { panic(http.ErrAbortHandler) }, words: "unknown", reason: "answer was lost"},
		"truncated pages":             {page: func(l *servers.ListPage, r *http.Request) { l.Resources = l.Resources[:len(l.Resources)/2] }, words: "done|failed", reason: "was not read completely|came; read it again|comes a second time"},
		"the first page again":        {page: func(l *servers.ListPage, r *http.Request) { again(l, r) }, words: "done", reason: "comes a second time"},
		"a page of HTML": {before: func(w http.ResponseWriter, r *http.Request) bool {
			second := r.URL.Query().Get("startIndex") == "4"
			if second {
				answerHTML(w)
			}
			return second
		}, words: "done", reason: "not SCIM"},
		"too many by its own word":           {page: func(l *servers.ListPage, _ *http.Request) { *l.TotalResults += 5 }, words: "done|failed|refused", reason: "read it again"},
		"bystanders go with a change":        {after: func(p *servers.Provider, r *http.Request) { emptied(p, r) }, words: "unknown", reason: "vanished from the group"},
		"somebody else is suspended instead": {before: wrongUser, words: "done|failed", reason: "does not show it"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBazaar(t)
			before := b.state("p2", "p5")
			b.people("p2", "p5")
			b.crm.Mu.Lock()
			b.crm.Before, b.crm.After, b.crm.Page = lie.before, lie.after, lie.page
			b.crm.Mu.Unlock()
			b.types(exitPartly, "apply")
			b.sees(lie.reason)
			for _, o := range b.outcomes() {
				if !slices.Contains(strings.Split(lie.words, "|"), o) && (o != "done" || lie.after == nil) {
					t.Errorf("the journal says %v", b.outcomes())
				}
			}
			for _, file := range []string{"wiki.csv", "zoo.csv"} {
				if text := b.read(file); !strings.Contains(text, "p2,no,") || !strings.Contains(text, "p5,yes,sales") || !strings.Contains(text, "by-hand,yes,sales") || strings.Count(text, ",yes,") != 8 {
					t.Errorf("%s is\n%s", file, text)
				}
			}
			if name != "bystanders go with a change" && name != "somebody else is suspended instead" && b.state("p2", "p5") != before {
				t.Errorf("others were touched:\n%s", b.state("p2", "p5"))
			}
			b.crm.Mu.Lock()
			b.crm.Before, b.crm.After, b.crm.Page = nil, nil, nil
			b.crm.Mu.Unlock()
			b.settles(name == "bystanders go with a change")
			if visited.Load() > 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

// settles runs until nothing is left to do, a day apart: the leaver is suspended and the seller has his group. What the
// program itself took from others is reported and neither forgotten nor given back unasked.
func (b *bazaar) settles(lost bool) {
	b.t.Helper()
	for range 4 {
		b.now = b.now.Add(25 * time.Hour)
		run(b.t.Context(), b.process(discard{}, []string{"apply"}))
	}
	for _, line := range strings.Split(b.state(), "\n") {
		switch {
		case strings.HasPrefix(line, "p2@") && line != "p2@example.com active false", strings.HasPrefix(line, "p5@") && !strings.HasSuffix(line, "active true group g1 group g2") && !strings.HasSuffix(line, "active true group g2"),
			strings.HasPrefix(line, "by-hand") && line != "by-hand active true group g2" && !lost:
			b.t.Errorf("in the end: %s", line)
		}
	}
	if lost {
		b.types(exitDone, "plan")
		b.sees("removed by somebody else|was removed|vanished")
	}
	b.types(exitDone, "audit", "verify")
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// again shows the first page in place of the second.
func again(l *servers.ListPage, r *http.Request) {
	if r.URL.Query().Get("startIndex") != "1" && r.URL.Path == "/Users" {
		for i := range l.Resources {
			l.Resources[i]["id"] = fmt.Sprint("n", i+1)
		}
	}
}

// emptied takes everybody out of a group that is changed, but who is added.
func emptied(p *servers.Provider, r *http.Request) {
	for _, g := range p.Groups {
		if members := g["members"].([]string); strings.HasSuffix(r.URL.Path, fmt.Sprint("/", g["id"])) && len(members) > 0 {
			g["members"] = members[len(members)-1:]
		}
	}
}

// wrongUser suspends the first user in place of the one that is named.
func wrongUser(_ http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodPatch && strings.HasPrefix(r.URL.Path, "/Users/") {
		other := "/Users/n1"
		if r.URL.Path == other { // ids are given in no certain order
			other = "/Users/n2"
		}
		r.URL.Path = other
	}
	return false
}
