// Package directory reads people, their jobs and their roles from where a company keeps them: LDAP (OpenLDAP, Active
// Directory, 389 Directory Server, FreeIPA), LDIF files and CSV exports of HR systems, alone or joined.
//
// Every source becomes entries, and one builder makes people of them: values are brought into canonical form there, once,
// states and roles are decided there, and the proof is written there. People come sorted by key, so that the order in
// which a source shows them never matters; nothing is yielded before the whole source was read, because a key that comes
// twice must not be acted on the first time.
//
// What can't be read of one person makes that person's attribute or state unknown and is a notice of the proof; what
// leaves open who is there at all is a reason against the whole read; what leaves open who holds a role is a reason
// against that role.
package directory

import (
	"fmt"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Config is what all kinds of directory have in common. The fields of the types in it that have yaml tags are keys of the
// configuration file, and their comments its reference.
type Config struct {
	Name       string // of the source, in proofs and messages
	Key        string // the source's attribute that is never reused: entryUUID, objectGUID, employee_id
	ExactKey   bool   // keys that differ in case are different keys (15-character Salesforce ids); else they are one
	Attributes []Attribute
	States     map[engine.State]engine.Condition // upcoming, active, away, left; absent ones never match
	Texts      map[engine.State]string           // the same as they were written, for people to read; may be nil
	Dates      Dates
	Zone       Zone
	Roles      []RoleSource
	Canaries   []Canary
	Now        func() time.Time // nil: time.Now
	Progress   func(people int) // told how many were read so far, while reading; nil: nobody
}

// Attribute is one attribute that people or jobs have for policy.
type Attribute struct {
	Name   string // ours: login, mail, name, title, …
	Source string // the source's name for it, or the column
	Multi  bool   // a list; else more than one value makes it unknown
	Job    bool   // belongs to the job, not to the person
	Fold   bool   // equal but for case is equal; login and mail always are
	Split  string // CSV: what separates the values of a list in one cell; "" means ";"
}

// Dates says which declared attributes hold a job's first and last day. A plain date is inclusive and means the whole
// day in the person's zone; a time is the instant itself. An unreadable date makes the state unknown.
type Dates struct {
	// Start is the attribute with the first day of the job.
	Start string `yaml:"start"`
	// End is the attribute with its last day.
	End string `yaml:"end"`
	// Lead is how long before the first day access is given.
	Lead time.Duration `yaml:"lead"`
	// Layouts are further forms of dates, in Go's notation; ISO 8601 and those of LDAP and Active Directory are known.
	Layouts []string `yaml:"layouts"`
}

// Zone says where a person's dates end: a declared attribute that holds an IANA zone, or one of the names in Sites.
type Zone struct {
	Attribute string
	Sites     map[string]string // value of the attribute, case-folded → IANA zone
	Company   *time.Location    // of everybody else; nil: UTC
}

// RoleSource yields roles "label:name". Exactly one of Group, Attribute and Name is set.
type RoleSource struct {
	As        string  // the label; "" means "group", the attribute's name, or "expression"
	Group     *Groups // membership of groups
	Attribute string  // the values of a declared attribute
	Name      string  // one role, held by those for whom When is true
	When      engine.Condition
}

// Groups says where roles are groups.
type Groups struct {
	// Base below which they are.
	Base string `yaml:"base"`
	// Filter that finds them; the profile knows it.
	Filter string `yaml:"filter"`
	// Name is the attribute that names the role, cn unless set.
	Name string `yaml:"name"`
	// Member is the attribute that lists the members; the profile knows it.
	Member string `yaml:"member"`
	// By is the declared attribute that members are listed by, login for memberUid; a DN unless set.
	By string `yaml:"by"`
	// Nested resolves groups in groups; in Active Directory also by way of groups outside the base.
	Nested bool `yaml:"nested"`
	// MemberOf reads the person's memberOf instead of the groups' members; ways through groups outside the base stay unseen.
	MemberOf bool `yaml:"member_of"`
}

// Label gives the first half of the roles' names.
func (r *RoleSource) Label() string {
	switch {
	case r.As != "":
		return r.As
	case r.Group != nil:
		return "group"
	case r.Attribute != "":
		return r.Attribute
	}
	return "expression"
}

// Canary is an entry that is known to be there, with a value that is known to be shown.
type Canary struct {
	Entry     string // its DN or key
	Attribute string // declared attribute, "" if being there is enough
	Value     string
}

// Check names all mistakes of the configuration in one error.
func (c *Config) Check() error {
	var bad []string
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if c.Key == "" {
		say("key: name the attribute that is never reused, such as entryUUID or employee_id")
	}
	declared := map[string]bool{"": true}
	for _, a := range c.Attributes {
		if a.Name == "" || a.Source == "" {
			say("attributes: %q from %q needs both names", a.Name, a.Source)
		}
		if declared[a.Name] && a.Name != "" {
			say("attributes: %q is declared twice", a.Name)
		}
		declared[a.Name] = true
	}
	needs := func(where, name string) {
		if !declared[name] {
			say("%s: %q is not among the attributes; declare it there", where, name)
		}
	}
	needs("dates.start", c.Dates.Start)
	needs("dates.end", c.Dates.End)
	needs("zone", c.Zone.Attribute)
	for _, k := range c.Canaries {
		needs("canaries", k.Attribute)
	}
	c.checkRoles(say, needs)
	if len(bad) > 0 {
		return fmt.Errorf("directory %s: %s", c.Name, strings.Join(bad, "; "))
	}
	return nil
}

func (c *Config) checkRoles(say func(string, ...any), needs func(where, name string)) {
	seen := map[string]bool{}
	for i := range c.Roles {
		r := &c.Roles[i]
		needs("roles", r.Attribute)
		if r.Group != nil {
			needs("roles.group.by", r.Group.By)
		}
		if (r.Name != "") != (r.When != nil) {
			say("roles: an expression needs both a name and a condition")
		}
		label := r.Label()
		if strings.ContainsAny(label, ":*") {
			say("roles: %q can't be the name of a source: no colon, no star", label)
		}
		if r.Name == "" && seen[label] {
			say("roles: two sources are called %q; tell them apart with `as:`", label)
		}
		seen[label] = true
	}
}

func (c *Config) attribute(name string) *Attribute {
	for i := range c.Attributes {
		if c.Attributes[i].Name == name {
			return &c.Attributes[i]
		}
	}
	return nil
}

func (c *Config) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (a *Attribute) folds() bool { return a.Fold || a.Name == "login" || a.Name == "mail" }
