package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// browser opens pages of one site.
type browser struct {
	t    *testing.T
	ctx  context.Context
	home string
	axe  string // source of axe-core, which looks for barriers
}

func newBrowser(t *testing.T, home string) *browser {
	t.Helper()
	dir := filepath.Join("testdata", "axe")
	source := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(source); err != nil {
		install := exec.Command("npm", "ci", "--no-audit", "--no-fund")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("axe-core can't be installed; run npm ci in cmd/rolecall/%s: %v\n%s", dir, err, out)
		}
	}
	script, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, ctx: servers.Chromium(t), home: home, axe: string(script)}
}

// step bounds one step: seconds where nothing else runs, and far less than a hang anywhere.
func (b *browser) step() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, 2*time.Minute)
}

// elsewhere lists what a page asked of other places.
const elsewhere = `performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin + "/")).join(" ")`

// barriers are what keeps somebody out, by axe's own weights. Where what has no fault lies on the page is not asked for.
const barriers = `axe.run({resultTypes: ["violations"]}).then(r => r.violations.filter(v => v.impact == "serious" || v.impact == "critical").map(v => v.id + ": " + v.nodes.map(n => n.html).join(" | ")).join("\n"))`

// look opens a page in one width and in light or dark, and gives its text.
func (b *browser) look(path string, width int64, scheme string) (text string) {
	b.t.Helper()
	night := chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
	ctx, end := b.step()
	defer end()
	if err := chromedp.Do(ctx, night, chromedp.EmulateViewport(width, 900), chromedp.Navigate(b.home+path), chromedp.WaitReady("#content")); err != nil {
		b.t.Fatalf("%s at %d: %v", path, width, err)
	}
	if n := ask[int](b, "document.documentElement.scrollWidth - innerWidth"); n > 0 {
		b.t.Errorf("%s is %d pixels wider than %d", path, n, width)
	}
	if asked := ask[string](b, elsewhere); asked != "" {
		b.t.Errorf("%s asks elsewhere: %s", path, asked)
	}
	if ground := ask[string](b, "getComputedStyle(document.documentElement).backgroundColor"); (ground == "rgb(246, 247, 249)") != (scheme == "light") {
		b.t.Errorf("%s is on %s in %s", path, ground, scheme)
	}
	ask[bool](b, b.axe+";true")
	if found := ask[string](b, barriers); found != "" {
		b.t.Errorf("%s at %d, %s:\n%s", path, width, scheme, found)
	}
	return ask[string](b, "document.body.innerText")
}

// ask evaluates an expression in the page.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, end := b.step()
	defer end()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.80s: %v", expression, err)
	}
	return got
}

// afterTheWeek opens a browser on the page of the example company after its week.
func afterTheWeek(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser")
	}
	dir := filepath.Join(t.TempDir(), "demo")
	week := process{Args: []string{"demo", "--keep", dir}, Dir: t.TempDir(), Stdout: io.Discard, Stderr: os.Stderr, Env: func(string) string { return "" }, Now: time.Now, Random: rand1()}
	if code := run(t.Context(), week); code != exitDone {
		t.Fatalf("demo: exit code %d", code)
	}
	replace(t, filepath.Join(dir, "rolecall.yaml"), "zone: Europe/Berlin", "zone: Europe/Berlin\nlisten: 127.0.0.1:0")
	d := startDaemon(t, dir)
	t.Cleanup(func() { d.ended() })
	home := "http://" + d.wait("page")["address"].(string)
	d.wait("run ended")
	return newBrowser(t, home)
}

