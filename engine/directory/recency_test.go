package directory

import (
	"context"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// replica holds two people and their group, as of a day.
func replica(t *testing.T, day string) *servers.Crooked {
	at := func(dn string, names ...string) (e servers.Entry) {
		e.DN = dn
		for i := 0; i < len(names); i += 2 {
			e.Attributes = append(e.Attributes, servers.EntryAttribute{Name: names[i], Values: []string{names[i+1]}})
		}
		return e
	}
	return servers.NewCrooked(t, []servers.Entry{
		at("", "objectClass", "top", "namingContexts", suffix),
		at(suffix, "objectClass", "domain", "contextCSN", "202701"+day+"000000.000000Z#000000#001#000000"),
		at("uid=ann,ou=people,"+suffix, "objectClass", "person", "entryUUID", "ann", "uid", "ann"),
		at("uid=bob,ou=people,"+suffix, "objectClass", "person", "entryUUID", "bob", "uid", "bob"),
		at("cn=team,ou=groups,"+suffix, "objectClass", "groupOfNames", "cn", "team", "member", "uid=ann,ou=people,"+suffix),
	})
}

// The mark is that of the oldest server which showed something, not of the one that was asked first: where a server is lost in the
// middle of a read, the next one may lag.
func TestMarkIsOfWhoeverShowsTheEntries(t *testing.T) {
	for name, c := range map[string]struct {
		bend func(*servers.Page)
		want string
	}{
		"one server":                       {nil, "20270102"},
		"the first is lost among people":   {func(p *servers.Page) { p.Close, p.Raw = lostAt(p, "ou=people,") }, "20270101"},
		"the first is lost before a group": {func(p *servers.Page) { p.Close, p.Raw = lostAt(p, "ou=groups,") }, "20270101"},
	} {
		first, second := replica(t, "02"), replica(t, "01")
		first.Bend(c.bend)
		client, err := ldapconn.New(ldapconn.Config{URLs: []string{first.URL, second.URL}, Bind: ldapconn.Bind{Method: ldapconn.Anonymous},
			Pause: func(context.Context, int) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		d, err := LDAP(client, LDAPConfig{PageSize: 1, People: Search{Base: "ou=people," + suffix, Filter: "(objectClass=person)"}, Config: Config{Name: "corp",
			Attributes: []Attribute{{Name: "login", Source: "uid"}}, Roles: []RoleSource{{Group: &Groups{Base: "ou=groups," + suffix, Filter: "(objectClass=groupOfNames)"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		people, proof := collect(t, d)
		if len(people) != 2 || !proof.Complete() || !strings.HasPrefix(proof.Mark, "csn:"+c.want) || people[0].HasRole(nil, "group:team") != engine.Yes {
			t.Errorf("%s: %+v, %+v", name, people, proof)
		}
	}
}

// lostAt hangs up on a search below a base.
func lostAt(p *servers.Page, base string) (bool, []byte) {
	if !strings.HasPrefix(p.Base, base) {
		return false, nil
	}
	return true, []byte{0x30}
}
