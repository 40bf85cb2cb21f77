package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// restConfig has the credentials that canaryConfig has not: of other kinds of programs, of channels, exports and sign-ins.
const restConfig = `version: 1
store: sqlite:rolecall.db
policies: policies
schedule: "*/5 * * * *"
zone: UTC
health: 127.0.0.1:0
listen: 127.0.0.1:0
login:
  tokens: true
  oidc: {name: Gossip, issuer: "GOSSIP/issuer", client_id: rolecall, client_secret: {env: CLIENT_SECRET}}
directories:
  - {name: hr, kind: csv, authority: people, path: people.csv, complete: {count: rows}, key: id, attributes: {login: login}}
programs:
  bearer: {kind: http, url: "GOSSIP/bearer", auth: {bearer: {file: secrets/bearer}}, USERS}
  header: {kind: http, url: "GOSSIP/header", auth: {header: {name: X-Api-Key, key: {file: secrets/header}}}, USERS}
  basic: {kind: http, url: "GOSSIP/basic", auth: {basic: {user: rolecall, password: {file: secrets/basic}}}, USERS}
  list: {kind: git, repository: "https://git.example.com/list.git", branch: main, path: access.csv, token: {file: secrets/git}, author: "Rolecall <rolecall@example.com>", revoke: managed}
  tool: {kind: plugin, command: [./tool], secrets: {key: {file: secrets/plugin}}, revoke: managed}
exports:
  lake: {kind: http, url: "GOSSIP/lake", token: {file: secrets/lake}}
notices:
  channels:
    post: {kind: mail, server: "smtp://MAIL", user: rolecall, password: {env: MAIL_PASSWORD}, from: rolecall@example.com, to: [it@example.com]}
    hook: {kind: webhook, url: "GOSSIP/hook", secret: {file: secrets/hook}}
    chat: {kind: chat, address: {file: secrets/chat}}
leavers: {unmanaged: approve, wait: 30d}
limits:
  revoke: {people: {floor: 3, percent: 10, cap: 100, window: 24h}, holdings: {floor: 6, percent: 10, cap: 500, window: 24h}}
  leavers: {floor: 3, percent: 5, cap: 300, window: 24h}
  grant: {floor: 1000, percent: 50, cap: 2000, window: 24h}
`

const restUsers = `create: "{login}", revoke: managed, users: {list: {path: /users, items: /items}, id: /id, name: /name, create: [{method: POST, path: /users, body: {name: "{name}"}}], delete: [{method: DELETE, path: "/users/{account}"}]},
    rights: [{names: [x], each: /roles, grant: [{method: POST, path: "/users/{account}", body: {role: "{right}"}}], revoke: [{method: DELETE, path: "/users/{account}/{right}"}]}]`

// echo is every other side there is: it repeats what it was sent, and lets nothing be changed.
type echo struct {
	url   string
	right map[string]string // secrets that let in

	mu   sync.Mutex
	sent strings.Builder
}

func (e *echo) note(sent string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent.WriteString(sent + "\n")
}

// got says whether it was sent a secret.
func (e *echo) got(secret string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Contains(e.sent.String(), secret)
}

// ServeHTTP implements http.Handler.
func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, password, _ := r.BasicAuth()
	all := fmt.Sprint(r.URL, r.Header, string(body), password)
	e.note(all)
	w.Header().Set("Content-Type", "application/json")
	root, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	right := map[string]string{"bearer": r.Header.Get("Authorization"), "header": r.Header.Get("X-Api-Key"), "basic": password}[root]
	switch {
	case root == "issuer" && strings.HasSuffix(rest, "openid-configuration"):
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": e.url + "/issuer", "authorization_endpoint": e.url + "/issuer/authorize", "token_endpoint": e.url + "/issuer/token", "jwks_uri": e.url + "/issuer/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}})
	case r.Method == http.MethodGet && right != "" && strings.HasSuffix(right, e.right[root]):
		_, _ = io.WriteString(w, `{"items":[{"id":"1","name":"old","roles":[]}]}`)
	default:
		w.Header().Set("X-Echo", all)
		w.WriteHeader([]int{400, 401, 403, 409, 500}[len(body)%5])
		_ = json.NewEncoder(w).Encode(map[string]any{"error": all, "error_description": all, "message": all, "detail": all})
	}
}

// mail takes no mail, and says why with what it was sent.
func (e *echo) mail(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go e.session(conn)
		}
	}()
	return l.Addr().String()
}

