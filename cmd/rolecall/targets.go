package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// groupRight is an entitlement that is a group of a directory.
type groupRight struct {
	program, right, dn string // dn is normalised
	directory          *config.Directory
}

func (g *groupRight) String() string { return g.program + "/" + g.right }

// groupRights lists the entitlements that are groups, sorted. What can't be read was a mistake of the configuration before.
func (s *system) groupRights() (out []groupRight) {
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Programs)) {
		p := s.cfg.Programs[name]
		var own ldapgroup.Config
		if p.Kind != "ldap-group" || p.Settings.Decode(&own) != nil {
			continue
		}
		at := slices.IndexFunc(s.cfg.Directories, func(d config.Directory) bool { return d.Name == own.Directory })
		if at < 0 {
			continue
		}
		for _, right := range slices.Sorted(maps.Keys(own.Entitlements)) {
			if dn, err := ldapconn.NormalizeDN(own.Entitlements[right]); err == nil {
				out = append(out, groupRight{name, right, dn, &s.cfg.Directories[at]})
			}
		}
	}
	return out
}

// targets looks for what would make the configuration turn in circles or fight itself.
func (s *system) targets() []finding {
	var out []finding
	first := map[string]*groupRight{}
	groups := s.groupRights()
	for i := range groups {
		g := &groups[i]
		key := g.directory.LDAP.URL[0] + " " + g.dn
		if other := first[key]; other == nil {
			first[key] = g
		} else if other.program != g.program {
			out = append(out, finding{Part: "program", Name: g.String(), Text: "is the same group as " + other.String() + " (" + g.dn + "); two programs may not manage one"})
		}
		out = append(out, s.loops(g)...)
	}
	return out
}

// loops says where granting a group would give a role that rules ask for: what a run gives would change what the next
// one wants. It sees the groups' own roles; roles of groups that they are nested in are not looked up.
func (s *system) loops(g *groupRight) (out []finding) {
	for i := range s.cfg.Directories {
		d := &s.cfg.Directories[i]
		if d.LDAP == nil || d.Name != g.directory.Name && d.LDAP.URL[0] != g.directory.LDAP.URL[0] {
			continue
		}
		for j := range d.Roles {
			role, ok := roleOf(&d.Roles[j], g.dn)
			if !ok {
				continue
			}
			for _, use := range s.policy.UsesOfRole(role) {
				out = append(out, finding{Part: "program", Name: g.String(), Text: fmt.Sprintf(
					"granting it would give the role %s, which rule %s asks for (%s/%s): keep groups that are granted out of the base of roles, or the role out of rules",
					role, use.Name, s.cfg.Policies, use.Place)})
			}
		}
	}
	return out
}

// roleOf is the role that members of a group have by a source of roles.
func roleOf(r *config.Role, dn string) (role string, ok bool) {
	if r.Group == nil {
		return "", false
	}
	base, err := ldapconn.NormalizeDN(r.Group.Base)
	if err != nil || !ldapconn.IsBelow(dn, base) {
		return "", false
	}
	rdn, _, _ := strings.Cut(dn, ",")
	attribute, name, _ := strings.Cut(rdn, "=")
	if want := r.Group.Name; want != "" && !strings.EqualFold(want, attribute) {
		return "", false // the name is not in the DN
	}
	return canonicalRole(r.Label() + ":" + name), true
}
