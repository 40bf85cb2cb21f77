package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const branchConfig = `version: 1
store: sqlite:rolecall.db
policies: policies
schedule: "*/15 * * * *"
zone: UTC
health: 127.0.0.1:0
directories:
  - name: corp
    kind: ldap
    authority: people
    url: %s
    ca: %s
    bind: {dn: "cn=reader,dc=example,dc=com", password: {env: LDAP_PASSWORD}}
    people: {base: "ou=people,dc=example,dc=com", filter: "(uid=*)"}
    key: entryUUID
    attributes: {login: uid, mail: mail, name: cn, status: employeeType}
    state: {left: 'status == "terminated"'}
    roles: [{group: {base: "ou=groups,dc=example,dc=com", nested: true}}]
programs:
` + realPrograms + `leavers: {unmanaged: suspend, absences: 2, apart: 10m}
limits:
  revoke:
    people: {floor: 100, percent: 100, cap: 100, window: 24h}
    holdings: {floor: 100, percent: 100, cap: 100, window: 24h}
  leavers: {floor: 100, percent: 100, cap: 100, window: 24h}
  grant: {floor: 100, percent: 100, cap: 100, window: 24h}
`

const branchPolicy = `version: 1
rules:
  - {name: everybody, roles: [staff], grant: [vpn/users], reason: everybody may work at home}
  - {name: engineers, roles: [engineering], grant: [db, db/app_read], reason: who builds looks at data}
  - {name: sellers, roles: [sales], grant: [crm, crm/Sales], reason: who sells needs customers}
`

// branch is an office of eight people whose servers keep still enough to be looked at one by one: u000 and u001 build and
// sell, the even ones of the others build, the odd ones sell, and u007 is no staff.
type branch struct{ *office }

func newBranch(t *testing.T) *branch {
	t.Helper()
	b := &branch{&office{terminal: newTerminal(t)}}
	b.ldap = servers.Slapd(t, servers.SlapdConfig{LDIF: branchLDIF(), Access: []string{
		`to dn.subtree="ou=apps,` + realSuffix + `" by dn.exact="cn=reader,` + realSuffix + `" write by * none`,
	}})
	b.pg = servers.Postgres(t)
	b.pg.Exec(t, "CREATE ROLE app_read; CREATE ROLE app_write")
	b.env["LDAP_PASSWORD"], b.env["CRM_TOKEN"] = b.ldap.Reader.Password, "t0ken-canary"
	b.scim = servers.SCIMMY(t, filepath.Join("..", "..", "connectors", "scim", "testdata", "scimmy"), b.env["CRM_TOKEN"])
	b.call(http.MethodPost, "/Groups", map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": "Sales"})
	b.write("rolecall.yaml", fmt.Sprintf(branchConfig, b.ldap.TLSURL, b.ldap.CA.File, b.pg.DSN, b.scim))
	if err := os.Mkdir(filepath.Join(b.dir, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.write("policies/company.yaml", branchPolicy)
	return b
}

func branchLDIF() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dn: %s\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n", realSuffix)
	for _, ou := range []string{"people", "groups", "apps"} {
		fmt.Fprintf(&b, "dn: ou=%s,%s\nobjectClass: organizationalUnit\nou: %s\n\n", ou, realSuffix, ou)
	}
	groups := map[string]string{}
	for i := range 8 {
		b.WriteString(branchPerson(i))
		if i != 7 {
			groups["staff"] += "member: " + personDN(i) + "\n"
		}
		if i < 2 || i%2 == 0 {
			groups["engineering"] += "member: " + personDN(i) + "\n"
		}
		if i < 2 || i%2 == 1 {
			groups["sales"] += "member: " + personDN(i) + "\n"
		}
	}
	for _, name := range []string{"staff", "engineering", "sales"} {
		fmt.Fprintf(&b, "dn: cn=%s,ou=groups,%s\nobjectClass: groupOfNames\ncn: %[1]s\n%[3]s\n", name, realSuffix, groups[name])
	}
	fmt.Fprintf(&b, "dn: cn=vpn,ou=apps,%s\nobjectClass: groupOfNames\ncn: vpn\nmember: cn=reader,%[1]s\n", realSuffix)
	return b.String()
}

func branchPerson(i int) string {
	return fmt.Sprintf("dn: %s\nobjectClass: inetOrgPerson\nuid: u%03d\ncn: %s Nº%[2]d\nsn: Person\nmail: u%03[2]d@example.com\nemployeeType: staff\nemployeeNumber: e%[2]d\n\n", personDN(i), i, firstNames[i])
}

// joins hires u00i, who builds and sells.
func (b *branch) joins(i int) {
	b.t.Helper()
	ldif := branchPerson(i)
	for _, group := range []string{"staff", "engineering", "sales"} {
		ldif += fmt.Sprintf("dn: cn=%s,ou=groups,%s\nchangetype: modify\nadd: member\nmember: %s\n\n", group, realSuffix, personDN(i))
	}
	b.ldap.Modify(b.t, ldif)
}

func (b *branch) leaves(i int) {
	b.t.Helper()
	b.ldap.Modify(b.t, "dn: "+personDN(i)+"\nchangetype: modify\nreplace: employeeType\nemployeeType: terminated\n")
}

// has is what u00i has in the servers, as they say: "vpn db+app_read crm+Sales"; "" is nothing, and a suspended account is
// in brackets.
func (b *branch) has(i int) string {
	b.t.Helper()
	var out []string
	if strings.Contains(b.vpn(), "member: "+personDN(i)+"\n") {
		out = append(out, "vpn")
	}
	role := b.pg.Exec(b.t, fmt.Sprintf(`SELECT r.rolcanlogin || coalesce((SELECT string_agg('+' || g.rolname, '' ORDER BY g.rolname) FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
		WHERE m.member = r.oid), '') FROM pg_roles r WHERE r.rolname = 'u%03d'`, i))
	if on, rest, _ := strings.Cut(role, "+"); role != "" {
		out = append(out, accountAs("db", on == "true", rest))
	}
	users, _ := b.call(http.MethodGet, fmt.Sprintf("/Users?filter=userName+eq+%%22u%03d@example.com%%22", i), nil)["Resources"].([]any)
	if len(users) == 1 {
		user := users[0].(map[string]any)
		in := ""
		if groups, _ := b.call(http.MethodGet, "/Groups", nil)["Resources"].([]any); strings.Contains(fmt.Sprint(groups), fmt.Sprint("value:", user["id"])) {
			in = "Sales"
		}
		out = append(out, accountAs("crm", user["active"] == true, in))
	}
	return strings.Join(out, " ")
}

func accountAs(program string, active bool, right string) string {
	if right != "" {
		program += "+" + right
	}
	if !active {
		return "(" + program + ")"
	}
	return program
}

// all is what everybody has.
func (b *branch) all() string {
	b.t.Helper()
	var out []string
	for i := range 10 {
		out = append(out, fmt.Sprintf("u%03d: %s", i, b.has(i)))
	}
	return strings.Join(out, "\n")
}

func (b *branch) expect(i int, want string) {
	b.t.Helper()
	if got := b.has(i); got != want {
		b.t.Errorf("u%03d has %q instead of %q", i, got, want)
	}
}
