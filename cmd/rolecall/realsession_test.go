package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

const realPolicy = `version: 1
rules:
  - {name: everybody-reads, when: 'true', grant: [wiki], reason: the wiki is for everybody}
  - {name: staff-from-home, roles: [staff], grant: [vpn/users], reason: everybody may work at home}
  - {name: engineers, roles: [engineering], when: 'job.title != "Clerk"', grant: [db, db/app_read], reason: who builds looks at data}
  - {name: sellers, roles: {any: [sales], none: ["title:clerk"]}, grant: [crm, crm/Sales], reason: who sells needs customers}
`

const realPrograms = `  vpn: {kind: ldap-group, directory: corp, entitlements: {users: "cn=vpn,ou=apps,dc=example,dc=com"}, revoke: managed}
  db: {kind: sql, preset: postgres, url: "%s", rights: [app_*], create: "{login}", revoke: managed}
  crm: {kind: scim, url: %s/scim/v2, token: {env: CRM_TOKEN}, match: externalId, create: "{mail}", revoke: managed}
`

// office is a company with all of its servers, and somebody who sets Rolecall up in it.
type office struct {
	*terminal
	ldap *servers.SlapdServer
	line *line // to ldap
	pg   *servers.PostgresServer
	scim string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{terminal: newTerminal(t)}
	people, apps, reader := "ou=people,"+realSuffix, "ou=apps,"+realSuffix, `"cn=reader,`+realSuffix+`"`
	o.ldap = servers.Slapd(t, servers.SlapdConfig{LDIF: companyLDIF(), Overlays: []string{"syncprov"}, Access: []string{
		`to dn.base="` + people + `" by * read`,
		`to dn.subtree="` + people + `" by group.exact="cn=readers,` + apps + `" read by * none`,
		`to dn.subtree="` + apps + `" by dn.exact=` + reader + ` write by * none`,
	}})
	o.line = newLine(t, strings.TrimPrefix(o.ldap.TLSURL, "ldaps://"))
	o.pg = servers.Postgres(t)
	o.pg.Exec(t, "CREATE ROLE app_read; CREATE ROLE app_write")
	o.env["LDAP_PASSWORD"], o.env["CRM_TOKEN"] = o.ldap.Reader.Password, "t0ken-canary"
	o.scim = servers.SCIMMY(t, filepath.Join("..", "..", "connectors", "scim", "testdata", "scimmy"), o.env["CRM_TOKEN"])
	o.call(http.MethodPost, "/Groups", map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": "Sales"})
	return o
}

// call talks to the SCIM server as its administrator would.
func (o *office) call(method, path string, body any) map[string]any {
	o.t.Helper()
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body) // strings only
	}
	r, err := http.NewRequestWithContext(o.t.Context(), method, o.scim+"/scim/v2"+path, bytes.NewReader(data))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("Authorization", "Bearer "+o.env["CRM_TOKEN"])
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		o.t.Fatal(err)
	}
	return out
}

// state is what all programs say, to see that nothing changed.
func (o *office) state() string {
	o.t.Helper()
	roles := o.pg.Exec(o.t, `SELECT r.rolname, r.rolcanlogin, (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) FROM pg_roles r WHERE r.rolname LIKE 'u%' ORDER BY 1`)
	users := o.call(http.MethodGet, "/Users?count=1000&sortBy=userName", nil)
	active := 0
	list, _ := users["Resources"].([]any)
	for _, u := range list {
		if on, _ := u.(map[string]any)["active"].(bool); on {
			active++
		}
	}
	return fmt.Sprintf("%s\n%d of %v users\n%d in vpn\n%s", roles, active, users["totalResults"], strings.Count(o.vpn(), "member: uid="), o.read("programs/wiki.csv"))
}

func (o *office) vpn() string {
	o.t.Helper()
	return o.ldap.Search(o.t, "cn=vpn,ou=apps,"+realSuffix, "member")
}

// TestSessionOnRealServers is what an administrator does with Rolecall in the first days, once with each store.
func TestSessionOnRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of accounts; it runs without -short")
	}
	for _, store := range []string{"sqlite", "postgres"} {
		t.Run(store, func(t *testing.T) { session(newOffice(t), store) })
	}
}

func session(o *office, store string) {
	o.setUp(store)
	o.provision()
	o.leave()
	o.hold("a wrong password", func() func() {
		o.env["LDAP_PASSWORD"] = "wr0ng"
		return func() { o.env["LDAP_PASSWORD"] = o.ldap.Reader.Password }
	}, "corp was not read completely: .*refuse|corp was not read completely: .*Invalid Credentials")
	o.hold("a line cut in mid-read", func() func() {
		o.line.left.Store(20_000)
		return func() { o.line.left.Store(-1) }
	}, `corp was not read completely: .*(cut|unreachable|lost)`)
	o.hold("rights taken away: an answer of nobody", func() func() {
		readers := "dn: cn=readers,ou=apps," + realSuffix + "\nchangetype: modify\nreplace: member\nmember: cn=%s," + realSuffix + "\n"
		o.ldap.Modify(o.t, fmt.Sprintf(readers, "limited"))
		return func() { o.ldap.Modify(o.t, fmt.Sprintf(readers, "reader")) }
	}, `corp was not read completely: corp shows nobody`)
	o.types(0, "plan", "--exit-code")
	o.look()
}

