package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// signInPeople are whom the provider of the tests knows.
const signInPeople = `{
	"u-alice": {"name": "Alice Adler", "preferred_username": "alice", "email": "alice@example.com", "email_verified": true, "groups": ["staff", "it-admins"]},
	"u-bob":   {"name": "Bob Brandt", "preferred_username": "bob", "email": "bob@example.com", "email_verified": true, "groups": ["staff"]},
	"u-dave":  {"name": "Dave Dubois", "preferred_username": "dave", "email": "dave@example.com", "email_verified": true, "groups": ["staff", "audit"]},
	"u-erin":  {"name": "Erin", "preferred_username": "erin", "email": "alice@example.com", "email_verified": false, "groups": ["approvers"]}
}`

// signInConfig is what is added to the configuration of the example company.
const signInConfig = `
login:
  tokens: true
  oidc: {name: Example ID, issuer: "ISSUER", client_id: rolecall, client_secret: {env: CLIENT_SECRET}, scopes: [profile, email, groups]}
  permissions: {viewer: [audit], approver: [approvers], admin: [it-admins]}
`

// signInCompany is the example company, whose people sign in.
func signInCompany(t *testing.T) (dir string, p process) {
	t.Helper()
	dir = company(t)
	issuer := servers.OIDC(t, filepath.Join("testdata", "oidc"), signInPeople, "s3cret of the client")
	file := filepath.Join(dir, "rolecall.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, strings.Replace(signInConfig, "ISSUER", issuer, 1)...), 0o600); err != nil {
		t.Fatal(err)
	}
	env := func(name string) string {
		if name == "CLIENT_SECRET" {
			return "s3cret of the client"
		}
		return ""
	}
	return dir, process{Dir: dir, Env: env, Now: time.Now}
}

// told runs a command and gives what it says on standard output.
func told(t *testing.T, p process, args ...string) string {
	t.Helper()
	var out, wrong bytes.Buffer
	p.Args, p.Stdout, p.Stderr, p.Random, p.Actor = args, &out, &wrong, rand1(), "root"
	if code := run(t.Context(), p); code != exitDone {
		t.Fatalf("%v: exit code %d: %s", args, code, wrong.String())
	}
	return out.String()
}

// do carries out steps in the browser.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, end := b.step()
	defer end()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%v; the page is %s", err, ask[string](b, "location.href+' '+document.body.innerText"))
	}
}

// press presses the button or follows the link with a text, and waits for the page after it.
func (b *browser) press(text string) {
	b.t.Helper()
	mark := "window.before = true; let e = [...document.querySelectorAll('a, button')].find(e => e.innerText.trim() == " + quoted(text) + "); e?.click(); !!e"
	if !ask[bool](b, "{"+mark+"}") {
		b.t.Fatalf("no button %q: %s", text, b.text())
	}
	b.settle()
}

// settle waits until another page than the marked one is there.
func (b *browser) settle() {
	b.t.Helper()
	ctx, end := context.WithTimeout(b.ctx, time.Minute)
	defer end()
	for ctx.Err() == nil {
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!window.before && document.readyState == 'complete'"))
		if err == nil && there {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	b.t.Fatalf("no new page came: %s", b.text())
}

func (b *browser) text() string { b.t.Helper(); return ask[string](b, "document.body.innerText") }
func (b *browser) path() string {
	b.t.Helper()
	return ask[string](b, "location.pathname + location.search")
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "\\'") + "'" }

// open goes to an address without looking further at it.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.home+path), chromedp.WaitReady("body"))
}

// fill types into the field of a name.
func (b *browser) fill(name, value string) {
	b.t.Helper()
	b.do(chromedp.SetValue("[name="+name+"]", value))
}

// signIn goes the whole way to the provider and back.
func (b *browser) signIn(as string) {
	b.t.Helper()
	b.open("/login")
	b.press("Sign in with Example ID")
	b.fill("login", as)
	b.fill("password", "whatever")
	b.press("Sign-in")
	b.press("Continue")
}

// forget makes the browser one that was never here.
func (b *browser) forget() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
}

// contains fails where a text is missing.
func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}

