package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

func ofPeople(p *servers.Page) bool { return strings.HasPrefix(p.Base, "ou=people") }
func ofGroups(p *servers.Page) bool { return strings.HasPrefix(p.Base, "ou=groups") }

// people bends answers about people, from one page of the search on.
func people(from int, bend func(*servers.Page)) func(*servers.Page) {
	return func(p *servers.Page) {
		if ofPeople(p) && p.Number >= from {
			bend(p)
		}
	}
}

func groups(bend func(*servers.Page)) func(*servers.Page) {
	return func(p *servers.Page) {
		if ofGroups(p) {
			bend(p)
		}
	}
}

// drop leaves an attribute out of entries, or gives it another name.
func drop(name, instead string, of func(servers.Entry) bool) func(*servers.Page) {
	return func(p *servers.Page) {
		for i := range p.Entries {
			e := &p.Entries[i]
			at := slices.IndexFunc(e.Attributes, func(a servers.EntryAttribute) bool { return a.Name == name })
			switch {
			case at < 0 || of != nil && !of(*e):
			case instead == "":
				e.Attributes = slices.Delete(e.Attributes, at, at+1)
			default:
				e.Attributes[at].Name = instead
			}
		}
	}
}

// hide leaves entries out.
func hide(which string) func(*servers.Page) {
	return func(p *servers.Page) {
		p.Entries = slices.DeleteFunc(p.Entries, func(e servers.Entry) bool { return strings.Contains(e.DN, which) })
	}
}

// ranged shows the members of a group in parts of ten, as Active Directory does; bend changes the part from number low on.
func ranged(group string, bend func(p *servers.Page, low int, a *servers.EntryAttribute)) func(*servers.Page) {
	return func(p *servers.Page) {
		for i := range p.Entries {
			e := &p.Entries[i]
			if !strings.HasPrefix(e.DN, "cn="+group) || len(p.Attributes) == 1 && p.Attributes[0] == "contextCSN" {
				continue
			}
			low := 0
			for _, asked := range p.Attributes {
				_, _ = fmt.Sscanf(asked, "member;range=%d-*", &low)
			}
			at := slices.IndexFunc(e.Attributes, func(a servers.EntryAttribute) bool { return a.Name == "member" })
			all := e.Attributes[at].Values
			part := servers.EntryAttribute{Name: fmt.Sprintf("member;range=%d-%d", low, low+9), Values: all[min(low, len(all)):min(low+10, len(all))]}
			if low+10 >= len(all) {
				part.Name = fmt.Sprintf("member;range=%d-*", low)
			}
			if bend != nil {
				bend(p, low, &part)
			}
			e.Attributes = slices.Insert(slices.Clone(e.Attributes), at+1, part)
			e.Attributes[at].Values = nil
		}
	}
}

