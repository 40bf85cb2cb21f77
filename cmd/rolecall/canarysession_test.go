package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCanaries: no credential is to be found in anything that commands, daemon, journal, plans, exports and metrics say,
// whether all goes well, a password is wrong, the other side repeats it, or somebody wrote it where it does not belong.
func TestCanaries(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred processes; it runs without -short")
	}
	for _, store := range []string{"sqlite", "postgres"} {
		t.Run(store, func(t *testing.T) {
			c := newCanaries(t, store)
			if code := c.rolecall("check"); code != exitDone {
				t.Fatalf("check: exit code %d\n%s", code, c.said.String())
			}
			c.session()
			if vpn := c.ldap.Search(t, "cn=vpn,ou=apps,"+realSuffix, "member"); !strings.Contains(vpn, "uid=u003") {
				t.Errorf("nothing was applied: %s", vpn)
			}
			c.daemon()
			for _, what := range []string{"scim token", "oauth secret", "access token"} {
				if !c.gossip.seen[what] {
					t.Errorf("the %s was never used", what)
				}
			}
			c.give("wrong")
			c.session()
			c.daemon()
			c.without()
			c.give("")
			if store == "sqlite" {
				c.mistakes()
			}
			size := c.search()
			if got := c.gitGot(); got == "" || strings.Contains(got, "CREDENTIALS") {
				t.Errorf("git got %q", got)
			}
			t.Logf("%d secrets, %d commands, %d bytes: none found", len(c.secrets), strings.Count(c.said.String(), "\n$ rolecall"), size)
			c.control()
		})
	}
}

// without takes the secrets away.
func (c *canaries) without() {
	c.t.Helper()
	here, away := filepath.Join(c.dir, "secrets"), filepath.Join(c.t.TempDir(), "away")
	if err := os.Rename(here, away); err != nil {
		c.t.Fatal(err)
	}
	c.env = []string{"LDAP_PASSWORD=", "HRM_SECRET="}
	c.rolecall("check")
	c.rolecall("apply")
	if err := os.Rename(away, here); err != nil {
		c.t.Fatal(err)
	}
}

// gitGot is what git was called with.
func (c *canaries) gitGot() string {
	text, err := os.ReadFile(filepath.Join(c.dir, "git.log"))
	if err != nil {
		c.t.Error(err)
	}
	return string(text)
}

// control sees that the search finds what is there.
func (c *canaries) control() {
	for what, secret := range c.secrets {
		for _, form := range forms(secret) {
			if at := c.tells([]byte("x" + form + "x")); !slices.Contains(at, what) {
				c.t.Errorf("%s is not found as %s", what, form)
			}
		}
	}
}

// session types every command that there is; those that need more than their name get it.
func (c *canaries) session() {
	c.t.Helper()
	given := map[string][][]string{
		"plan":               {{}, {"-o", "json"}, {"-o", "csv"}, {"-v", "--out", "plan.json"}, {"--person", "u001"}},
		"apply":              {{"-v"}, {"plan.json"}, {}},
		"init":               {{"new", "--from", c.ldap.TLSURL, "--bind-dn", c.ldap.Reader.DN, "--password-env", "LDAP_PASSWORD", "--ca", c.ldap.CA.File}},
		"why":                {{"u001"}, {"u001", "crm"}, {"nobody"}},
		"cut":                {{"u002", "--reason", "x"}, {"u002", "--lift", "--reason", "x"}},
		"give":               {{"u003", "crm", "--until", "2099-01-01", "--reason", "x"}},
		"pause":              {{"crm", "--reason", "x"}, {}},
		"resume":             {{"crm", "--reason", "x"}, {}},
		"undo":               {{"r1"}},
		"adopt":              {{"crm"}, {"db"}},
		"policy diff":        {{"policies"}, {"HEAD"}},
		"audit list":         {{"--limit", "0"}, {"-o", "json", "--limit", "0"}},
		"audit show":         {{"1"}, {"9999"}},
		"audit asof":         {{"2027-01-05"}},
		"audit export":       {{}, {"-o", "csv"}},
		"audit key":          {{"example.com/other", "--out", "secrets/other.key"}},
		"approvals approve":  {{"x"}},
		"approvals reject":   {{"x"}},
		"approvals delegate": {{"u001", "u002", "--until", "2099-01-01", "--reason", "x"}},
		"review start":       {{"q1", "--reviewers", "owners", "--due", "2099-01-01"}},
		"review decide":      {{"q1", "keep", "x", "--reason", "x"}},
		"review unblock":     {{"u001", "crm", "--reason", "x"}},
		"tasks done":         {{"x", "--note", "x"}},
	}
	a := &app{process: process{Env: func(string) string { return "" }, Now: time.Now}}
	for _, leaf := range leaves(a.root(), "") {
		lists := given[leaf]
		if lists == nil {
			lists = [][]string{{}, {"x"}}
		}
		if slices.Contains([]string{"serve", "work", "demo", "help"}, strings.Fields(leaf)[0]) {
			continue // serve is the daemon below, demo has no secrets
		}
		for _, args := range lists {
			c.rolecall(append(strings.Fields(leaf), args...)...)
		}
	}
}