// People sign in with a real provider in a real browser, see what their groups may see, and sign out; all of it is in the journal.
func TestSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("a browser")
	}
	dir, p := signInCompany(t)
	d := startDaemonAs(t, p)
	defer d.ended()
	b := newBrowser(t, "http://"+d.wait("page, with login")["address"].(string))
	d.wait("run ended")

	b.open("/people?q=alice") // a link from elsewhere
	contains(t, b.text(), "Sign in with Example ID", "With a token")
	if strings.Contains(b.text(), "Adler") {
		t.Error("somebody who is not signed in sees people")
	}
	for width, scheme := range map[int64]string{375: "dark", 1440: "light"} {
		b.look("/login?next=%2Fpeople%3Fq%3Dalice", width, scheme)
	}
	b.press("Sign in with Example ID")
	b.fill("login", "u-alice")
	b.fill("password", "whatever")
	b.press("Sign-in")
	b.press("Continue")
	if b.path() != "/people?q=alice" {
		t.Errorf("after the sign-in: %s", b.path())
	}
	contains(t, b.text(), "Signed in: Alice Adler", "admin")
	b.press("Sign out")
	contains(t, b.text(), "You are signed out here")
	b.open("/")
	contains(t, b.text(), "Sign in with Example ID")

	for who, sees := range map[string]string{"u-bob": "This is for viewers; you are signed in", "u-dave": "Alice Adler", "u-erin": "Alice Adler"} {
		b.forget()
		b.signIn(who)
		b.open("/people")
		contains(t, b.text(), sees)
	}
	b.forget()
	b.signIn("u-dave")
	replace(t, filepath.Join(dir, "rolecall.yaml"), "viewer: [audit]", "viewer: [nobody]") // counts for who is signed in, too
	d.wait("reloaded")
	b.open("/people")
	contains(t, b.text(), "This is for viewers; you are signed in")
	contains(t, told(t, p, "check"), "Example ID", "the provider answers")

	told(t, p, "cut", "dave", "--reason", "laptop stolen")
	b.forget()
	b.signIn("u-dave")
	contains(t, b.text(), "You can't sign in: you are cut off")
	contains(t, told(t, p, "audit", "list", "--kind", "refusal", "-o", "csv"), "oidc:u-bob (Bob Brandt)", ",1002,", "GET /people is for viewers")
	if list := told(t, p, "audit", "list", "--kind", "login", "--actor", "oidc:u-erin (Erin)", "-o", "csv"); strings.Contains(list, ",1001,") {
		t.Errorf("an address that is not verified made her Alice: %s", list)
	}

	log := told(t, p, "audit", "list", "--kind", "login", "-o", "csv")
	contains(t, log, "oidc:u-alice (Alice Adler)", "signed in with http://127.0.0.1", "signed out", ",1001,")
}

// jar is a client without a browser, which keeps cookies and follows nothing.
func (d *daemonUnderTest) ask(method, url, form string, cookies ...*http.Cookie) *http.Response {
	d.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(form))
	if err != nil {
		d.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer
}

// With a token: what it may do, that it ends, and that what fails is refused, slowed down and recorded.
func TestSignInWithAToken(t *testing.T) {
	dir := company(t)
	file := filepath.Join(dir, "rolecall.yaml")
	text, _ := os.ReadFile(file)
	if err := os.WriteFile(file, append(text, "\nlogin: {tokens: true}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	p := process{Dir: dir, Env: func(string) string { return "" }, Now: time.Now}
	d := startDaemonAs(t, p)
	defer d.ended()
	home := "http://" + d.wait("page, with login")["address"].(string)
	d.wait("run ended")
	until := time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	secret := strings.TrimSpace(told(t, p, "token", "create", "ann", "--permission", "viewer", "--person", "alice", "--until", until, "--reason", "first steps"))

	if to := d.ask("GET", home+"/people", ""); to.StatusCode != http.StatusSeeOther || to.Header.Get("Location") != "/login?next=%2Fpeople" {
		t.Fatalf("not signed in: %s %s", to.Status, to.Header.Get("Location"))
	}
	in := d.ask("POST", home+"/login/token", "next=//evil.example.com&token="+secret)
	if in.StatusCode != http.StatusSeeOther || in.Header.Get("Location") != "/" || len(in.Cookies()) != 1 {
		t.Fatalf("with the token: %s %v", in.Status, in.Header)
	}
	session := in.Cookies()[0]
	if session.Name != "rolecall" || !session.HttpOnly || session.Secure || session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != "" || !session.Expires.IsZero() {
		t.Errorf("the cookie is %v", session)
	}
	if got := d.ask("GET", home+"/people", "", session); got.StatusCode != http.StatusOK {
		t.Errorf("signed in: %s", got.Status)
	}
	list := told(t, p, "token", "list")
	contains(t, list, "ann", "viewer", "alice")
	if strings.Contains(list, secret) || strings.Contains(told(t, p, "audit", "export"), secret) {
		t.Error("the token is kept")
	}
	told(t, p, "token", "revoke", "ann")
	if got := d.ask("GET", home+"/people", "", session); got.StatusCode != http.StatusSeeOther {
		t.Errorf("with a token that was taken back: %s", got.Status)
	}
	failures := 0
	for range 30 {
		if got := d.ask("POST", home+"/login/token", "token="+secret); got.StatusCode == http.StatusForbidden {
			failures++
		} else if got.StatusCode != http.StatusTooManyRequests {
			t.Fatalf("a wrong token: %s", got.Status)
		}
	}
	if failures < 10 || failures > 15 {
		t.Errorf("%d failures before it was slowed down", failures)
	}
	log := told(t, p, "audit", "list", "--kind", "login", "-o", "csv")
	contains(t, log, "token:ann", ",1001,", "signed in with a token", "the session was ended: the token is over or was taken back", "not signed in: Nobody has this token", "somebody")
	contains(t, told(t, p, "audit", "list", "--kind", "token", "-o", "csv"), "token ann, permission viewer, until", "first steps", "token ann is taken back")
}
