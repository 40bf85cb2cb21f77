package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// typed runs one command in a folder and gives what it printed.
func typed(t *testing.T, dir string, code int, env map[string]string, words ...string) string {
	t.Helper()
	var out bytes.Buffer
	got := run(t.Context(), process{Args: words, Dir: dir, Stdout: &out, Stderr: &out, Env: func(k string) string { return env[k] }, Now: time.Now, Random: rand1(), Actor: "tester"})
	if got != code {
		t.Fatalf("rolecall %s: exit code %d\n%s", strings.Join(words, " "), got, out.String())
	}
	return out.String()
}

const readerDN = "cn=reader,dc=example,dc=com"

// people20 is a directory of twenty people and two groups, one inside the other.
func people20() string {
	var b strings.Builder
	b.WriteString("dn: dc=example,dc=com\nobjectClass: domain\ndc: example\n\n")
	for _, ou := range []string{"people", "groups", "rights"} {
		fmt.Fprintf(&b, "dn: ou=%s,dc=example,dc=com\nobjectClass: organizationalUnit\nou: %s\n\n", ou, ou)
	}
	for i := range 20 {
		fmt.Fprintf(&b, "dn: uid=u%02d,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: u%02d\ncn: User %d\nsn: User\nmail: u%02d@example.com\ntitle: Clerk\n\n", i, i, i, i)
	}
	b.WriteString("dn: cn=platform,ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: platform\nmember: uid=u03,ou=people,dc=example,dc=com\n\n")
	b.WriteString("dn: cn=engineering,ou=groups,dc=example,dc=com\nobjectClass: groupOfNames\ncn: engineering\nmember: uid=u01,ou=people,dc=example,dc=com\n" +
		"member: uid=u02,ou=people,dc=example,dc=com\nmember: cn=platform,ou=groups,dc=example,dc=com\n\n")
	b.WriteString("dn: cn=vpn,ou=rights,dc=example,dc=com\nobjectClass: groupOfNames\ncn: vpn\nmember: uid=u19,ou=people,dc=example,dc=com\n\n")
	return b.String()
}

// From a bare server to granted membership: look at it, check, plan, write two rules, apply, and find nothing left to do.
func TestFromServerToMembership(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: people20(), Access: []string{`to dn.subtree="ou=rights,dc=example,dc=com" by dn.exact="` + readerDN + `" write by * read`}})
	if s.Reader.DN != readerDN {
		t.Fatalf("the reader is %s", s.Reader.DN)
	}
	dir, env := t.TempDir(), map[string]string{"LDAP_PASSWORD": s.Reader.Password}
	typed(t, dir, exitDone, env, "init", "co", "--from", s.URL, "--bind-dn", s.Reader.DN, "--password-env", "LDAP_PASSWORD")
	co := filepath.Join(dir, "co")
	config := filepath.Join(co, "rolecall.yaml")
	if text, _ := os.ReadFile(config); !strings.Contains(string(text), `password: {env: "LDAP_PASSWORD"}`) {
		t.Errorf("the password is no reference: %s", text)
	}
	if out := typed(t, co, exitDone, env, "check"); !strings.Contains(out, "20 people, read completely") {
		t.Errorf("check: %s", out)
	}
	if out := typed(t, co, exitDone, env, "plan"); !strings.Contains(out, "Nothing to change") {
		t.Errorf("a fresh configuration changes something: %s", out)
	}
	replace(t, config, "\nleavers:", "\n  vpn: {kind: ldap-group, directory: corp, entitlements: {use: \"cn=vpn,ou=rights,dc=example,dc=com\"}, match: key, revoke: managed}\nleavers:")
	rules := "version: 1\nrules:\n  - {name: vpn, roles: {any: [\"group:engineering\"]}, grant: [vpn/use], reason: builds from home}\n"
	if err := os.WriteFile(filepath.Join(co, "policies", "first.yaml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := typed(t, co, exitDone, env, "plan"); !strings.Contains(out, "3 to grant") || !strings.Contains(out, "not managed: 1 holding") {
		t.Fatalf("plan: %s", out)
	}
	typed(t, co, exitDone, env, "apply")
	if out := typed(t, co, exitDone, env, "plan", "--exit-code"); !strings.Contains(out, "Nothing to change") {
		t.Errorf("something is left to do: %s", out)
	}
	if out := typed(t, co, exitDone, env, "why", "u03", "vpn"); !strings.Contains(out, "should have it: yes; has it: yes") {
		t.Errorf("why: %s", out)
	}
	typed(t, co, exitPartly, map[string]string{"LDAP_PASSWORD": "wrong"}, "plan")
}
