package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// canaries is a company every credential of which is a text that must be found nowhere, and all that its sessions left.
type canaries struct {
	t       *testing.T
	binary  string
	dir     string
	secrets map[string]string // what it is → its value, the wrong ones too
	env     []string
	said    bytes.Buffer // both streams of all commands, and their arguments
	ldap    *servers.SlapdServer
	pg      *servers.PostgresServer
	gossip  *gossip
	store   string
	clock   string // a hundred times too fast, so that the daemon has something to do
}

const canaryConfig = `version: 1
store: "STORE"
store_password: {file: secrets/store}
policies: policies
schedule: "*/5 * * * *"
zone: UTC
health: 127.0.0.1:0
audit: {key: {file: secrets/journal.key}, verifier: "VERIFIER", checkpoints: outside/checkpoint}
directories:
  - name: corp
    kind: ldap
    authority: people
    url: LDAP
    ca: CAFILE
    bind: {dn: "cn=reader,dc=example,dc=com", password: {env: LDAP_PASSWORD}}
    people: {base: "ou=people,dc=example,dc=com", filter: "(uid=*)"}
    key: entryUUID
    attributes: {login: uid, mail: mail, name: cn, status: employeeType}
    state: {left: 'status == "terminated"'}
programs:
  vpn: {kind: ldap-group, directory: corp, entitlements: {users: "cn=vpn,ou=apps,dc=example,dc=com"}, revoke: managed}
  db: {kind: sql, preset: postgres, url: "DATABASE", password: {credential: database}, rights: [app_*], create: "{login}", revoke: managed}
  crm: {kind: scim, url: "GOSSIP/token", token: {file: secrets/crm}, match: externalId, create: "{mail}", revoke: managed}
  hrm: {kind: scim, url: "GOSSIP/oauth", oauth: {url: "GOSSIP/sign-in", client: rolecall, secret: {env: HRM_SECRET}}, match: externalId, create: "{mail}", revoke: managed}
leavers: {unmanaged: approve, wait: 30d}
limits:
  revoke: {people: {floor: 3, percent: 10, cap: 100, window: 24h}, holdings: {floor: 6, percent: 10, cap: 500, window: 24h}}
  leavers: {floor: 3, percent: 5, cap: 300, window: 24h}
  grant: {floor: 1000, percent: 50, cap: 2000, window: 24h}
`

// canary makes a secret that no other text looks like.
func (c *canaries) canary(what string) string {
	value := "canary-" + strings.ReplaceAll(what, " ", "-") + "-7f3a9c51"
	c.secrets[what] = value
	return value
}

