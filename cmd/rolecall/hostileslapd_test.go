package main

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// peopleOfSlapd makes people of a real directory whose login, name and DN are hostile. Each is found by login, put into a
// group and taken out of it, and nobody else is by that.
func peopleOfSlapd(t *testing.T, texts []enginetest.HostileText) (taken int) {
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: people20(), Access: []string{`to dn.subtree="ou=rights,dc=example,dc=com" by dn.exact="` + readerDN + `" write by * read`}})
	logins := hostilePeople(t, s, texts)
	client := crookedClient(t, s.URL)
	p, err := ldapgroup.Open(ldapgroup.Config{Directory: "corp", Entitlements: map[string]string{"vpn": "cn=vpn,ou=rights," + realSuffix}}, ldapgroup.Options{Program: "vpn", Now: time.Now,
		Directory: func(string) (ldapgroup.Directory, error) {
			return ldapgroup.Directory{Client: client, URL: s.URL, Base: "ou=people," + realSuffix, Filter: "(uid=*)", Key: "uid"}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	members := func() (out []string) {
		t.Helper()
		proof, err := p.Holdings(t.Context(), func(h engine.Holding) error { out = append(out, h.Account); return nil })
		if err != nil || !proof.Complete() {
			t.Fatal(proof, err)
		}
		slices.Sort(out)
		return out
	}
	before := members()
	var in []string
	for _, login := range logins {
		outcome, err := p.Grant(t.Context(), login, "vpn")
		switch {
		case outcome == engine.Done:
			in = append(in, login)
		case outcome == engine.Refused && (strings.TrimSpace(login) != login || strings.HasPrefix(login, "dn:")): // no key looks like that
		default:
			t.Errorf("%+q: %s, %v", login, outcome, err)
		}
	}
	want := append(slices.Clone(before), in...)
	slices.Sort(want)
	if got := members(); !slices.Equal(got, want) {
		t.Errorf("%d members instead of %d", len(got), len(want))
	}
	for i, login := range in {
		held, err := p.Account(t.Context(), login)
		if err != nil || len(held) != 1 || held[0].Account != login {
			t.Errorf("%q holds %v, %v", login, held, err)
		}
		if i%2 == 0 {
			continue
		}
		if outcome, err := p.Revoke(t.Context(), login, "vpn"); outcome != engine.Done {
			t.Errorf("%q: %s, %v", login, outcome, err)
		}
		want = slices.DeleteFunc(want, func(w string) bool { return w == login })
	}
	if got := members(); !slices.Equal(got, want) {
		t.Errorf("%d members are left instead of %d", len(got), len(want))
	}
	if len(in) < 850 {
		t.Errorf("only %d were taken", len(in))
	}
	return len(in)
}

// hostilePeople gives the logins that the server takes; each ends with a number, since servers take some texts for equal.
func hostilePeople(t *testing.T, s *servers.SlapdServer, texts []enginetest.HostileText) (logins []string) {
	t.Helper()
	c, err := ldap.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bind(s.Admin.DN, s.Admin.Password); err != nil {
		t.Fatal(err)
	}
	for i, h := range texts {
		login := h.Text + fmt.Sprint("-", i)
		add := ldap.NewAddRequest("cn="+ldap.EscapeDN(login)+",ou=people,"+realSuffix, nil)
		add.Attribute("objectClass", []string{"inetOrgPerson"})
		add.Attribute("cn", []string{login})
		add.Attribute("sn", []string{"x"})
		add.Attribute("uid", []string{login})
		switch err := c.Add(add); {
		case err == nil:
			logins = append(logins, login)
		case ldap.IsErrorWithCode(err, ldap.LDAPResultOther) && len(login) > 400: // longer than a key of its index may be
		case !ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidAttributeSyntax, ldap.LDAPResultInvalidDNSyntax):
			t.Errorf("%q can't be added: %v", login, err)
		}
	}
	return logins
}

// TestHugeValue: one person of a real directory has a value of 10 MB. The others get what they should have.
func TestHugeValue(t *testing.T) {
	if testing.Short() {
		t.Skip("10 MB through a directory; it runs without -short")
	}
	huge := "dn: uid=u20,ou=people," + realSuffix + "\nobjectClass: inetOrgPerson\nuid: u20\ncn: User 20\nsn: User\ntitle: Clerk\ndescription:: " +
		base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 10_000_000))) + "\n\n"
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: people20() + huge})
	u := newTerminal(t)
	u.env["LDAP_PASSWORD"] = s.Reader.Password
	u.types(exitDone, "init", ".", "--from", s.URL, "--bind-dn", s.Reader.DN, "--password-env", "LDAP_PASSWORD")
	u.edit("rolecall.yaml", "attributes:\n", "attributes:\n      note: description\n")
	u.write("policies/company.yaml", "version: 1\nrules:\n  - {name: all, when: 'job.title == \"Clerk\"', grant: [wiki], reason: clerks}\n  - {name: noted, when: 'person.note != \"\"', grant: [wiki/noted], reason: noted}\n")
	u.edit("rolecall.yaml", "grant: {floor: 20", "grant: {floor: 1000")
	u.types(exitDone, "apply")
	u.sees("uid=u20,.*: description: a value of 10000000 bytes, more than 65536")
	wiki := u.read("programs/wiki.csv")
	if n := strings.Count(wiki, ",yes,"); n != 21 || strings.Contains(wiki, "noted") {
		t.Errorf("%d people got the wiki: %s", n, wiki)
	}
	u.types(exitDone, "why", "u20", "wiki")
	u.sees("wiki/noted +should have it: unknown", "wiki +should have it: yes; has it: yes")
}
