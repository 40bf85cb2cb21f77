package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
	"github.com/rolecall/rolecall/engine"
)

// groups is what one group source shows, with members by number. Members that are groups make the groups nest.
type groups struct {
	of      *RoleSource
	list    []group
	member  map[string]int32 // canonical DN (or login) → number
	in      [][]int32        // number → groups it is listed in, directly
	pairs   []pair           // memberships that members themselves show (memberOf), until all groups are known
	self    map[int32]int32  // number of a group's own DN → index in list
	reasons []engine.Reason  // against the whole source
	stamp   []int32          // per group: the last walk that saw it
	walk    int32
	todo    []int32
}

type pair struct{ member, group int32 }

// group is one of them.
type group struct {
	role    string // canonical, with label; "" if its name can't be used
	dn, id  string
	member  int32           // number of its own DN
	reasons []engine.Reason // why its members are not all known
}

func newGroups(r *RoleSource) *groups {
	return &groups{of: r, member: map[string]int32{}, self: map[int32]int32{}}
}

func (g *groups) number(name string) int32 {
	n, ok := g.member[name]
	if !ok {
		n = int32(len(g.in))
		g.member[strings.Clone(name)] = n
		g.in = append(g.in, nil)
	}
	return n
}

// add takes one group entry. A group that can't be read in full is kept, with the reason: it exists, and whoever it
// shows is a member.
func (g *groups) add(e *entry) {
	cfg := g.of.Group
	grp := group{dn: strings.Clone(canonDN(e.dn)), id: strings.Clone(immutableID(e))}
	names, problem := e.get(cfg.naming()).canonical(true)
	if problem == "" && len(names) == 0 {
		problem = "it is missing"
	}
	if problem != "" {
		g.reasons = append(g.reasons, engine.Reason{Code: engine.ReasonMalformed,
			Detail: e.place + ": " + cfg.naming() + ", which names the role, can't be used: " + problem})
	} else {
		grp.role = g.of.Label() + ":" + g.ownName(grp.dn, names)
	}
	at := int32(len(g.list))
	grp.member = g.number(grp.dn)
	g.self[grp.member] = at
	g.bySID(e, at)
	if !cfg.MemberOf {
		for _, attribute := range cfg.members() {
			g.members(e, attribute, at, &grp)
		}
	}
	g.list = append(g.list, grp)
}

// ownName chooses the value that is in the DN if the group has several names.
func (g *groups) ownName(dn string, names []string) string {
	rdn, _, _ := strings.Cut(dn, ",")
	for _, n := range names {
		if strings.HasSuffix(rdn, "="+ldap.EscapeDN(n)) {
			return n
		}
	}
	return slices.Min(names)
}

func (g *groups) members(e *entry, attribute string, at int32, grp *group) {
	r := e.get(attribute)
	if r.bad != "" {
		grp.reasons = append(grp.reasons, engine.Reason{Code: engine.ReasonPartial, Detail: e.place + ": " + attribute + ": " + r.bad})
	}
	for _, v := range r.values { // whoever is shown is a member, whatever else is not shown
		n := g.number(g.memberName(v))
		if in := g.in[n]; len(in) == 0 || in[len(in)-1] != at {
			g.in[n] = append(in, at)
		}
	}
}

// addParents takes memberships that the member itself shows, where they are read so.
func (g *groups) addParents(e *entry) {
	if !g.of.Group.MemberOf {
		return
	}
	for _, v := range e.get("memberOf").values {
		g.pairs = append(g.pairs, pair{g.number(canonDN(e.dn)), g.number(canonDN(v))})
	}
}

// take adds the memberships that another reading of the same source found.
func (g *groups) take(from *groups) {
	if len(from.pairs) == 0 {
		return
	}
	names := make([]string, len(from.in))
	for name, n := range from.member {
		names[n] = name
	}
	for _, p := range from.pairs {
		g.pairs = append(g.pairs, pair{g.number(names[p.member]), g.number(names[p.group])})
	}
}

