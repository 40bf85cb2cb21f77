package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// smallTeams is the company in thirteen teams of three, each of which may use the wiki of all teams.
func smallTeams() []servers.Entry {
	all := crookedCompany()
	out := slices.DeleteFunc(slices.Clone(all), func(e servers.Entry) bool { return strings.Contains(e.DN, "ou=groups") })
	for team := range 13 {
		var members []string
		for i := range 3 {
			members = append(members, all[2+team*3+i].DN)
		}
		out = append(out, servers.Entry{DN: fmt.Sprintf("cn=team%d,ou=groups,%s", team, realSuffix), Attributes: []servers.EntryAttribute{
			{Name: "cn", Values: []string{fmt.Sprint("team", team)}}, {Name: "entryUUID", Values: []string{fmt.Sprint("id", team)}}, {Name: "member", Values: members}}})
	}
	return out
}

// A loss of up to three passes, but not in each of many teams at once.
func TestHiddenMembersOfSmallTeams(t *testing.T) {
	s := servers.NewCrooked(t, smallTeams())
	h := newHQ(t, s.URL, 7, nil)
	policy := "version: 1\nrules:\n  - {name: all, when: 'true', grant: [wiki], reason: for everybody}\n"
	for team := range 13 {
		policy += fmt.Sprintf("  - {name: t%[1]d, roles: [\"group:team%[1]d\"], grant: [wiki/staff], reason: by team}\n", team)
	}
	h.write("policies/a.yaml", policy)
	h.configure(nil)
	h.whole(40)
	s.Bend(groups(drop("member", "", nil)))
	h.holds("group:team0 baseline: corp shows 0 holders of all roles of group after 39")
	s.Bend(groups(drop("member", "", func(e servers.Entry) bool { return strings.HasPrefix(e.DN, "cn=team1") })))
	h.holds("group:team1 baseline: corp shows 27 holders of all roles of group after 39")
	s.Bend(nil)
	h.whole(40)
}

// markedLeavers shows the state of leavers only: the two marks are all that there is of the attribute.
func markedLeavers() []servers.Entry {
	all := crookedCompany()
	for i := range all {
		all[i].Attributes = slices.DeleteFunc(all[i].Attributes, func(a servers.EntryAttribute) bool { return a.Name == "employeeType" && a.Values[0] == "staff" })
	}
	return all
}

// The loss of two marks passes the baseline. A canary that has left gives it away before those who left come back.
func TestCanaryOfLeavers(t *testing.T) {
	s := servers.NewCrooked(t, markedLeavers())
	h := newHQ(t, s.URL, 7, nil)
	config := fmt.Sprintf(liesConfig, s.URL, 7)
	h.write("rolecall.yaml", strings.Replace(config, "    roles:", "    canaries: [{entry: \"uid=u07,ou=people,dc=example,dc=com\", attribute: status, value: terminated}]\n    roles:", 1))
	h.configure(nil)
	h.whole(40)
	s.Bend(people(1, drop("employeeType", "", nil)))
	h.holds("canary: .*does not show status")
	s.Bend(nil)
	h.whole(40)
}
