package directory

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// assign gives people their roles, source by source, and says of whom a source could not tell.
func (b *builder) assign() {
	each := func(does func(*engine.Person, *RoleSource), chosen func(*RoleSource) bool) {
		for i := range b.cfg.Roles {
			if r := &b.cfg.Roles[i]; chosen(r) {
				for _, p := range b.people {
					does(p, r)
				}
				b.open(r)
			}
		}
	}
	each(b.attributeRoles, func(r *RoleSource) bool { return r.Attribute != "" })
	b.groupRoles()
	each(b.expressionRole, func(r *RoleSource) bool { return r.Name != "" }) // last: they may look at the others
}

// open puts into the proof that a source of roles was shown at all, so that a role without holders is known to have none.
func (b *builder) open(r *RoleSource) {
	switch {
	case r.Attribute != "":
		b.proof.Roles = append(b.proof.Roles, engine.RoleProof{Role: r.Label() + ":*", Reasons: b.lost[r.Attribute]})
	case r.Name != "":
		b.proof.Roles = append(b.proof.Roles, engine.RoleProof{Role: r.role()})
	}
}

// role is the one role of an expression.
func (r *RoleSource) role() string {
	return r.Label() + ":" + canonOr(r.Name)
}

// attributeRoles makes roles of the values of one attribute.
func (b *builder) attributeRoles(p *engine.Person, r *RoleSource) {
	if !b.isJob(r.Attribute) {
		b.take(p, &p.Roles, p.Attributes.Get(r.Attribute), r.Label())
		return
	}
	for i := range p.Jobs {
		b.take(p, &p.Jobs[i].Roles, p.Jobs[i].Attributes.Get(r.Attribute), r.Label())
	}
}

func (b *builder) take(p *engine.Person, roles *[]string, a engine.Attribute, label string) {
	if a.Unknown {
		p.Miss(label + ":*")
	}
	for _, v := range a.Values {
		if f, err := folded(v); err == nil && f != "" {
			*roles = insert(*roles, b.texts.of(label+":"+f), &b.values)
		}
	}
}

// expressionRole gives one role to those for whom the condition holds: to the person if in every job, else to the jobs.
func (b *builder) expressionRole(p *engine.Person, r *RoleSource) {
	role, yes := b.texts.of(r.role()), 0
	answers := make([]engine.Tri, len(p.Jobs))
	for i := range p.Jobs {
		switch answers[i] = r.When(p, &p.Jobs[i], b.now); answers[i] {
		case engine.Yes:
			yes++
		case engine.Unknown:
			p.Miss(role)
		}
	}
	if yes == len(p.Jobs) {
		p.Roles = insert(p.Roles, role, &b.values)
		return
	}
	for i := range p.Jobs {
		if answers[i] == engine.Yes {
			p.Jobs[i].Roles = insert(p.Jobs[i].Roles, role, &b.values)
		}
	}
}

// insert puts a role into a sorted list, once. The list may be shared, so it is copied when it grows.
func insert(roles []string, role string, lists *arena[string]) []string {
	i, ok := slices.BinarySearch(roles, role)
	if ok {
		return roles
	}
	var few [32]string
	return lists.copy(append(append(append(few[:0], roles[:i]...), role), roles[i:]...))
}

// groupRoles resolves the groups of every group source: for each person the groups above, the persons' own and, where
// groups nest, theirs in turn.
func (b *builder) groupRoles() {
	var scratch []string
	for _, g := range b.groups {
		g.link()
		for _, p := range b.people {
			name := b.memberName(g, p)
			if name == "" {
				continue
			}
			scratch = g.rolesOf(name, append(scratch[:0], p.Roles...))
			slices.Sort(scratch)
			p.Roles = b.values.copy(slices.Compact(scratch))
		}
		b.proof.Roles = append(b.proof.Roles, g.proofs()...)
	}
	b.groups = nil // their members are the most of it
}

// memberName is what groups know the person by. A login that can't be seen leaves all the person's groups open.
func (b *builder) memberName(g *groups, p *engine.Person) string {
	if g.of.Group.By == "" {
		return canonDN(p.Entry)
	}
	a := p.Attributes.Get(g.of.Group.By)
	if a.Unknown {
		p.Miss(g.of.Label() + ":*")
	}
	if len(a.Values) == 0 {
		return ""
	}
	f, err := folded(a.Values[0])
	if err != nil {
		return ""
	}
	return f
}

// count fills the role proofs with holders, adds those of attributes and expressions, and tells every person what is
// unknown of the groups.
func (b *builder) countRoles() {
	holders := map[string]int{}
	for _, p := range b.people {
		for _, r := range rolesOf(p) {
			holders[r]++
		}
	}
	for i := range b.proof.Roles {
		r := &b.proof.Roles[i]
		r.Holders = holders[r.Role]
		delete(holders, r.Role)
	}
	for role, n := range holders {
		b.proof.Roles = append(b.proof.Roles, engine.RoleProof{Role: role, Holders: n})
	}
	slices.SortFunc(b.proof.Roles, func(x, y engine.RoleProof) int { return strings.Compare(x.Role, y.Role) })
}

// rolesOf gives each role of a person once, whichever job it comes from.
func rolesOf(p *engine.Person) []string {
	if !slices.ContainsFunc(p.Jobs, func(j engine.Job) bool { return len(j.Roles) > 0 }) {
		return p.Roles
	}
	all := slices.Clone(p.Roles)
	for _, j := range p.Jobs {
		all = append(all, j.Roles...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