func newCanaries(t *testing.T, store string) *canaries {
	t.Helper()
	c := &canaries{t: t, binary: builtProgram(t), dir: t.TempDir(), secrets: map[string]string{}, store: "sqlite:rolecall.db",
		clock: fmt.Sprintf("ROLECALL_TEST_CLOCK=%d %d 100", time.Now().UnixNano(), time.Now().UnixNano())}
	c.ldap = servers.Slapd(t, servers.SlapdConfig{LDIF: companyLDIF(), Password: c.canary("bind password"),
		Access: []string{`to dn.subtree="ou=apps,` + realSuffix + `" by dn.exact="cn=reader,` + realSuffix + `" write by * none`}})
	c.pg = servers.Postgres(t)
	c.pg.Exec(t, "CREATE ROLE app_read")
	c.pg.Demand(t, "keyed", c.canary("database password"))
	if store == "postgres" {
		c.pg.Demand(t, "keeper", c.canary("store password"))
		c.store = strings.Replace(c.pg.NewDatabase(t), "app@", "keeper@", 1)
	}
	c.gossip = newGossip(t, c.canary("scim token"), c.canary("oauth secret"), c.canary("access token"))
	c.write("policies/company.yaml", "version: 1\nrules:\n  - {name: some, when: 'person.login.startsWith(\"u00\")', grant: [vpn/users, db, db/app_read, crm, crm/Sales, hrm], reason: few}\n")
	c.rolecall("audit", "key", "example.com/journal", "--out", "journal.key")
	_, verifier, found := strings.Cut(c.said.String(), "\nexample.com/journal+")
	if verifier = "example.com/journal+" + strings.TrimSpace(verifier); !found {
		t.Fatal(c.said.String())
	}
	key, err := os.ReadFile(filepath.Join(c.dir, "journal.key"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(strings.TrimSpace(string(key)), "+", 5) // PRIVATE+KEY+name+hash+key, whose base64 may hold a + as well
	c.secrets["checkpoint key"] = parts[4]
	if err := os.Remove(filepath.Join(c.dir, "journal.key")); err != nil {
		t.Fatal(err)
	}
	c.write("secrets/journal.key", string(key))
	c.write("outside/README", "checkpoints\n")
	replace := strings.NewReplacer("STORE", c.store, "VERIFIER", verifier, "LDAP_PASSWORD", "LDAP_PASSWORD", "LDAP", c.ldap.TLSURL, "CAFILE", c.ldap.CA.File,
		"DATABASE", strings.Replace(c.pg.DSN, "app@", "keyed@", 1), "GOSSIP", c.gossip.url)
	config := replace.Replace(canaryConfig)
	if store != "postgres" {
		config = strings.Replace(config, "store_password: {file: secrets/store}\n", "", 1)
	}
	c.write("rolecall.yaml", config)
	c.give("")
	// The one program that is ever started tells what it was given.
	c.write("bin/git", "#!/bin/sh\n{ echo \"$@\"; env; } >>"+c.dir+"/git.log\nexit 1\n")
	if err := os.Chmod(filepath.Join(c.dir, "bin", "git"), 0o700); err != nil { // #nosec G302 -- a program
		t.Fatal(err)
	}
	return c
}

// give puts the secrets where the configuration says that they are, or wrong ones.
func (c *canaries) give(suffix string) {
	c.t.Helper()
	value := func(what string) string {
		if suffix != "" {
			return c.canary(what + " " + suffix)
		}
		return c.secrets[what]
	}
	c.write("secrets/crm", value("scim token")+"\n")
	c.write("secrets/store", value("store password"))
	c.write("secrets/database", value("database password"))
	c.env = []string{"LDAP_PASSWORD=" + value("bind password"), "HRM_SECRET=" + value("oauth secret"), "CREDENTIALS_DIRECTORY=" + filepath.Join(c.dir, "secrets")}
}

func (c *canaries) write(name, text string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *canaries) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.binary, args...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), "PATH="+filepath.Join(c.dir, "bin")+":"+os.Getenv("PATH"), c.clock)
	cmd.Env = append(cmd.Env, c.env...)
	return cmd
}

// rolecall runs a command of the real binary and keeps what it says; how it ends is no matter here.
func (c *canaries) rolecall(args ...string) int {
	c.t.Helper()
	cmd := c.command(args...)
	out, err := cmd.CombinedOutput()
	fmt.Fprintf(&c.said, "\n$ rolecall %s\n%s", strings.Join(args, " "), out)
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// forms are the ways in which a secret can be written.
func forms(secret string) []string {
	return []string{secret, url.QueryEscape(secret), hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))[:len(secret)*4/3-4],
		base64.StdEncoding.EncodeToString([]byte("rolecall:" + secret))[:(len(secret)+9)*4/3-4]}
}

// tells gives the names of the secrets that are in some text.
func (c *canaries) tells(text []byte) (found []string) {
	for what, secret := range c.secrets {
		for _, form := range forms(secret) {
			if bytes.Contains(text, []byte(form)) {
				found = append(found, what)
				break
			}
		}
	}
	return found
}

// search goes through everything that was said, all files of the company but those with the secrets, and all that the
// database server keeps.
func (c *canaries) search() (size int64) {
	c.t.Helper()
	if at := c.tells(c.said.Bytes()); len(at) > 0 {
		for line := range bytes.Lines(c.said.Bytes()) {
			if here := c.tells(line); len(here) > 0 {
				c.t.Errorf("%s in %.500s", here, line)
			}
		}
	}
	size = int64(c.said.Len())
	dirs := []string{c.dir}
	if c.pg != nil {
		dirs = append(dirs, c.pg.Data())
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Type()&fs.ModeType != 0 || strings.HasPrefix(path, filepath.Join(c.dir, "secrets")) {
				return nil // a database's files come and go
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			if at := c.tells(data); len(at) > 0 {
				c.t.Errorf("%s in %s", at, path)
			}
			size += int64(len(data))
			return nil
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	return size
}

// leaves are the commands that do something.
func leaves(c *cobra.Command, path string) (out []string) {
	for _, sub := range c.Commands() {
		out = append(out, leaves(sub, strings.TrimSpace(path+" "+sub.Name()))...)
	}
	if len(out) == 0 {
		return []string{path}
	}
	return out
}