func (e *echo) session(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "220 mail.example.com\r\n")
	sent := ""
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if decoded, err := base64.StdEncoding.DecodeString(rest[strings.LastIndex(rest, " ")+1:]); err == nil && word == "AUTH" {
			sent += " " + rest + " " + strings.ReplaceAll(string(decoded), "\x00", " ")
			e.note(sent)
		}
		switch {
		case word == "EHLO":
			fmt.Fprint(conn, "250-mail.example.com\r\n250 AUTH PLAIN\r\n")
		case word == "AUTH" && strings.HasSuffix(sent, e.right["mail password"]):
			fmt.Fprint(conn, "235 fine\r\n")
		case word == "AUTH":
			fmt.Fprintf(conn, "535 no:%s\r\n", sent)
		default:
			fmt.Fprintf(conn, "550 not from whoever sent%s\r\n", sent)
		}
	}
}

// newRest is a company with all of these credentials.
func newRest(t *testing.T) (*canaries, *echo) {
	t.Helper()
	c := &canaries{t: t, binary: builtProgram(t), dir: t.TempDir(), secrets: map[string]string{}, clock: fmt.Sprintf("ROLECALL_TEST_CLOCK=%d %d 100", time.Now().UnixNano(), time.Now().UnixNano())}
	e := &echo{right: map[string]string{}}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	e.url = s.URL
	for _, what := range []string{"bearer", "header", "basic", "git", "plugin", "lake", "hook", "chat", "client secret", "mail password"} {
		e.right[what] = c.canary(what)
	}
	c.write("rolecall.yaml", strings.NewReplacer("GOSSIP", e.url, "USERS", restUsers, "MAIL_PASSWORD", "MAIL_PASSWORD", "MAIL", e.mail(t)).Replace(restConfig))
	c.write("people.csv", "id,login\nk-ann,ann\nk-bob,bob\nrows,2\n")
	c.write("policies/company.yaml", "version: 1\nrules:\n  - {name: all, when: 'true', grant: [bearer, bearer/x, header, basic, list/x, tool/x], reason: all}\n")
	c.program("bin/git", "#!/bin/sh\nenv | grep '^GIT_CONFIG_VALUE_0=Authorization' >/dev/null && : >git.used\n{ echo \"$@\"; env | grep -v '^GIT_CONFIG_VALUE_0='; } >>"+c.dir+"/git.log\nenv >&2\nexit 1\n")
	c.program("tool", "#!/bin/sh\nwhile read -r line; do\n  case \"$line\" in *canary-plugin*) : >tool.used;; esac\n  echo \"$line\" >&2\n  case \"$line\" in\n  *describe*) echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocol\":1,\"name\":\"tool\",\"version\":\"1\"}}';;\n  *) echo \"heard $line\";;\n  esac\ndone\n")
	return c, e
}

// program writes one that can be started.
func (c *canaries) program(name, text string) {
	c.write(name, strings.ReplaceAll(text, "git.used", c.dir+"/git.used"))
	if err := os.Chmod(filepath.Join(c.dir, name), 0o700); err != nil { // #nosec G302 -- a program
		c.t.Fatal(err)
	}
}

// hand puts the secrets where the configuration says that they are, or wrong ones.
func (c *canaries) hand(suffix, gossip string) {
	value := func(what string) string {
		if suffix != "" {
			return c.canary(what + " " + suffix)
		}
		return c.secrets[what]
	}
	for _, what := range []string{"bearer", "header", "basic", "git", "plugin", "lake", "hook"} {
		c.write("secrets/"+what, value(what)+"\n")
	}
	c.write("secrets/chat", gossip+"/chat/"+value("chat")+"\n")
	c.env = []string{"CLIENT_SECRET=" + value("client secret"), "MAIL_PASSWORD=" + value("mail password")}
}

