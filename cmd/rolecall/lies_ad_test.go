package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// adCompany is the company in an Active Directory, which has made so many changes.
func adCompany(changes int) []servers.Entry {
	one := func(dn string, pairs ...string) servers.Entry {
		e := servers.Entry{DN: dn}
		for i := 0; i < len(pairs); i += 2 {
			e.Attributes = append(e.Attributes, servers.EntryAttribute{Name: pairs[i], Values: []string{pairs[i+1]}})
		}
		return e
	}
	const service = "cn=NTDS Settings,cn=DC1," + realSuffix
	out := []servers.Entry{one("", "namingContexts", realSuffix, "supportedCapabilities", "1.2.840.113556.1.4.800", "highestCommittedUSN", fmt.Sprint(changes), "dsServiceName", service),
		one(service, "invocationId", "0123456789abcdef")}
	for _, e := range crookedCompany()[2:] {
		for i := range e.Attributes {
			switch a := &e.Attributes[i]; a.Name {
			case "uid":
				a.Name = "sAMAccountName"
			case "entryUUID":
				a.Name, a.Values = "objectGUID", []string{(a.Values[0] + "................")[:16]}
			}
		}
		class := map[bool]string{true: "user", false: "group"}[strings.Contains(e.DN, "ou=people")]
		e.Attributes = append(e.Attributes, servers.EntryAttribute{Name: "objectClass", Values: []string{class}}, servers.EntryAttribute{Name: "uSNChanged", Values: []string{fmt.Sprint(changes)}})
		out = append(out, e)
	}
	return out
}

// behind is a controller with the same answers that lacks the last changes, and with them two people who joined. It has the
// name of the one before, as where that was brought back to an older state of its machine.
func behind(changes int) func(*servers.Page) {
	return func(p *servers.Page) {
		for i := range p.Entries {
			for j := range p.Entries[i].Attributes {
				if a := &p.Entries[i].Attributes[j]; a.Name == "highestCommittedUSN" || a.Name == "uSNChanged" {
					a.Values = []string{fmt.Sprint(changes)}
				}
			}
		}
		if ofPeople(p) {
			hide("uid=u38")(p)
			hide("uid=u39")(p)
		}
	}
}

// TestLiesInTheWordsOfActiveDirectory: what no Samba does on demand, in the answers that a domain controller gives then. A limit of
// result sets cuts a paged search short with the entries so far ([MS-ADTS] 3.1.1.3.4.6, MaxPageSize and MaxResultSetSize).
func TestLiesInTheWordsOfActiveDirectory(t *testing.T) {
	code := func(n int64) func(*servers.Page) { return func(p *servers.Page) { p.Code = n } }
	for name, lie := range map[string]struct {
		bend func(*servers.Page)
		want string
	}{
		"more than MaxPageSize, without pages": {people(1, func(p *servers.Page) { p.Code, p.Entries, p.NoControl = 4, p.Entries[:5], true }), "partial: size-limit"},
		"more than MaxPageSize, on page 3":     {people(3, func(p *servers.Page) { p.Code, p.Cookie = 4, "" }), "partial: size-limit"},
		"MaxQueryDuration is over":             {people(2, func(p *servers.Page) { p.Code, p.Entries, p.Cookie = 3, p.Entries[:3], "" }), "partial: time-limit"},
		"the cookie is not known any more":     {people(3, func(p *servers.Page) { p.Code, p.Entries, p.Cookie = 53, nil, "" }), "refused"},
		"paging is refused":                    {people(2, func(p *servers.Page) { p.Code, p.Entries, p.Cookie = 12, nil, "" }), "partial|refused|no-paging|unreachable"},
		"the controller is stopping":           {people(2, code(52)), "busy|unavailable|unreachable"},
		"another domain": {people(1, func(p *servers.Page) {
			p.Code, p.Entries, p.Referrals = 10, nil, []string{"ldap://sub.example.com/dc=sub"}
		}), "partial: referral"},
		"a part of the tree hidden": {people(1, hide("uid=u1")), "baseline: corp shows 30 people after 40"},
		"states hidden":             {people(1, drop("employeeType", "", nil)), "attribute: .*status"},
		"titles hidden":             {people(1, drop("title", "", nil)), "attribute: .*title"},
		"members hidden":            {groups(drop("member", "", nil)), "group:staff baseline"},
		"members in parts, one of them refused": {ranged("east", func(p *servers.Page, low int, _ *servers.EntryAttribute) { p.Code = int64(min(low, 1)) * 50 }),
			`group:\* partial: range-unread`},
		"a controller that lags": {behind(900), "older: .*lags"},
		"a root that does not say how recent it is, of a part": {func(p *servers.Page) {
			drop("highestCommittedUSN", "", nil)(p)
			if ofPeople(p) {
				hide("uid=u1")(p)
			}
		}, "baseline: corp shows 30 people after 40"},
	} {
		t.Run(name, func(t *testing.T) {
			s := servers.NewCrooked(t, adCompany(1000))
			config := strings.NewReplacer("kind: ldap", "kind: ldap\n    profile: ad", "login: uid", "login: sAMAccountName", "(uid=*)", "(sAMAccountName=*)").Replace(fmt.Sprintf(liesConfig, s.URL, 7))
			h := newHQWith(t, config, "reader", nil)
			h.whole(40)
			s.Bend(lie.bend)
			h.holds(lie.want)
			s.Bend(nil)
			h.whole(40)
		})
	}
}
