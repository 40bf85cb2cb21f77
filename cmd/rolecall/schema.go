package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/directory"
	"github.com/rolecall/rolecall/policies"
)

// schema is what policies and expressions may speak of, from the configuration alone. Rights of programs are not known
// yet: any name goes.
func schema(cfg *config.File) policies.Schema {
	s := policies.Schema{Programs: map[string][]string{}, Zone: zone(cfg), Canonical: canonicalRole}
	for name := range cfg.Programs {
		s.Programs[name] = nil
	}
	for i := range cfg.Directories {
		addDeclared(&s, &cfg.Directories[i])
		addSources(&s, &cfg.Directories[i])
	}
	qualify(&s, cfg)
	return s
}

// knowing is a schema with the rights that programs know by heart. It is for the policy in force alone: an earlier one, or
// one to compare with, may name what is there no longer.
func knowing(s policies.Schema, programs []engine.Program) policies.Schema {
	s.Programs = maps.Clone(s.Programs)
	for i := range programs {
		if c, ok := programs[i].Connector.(engine.Catalogued); ok {
			if rights := c.Catalogue(); len(rights) > 0 {
				s.Programs[programs[i].Name] = rights
			}
		}
	}
	return s
}

// qualify leaves bare role names to groups where there are any: the values of an attribute are free text, and one of them
// that is called like a group must not make the name ambiguous, or mean something else.
func qualify(s *policies.Schema, cfg *config.File) {
	groups, attributes := map[string]bool{}, map[string]bool{}
	for i := range cfg.Directories {
		for j := range cfg.Directories[i].Roles {
			r := &cfg.Directories[i].Roles[j]
			groups[r.Label()] = groups[r.Label()] || r.Group != nil
			attributes[r.Label()] = attributes[r.Label()] || r.Attribute != ""
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(groups)), true) {
		return
	}
	for i := range s.Sources {
		name := s.Sources[i].Name
		s.Sources[i].Qualified = attributes[name] && !groups[name]
	}
}

func addDeclared(s *policies.Schema, d *config.Directory) {
	for _, name := range slices.Sorted(maps.Keys(d.Attributes)) {
		a := d.Attributes[name]
		if !slices.ContainsFunc(s.Attributes, func(x policies.Declared) bool { return x.Name == name }) {
			s.Attributes = append(s.Attributes, policies.Declared{Name: name, Multi: a.Multi, Job: a.OfJob(name)})
		}
	}
}

func addSources(s *policies.Schema, d *config.Directory) {
	for i := range d.Roles {
		r := &d.Roles[i]
		at := slices.IndexFunc(s.Sources, func(x policies.RoleSource) bool { return x.Name == r.Label() })
		if at < 0 {
			at = len(s.Sources)
			s.Sources = append(s.Sources, policies.RoleSource{Name: r.Label()})
			if r.When != "" {
				s.Sources[at].Roles = []string{}
			}
		}
		if r.When != "" && s.Sources[at].Roles != nil {
			s.Sources[at].Roles = append(s.Sources[at].Roles, r.Name)
		}
	}
}

// canonicalRole makes the name of a role what a directory makes of it.
func canonicalRole(role string) string {
	source, name, _ := strings.Cut(role, ":")
	if folded, err := directory.Role(name); err == nil {
		return source + ":" + folded
	}
	return role
}