// The pages of the example company after its week, as people see them: on a telephone and on a desk, by day and by night.
// Nothing is wider than the window, nobody is shut out, nothing is asked of other places.
func TestBrowsedPages(t *testing.T) {
	b := afterTheWeek(t)
	people := b.look("/people?q=ada", 1440, "light")
	if !strings.Contains(people, "Ada Lindgren") {
		t.Fatal(people)
	}
	ada := b.link("Ada Lindgren")
	b.shoot("now", "/", "Last complete read")
	b.shoot("audit", "/audit?outcome=done&program=wiki", "Export all that match")
	b.shoot("proof", "/audit/3", "what is stored leads to")
	b.shoot("program", "/programs/gitea", "Holders", "Unmanaged", "bot-ci", "Rules that lead here", "engineers-build", "History")
	b.shoot("asof", "/asof?program=gitea", "Who had what", "gitea/eng", "Why, and whose decision")
	b.shoot("asof-everybody", "/asof?on="+time.Now().UTC().Format(time.DateOnly), "What was known at the end of that day", "crm", "Further")
	b.shoot("asof-person", ada+"?on="+time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly), "Had at the end of", "entry")
	b.shoot("changes", "/changes", "About to change", "as the last run saw it")
	b.shoot("people-behind", "/people?after=B&key=b", "From the first")
	b.shoot("report-days", "/reports/days", "crm", "average")
	b.shoot("report-levels", "/reports/levels", "Service levels", "Until access was there", "99 of 100")
	b.shoot("report-seats", "/reports/seats", "Seats that are taken", "crm", "Download as CSV")
	b.shoot("report-cost", "/reports/cost?by=department&sort=a+month&down=1", "What a month costs, in EUR", "(free seats)")
}

// The same of all other pages, each once on a telephone by night and once on a desk by day.
func TestPagesInABrowser(t *testing.T) {
	b := afterTheWeek(t)
	b.look("/people?q=ada", 1440, "light")
	ada := b.link("Ada Lindgren")
	sees := map[string][]string{
		"/": {"Everybody has what they should", "corp", "gitea", "Last runs"}, "/people": {"People", "active ("}, "/people?q=nobody+at+all": {"Nobody in the directory"},
		"/programs": {"crm", "of 30"}, "/programs/wiki/holders": {"Who has something in wiki", "Ada Lindgren"}, "/waiting": {"Nothing waits for an approval"}, "/runs": {"r1"}, "/runs/r1": {"adopt", "What it could see"},
		"/runs/r1?by=person": {"Ada Lindgren"}, "/audit": {"Record", "Older", "Export all that match:", "JSON Lines"}, "/audit?outcome=done&program=wiki": {"done"}, "/audit/1": {"Leaf of the Merkle tree", "what is stored leads to", "Root, path"},
		ada: {"Ada Lindgren", "engineers-build", "History"}, ada + "?why=crm%2Fcontacts": {"does not match"}, ada + "?on=2026-01-01": {"Had at the end of 2026-01-01", "Nothing"},
		"/nothing": {"Not there"}, "/reports": {"Seats by day", "Forecast"}, "/reports/forecast": {"Forecast"}, "/reports/unmanaged": {"Unmanaged holdings", "bot-ci"}, "/reports/leavers": {"How long accounts lived on"}, "/reports/service": {"Service accounts"},
	}
	for path, texts := range sees {
		for width, scheme := range map[int64]string{375: "dark", 1440: "light"} {
			got := b.look(path, width, scheme)
			for _, want := range texts {
				if !strings.Contains(got, want) {
					t.Errorf("%s at %d does not show %q:\n%s", path, width, want, got)
				}
			}
		}
	}
}

// link is where the first link with a text leads.
func (b *browser) link(text string) (path string) {
	b.t.Helper()
	path = ask[string](b, fmt.Sprintf(`[...document.querySelectorAll("a")].find(a => a.textContent == %q)?.getAttribute("href") ?? ""`, text))
	if path == "" {
		b.t.Fatalf("no link %q", text)
	}
	return path
}

// Another name that leads to this machine, as a page elsewhere may make one, is shown nothing.
func TestPageIsForThisMachine(t *testing.T) {
	d := startDaemon(t, company(t))
	defer d.ended()
	home := "http://" + d.wait("page")["address"].(string)
	for host, want := range map[string]int{"": http.StatusOK, "localhost": http.StatusOK, "[::1]:8484": http.StatusOK, "rolecall.example.com": http.StatusMisdirectedRequest, "127.0.0.1.example.com": http.StatusMisdirectedRequest} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, home+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("host %q: %s", host, answer.Status)
		}
	}
}
