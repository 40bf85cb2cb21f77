package directory

import (
	"cmp"
	"fmt"

	"github.com/rolecall/rolecall/engine/ldapconn"
)

// Profile is what a family of servers calls things. Whoever configures a directory can say otherwise for each of them.
type Profile struct {
	Name   string // openldap, ad, 389ds, freeipa
	Key    string // attribute that is never reused
	Login  string
	People string // filter
	Groups string // filter
	Member []string
}

// profiles gives the known families, sorted by name. Sources: RFC 4530 (entryUUID), [MS-ADA3] objectGUID and
// objectCategory, the schemas that 389 Directory Server and FreeIPA ship (nsUniqueId, ipaUniqueID).
func profiles() []Profile {
	const groupOf = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))"
	return []Profile{
		{Name: "389ds", Key: "nsUniqueId", Login: "uid", People: "(objectClass=person)", Groups: groupOf, Member: []string{"member", "uniqueMember"}},
		{Name: "ad", Key: "objectGUID", Login: "sAMAccountName", People: "(&(objectCategory=person)(objectClass=user))", Groups: "(objectClass=group)", Member: []string{"member"}},
		{Name: "freeipa", Key: "ipaUniqueID", Login: "uid", People: "(objectClass=posixaccount)", Groups: "(objectClass=ipausergroup)", Member: []string{"member"}},
		{Name: "openldap", Key: "entryUUID", Login: "uid", People: "(objectClass=person)", Groups: groupOf, Member: []string{"member", "uniqueMember"}},
	}
}

// suggested is the filter that a look proposes. In Active Directory it leaves out Administrator, Guest and krbtgt, which come
// with the domain ([MS-ADA1] isCriticalSystemObject). It is no default: where one was taken for a person so far, a narrower
// default would make a leaver of that one.
func (p *Profile) suggested() string {
	if p.Name == "ad" {
		return "(&(objectCategory=person)(objectClass=user)(!(isCriticalSystemObject=TRUE)))"
	}
	return p.People
}

// ProfileOf gives the family of that name; "" is openldap.
func ProfileOf(name string) (Profile, error) {
	name = cmp.Or(name, "openldap")
	for _, p := range profiles() {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("profile %q is not known; it is one of 389ds, ad, freeipa, openldap", name)
}

func profileOfKind(k ldapconn.Kind) Profile {
	names := map[ldapconn.Kind]string{ldapconn.ActiveDirectory: "ad", ldapconn.DS389: "389ds"}
	p, _ := ProfileOf(names[k]) // it is in the list above
	return p
}
