package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestSessionOnActiveDirectory: a group of more members than Active Directory gives at once, signed in by Kerberos, and
// membership written to another group of the same domain.
func TestSessionOnActiveDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole domain; it runs without -short")
	}
	const members, users = 1600, 60 // the others are contacts, which are made much faster
	s := servers.Samba(t)
	var ldif, big strings.Builder
	ldif.WriteString("dn: OU=people,DC=example,DC=test\nobjectClass: organizationalUnit\n\ndn: OU=groups,DC=example,DC=test\nobjectClass: organizationalUnit\n\n" +
		"dn: CN=vpn,OU=groups,DC=example,DC=test\nobjectClass: group\nsAMAccountName: vpn\n\n")
	big.WriteString("dn: CN=big,OU=groups,DC=example,DC=test\nobjectClass: group\nsAMAccountName: big\n")
	for i := range members {
		if fmt.Fprintf(&ldif, "dn: CN=Pörson %d,OU=people,DC=example,DC=test\n", i); i >= users {
			ldif.WriteString("objectClass: contact\n\n")
		} else {
			fmt.Fprintf(&ldif, "objectClass: user\nsAMAccountName: p%d\nuserAccountControl: 544\n\n", i)
		}
		fmt.Fprintf(&big, "member: CN=Pörson %d,OU=people,DC=example,DC=test\n", i)
	}
	s.Modify(t, ldif.String()+big.String())
	s.CreateUser(t, "rolecall", "Str0ng!pw1")
	s.Tool(t, "group", "addmembers", "Domain Admins", "rolecall")
	u := newTerminal(t)
	u.env["P"] = s.Admin.Password
	u.types(0, "init", ".", "--from", s.TLSURL, "--ca", s.CA.File, "--bind-dn", s.Admin.DN, "--password-env", "P")
	u.sees(`\(ad\): 6[0-9] people below (OU=people,)?DC=example`)

	keytab := filepath.Join(u.dir, "rolecall.keytab")
	s.Tool(t, "domain", "exportkeytab", keytab, "--principal=rolecall@"+s.Realm)
	u.edit("rolecall.yaml", `{dn: "`+s.Admin.DN+`", password: {env: "P"}}`,
		fmt.Sprintf("{gssapi: {krb5_conf: %q, principal: rolecall@%s, keytab: rolecall.keytab, service: ldap/%s}}", s.Krb5Conf, s.Realm, s.Host))
	delete(u.env, "P")
	u.edit("rolecall.yaml", "grant: {floor: 20", "grant: {floor: 2000")
	u.edit("rolecall.yaml", "  # Groups of the directory above", `  vpn: {kind: ldap-group, directory: corp, entitlements: {users: "CN=vpn,OU=groups,DC=example,DC=test"}, revoke: managed}`+
		"\n  # Groups of the directory above")
	u.write("policies/company.yaml", "version: 1\nrules:\n  - {name: all, roles: [big], grant: [vpn/users], reason: the big group}\n")
	u.types(0, "check")
	u.sees("corp +6[0-9] people, read completely", "vpn +0 holdings")
	u.types(0, "apply")
	u.sees(fmt.Sprintf("^%d to grant", users))
	u.types(0, "plan", "--exit-code")
	u.sees(fmt.Sprintf("^Nothing to change; %d unchanged", users))
	u.types(0, "why", "p57", "vpn")
	u.sees("group:big", "vpn/users +should have it: yes; has it: yes, managed")

	// A disabled account means what the configuration says it means.
	s.Tool(t, "user", "disable", "p9")
	u.types(0, "why", "p9", "vpn")
	u.sees("state: active")
	u.edit("rolecall.yaml", "    roles:\n", "    state: {away: 'int(account_control) / 2 % 2 == 1'}\n    roles:\n")
	u.types(0, "why", "p9", "vpn")
	u.sees(`state: away \(away: int\(account_control\) / 2 % 2 == 1 holds\)`)
	u.types(0, "why", "p8", "vpn")
	u.sees("state: active")

	s.Modify(t, "dn: CN=big,OU=groups,DC=example,DC=test\nchangetype: modify\ndelete: member\nmember: CN=Pörson 7,OU=people,DC=example,DC=test\n")
	u.types(0, "apply")
	u.sees("revoke +users +.*p7", "1 to revoke")
	u.write("rolecall.keytab", "no keytab")
	u.types(5, "plan")
	u.sees("corp was not read completely: .*Kerberos")
	u.seesNo("−  revoke")
}