// TestCanariesOfTheRest: the same for programs over HTTP, Git and plug-ins, for channels, exports, sign-ins, tokens and sessions.
func TestCanariesOfTheRest(t *testing.T) {
	if testing.Short() {
		t.Skip("some dozen processes; it runs without -short")
	}
	c, e := newRest(t)
	c.hand("", e.url)
	for n, suffix := range []string{"", "wrong"} {
		c.hand(suffix, e.url)
		for _, args := range [][]string{{"check"}, {"plan", "-v"}, {"plan", "-o", "json"}, {"apply", "-v"}, {"audit", "list", "--limit", "0", "-o", "json"}, {"audit", "export"}, {"why", "ann"}, {"token", "list"}, {"connector", "test", "bearer"}, {"connector", "test", "tool"}, {"adopt", "header"}} {
			c.rolecall(args...)
		}
		c.signedIn(n)
	}
	c.search()
	for what, secret := range c.secrets {
		known := what == "hook" || strings.HasPrefix(what, "hook ") || strings.HasPrefix(what, "git") || strings.HasPrefix(what, "plugin") || strings.Contains(what, "token") || strings.Contains(what, "session")
		if !known && !e.got(secret) {
			t.Errorf("the other side never got the %s", what)
		}
	}
	for _, used := range []string{"git.used", "tool.used"} {
		if _, err := os.Stat(filepath.Join(c.dir, used)); err != nil {
			t.Errorf("a secret was never handed on: %v", err)
		}
	}
	c.control()
}

// token makes one; what is printed is the one place where it may be.
func (c *canaries) token(n int) string {
	c.t.Helper()
	cmd := c.command("token", "create", fmt.Sprintf("t%d", n), "--permission", "admin", "--until", time.Now().AddDate(0, 3, 0).Format(time.DateOnly), "--reason", "x")
	cmd.Stderr = &c.said
	out, err := cmd.Output()
	token := strings.TrimSpace(string(out))
	if err != nil || len(token) < 20 || strings.Contains(token, "\n") {
		c.t.Fatalf("no token: %q, %v: %s", out, err, c.said.String()[max(0, c.said.Len()-1500):])
	}
	c.secrets[fmt.Sprintf("token %d", n)] = token
	return token
}

// signedIn runs the daemon, signs in to it in all ways, looks at everything, and lets it end as a crash would.
func (c *canaries) signedIn(n int) {
	c.t.Helper()
	token, logFile := c.token(n), filepath.Join(c.dir, "serve.log")
	log, err := os.Create(logFile)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	cmd := c.command("serve", "-v")
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, append(cmd.Env, "GOTRACEBACK=all")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	said := func() string { data, _ := os.ReadFile(logFile); return string(data) }
	wait := time.NewTicker(50 * time.Millisecond)
	defer wait.Stop()
	for deadline := time.After(time.Minute); !strings.Contains(said(), `"msg":"people were told, but not all`); {
		select {
		case <-wait.C:
			continue
		case <-deadline:
		case <-ended:
		}
		c.t.Fatalf("it does not run: %.2000s", said())
	}
	for _, m := range regexp.MustCompile(`"address":"([^"]+)"`).FindAllStringSubmatch(said(), -1) {
		c.visit("http://"+m[1], token, n)
	}
	_ = cmd.Process.Signal(syscall.SIGHUP)
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	<-ended
	c.said.WriteString("\n$ rolecall serve\n" + said())
}

// visit signs in with the provider, which refuses, and with the token, and looks at pages and answers with both.
func (c *canaries) visit(home, token string, n int) {
	c.t.Helper()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, address, form string, headers ...string) *http.Response {
		r, err := http.NewRequest(method, address, strings.NewReader(form))
		if err != nil {
			c.t.Fatal(err)
		}
		if form != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		response, err := browser.Do(r)
		if err != nil {
			c.t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		kept := response.Header.Clone()
		kept.Del("Set-Cookie") // is where the session may be
		fmt.Fprintln(&c.said, method, address, response.Status, kept, string(body))
		return response
	}
	if to, err := url.Parse(ask("GET", home+"/login/start", "").Header.Get("Location")); err == nil && to.Query().Get("state") != "" {
		ask("GET", home+"/login/return?code=abc&state="+url.QueryEscape(to.Query().Get("state")), "")
	}
	ask("POST", home+"/login/token", url.Values{"token": {"x" + token[1:]}}.Encode())
	entered := ask("POST", home+"/login/token", url.Values{"token": {token}}.Encode())
	for _, cookie := range entered.Cookies() {
		if len(cookie.Value) < 20 { // one that is taken back
			continue
		}
		c.secrets[fmt.Sprintf("session %d %s", n, cookie.Name)] = cookie.Value
	}
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/", "/people", "/programs", "/programs/bearer", "/waiting", "/runs", "/audit", "/people/k-ann", "/nothing"} {
		ask("GET", home+path, "")
		ask("GET", home+"/api/v1"+path, "", "Authorization", "Bearer "+token)
	}
	ask("POST", home+"/pause", "program=list&reason=x")
	ask("POST", home+"/logout", "a=b")
}
