package main

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// TestSlapdHides takes rights from the account that reads a real server, in the ways in which administrators do it by
// mistake. The server answers success to each of them.
func TestSlapdHides(t *testing.T) {
	const people = 120
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: cutCompany(people), Overlays: []string{"syncprov"}})
	h := newHQ(t, s.URL, 50, nil)
	h.whole(people)
	reader := `dn.exact="` + s.Reader.DN + `"`
	limit := func(what string) servers.SlapdConfig {
		return servers.SlapdConfig{Overlays: []string{"syncprov"}, Limits: []string{reader + " " + what}}
	}
	access := func(rules ...string) servers.SlapdConfig {
		for i := range rules {
			rules[i] = strings.Replace(rules[i], "READER", "by "+reader, 1) + " by * none"
		}
		return servers.SlapdConfig{Overlays: []string{"syncprov"}, Access: rules}
	}
	groupsDN := "ou=groups," + realSuffix
	for name, lie := range map[string]struct {
		cfg  servers.SlapdConfig
		want string
	}{
		"everything":                  {access("to *"), "refused|no-base|not-visible"},
		"everything below the suffix": {access(`to dn.children="` + realSuffix + `"`), "no-base|unreachable|empty"},
		"all people":                  {access(`to dn.children="ou=people,` + realSuffix + `"`), "empty"},
		"some people":                 {access(`to dn.regex="^uid=u1[0-9]+,"`), "baseline: corp shows .* people after 120"},
		"people's values":             {access(`to dn.children="ou=people,` + realSuffix + `" READER search`), "empty|malformed"},
		"keys":                        {access("to attrs=employeeNumber"), "malformed|empty"},
		"keys of some":                {access(`to dn.regex="^uid=u5.," attrs=employeeNumber`), "malformed"},
		"titles":                      {access("to attrs=title"), "attribute: .*title"},
		"departments of some":         {access(`to dn.regex="^uid=u2[0-9]*," attrs=departmentNumber`), "attribute: .*department"},
		"marks of leavers":            {access("to attrs=employeeType"), "attribute: .*status"},
		"logins":                      {access("to attrs=uid"), "attribute: .*login|empty"},
		"one group":                   {access(`to dn.base="cn=staff,` + groupsDN + `"`), "group:staff role-missing"},
		"an inner group":              {access(`to dn.base="cn=team0,` + groupsDN + `"`), "group:staff baseline"},
		"the negative group":          {access(`to dn.base="cn=contractors,` + groupsDN + `"`), "group:contractors role-missing"},
		"a group's members":           {access(`to dn.base="cn=team0,` + groupsDN + `" attrs=member`), "group:staff baseline"},
		"all members":                 {access("to attrs=member"), "group:staff baseline"},
		"names of groups":             {access(`to dn.subtree="` + groupsDN + `" attrs=cn`), `group:\* malformed`},
		"all groups":                  {access(`to dn.children="` + groupsDN + `"`), "group:staff role-missing"},
		"the base of groups":          {access(`to dn.subtree="` + groupsDN + `"`), `group:\* refused|group:staff role-missing`},
		"what is beyond a size":       {limit("size.soft=30 size.hard=30 size.prtotal=30"), "partial: size-limit|partial: admin-limit"},
		"all pages":                   {limit("size.prtotal=disabled"), "partial|refused|no-paging"},
		"what is not indexed":         {limit("size.unchecked=10"), "partial: |admin-limit|unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			s.Restart(t, lie.cfg)
			h.holds(lie.want)
			s.Restart(t, servers.SlapdConfig{Overlays: []string{"syncprov"}})
			h.whole(people)
		})
	}
	t.Run("a group renamed", func(t *testing.T) {
		h.t = t
		s.Modify(t, "dn: cn=staff,"+groupsDN+"\nchangetype: modrdn\nnewrdn: cn=personnel\ndeleteoldrdn: 1\n")
		h.holds("group:staff role-missing")
		s.Modify(t, "dn: cn=personnel,"+groupsDN+"\nchangetype: modrdn\nnewrdn: cn=staff\ndeleteoldrdn: 1\n")
		h.whole(people)
	})
	t.Run("another filter in the configuration", func(t *testing.T) { h.t = t; h.otherFilter(people) })
	t.Run("the server stops", func(t *testing.T) {
		h.t = t
		s.Kill()
		h.holds("unreachable")
		s.Start(t)
		h.whole(people)
	})
	t.Run("a part of the tree is elsewhere", func(t *testing.T) {
		h.t = t
		s.Modify(t, "dn: ou=berlin,ou=people,"+realSuffix+"\nobjectClass: referral\nobjectClass: extensibleObject\nou: berlin\nref: ldap://127.0.0.1:9/ou=berlin\n")
		h.holds("partial: referral")
	})
}

// otherFilter asks for fewer people than before: by a base that is not there, by a filter that leaves out a few, and by
// one that leaves out half.
func (h *hq) otherFilter(people int) {
	sound := h.config()
	for filter, want := range map[string]string{
		"(&(uid=*)(!(uid=u11)))":           "baseline: what is asked of corp was changed",
		"(&(uid=*)(departmentNumber=D1))":  "baseline: what is asked of corp was changed",
		"(&(uid=*)(departmentNumber=D77))": "empty",
	} {
		h.write("rolecall.yaml", strings.Replace(sound, "(uid=*)", filter, 1))
		h.configure(nil)
		h.holds(want)
	}
	h.write("rolecall.yaml", sound)
	h.configure(nil)
	h.whole(people)
}
