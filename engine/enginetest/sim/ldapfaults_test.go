package sim

import (
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// kinds are ways in which a read goes wrong. Those that are also in goWrong mean the same as there.
func (l *ldapSide) kinds() []string {
	all := []string{"unreachable", "breaks", "partial", "wrong password", "no rights", "empty", "half", "subtree hidden", "roles gone", "attribute gone", "stale", "no mark", "partner down", "panics"}
	if l.canary {
		all = append(all, "canary")
	}
	if l.grouped() {
		all = append(all, "group gone", "members unseen")
	}
	return all
}

// forGood is more often than anybody tries.
const forGood = 1 << 20

// bends draws what the servers do that makes the read go wrong in this way.
func (l *ldapSide) bends(r *read, shown int) []*bend {
	f := l.m.faults
	one := func(where string, at int, of ...string) []*bend {
		how := of[f.IntN(len(of))]
		l.m.fault("LDAP: "+how, "the directory servers: %s", how)
		return []*bend{{where, how, at, forGood}}
	}
	switch r.fault {
	case "wrong password, not sent again":
		return nil
	case "unreachable":
		return one("dial", 0, "no route")
	case "wrong password":
		return one("bind", 0, "wrong password")
	case "no rights":
		return one("people", 0, "no rights", "base hidden")
	case "breaks":
		return one("people", shown, "garbage", "a cookie comes again", "busy")
	case "panics":
		return []*bend{{"people", "panics", shown, forGood}}
	case "partial":
		return one("people", shown, "cut", "closes", "silence", "size limit", "time limit", "too much asked", "no paging control", "referral")
	case "members unseen":
		return one("groups", l.seen, "cut", "silence", "size limit", "no paging control", "no rights", "busy", "garbage", "a cookie comes again")
	case "no mark":
		return one("mark", 0, "no rights")
	case "stale":
		return l.fallOver(shown)
	case "":
		return l.hiccup(shown)
	}
	return nil
}

// fallOver makes a read go on at the server that lags.
func (l *ldapSide) fallOver(shown int) []*bend {
	switch l.lagging {
	case "people":
		l.m.fault("LDAP: cut, and on at a server that lags", "the directory servers: dc1 is lost after it said how recent it is, and dc2 lags")
		return []*bend{{"people", "cut", l.m.faults.IntN(shown + 1), 1}}
	case "groups":
		l.m.fault("LDAP: groups from a server that lags", "the directory servers: dc1 is lost after it showed people, and dc2 lags")
		return []*bend{{"dial", "no route", 2, 1}}
	}
	return nil
}

// hiccup is what a read gets over by trying again.
func (l *ldapSide) hiccup(shown int) []*bend {
	f := l.m.faults
	if l.m.quiet || f.IntN(5) > 0 {
		return nil
	}
	b := &bend{times: 1 + f.IntN(2)}
	switch b.where = []string{"dial", "bind", "people", "groups"}[f.IntN(4)]; b.where {
	case "dial":
		b.how = "no route"
	case "bind":
		b.how = "busy"
	case "people":
		b.how, b.at = []string{"cut", "closes", "silence", "busy"}[f.IntN(4)], f.IntN(shown+1)
	case "groups":
		b.how, b.at = []string{"cut", "closes", "silence", "busy"}[f.IntN(4)], f.IntN(len(teams()))
	}
	l.m.fault("LDAP: "+b.how+", and well again", "the directory servers: %s in %s, %d times", b.how, b.where, b.times)
	return []*bend{b}
}

// refusesStill: the client does not send a password again that was refused a short time ago.
func (l *ldapSide) refusesStill() bool {
	until, now := l.refused[l.m.cur.name], l.m.cur.engine.Now()
	return now.Before(until) && until.Sub(now) <= refusedFor
}

// hide draws which part of the tree, or which group, is not shown.
func (l *ldapSide) hide(fault string) (hidden map[string]bool) {
	switch l.lagging = ""; fault {
	case "stale":
		l.lag()
	case "subtree hidden":
		l.gone = branch(l.m.people[l.m.faults.IntN(len(l.m.people))].Key)
		hidden = map[string]bool{}
		for _, p := range l.m.people {
			hidden[p.Key] = branch(p.Key) == l.gone
		}
	case "group gone":
		l.gone = "r:" + teams()[l.m.faults.IntN(2)]
	case "members unseen":
		if l.seen = l.m.faults.IntN(2); l.ad && l.roles == "members" {
			l.seen = 0 // a group whose members come in parts is shown at the end of its page, and this page has none
		}
	}
	return hidden
}

// lag draws which of the servers lags, and in what; that two domain controllers differ, nothing can tell.
func (l *ldapSide) lag() {
	l.lagging = []string{"", "people", "groups", "groups"}[l.m.faults.IntN(4)]
	if l.ad || l.lagging == "groups" && l.roles != "members" {
		l.lagging = ""
	}
}

// plausible is for the kinds that only this side knows; all others are looked at by the model itself.
func (l *ldapSide) plausible(fault string) bool {
	a, t := l.m.check.accepted, l.m.cur.engine.Settings.Tolerance
	switch fault {
	case "attribute gone":
		return a != nil && lost(t, 0, a.counts[engine.AttributeCount("status")], t.Attributes)
	case "subtree hidden":
		return a != nil && lost(t, 0, a.counts[l.gone], t.People) || l.canary && l.gone == branch(theCanary)
	case "group gone":
		return slices.ContainsFunc(l.m.pol.rules, func(r engine.Rule) bool { return r.Name == l.gone })
	}
	return true
}

// believe takes back what the counts of this read speak against, and adds which groups are in doubt.
func (l *ldapSide) believe(r *read, excused bool, doubted map[string]bool) {
	if l.failing(r.fault) {
		r.whole, r.marks, r.entries = false, false, false
		return
	}
	switch r.fault {
	case "subtree hidden":
		r.whole = excused
	case "group gone":
		r.whole, doubted[l.gone] = true, true
	case "members unseen":
		r.whole = true
	}
	fewer, attributes := l.fewer(r)
	r.thin = attributes
	if r.sure = r.sure && !fewer && !attributes; !excused {
		r.whole, r.entries = r.whole && !fewer && !attributes, r.entries && !attributes
	}
	if l.mute(r) {
		r.whole, r.entries = false, false
	}
}

// fewer says whether too few people of some part of the tree, or with some attribute, are left. A read that says that it is not
// whole is held against nothing.
func (l *ldapSide) fewer(r *read) (people, attributes bool) {
	a, t := l.m.check.accepted, l.m.cur.engine.Settings.Tolerance
	if a == nil || r.fault == "partial" {
		return false, false
	}
	for name, before := range a.counts {
		if name[:3] == "ou=" {
			people = people || lost(t, r.counts[name], before, t.People)
		} else {
			attributes = attributes || lost(t, r.counts[name], before, t.Attributes)
		}
	}
	return people, attributes
}
