package directory

import (
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// What a look finds is enough to read the directory with.
func TestLook(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: company(60)})
	c := client(t, s, s.Reader)
	f, err := Look(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if f.Profile != "openldap" || f.Context != suffix || f.People.Base != "ou=people,"+suffix || f.Key != "entryUUID" || !f.KeySeen || f.Count != 60 || f.More {
		t.Errorf("%+v", f)
	}
	if f.Groups.Base != "ou=groups,"+suffix || !f.Groups.Nested || len(f.Roles) != 6 || f.Roles[0].Name != "team 0" || f.Roles[0].Members != 13 {
		t.Errorf("%+v %+v", f.Groups, f.Roles)
	}
	d, err := LDAP(c, LDAPConfig{Config: Config{Name: "found", Key: f.Key, Attributes: f.Attributes, Roles: []RoleSource{{Group: &f.Groups}}, Now: noon}, Profile: f.Profile, People: f.People})
	if err != nil {
		t.Fatal(err)
	}
	people, proof := collect(t, d)
	if len(people) != 60 || !proof.Complete() || people[0].Login() == "" || len(people[0].Roles) == 0 {
		t.Errorf("%d people, %+v", len(people), proof)
	}
	if _, err := Look(t.Context(), client(t, s, servers.Account{DN: s.Reader.DN, Password: "no"})); err == nil {
		t.Error("a refused sign-in found something")
	}
}

func TestLookUnderLimits(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: company(60), Database: []string{"sizelimit 20"}})
	f, err := Look(t.Context(), client(t, s, s.Limited))
	if err != nil || !f.More || f.Count == 0 || f.People.Base != "ou=people,"+suffix {
		t.Errorf("%+v, %v", f, err)
	}
}
