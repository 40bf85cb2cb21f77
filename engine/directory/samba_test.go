package directory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// big is the members of the biggest group. Ranges of values are the affair of ldapconn and tested there.
const big = 120

func adConfig(s *servers.SambaServer) LDAPConfig {
	return LDAPConfig{Profile: "ad", People: Search{Base: s.Suffix}, PageSize: 100, Config: Config{Name: "ad", Now: noon,
		Attributes: []Attribute{{Name: "login", Source: "sAMAccountName"}, {Name: "title", Source: "title"}, {Name: "uac", Source: "userAccountControl"}, {Name: "expires", Source: "accountExpires"}},
		Dates:      Dates{End: "expires"},
		Roles:      []RoleSource{{Group: &Groups{Base: "CN=Users," + s.Suffix, Nested: true}}}}}
}

func TestActiveDirectory(t *testing.T) {
	s := servers.Samba(t)
	fillSamba(t, s)
	c, err := ldapconn.New(ldapconn.Config{URLs: []string{s.TLSURL}, CAFile: s.CA.File,
		Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: s.Admin.DN, Password: func() (string, error) { return s.Admin.Password, nil }}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := LDAP(c, adConfig(s))
	if err != nil {
		t.Fatal(err)
	}
	people, proof := collect(t, d)
	if !proof.Complete() || len(proof.Unseen()) > 0 || !strings.HasPrefix(proof.Mark, "usn:") {
		t.Fatalf("%+v %v", proof.Reasons, proof.Unseen())
	}
	by := byLogin(people)
	t.Run("key", func(t *testing.T) {
		if shown := s.Tool(t, "user", "show", "alice", "--attributes=objectGUID"); !strings.Contains(shown, by["alice"].Key) || len(by["alice"].Key) != 36 {
			t.Errorf("%q is not in %s", by["alice"].Key, shown)
		}
	})
	t.Run("states", func(t *testing.T) {
		if p := by["bob"]; p.State != engine.StateActive || p.Attributes.First("uac") != "514" {
			t.Errorf("a disabled account alone decides nothing: %s, %s", p.State, p.Attributes.First("uac"))
		}
		if p := by["carol"]; p.State != engine.StateLeft || !p.Marked {
			t.Errorf("an account that expired in 2021: %s (%s)", p.State, p.StateWhy)
		}
	})
	t.Run("nested roles", func(t *testing.T) {
		if want := []string{"group:domain users", "group:eng", "group:go"}; !slices.Equal(by["alice"].Roles, want) || !slices.Equal(by["bob"].Roles, want) {
			t.Errorf("%q and %q, want %q", by["alice"].Roles, by["bob"].Roles, want)
		}
	})
	t.Run("a primary group", func(t *testing.T) { // kept at the member, not at the group
		if roles := rolesIn(t, c, s, "CN=Users,"+s.Suffix, "alice"); !slices.Contains(roles, "group:domain users") {
			t.Errorf("%q lacks domain users", roles)
		}
	})
	t.Run("through a group outside the base", func(t *testing.T) {
		if roles := rolesIn(t, c, s, "OU=Roles,"+s.Suffix, "alice"); !slices.Equal(roles, []string{"group:build"}) {
			t.Errorf("%q, want build by way of eng", roles)
		}
	})
	t.Run("a big group", func(t *testing.T) {
		i := slices.IndexFunc(proof.Roles, func(r engine.RoleProof) bool { return r.Role == "group:big" })
		if r := proof.Roles[i]; r.Holders != big || len(r.ID) != 36 {
			t.Errorf("%+v, want %d holders", r, big)
		}
	})
	t.Run("memberOf", func(t *testing.T) {
		cfg := adConfig(s)
		cfg.Roles[0].Group.MemberOf = true
		d, err := LDAP(c, cfg)
		if err != nil {
			t.Fatal(err)
		}
		others, _ := collect(t, d)
		for i, p := range others {
			if !slices.Equal(p.Roles, people[i].Roles) {
				t.Errorf("%s: %q by memberOf, %q by member", p.Entry, p.Roles, people[i].Roles)
			}
		}
	})
	t.Run("look", func(t *testing.T) {
		f, err := Look(t.Context(), c)
		if err != nil || f.Count != big+3 || f.Profile != "ad" || f.Key != "objectGUID" || !f.KeySeen || !strings.EqualFold(f.Context, s.Suffix) || !f.Groups.Nested || f.Roles[0].Name != "big" {
			t.Errorf("%+v, %v: all but Administrator, Guest and krbtgt are people", f, err)
		}
	})
	t.Run("renamed", func(t *testing.T) {
		s.Tool(t, "user", "rename", "alice", "--samaccountname=alicia", "--force-new-cn=Alicia")
		people, later := collect(t, d)
		if p := byLogin(people)["alicia"]; p.Key != by["alice"].Key || len(p.Roles) != 3 {
			t.Errorf("%+v", p)
		}
		if !engine.OlderMark(proof.Mark, later.Mark) {
			t.Errorf("%s, then %s", proof.Mark, later.Mark)
		}
	})
}

// rolesIn reads the roles of one person from groups below a base.
func rolesIn(t *testing.T, c *ldapconn.Client, s *servers.SambaServer, base, login string) []string {
	t.Helper()
	cfg := adConfig(s)
	cfg.Roles[0].Group.Base = base
	d, err := LDAP(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	people, _ := collect(t, d)
	return byLogin(people)[login].Roles
}

func byLogin(people []engine.Person) map[string]engine.Person {
	out := map[string]engine.Person{}
	for _, p := range people {
		out[p.Login()] = p
	}
	return out
}

func fillSamba(t *testing.T, s *servers.SambaServer) {
	t.Helper()
	for _, name := range []string{"alice", "bob", "carol"} {
		s.CreateUser(t, name, "Str0ng!pw1", "--job-title=Engineer")
	}
	s.Tool(t, "user", "disable", "bob")
	s.CreateGroup(t, "go", "bob")
	s.CreateGroup(t, "eng", "alice", "go")
	s.Tool(t, "group", "addmembers", "go", "eng") // a circle
	var users, group strings.Builder
	fmt.Fprintf(&users, "dn: CN=carol,CN=Users,%s\nchangetype: modify\nreplace: accountExpires\naccountExpires: 132539328000000000\n\n", s.Suffix)
	fmt.Fprintf(&users, "dn: OU=Many,%s\nchangetype: add\nobjectClass: organizationalUnit\n\n", s.Suffix)
	fmt.Fprintf(&group, "dn: CN=big,CN=Users,%s\nchangetype: add\nobjectClass: group\nsAMAccountName: big\n", s.Suffix)
	for i := range big {
		fmt.Fprintf(&users, "dn: CN=u%d,OU=Many,%s\nchangetype: add\nobjectClass: user\nsAMAccountName: u%d\n\n", i, s.Suffix, i)
		fmt.Fprintf(&group, "member: CN=u%d,OU=Many,%s\n", i, s.Suffix)
	}
	fmt.Fprintf(&group, "\ndn: CN=build,OU=Roles,%s\nchangetype: add\nobjectClass: group\nsAMAccountName: build\nmember: CN=eng,CN=Users,%s\n", s.Suffix, s.Suffix)
	fmt.Fprintf(&users, "dn: OU=Roles,%s\nchangetype: add\nobjectClass: organizationalUnit\n\n", s.Suffix)
	s.Modify(t, users.String())
	s.Modify(t, group.String())
}
