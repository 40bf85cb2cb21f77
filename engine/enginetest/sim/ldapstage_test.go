package sim

import (
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// stage makes the servers show what the present read is to meet.
func (l *ldapSide) stage(r *read, from []*person, hidden map[string]bool) {
	h, shown := l.holding(r, from, hidden)
	s := l.server
	s.holds, s.dials, s.asked = [2]*contents{h, h}, 0, 0
	if r.fault == "stale" && l.lagging != "" { // the other one does
		s.holds[0], shown = l.holding(r, l.m.people, hidden)
		s.holds[0].mark = l.m.version
		s.holds[1], _ = l.holding(r, l.m.replica.people, hidden)
		s.holds[1].mark = l.m.replica.version
	}
	s.bends = l.bends(r, shown)
}

// holding is what a server holds, the first ones of which it shows.
func (l *ldapSide) holding(r *read, from []*person, hidden map[string]bool) (h *contents, shown int) {
	h = &contents{mark: r.mark}
	var last []entry
	for _, p := range from {
		switch {
		case !p.there || r.fault == "empty":
		case !hidden[p.Key]:
			h.people = append(h.people, l.entryOf(r, p))
		case r.fault == "partial" || l.failing(r.fault): // the read ends before it comes to them
			last = append(last, l.entryOf(r, p))
		}
	}
	shown = len(h.people)
	h.people = append(h.people, last...)
	if l.grouped() {
		l.addGroups(h, r, from)
	}
	return h, shown
}

// entryOf is somebody's entry, without what this read does not show.
func (l *ldapSide) entryOf(r *read, p *person) entry {
	e := entry{dn: dnOf(p.Key)}
	add := func(name string, of ...string) {
		if of = slices.DeleteFunc(of, func(v string) bool { return v == "" }); len(of) > 0 {
			e.attributes = append(e.attributes, attribute{name, of})
		}
	}
	add(l.keyAttribute(), p.Key)
	add(l.loginAttribute(), p.Login())
	add("info", secret)
	if name := p.Attributes.First("name"); r.fault != "canary" || p.Key != theCanary {
		add("displayName", name)
	}
	if r.fault != "attribute gone" {
		add("employeeType", l.status(p)...)
	}
	if r.fault != "roles gone" {
		l.addRoles(add, p)
	}
	return e
}

func (l *ldapSide) keyAttribute() string {
	if l.ad {
		return "objectGUID"
	}
	return "entryUUID"
}

// status is what the entry says of the state; of one that can't be told it says two things, or nothing that is known.
func (l *ldapSide) status(p *person) []string {
	switch p.State {
	case engine.StateLeft:
		return []string{"left"}
	case engine.StateAway:
		return []string{"away"}
	case engine.StateUpcoming:
		return []string{"upcoming"}
	case engine.StateUnknown:
		if l.strict {
			return []string{"?"}
		}
		return []string{"active", "left"}
	}
	return []string{"active"}
}

func (l *ldapSide) addRoles(add func(string, ...string), p *person) {
	var held, of []string
	for _, name := range teams() {
		switch role := "r:" + name; {
		case l.roles == "expressions" && p.unseen(role):
			add("team"+name, "yes", "no")
		case l.roles == "expressions" && slices.Contains(p.Roles, role):
			add("team"+name, "yes")
		case slices.Contains(p.Roles, role):
			held, of = append(held, name), append(of, groupDN(name))
		}
	}
	switch {
	case l.roles == "attribute" && p.unseen("r:a"):
		add("departmentNumber", "\xff")
	case l.roles == "attribute":
		add("departmentNumber", held...)
	case l.roles == "memberOf":
		add("memberOf", of...)
	}
}

func groupDN(name string) string { return "cn=" + name + "," + corpRoles }

func (l *ldapSide) addGroups(h *contents, r *read, from []*person) {
	for _, name := range teams() {
		role := "r:" + name
		if r.fault == "group gone" && l.gone == role {
			continue
		}
		e := entry{groupDN(name), []attribute{{"cn", []string{name}}, {l.keyAttribute(), []string{"group-" + name}}}}
		var members []string
		for _, p := range from {
			if p.there && slices.Contains(p.Roles, role) && r.fault != "roles gone" {
				members = append(members, dnOf(p.Key))
			}
		}
		e.attributes = append(e.attributes, attribute{"member", members})
		h.groups = append(h.groups, e)
	}
}

// adjust takes from an entry that is shown what only this side hides.
func (l *ldapSide) adjust(shown *engine.Person, fault string) {
	if fault == "attribute gone" && l.strict { // nobody says to be active
		shown.State, shown.Marked = engine.StateUnknown, false
	}
	switch fault {
	case "stale":
		l.otherRoles(shown)
	case "roles gone":
		if !l.grouped() { // nor can it be seen any more that somebody's can't be read
			shown.Missing = slices.DeleteFunc(slices.Clone(shown.Missing), isRole)
		}
	case "group gone":
		shown.Roles = slices.DeleteFunc(slices.Clone(shown.Roles), func(role string) bool { return role == l.gone })
	case "members unseen":
		shown.Roles = slices.DeleteFunc(slices.Clone(shown.Roles), func(role string) bool { return isRole(role) && slices.Index(teams(), role[2:]) >= l.seen })
		shown.Miss("r:*")
	}
}

// otherRoles: one server shows the people, and another one, which is older or newer, who is in which group.
func (l *ldapSide) otherRoles(shown *engine.Person) {
	if l.lagging == "" || l.roles != "members" {
		return
	}
	from, was := l.m.replica.people, &person{}
	if l.lagging == "people" {
		from = l.m.people
	}
	if i := slices.IndexFunc(from, func(p *person) bool { return p.Key == shown.Key }); i >= 0 && from[i].there {
		was = from[i]
	}
	other := func(from []string, groups bool) (out []string) {
		return slices.DeleteFunc(slices.Clone(from), func(role string) bool { return isRole(role) != groups })
	}
	shown.Roles = append(other(shown.Roles, false), other(was.Roles, true)...)
}

// count counts people by branch and by attribute, as they are shown.
func (l *ldapSide) count(r *read, p *engine.Person) {
	r.counts[branch(p.Key)]++
	one := func(attribute string, is bool) {
		if is {
			r.counts[engine.AttributeCount(attribute)]++
		}
	}
	one("login", p.Login() != "")
	one("name", p.Attributes.First("name") != "" && (r.fault != "canary" || p.Key != theCanary))
	one("password", true)
	one("status", r.fault != "attribute gone" && (l.strict || p.State != engine.StateUnknown))
	a, b := slices.Contains(p.Roles, "r:a"), slices.Contains(p.Roles, "r:b")
	if l.roles == "attribute" {
		one("team", a || b)
	} else if l.roles == "expressions" {
		one("teama", a)
		one("teamb", b)
	}
}
