package policies

import (
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Schema is what a policy may speak of: it comes from the configuration, never from the policy files themselves.
type Schema struct {
	Attributes []Declared
	Sources    []RoleSource
	Programs   map[string][]string      // program → names of its rights ("eng" of gitea/eng); nil: not known, any name goes
	Zone       *time.Location           // of dates of people without a zone; nil: UTC
	Canonical  func(role string) string // canonical form of "source:name" as the directory makes it; nil: as written

	halfKnown bool // attributes and sources are not known: what hangs on them is not judged
}

// Declared is one declared attribute.
type Declared struct {
	Name  string
	Multi bool // a list of strings in conditions, else a string
	Job   bool // belongs to a job, else to the person
}

// RoleSource yields roles "Name:role". A source whose names are not known can yield any name, so that with two of them no
// bare name would ever do: Qualified takes such a one, a free-text attribute say, out of the question for good, whatever
// was read. Without it the same text could come to mean another source.
type RoleSource struct {
	Name      string
	Qualified bool     // a bare name never means this source; it must be written out
	Roles     []string // the names it can yield, in canonical form; nil: not known, it may yield any
}

// role resolves a role as written to its canonical "source:name"; wrong says what is the matter with it.
func (s *Schema) role(written string) (role string, wrong *problem) {
	if s.halfKnown {
		return written, nil
	}
	source, name, qualified := strings.Cut(written, ":")
	if !qualified {
		return s.bareRole(written)
	}
	i := slices.IndexFunc(s.Sources, func(r RoleSource) bool { return r.Name == source })
	switch {
	case i < 0:
		return "", unknownName("role source", source, s.sourceNames())
	case name == "":
		return "", &problem{text: "role " + quote(written) + " has no name after the source"}
	}
	role, can := s.yields(&s.Sources[i], name)
	if !can {
		return "", unknownName("role", written, prefixed(source+":", s.Sources[i].Roles))
	}
	return role, nil
}

// A bare name is taken only where one source can mean it: a source added later must not widen what a rule says.
func (s *Schema) bareRole(name string) (string, *problem) {
	var can []string
	for i := range s.Sources {
		if role, ok := s.yields(&s.Sources[i], name); ok && !s.Sources[i].Qualified {
			can = append(can, role)
		}
	}
	switch len(can) {
	case 0:
		return "", unknownName("role", name, s.allRoles())
	case 1:
		return can[0], nil
	}
	return "", &problem{text: "role " + quote(name) + " could come from several sources", hint: "write " + strings.Join(can, " or ")}
}

// yields gives the canonical form of a source's role, and whether the source can yield it.
func (s *Schema) yields(source *RoleSource, name string) (role string, can bool) {
	role = s.canonical(source.Name + ":" + name)
	return role, source.Roles == nil || slices.Contains(source.Roles, strings.TrimPrefix(role, source.Name+":"))
}

func (s *Schema) canonical(role string) string {
	if s.Canonical == nil {
		return role
	}
	return s.Canonical(role)
}

func (s *Schema) sourceNames() []string {
	var names []string
	for _, r := range s.Sources {
		names = append(names, r.Name)
	}
	return names
}

func (s *Schema) allRoles() []string {
	var all []string
	for _, r := range s.Sources {
		all = append(append(all, r.Roles...), prefixed(r.Name+":", r.Roles)...)
	}
	return all
}

func prefixed(prefix string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = prefix + n
	}
	return out
}

// entitlement checks "program" or "program/name" against the programs and their catalogues.
func (s *Schema) entitlement(written string) (e engine.Entitlement, wrong *problem) {
	e = engine.ParseEntitlement(written)
	rights, ok := s.Programs[e.Program]
	switch {
	case !ok:
		return e, unknownName("program", e.Program, sortedKeys(s.Programs))
	case e.Name == engine.Active && strings.Contains(written, "/"):
		return e, &problem{text: quote(written) + " names no entitlement after the slash", hint: "write " + e.Program + " for the account itself"}
	case e.Name == engine.Exists:
		return e, &problem{text: quote(written) + " is reserved", hint: "write " + e.Program + " for the account itself"}
	case strings.Contains(written, "*"):
		return e, &problem{text: quote(written) + " is a pattern", hint: "patterns are for blocks only"}
	case e.Name != engine.Active && rights != nil && !slices.Contains(rights, e.Name):
		return e, unknownName("entitlement", written, prefixed(e.Program+"/", rights))
	}
	return e, nil
}

func (s *Schema) declared(name string) (Declared, bool) {
	for _, d := range s.Attributes {
		if d.Name == name {
			return d, true
		}
	}
	return Declared{Name: name}, false
}

func (s *Schema) zone() *time.Location {
	if s.Zone == nil {
		return time.UTC
	}
	return s.Zone
}
