package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const joinedDirectories = `directories:
  - {name: hr, kind: csv, authority: people, path: people.csv, complete: {count: rows}, key: id,
     attributes: {login: login, title: title, status: status}, state: {left: 'status == "left"'}, roles: [{attribute: title}]}
  - name: corp
    kind: ldap
    url: %s
    bind: {dn: "cn=reader,dc=example,dc=com", password: {env: LDAP_PASSWORD}}
    people: {base: "ou=people,dc=example,dc=com", filter: "(uid=*)"}
    key: employeeNumber
    join: {attribute: login, with: login}
    attributes: {login: uid, mail: mail, name: cn}
    roles: [{group: {base: "ou=groups,dc=example,dc=com", nested: true}}]
`

const joinedPolicy = `version: 1
rules:
  - {name: everybody, roles: ["group:staff"], grant: [vpn/users], reason: the directory says who is staff}
  - {name: engineers, roles: ["title:engineer"], grant: [db, db/app_read], reason: personnel says who builds}
  - {name: sellers, roles: ["group:sales"], grant: [crm, crm/Sales], reason: the directory says who sells}
`

// TestPartnerOnRealServers: personnel's file says who exists and what they are, slapd adds mail and groups, and goes away:
// what it alone tells is unknown and stays as it was, what personnel tells goes on.
func TestPartnerOnRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("three servers; it runs without -short")
	}
	b := newBranch(t)
	config := b.read("rolecall.yaml")
	before, rest, _ := strings.Cut(config, "directories:\n")
	_, after, _ := strings.Cut(rest, "programs:\n")
	b.write("rolecall.yaml", before+fmt.Sprintf(joinedDirectories, b.ldap.URL)+"programs:\n"+after)
	b.write("policies/company.yaml", joinedPolicy)
	titles := []string{"Engineer", "Engineer", "Engineer", "Clerk", "Engineer", "Clerk", "Engineer", "Clerk"}
	left := map[int]bool{}
	people := func() {
		text := "id,login,title,status\n"
		for i, title := range titles {
			text += fmt.Sprintf("e%d,u%03d,%s,%s\n", i, i, title, map[bool]string{true: "left"}[left[i]])
		}
		b.write("people.csv", text+fmt.Sprintf("rows,%d,,\n", len(titles)))
	}
	people()
	b.types(exitDone, "apply")
	for i, want := range []string{everything, everything, builds, sells, builds, sells, builds, "crm+Sales"} {
		b.expect(i, want)
	}

	b.ldap.Kill()
	titles[3], titles[2] = "Engineer", "Clerk" // two movers, a leaver and a joiner, as personnel says
	left[0] = true
	titles = append(titles, "Engineer")
	people()
	for range 3 {
		b.types(exitPartly, "apply")
		b.sees("corp was not read completely")
	}
	b.types(exitDone, "why", "u005", "crm")
	b.sees("crm/Sales +should have it: unknown")
	b.ldap.Start(t)
	for i, want := range []string{"vpn (db) (crm)", everything, "vpn (db)", everything, builds, sells, builds, "crm+Sales", "db+app_read"} {
		b.expect(i, want)
	}

	b.joins(8)
	b.types(exitDone, "apply")
	for i, want := range []string{"(db) (crm)", everything, "vpn (db)", everything, builds, sells, builds, "crm+Sales", everything} {
		b.expect(i, want)
	}
	b.types(exitDone, "plan", "--exit-code")
}

// TestDirectoryOfTwoServers: the first server of `url:` is down, so the second one is read, and the read proves as much.
func TestDirectoryOfTwoServers(t *testing.T) {
	b := newTerminal(t)
	first, second := newFewPeople(t), newFewPeople(t)
	b.env["LDAP_PASSWORD"] = first.Reader.Password
	b.types(exitDone, "init", ".", "--from", first.URL+","+second.URL, "--bind-dn", first.Reader.DN, "--password-env", "LDAP_PASSWORD")
	b.types(exitDone, "check")
	b.sees("directory +corp +20 people, read completely")
	second.Modify(t, "dn: uid=u20,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: u20\ncn: New\nsn: New\n")
	b.types(exitDone, "check") // the first one is asked as long as it answers
	b.sees("directory +corp +20 people, read completely")
	first.Stop()
	b.types(exitDone, "check")
	b.sees("directory +corp +21 people, read completely")
	b.types(exitDone, "plan")
	b.seesNo("not read completely")
	second.Stop()
	b.types(exitPartly, "plan")
	b.sees("corp was not read completely: .*unreachable|corp was not read completely: .*no connection")
}

func newFewPeople(t *testing.T) *servers.SlapdServer {
	t.Helper()
	return servers.Slapd(t, servers.SlapdConfig{LDIF: people20()})
}

// TestDirectoryOverASocket: the server knows who is calling by the operating system's user, and no password is kept.
func TestDirectoryOverASocket(t *testing.T) {
	b := newTerminal(t)
	user := fmt.Sprintf(`"gidNumber=%d\\+uidNumber=%d,cn=peercred,cn=external,cn=auth"`, os.Getgid(), os.Getuid())
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: people20(), Global: []string{`authz-regexp ` + user + ` "` + readerDN + `"`}})
	b.env["LDAP_PASSWORD"] = s.Reader.Password
	b.types(exitDone, "init", ".", "--from", s.URL, "--bind-dn", s.Reader.DN, "--password-env", "LDAP_PASSWORD")
	delete(b.env, "LDAP_PASSWORD")
	b.edit("rolecall.yaml", `url: ["`+s.URL+`"]`, `url: ["`+s.IPCURL+`"]`)
	b.edit("rolecall.yaml", `bind: {dn: "`+s.Reader.DN+`", password: {env: "LDAP_PASSWORD"}}`, "bind: {external: {}}")
	b.types(exitDone, "check")
	b.sees("directory +corp +20 people, read completely")
	s.Restart(t, servers.SlapdConfig{}) // the user is nobody's any more
	b.types(exitFailed, "check")
	b.sees("wrong +directory +corp +(no-base|refused|unreachable|empty)")
}