// liars are all the ways in which a server lies about people or groups, each with what the proof must say.
func liars() map[string]struct {
	bend func(*servers.Page)
	want string
} {
	type lie = struct {
		bend func(*servers.Page)
		want string
	}
	code := func(n int64) func(*servers.Page) { return func(p *servers.Page) { p.Code = n } }
	raw := func(b ...byte) func(*servers.Page) { return func(p *servers.Page) { p.Raw = b } }
	odd := func(e servers.Entry) bool { return strings.ContainsAny(e.DN[5:6], "13579") }
	out := map[string]lie{
		"hangs up instead of page 2":        {people(2, func(p *servers.Page) { p.Entries, p.Raw, p.Close = nil, []byte{}, true }), "partial: cut"},
		"hangs up within page 3":            {people(3, func(p *servers.Page) { p.Cut = 200 }), "partial: cut"},
		"size limit":                        {people(3, code(4)), "partial: size-limit"},
		"time limit":                        {people(3, code(3)), "partial: time-limit"},
		"administrative limit":              {people(3, code(11)), "partial: admin-limit"},
		"busy":                              {people(3, code(51)), "busy"},
		"unwilling":                         {people(3, code(53)), "refused"},
		"no such base, suddenly":            {people(1, code(32)), "no-base"},
		"no rights":                         {people(2, code(50)), "refused"},
		"no paging control":                 {people(2, func(p *servers.Page) { p.NoControl = true }), "partial: no-paging-control"},
		"the same cookie and page for ever": {people(1, func(p *servers.Page) { p.Cookie = "at 0" }), "cookie"},
		"a circle of cookies":               {people(3, func(p *servers.Page) { p.Cookie = "at 14" }), "cookie"},
		"another cookie: two pages skipped": {people(1, func(p *servers.Page) {
			if p.Number == 1 {
				p.Cookie = "at 21"
			}
		}), "baseline: corp shows"},
		"empty cookie too early": {people(2, func(p *servers.Page) { p.Cookie = "" }), "baseline: corp shows 14 people after 40"},
		"nobody":                 {people(1, func(p *servers.Page) { p.Entries, p.Cookie = nil, "" }), "empty"},
		"a search reference":     {people(2, func(p *servers.Page) { p.References = []string{"ldap://other.example.com/ou=people"} }), "partial: referral"},
		"a search reference instead of most": {people(1, func(p *servers.Page) {
			p.Entries, p.Cookie, p.References = p.Entries[:1], "", []string{"ldap://a/", "ldap://b/"}
		}), "partial: referral"},
		"a referral with success":            {people(2, func(p *servers.Page) { p.Referrals = []string{"ldap://other.example.com/"} }), "partial: referral"},
		"a referral as the result":           {people(1, func(p *servers.Page) { p.Code, p.Referrals, p.Entries = 10, []string{"ldap://other/"}, nil }), "partial: referral"},
		"answers to another request":         {people(2, func(p *servers.Page) { p.ID += 5 }), "malformed"},
		"answers to the request before":      {people(2, func(p *servers.Page) { p.ID-- }), "malformed"},
		"garbage":                            {people(2, raw(0x30, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff)), "malformed"},
		"not LDAP":                           {people(2, func(p *servers.Page) { p.Raw = []byte("HTTP/1.1 200 OK\r\n\r\n<html>") }), "malformed"},
		"a message of 2 GiB":                 {people(2, raw(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff)), "too-many-bytes"},
		"an attribute of 100 MB":             {people(2, raw(0x30, 0x84, 0x05, 0xf5, 0xe1, 0x10, 0x02, 0x01, 0x03, 0x64, 0x84, 0x05, 0xf5, 0xe1, 0x07)), "too-many-bytes"},
		"a length of nine octets":            {people(2, raw(0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1)), "malformed"},
		"an indefinite length":               {people(2, raw(0x30, 0x80, 0, 0)), "malformed"},
		"an attribute longer than its entry": {people(2, raw(0x30, 0x0c, 0x02, 0x01, 0x03, 0x64, 0x07, 0x04, 0x7f, 'u', 'i', 'd', '=', 'x')), "malformed|cut"},
		"one person twice":                   {people(2, func(p *servers.Page) { p.Entries = append(p.Entries, p.Entries[1]) }), "duplicate"},
		"the key of one is another's":        {people(1, func(p *servers.Page) { p.Entries[1].Attributes[3].Values = p.Entries[2].Attributes[3].Values }), "duplicate"},
		"an entry without its key": {people(1, func(p *servers.Page) {
			drop("employeeNumber", "", func(e servers.Entry) bool { return e.DN[:7] == "uid=u05" })(p)
		}), "malformed"},
		"no keys":               {people(1, drop("employeeNumber", "", nil)), "malformed|empty"},
		"a subtree hidden":      {people(1, hide("uid=u1")), "baseline: corp shows 30 people after 40"},
		"titles hidden":         {people(1, drop("title", "", nil)), "attribute: corp shows 0 people with title"},
		"titles hidden of some": {people(1, drop("title", "", odd)), "attribute: corp shows 20 people with title"},
		"title renamed":         {people(1, drop("title", "jobTitle", nil)), "attribute: .*title"},
		"title with an option":  {people(1, drop("title", "title;lang-en", nil)), "attribute: .*title"},
		"departments hidden":    {people(1, drop("departmentNumber", "", nil)), "attribute: .*department"},
		"logins hidden":         {people(1, drop("uid", "", nil)), "attribute: .*login"},
		"states hidden":         {people(1, drop("employeeType", "", nil)), "attribute: .*status"},
		"replica that lags": {func(p *servers.Page) {
			drop("contextCSN", "", nil)(p)
			if p.Base == realSuffix && p.Scope == 0 {
				p.Entries[0].Attributes = []servers.EntryAttribute{{Name: "contextCSN", Values: []string{"20260101000000.000000Z#000000#001#000000"}}}
			}
			if ofPeople(p) { // with two people fewer, who joined since
				hide("uid=u38")(p)
				hide("uid=u39")(p)
			}
		}, "older: .*lags"},
		"groups: size limit":          {groups(func(p *servers.Page) { p.Code, p.Entries = 4, p.Entries[:2] }), `group:\* partial: size-limit`},
		"groups: hangs up":            {groups(func(p *servers.Page) { p.Cut = 300 }), `group:\* partial: cut`},
		"groups: garbage":             {groups(func(p *servers.Page) { p.Raw = []byte("garbage") }), `group:\* unreachable`},
		"groups: no rights":           {groups(code(50)), `group:\* refused`},
		"groups: base gone":           {groups(code(32)), `group:\* refused`},
		"groups: referral":            {groups(func(p *servers.Page) { p.References = []string{"ldap://b/"} }), `group:\* partial: referral`},
		"groups: none":                {groups(func(p *servers.Page) { p.Entries = nil }), "group:staff role-missing"},
		"groups: one hidden":          {groups(hide("cn=staff")), "group:staff role-missing"},
		"groups: one renamed":         {groups(func(p *servers.Page) { p.Entries[3].Attributes[0].Values = []string{"personnel"} }), "group:staff role-missing"},
		"groups: negative one hidden": {groups(hide("cn=contractors")), "group:contractors role-missing"},
		"groups: inner one hidden":    {groups(hide("cn=east")), "group:staff baseline"},
		"groups: members hidden":      {groups(drop("member", "", nil)), "group:staff baseline"},
		"groups: members of one":      {groups(drop("member", "", func(e servers.Entry) bool { return strings.HasPrefix(e.DN, "cn=west") })), "group:staff baseline"},
		"groups: members of the negative one": {groups(drop("member", "", func(e servers.Entry) bool { return strings.HasPrefix(e.DN, "cn=contractors") })),
			"group:contractors baseline"},
		"groups: member renamed":        {groups(drop("member", "members", nil)), "group:staff baseline"},
		"groups: member with an option": {groups(drop("member", "member;binary", nil)), "group:staff baseline"},
		"groups: another object of the name": {groups(func(p *servers.Page) {
			p.Entries[3].Attributes[1].Values = []string{"id-other"}
			p.Entries[3].Attributes[2].Values = p.Entries[3].Attributes[2].Values[:1]
		}), "group:staff baseline: .*another object"},
		"groups: two of one name": {groups(func(p *servers.Page) { p.Entries[0].Attributes[0].Values = []string{"staff"} }), "group:staff duplicate"},
		"range cut":               {ranged("east", func(p *servers.Page, low int, _ *servers.EntryAttribute) { p.Close = low == 0 }), `group:\* partial: cut|group:\* unreachable`},
		"range refused":           {ranged("east", func(p *servers.Page, low int, _ *servers.EntryAttribute) { p.Code = int64(min(low, 1)) * 50 }), `group:\* partial: range-unread`},
		"range in a loop":         {ranged("east", func(_ *servers.Page, _ int, a *servers.EntryAttribute) { a.Name = "member;range=0-9" }), `group:\* partial: range-unread`},
		"range of other numbers": {ranged("east", func(_ *servers.Page, low int, a *servers.EntryAttribute) {
			a.Name = fmt.Sprintf("member;range=%d-*", low+1)
		}), `group:\* partial: range-unread`},
		"range short of its word": {ranged("east", func(_ *servers.Page, _ int, a *servers.EntryAttribute) { a.Values = a.Values[:5] }), `group:\* partial: range-unread`},
		"range that is none":      {ranged("east", func(_ *servers.Page, _ int, a *servers.EntryAttribute) { a.Name = "member;range=a-b" }), `group:\* partial: range-unread`},
		"range that overflows": {ranged("east", func(_ *servers.Page, _ int, a *servers.EntryAttribute) {
			a.Name = "member;range=99999999999999999999-*"
		}), `group:\* partial: range-unread`},
		"range ended at its start": {ranged("east", func(_ *servers.Page, _ int, a *servers.EntryAttribute) { a.Name, a.Values = "member;range=0-*", nil }), "group:(staff|east) baseline"},
		"range of another entry": {ranged("east", func(p *servers.Page, low int, _ *servers.EntryAttribute) {
			if low > 0 {
				p.Entries[0].DN = "cn=west,ou=groups," + realSuffix
			}
		}), `group:\* partial`},
	}
	return out
}

