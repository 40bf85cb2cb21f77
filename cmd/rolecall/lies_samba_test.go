package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// domainLDIF is a domain of n people in two teams that make up the staff; each third person is in a part of the tree, berlin.
func domainLDIF(n int) string {
	var b, teams strings.Builder
	for _, ou := range []string{"people", "groups", "berlin,OU=people"} {
		fmt.Fprintf(&b, "dn: OU=%s,DC=example,DC=test\nobjectClass: organizationalUnit\n\n", ou)
	}
	var members [2]string
	dn := func(i int) string {
		return fmt.Sprintf("CN=Person %d,%sOU=people,DC=example,DC=test", i, []string{"", "OU=berlin,", ""}[i%3])
	}
	for i := range n {
		status := "staff"
		if i%20 == 7 {
			status = "terminated"
		}
		fmt.Fprintf(&b, "dn: %s\nobjectClass: user\nsAMAccountName: u%02d\nmail: u%02d@example.test\nemployeeNumber: %d\ntitle: %s\ndepartmentNumber: D%d\nemployeeType: %s\nuserAccountControl: 544\n\n",
			dn(i), i, i, 1000+i, []string{"Clerk", "Engineer"}[i%2], i%3, status)
		members[i%2] += "member: " + dn(i) + "\n"
	}
	for i, name := range []string{"east", "west"} {
		fmt.Fprintf(&teams, "dn: CN=%s,OU=groups,DC=example,DC=test\nobjectClass: group\nsAMAccountName: %s\n%s\n", name, name, members[i])
	}
	teams.WriteString("dn: CN=staff,OU=groups,DC=example,DC=test\nobjectClass: group\nsAMAccountName: staff\nmember: CN=east,OU=groups,DC=example,DC=test\nmember: CN=west,OU=groups,DC=example,DC=test\n\n" +
		"dn: CN=contractors,OU=groups,DC=example,DC=test\nobjectClass: group\nsAMAccountName: contractors\n")
	for _, i := range []int{0, 3, 5, 9} {
		teams.WriteString("member: " + dn(i) + "\n")
	}
	teams.WriteString("\n")
	return b.String() + teams.String()
}

// TestLiesOfActiveDirectory: what a domain controller hides or no longer has takes nothing from anybody.
func TestLiesOfActiveDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole domain; it runs without -short")
	}
	const people = 40
	s := servers.Samba(t)
	s.Modify(t, domainLDIF(people))
	const password = "Str0ng!reader"
	// onDomain is a company of its own with a reader of its own: a right that was denied once is not given back.
	onDomain := func(t *testing.T, reader string) (h *hq, deny func(dn, rights string)) {
		t.Helper()
		s.CreateUser(t, reader, password)
		config := strings.NewReplacer("cn=reader,dc=example,dc=com", "CN="+reader+",CN=Users,DC=example,DC=test", "dc=example,dc=com", "DC=example,DC=test", "kind: ldap", "kind: ldap\n    profile: ad",
			"(uid=*)", "(&(objectClass=user)(employeeNumber=*))", "login: uid", "login: sAMAccountName").Replace(fmt.Sprintf(liesConfig, s.URL, 7))
		h = newHQWith(t, config, password, nil)
		h.whole(people)
		return h, func(dn, rights string) {
			sid := regexp.MustCompile(`objectSid: (S-[0-9-]+)`).FindStringSubmatch(s.Tool(t, "user", "show", reader, "--attributes=objectSid"))
			s.Tool(t, "dsacl", "set", "--objectdn="+dn+",DC=example,DC=test", "--sddl="+fmt.Sprintf(rights, sid[1]))
		}
	}
	for name, lie := range map[string]struct{ dn, rights, want string }{
		"everybody hidden":           {"OU=people", "(D;CI;RPLCLO;;;%s)", "empty|no-base|refused"},
		"a part of the tree hidden":  {"OU=berlin,OU=people", "(D;CI;RPLCLO;;;%s)", "baseline: corp shows 27 people after 40"},
		"departments hidden":         {"OU=people", "(OD;CI;RP;be9ef6ee-cbc7-4f22-b27b-96967e7ee585;;%s)", "attribute: .*department"},
		"departments hidden of some": {"OU=berlin,OU=people", "(OD;CI;RP;be9ef6ee-cbc7-4f22-b27b-96967e7ee585;;%s)", "attribute: .*department"},
		"keys hidden of some":        {"OU=berlin,OU=people", "(OD;CI;RP;a8df73ef-c5ea-11d1-bbcb-0080c76670c0;;%s)", "baseline: corp shows 27 people after 40"},
		"a group hidden":             {"CN=staff,OU=groups", "(D;;RPLCLO;;;%s)", "group:staff role-missing"},
		"marks of leavers hidden":    {"OU=people", "(OD;CI;RP;a8df73f0-c5ea-11d1-bbcb-0080c76670c0;;%s)", "attribute: .*status"},
		"members of a group hidden":  {"CN=east,OU=groups", "(OD;;RP;bf9679c0-0de6-11d0-a285-00aa003049e2;;%s)", "group:staff baseline"},
	} {
		t.Run(name, func(t *testing.T) {
			h, deny := onDomain(t, strings.ReplaceAll(name, " ", ""))
			deny(lie.dn, lie.rights)
			h.holds(lie.want)
		})
	}
	h, _ := onDomain(t, "reader")
	config := h.config()
	const rename = "dn: CN=%s,OU=groups,DC=example,DC=test\nchangetype: modrdn\nnewrdn: CN=%s\ndeleteoldrdn: 1\n"
	t.Run("a group renamed", func(t *testing.T) {
		h.t = t
		s.Modify(t, fmt.Sprintf(rename, "staff", "personnel"))
		h.holds("group:staff role-missing")
		s.Modify(t, fmt.Sprintf(rename, "personnel", "staff"))
		h.whole(people)
	})
	t.Run("another filter in the configuration", func(t *testing.T) {
		h.t = t
		h.write("rolecall.yaml", strings.Replace(config, "(employeeNumber=*)", "(departmentNumber=D1)", 1))
		h.configure(nil)
		h.holds("baseline: what is asked of corp was changed")
		h.write("rolecall.yaml", config)
		h.configure(nil)
		h.whole(people)
	})
	t.Run("a controller brought back to an older state", func(t *testing.T) {
		h.t = t
		back := s.Snapshot(t)
		s.Modify(t, "dn: CN=Later,OU=people,DC=example,DC=test\nobjectClass: user\nsAMAccountName: later\nmail: later@example.test\nemployeeNumber: 2000\ntitle: Clerk\ndepartmentNumber: D1\nemployeeType: staff\nuserAccountControl: 544\n")
		h.whole(people + 1)
		back()
		h.holds("older: .*lags")
		if p, _ := h.run(); p.Summary.People != people {
			t.Errorf("it shows %d people", p.Summary.People)
		}
	})
	t.Run("the server stops", func(t *testing.T) {
		h.t = t
		s.Kill()
		h.holds("unreachable")
	})
}