// setUp is init, check, and what somebody then edits.
func (o *office) setUp(store string) {
	url := "ldaps://" + o.line.address
	o.types(0, "init", ".", "--from", url, "--bind-dn", o.ldap.Reader.DN, "--password-env", "LDAP_PASSWORD", "--ca", o.ldap.CA.File)
	o.sees(`\(openldap\): 300 people below ou=people,dc=example,dc=com`, `groups below`)
	o.types(0, "check")
	o.sees("directory +corp +300 people, read completely", "4 rules")
	o.types(0, "plan", "--exit-code")
	o.sees("^Nothing to change")
	if store == "postgres" {
		o.edit("rolecall.yaml", "store: sqlite:rolecall.db", `store: "`+o.pg.NewDatabase(o.t)+`"`)
	}
	o.edit("rolecall.yaml", "# state: {left", "state: {left")
	o.edit("rolecall.yaml", "grant: {floor: 20", "grant: {floor: 1000")
	o.edit("rolecall.yaml", "  # Groups of the directory above", fmt.Sprintf(realPrograms, o.pg.DSN, o.scim)+"  # Groups of the directory above")
	o.write("policies/company.yaml", realPolicy)
	o.types(0, "check")
	o.sees("program +vpn", "program +db", "program +crm", "program +wiki")
}

func (o *office) provision() {
	before := o.state()
	o.types(0, "plan")
	if o.state() != before {
		o.t.Fatal("a dry run changed something")
	}
	planned := o.out[strings.LastIndex(o.out, "to create"):]
	o.types(0, "apply")
	o.sees("^Run r1: ")
	if !strings.Contains(o.out, planned) {
		o.t.Errorf("apply did other things than planned: %s", planned)
	}
	o.types(0, "plan", "--exit-code")
	o.sees("^Nothing to change")
	o.types(0, "apply")
	o.sees("nothing to do")
	if n := strings.Count(o.vpn(), "member: uid="); n != 295 { // all but the five who left
		o.t.Errorf("%d people in the vpn group", n)
	}
	if got := o.pg.Exec(o.t, "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = 'app_read' AND pg_has_role(m.member, m.roleid, 'member')"); got == "0" {
		o.t.Error("nobody reads the database")
	}
}

// seller is somebody who has an account in vpn, crm and wiki; builder in vpn, db and wiki.
const seller, builder = 1, 4

func (o *office) leave() {
	for _, i := range []int{seller, builder} {
		o.ldap.Modify(o.t, "dn: "+personDN(i)+"\nchangetype: modify\nreplace: employeeType\nemployeeType: terminated\n")
	}
	before := o.state()
	o.types(0, "plan")
	o.sees("suspend .*u001", "suspend .*u004")
	o.types(0, "apply")
	if o.state() == before {
		o.t.Fatal("nothing happened to those who left")
	}
	if v := o.vpn(); strings.Contains(v, "uid=u001,") || strings.Contains(v, "uid=u004,") {
		o.t.Error("who left is still in the vpn group")
	}
	if got := o.pg.Exec(o.t, "SELECT rolcanlogin, (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) FROM pg_roles r WHERE rolname = 'u004'"); got != "f|0" {
		o.t.Errorf("u004 in the database: %s", got)
	}
	users := o.call(http.MethodGet, `/Users?filter=userName+eq+%22u001@example.com%22`, nil)
	if text := fmt.Sprint(users["totalResults"], users["Resources"]); !strings.HasPrefix(text, "1 ") || !strings.Contains(text, "active:false") {
		o.t.Errorf("u001 in crm: %s", users)
	}
	if wiki := o.read("programs/wiki.csv"); !strings.Contains(wiki, "\nu001,no,") || !strings.Contains(wiki, "\nu004,no,") {
		o.t.Error("who left is still in the wiki")
	}
	o.types(0, "plan", "--exit-code")
}

// hold breaks something, and sees that a run says why, ends with 5 and changes nothing.
func (o *office) hold(what string, breaks func() (mends func()), reason string) {
	o.t.Helper()
	before := o.state()
	mends := breaks()
	o.types(5, "plan")
	o.sees(reason)
	o.types(5, "apply")
	o.sees(reason)
	o.seesNo(`−  (revoke|suspend)`)
	mends()
	if o.state() != before {
		o.t.Fatalf("%s: something was changed", what)
	}
	o.types(0, "plan", "--exit-code")
}

// look answers the questions of later days.
func (o *office) look() {
	o.types(0, "why", "u000", "vpn")
	o.sees("Ann Nº0", "group:staff", "vpn/users +should have it: yes; has it: yes, managed")
	o.types(0, "why", "u001", "crm")
	o.sees("state: left", `crm +should have it: forbidden; has it: no`)
	o.types(0, "audit", "list", "--program", "db", "--person", "u004")
	o.sees("suspend.*done")
	o.types(0, "audit", "asof", o.now.UTC().Format("2006-01-02"), "--person", "u000")
	o.types(0, "audit", "verify")
}