// daemon runs serve, looks at what it tells the world, and lets it end as a crash would, with all its goroutines shown.
func (c *canaries) daemon() {
	c.t.Helper()
	logFile := filepath.Join(c.dir, "serve.log")
	log, err := os.Create(logFile)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	cmd := c.command("serve", "-v")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(cmd.Env, "GOTRACEBACK=all")
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	address := regexp.MustCompile(`"address":"([^"]+)"`)
	read := func() string { data, _ := os.ReadFile(logFile); return string(data) }
	// With wrong secrets it may end by itself.
	ask := time.NewTicker(50 * time.Millisecond)
	defer ask.Stop()
	for deadline := time.After(time.Minute); ; {
		if strings.Contains(read(), `"msg":"run`) {
			break
		}
		select {
		case <-ask.C:
			continue
		case <-deadline:
		case <-ended:
		}
		break
	}
	if m := address.FindStringSubmatch(read()); m != nil {
		for _, path := range []string{"/metrics", "/healthz", "/readyz", "/"} {
			c.fetch("http://" + m[1] + path)
		}
	}
	for _, file := range []string{"cmdline", "status"} { // its environment holds secrets, and belongs to it alone
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, file))
		if err == nil {
			c.said.Write(text)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGHUP)
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	<-ended
	c.said.WriteString("\n$ rolecall serve\n" + read())
}

func (c *canaries) fetch(url string) {
	response, err := http.Get(url)
	if err != nil {
		return
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	fmt.Fprintln(&c.said, url, response.Header, string(body))
}

// mistakes writes secrets where references belong, and into addresses: they are refused, and not repeated.
func (c *canaries) mistakes() {
	c.t.Helper()
	sound, err := os.ReadFile(filepath.Join(c.dir, "rolecall.yaml"))
	if err != nil {
		c.t.Fatal(err)
	}
	secret := c.canary("secret in the configuration")
	port := strings.TrimPrefix(c.ldap.TLSURL, "ldaps://")
	for _, m := range [][2]string{
		{"{env: LDAP_PASSWORD}", secret}, {"{credential: database}", secret}, {"{file: secrets/crm}", `"` + secret + `"`}, {"{env: HRM_SECRET}", "[" + secret + "]"}, {"{file: secrets/journal.key}", "{value: " + secret + "}"},
		{"{env: LDAP_PASSWORD}", "{env: LDAP_PASSWORD, value: " + secret + "}"}, {"token: {file: secrets/crm}", "tokn: " + secret},
		{"//keyed@", "//keyed:" + secret + "@"}, {"?sslmode=disable", "?sslmode=disable&password=" + secret}, {"//keyed@", "//keyed:" + secret + "%zz@"}, {"sqlite:rolecall.db", "postgres://a:" + secret + "@h/d"},
		{"sqlite:rolecall.db", "postgres://a:" + secret + "%zz@h/d"}, {"sqlite:rolecall.db", "postgres://h/d?password=" + secret}, {c.gossip.url + "/token", "https://u:" + secret + "@crm.example.com"},
		{c.gossip.url + "/token", "https://crm.example.com/?key=" + secret}, {c.gossip.url + "/sign-in", "https://u:" + secret + "%zz@crm.example.com"}, {c.ldap.TLSURL, "ldaps://u:" + secret + "@" + port},
		{c.ldap.TLSURL, "ldaps://" + port + "/" + secret}, {"version: 1\n", "version: 1\npassword: " + secret + "\n"},
	} {
		text := strings.Replace(string(sound), m[0], m[1], 1)
		if text == string(sound) {
			c.t.Errorf("%q is not in the configuration", m[0])
		}
		// The file itself holds the secret: it belongs to the secrets here.
		c.write("secrets/mistaken.yaml", text)
		code := c.rolecall("check", "--config", "secrets/mistaken.yaml")
		if code == exitDone {
			c.t.Errorf("%q instead of %q is taken", m[1], m[0])
		}
		c.rolecall("plan", "--config", "secrets/mistaken.yaml")
	}
}