func (g *groups) memberName(v string) string {
	if g.of.Group.By == "" {
		return canonDN(v)
	}
	return canonOr(v)
}

// link looks for names that two groups share, once all groups are there. Nobody is taken to hold such a role.
func (g *groups) link() {
	first := map[string]int{}
	for i := range g.list {
		a := &g.list[i]
		if a.role == "" {
			continue
		}
		j, ok := first[a.role]
		if !ok {
			first[a.role] = i
			continue
		}
		reason := engine.Reason{Code: engine.ReasonDuplicate, Detail: fmt.Sprintf(
			"%s and %s are both %s; rename one or narrow the base", g.list[j].dn, a.dn, a.role)}
		g.list[j].reasons = append(g.list[j].reasons, reason)
		g.list[j].id, a.role = "", ""
	}
	for _, p := range g.pairs {
		if at, ok := g.self[p.group]; ok {
			g.in[p.member] = append(g.in[p.member], at)
		}
	}
	g.pairs = nil
	g.stamp = make([]int32, len(g.list))
}

// rolesOf appends the roles of one member, walking up through the groups that list it. Each group is entered once, so that circles end and
// the cost is the number of groups above, whatever the paths.
func (g *groups) rolesOf(name string, roles []string) []string {
	n, ok := g.member[name]
	if !ok {
		return roles
	}
	g.walk++
	g.todo = g.todo[:0]
	g.enter(n)
	for i := 0; i < len(g.todo); i++ {
		grp := &g.list[g.todo[i]]
		if grp.role != "" && !ambiguous(grp) {
			roles = append(roles, grp.role)
		}
		if g.of.Group.Nested {
			g.enter(grp.member)
		}
	}
	return roles
}

func (g *groups) enter(member int32) {
	for _, at := range g.in[member] {
		if g.stamp[at] != g.walk {
			g.stamp[at] = g.walk
			g.todo = append(g.todo, at)
		}
	}
}

func ambiguous(grp *group) bool {
	return slices.ContainsFunc(grp.reasons, func(r engine.Reason) bool { return r.Code == engine.ReasonDuplicate })
}

// proofs gives one proof for each role, holders still to be counted. What is not known of a member group is not known
// of the groups above it.
func (g *groups) proofs() []engine.RoleProof {
	g.climb()
	var out []engine.RoleProof
	if len(g.reasons) > 0 {
		out = append(out, engine.RoleProof{Role: g.of.Label() + ":*", Reasons: g.reasons})
	}
	for i := range g.list {
		if grp := &g.list[i]; grp.role != "" {
			out = append(out, engine.RoleProof{Role: grp.role, ID: grp.id, Reasons: grp.reasons})
		}
	}
	return out
}

func (g *groups) climb() {
	if !g.of.Group.Nested {
		return
	}
	own := make([][]engine.Reason, len(g.list))
	for i := range g.list {
		own[i] = slices.Clone(g.list[i].reasons)
	}
	for i := range g.list {
		partial := slices.DeleteFunc(own[i], func(r engine.Reason) bool { return r.Code == engine.ReasonDuplicate })
		if len(partial) == 0 {
			continue
		}
		g.walk++
		g.todo = g.todo[:0]
		g.enter(g.list[i].member)
		for k := 0; k < len(g.todo); k++ {
			up := &g.list[g.todo[k]]
			if g.todo[k] != int32(i) {
				up.reasons = append(up.reasons, partial...)
			}
			g.enter(up.member)
		}
	}
}

func (c *Groups) naming() string {
	if c.Name == "" {
		return "cn"
	}
	return c.Name
}

func (c *Groups) members() []string {
	if c.Member == "" {
		return []string{"member", "uniqueMember"}
	}
	return []string{c.Member}
}

// immutableID gives what the server itself tells the group by, "" if the source does not show it.
func immutableID(e *entry) string {
	for _, name := range []string{"entryUUID", "objectGUID", "nsUniqueId", "ipaUniqueID"} {
		if v := e.get(name).values; len(v) == 1 {
			return strings.ToLower(text(name, v[0]))
		}
	}
	return ""
}
