package directory

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

func TestFilters(t *testing.T) {
	e := &entry{attrs: []raw{{name: "objectclass", values: []string{"top", "inetOrgPerson"}}, {name: "cn", values: []string{"Ada  LOVELACE"}}, {name: "uid", values: []string{"a*b"}}}}
	for filter, want := range map[string]bool{
		"(objectClass=INETORGPERSON)": true, "(objectClass=person)": false, "(cn=*)": true, "(mail=*)": false, "(cn=ada lovelace)": true,
		"(&(cn=*)(uid=*))": true, "(&(cn=*)(mail=*))": false, "(|(mail=*)(cn=*))": true, "(|(mail=*)(sn=*))": false, "(!(mail=*))": true, "(!(cn=*))": false,
		"(cn=ada*)": true, "(cn=*lace)": true, "(cn=*a l*)": true, "(cn=a*lov*e)": true, "(cn=lov*)": false, "(cn=*ada)": false, "(cn=ada*ada*)": false,
		`(uid=a\2ab)`: true, `(uid=a\2a)`: false,
	} {
		f, _, err := compileFilter(filter)
		if err != nil {
			t.Fatal(filter, err)
		}
		if f(e) != want {
			t.Errorf("%s: %v", filter, !want)
		}
	}
	for _, filter := range []string{"(cn>=a)", "(cn", "(&(cn=*)(cn~=x))", ""} {
		if _, _, err := compileFilter(filter); err == nil {
			t.Errorf("%s is taken", filter)
		}
	}
}

// Groups that list logins, as posixGroup does, and people chosen by a filter.
func TestMemberUID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.ldif")
	text := "dn: uid=ada,dc=x\nobjectClass: account\nuid: ADA\nemployeeNumber: 1\n\ndn: uid=bob,dc=x\nobjectClass: account\nuid: bob\nemployeeNumber: 2\n\n" +
		"dn: uid=srv-1,dc=x\nobjectClass: account\nuid: srv-1\nemployeeNumber: 3\n\ndn: cn=go,dc=x\nobjectClass: posixGroup\ncn: go\nmemberUid: ada\nmemberUid: eve\n\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := corp()
	cfg.Roles = []RoleSource{{As: "unix", Group: &Groups{Member: "memberUid", By: "login"}}}
	d, err := LDIF(LDIFConfig{Config: cfg, File: File{Path: path, Whole: true}, People: Search{Filter: "(&(objectClass=account)(!(uid=srv-*)))"}})
	if err != nil {
		t.Fatal(err)
	}
	people, proof := collect(t, d)
	if len(people) != 2 || !slices.Equal(people[0].Roles, []string{"unix:go"}) || people[1].Roles != nil || !proof.Complete() {
		t.Errorf("%+v %+v", people, proof)
	}
}

func TestConfigMistakes(t *testing.T) {
	c := Config{Name: "x", Attributes: []Attribute{{Name: "a", Source: "a"}, {Name: "a", Source: "b"}, {Name: "c"}}, Dates: Dates{End: "end"}, Zone: Zone{Attribute: "z"},
		Roles:    []RoleSource{{Attribute: "t"}, {Group: &Groups{By: "g"}}, {Group: &Groups{}}, {As: "a:b", Attribute: "a"}, {Name: "n"}},
		Canaries: []Canary{{Attribute: "k"}}}
	err := c.Check()
	for _, want := range []string{"directory x", "key:", `"a" is declared twice`, `"c" from ""`, "dates.end", "zone:", `roles: "t"`, `roles.group.by: "g"`, `two sources are called "group"`, "no colon", "needs both a name", `canaries: "k"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	for name, make := range map[string]func() (engine.Directory, error){
		"CSV has no groups": func() (engine.Directory, error) { return CSV(CSVConfig{Config: corp()}) },
		"whole":             func() (engine.Directory, error) { return CSV(CSVConfig{Config: hr(), File: File{Whole: true}}) },
		"encoding":          func() (engine.Directory, error) { return CSV(CSVConfig{Config: hr(), Encoding: "ebcdic"}) },
		"filter":            func() (engine.Directory, error) { return LDIF(LDIFConfig{Config: corp(), People: Search{Filter: "("}}) },
		"profile":           func() (engine.Directory, error) { return LDAP(nil, LDAPConfig{Config: corp(), Profile: "x"}) },
		"base":              func() (engine.Directory, error) { return LDAP(nil, LDAPConfig{Config: corp()}) },
		"an LDAP filter": func() (engine.Directory, error) {
			return LDAP(nil, LDAPConfig{Config: corp(), People: Search{"o=x", "("}})
		},
	} {
		if _, err := make(); err == nil || !strings.Contains(err.Error(), "directory ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