func TestLiarsOverLDAP(t *testing.T) {
	for name, lie := range liars() {
		t.Run(name, func(t *testing.T) {
			s := servers.NewCrooked(t, crookedCompany())
			h := newHQ(t, s.URL, 7, nil)
			h.whole(40)
			s.Bend(lie.bend)
			h.holds(lie.want)
			s.Bend(nil)
			h.whole(40)
		})
	}
}

// A server that sends byte after byte, or nothing, is given up.
func TestSlowLiars(t *testing.T) {
	for name, lie := range map[string]struct {
		bend func(*servers.Page)
		want string
	}{
		"silent":      {people(2, func(p *servers.Page) { p.Raw = []byte{} }), "partial: no-answer"},
		"half a page": {people(2, func(p *servers.Page) { p.Raw = []byte{0x30, 0x20, 0x02} }), "partial: no-answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := servers.NewCrooked(t, crookedCompany())
			h := newHQ(t, s.URL, 7, nil)
			h.whole(40)
			s.Bend(lie.bend)
			h.configure(func(c *ldapconn.Config) { c.Timeout = 50 * time.Millisecond })
			h.holds(lie.want)
			s.Bend(nil)
			h.configure(nil) // a busy machine may be as slow as a silent one
			h.whole(40)
		})
	}
	s := servers.NewCrooked(t, crookedCompany())
	s.Bend(func(p *servers.Page) { p.Drip = 1 }) // slow, and whole
	newHQ(t, s.URL, 7, nil).whole(40)
}
