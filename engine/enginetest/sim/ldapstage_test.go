package sim

import (
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// stage makes the servers show what the present read is to meet.
func (l *ldapSide) stage(r *read, from []*person, hidden map[string]bool) {
	s := l.server
	s.people, s.groups, s.mark = nil, nil, r.mark
	var last []entry
	for _, p := range from {
		switch {
		case !p.there || r.fault == "empty":
		case !hidden[p.Key]:
			s.people = append(s.people, l.entryOf(r, p))
		case r.fault == "partial" || l.failing(r.fault): // the read ends before it comes to them
			last = append(last, l.entryOf(r, p))
		}
	}
	shown := len(s.people)
	s.people = append(s.people, last...)
	if l.grouped() {
		l.stageGroups(r, from)
	}
	s.bends = l.bends(r, shown)
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

func (l *ldapSide) stageGroups(r *read, from []*person) {
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
		l.server.groups = append(l.server.groups, e)
	}
}

// adjust takes from an entry that is shown what only this side hides.
func (l *ldapSide) adjust(shown *engine.Person, fault string) {
	if fault == "attribute gone" && l.strict { // nobody says to be active
		shown.State, shown.Marked = engine.StateUnknown, false
	}
	switch fault {
	case "group gone":
		shown.Roles = slices.DeleteFunc(slices.Clone(shown.Roles), func(role string) bool { return role == l.gone })
	case "members unseen":
		shown.Roles = slices.DeleteFunc(slices.Clone(shown.Roles), func(role string) bool { return isRole(role) && slices.Index(teams(), role[2:]) >= l.seen })
		shown.Miss("r:*")
	}
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
	one("name", r.fault != "canary" || p.Key != theCanary)
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
