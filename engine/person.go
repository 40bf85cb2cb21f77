package engine

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// State says where somebody stands with the company.
type State uint8

// The states of a person. Only Active and Away people keep what they have; Unknown never grants and never revokes.
const (
	StateUnknown  State = iota // what decides the state could not be seen
	StateUpcoming              // before start − lead: nothing is desired yet
	StateActive
	StateAway // parental leave, sabbatical: rights are kept, the account is kept or suspended as the program says
	StateLeft
)

// String gives the word used in configuration, pages and records.
func (s State) String() string {
	return [...]string{"unknown", "upcoming", "active", "away", "left"}[s]
}

// ParseState is the inverse of State.String; ok is false for any other word.
func ParseState(word string) (s State, ok bool) {
	for s = StateUnknown; s <= StateLeft; s++ {
		if s.String() == word {
			return s, true
		}
	}
	return StateUnknown, false
}

// Tri is a truth value that admits ignorance; unknown is never taken for No.
type Tri int8

// The three truth values.
const (
	No Tri = iota
	Yes
	Unknown
)

// Attribute is one declared attribute of a person or a job as the directory showed it, in canonical form.
// An attribute that a complete entry lacks has no values; one the source could not show has Unknown set.
type Attribute struct {
	Name    string
	Values  []string
	Unknown bool
}

// Attributes are sorted by name; names are unique.
type Attributes []Attribute

// Get finds an attribute; a name that is not there is known to be absent.
func (a Attributes) Get(name string) Attribute {
	if i, ok := a.find(name); ok {
		return a[i]
	}
	return Attribute{Name: name}
}

// First is the first value, "" if there is none or it is unknown.
func (a Attributes) First(name string) string {
	if v := a.Get(name); len(v.Values) > 0 {
		return v.Values[0]
	}
	return ""
}

// With returns the attributes with one put in its place, replacing one of the same name; a itself may be changed.
func (a Attributes) With(v Attribute) Attributes {
	i, ok := a.find(v.Name)
	if ok {
		a[i] = v
		return a
	}
	return slices.Insert(a, i, v)
}

func (a Attributes) find(name string) (int, bool) {
	return sort.Find(len(a), func(i int) int { return strings.Compare(name, a[i].Name) })
}

// Job is one employment of a person. A rule must match within one job.
type Job struct {
	Attributes Attributes // title, department, cost_centre, country, manager, … as declared
	Roles      []string   // "source:name", sorted: roles that come from this job's attributes
	Start, End time.Time  // first instant at which the job counts, which is its start less the lead, and first instant after it; zero: open
}

// Person is somebody in the directory, as of one read. Keys are never reused.
type Person struct {
	Key        string     // immutable: entryUUID, objectGUID, employee number
	NewKey     string     // by which the directory knows the person since all keys changed, "" where that is Key
	Source     string     // name of the directory that decides that the person exists
	Entry      string     // where the entry is, for people to read: a DN or file:line
	State      State      // from expressions and dates, as of the time of the read
	StateWhy   string     // the expression or date that decided State
	Marked     bool       // State is Left because of an explicit mark in a complete entry
	Attributes Attributes // login, mail, name and the other declared ones
	Roles      []string   // "source:name", sorted: roles held in every job (groups, nested ones resolved)
	Jobs       []Job      // at least one
	Missing    []string   // sorted: roles and "source:*" that the source could not show for this person
	Zone       string     // IANA name for this person's dates, "" for the company's
	Changed    string     // hash of the entry as the policy sees it, "" if part of it is unknown; an undone change is frozen until it differs
}

// Login is what people call the person by; it may change and decides nothing.
func (p *Person) Login() string { return p.Attributes.First("login") }

// Called says whether a key, also a new one, or the login is this person's.
func (p *Person) Called(name string) bool {
	return name != "" && (name == p.Key || name == p.NewKey || name == p.Login())
}

// Name is the display name, else the login, else the key.
func (p *Person) Name() string {
	for _, s := range []string{p.Attributes.First("name"), p.Login()} {
		if s != "" {
			return s
		}
	}
	return p.Key
}

// HasRole says whether the person holds the role in the given job; Unknown where the source could not show it.
// The role is in canonical "source:name" form.
func (p *Person) HasRole(job *Job, role string) Tri {
	if contains(p.Roles, role) || job != nil && contains(job.Roles, role) {
		return Yes
	}
	if len(p.Missing) == 0 {
		return No
	}
	source, _, _ := strings.Cut(role, ":")
	if contains(p.Missing, role) || contains(p.Missing, source+":*") {
		return Unknown
	}
	return No
}

// Miss says that the source could not show the roles. The slice that Missing had is not changed: people may share it.
func (p *Person) Miss(roles ...string) {
	all := append(slices.Clone(p.Missing), roles...)
	slices.Sort(all)
	p.Missing = slices.Compact(all)
}

// hide makes unknown what was not shown: "person.attribute", "job.attribute" or "source:*". Lists that people may share are
// not changed.
func (p *Person) hide(what string) {
	if name, ok := strings.CutPrefix(what, "person."); ok {
		if a := p.Attributes.Get(name); len(a.Values) == 0 {
			p.Attributes, p.Changed = slices.Clone(p.Attributes).With(Attribute{Name: name, Unknown: true}), ""
		}
		return
	}
	name, ok := strings.CutPrefix(what, "job.")
	if !ok {
		p.Miss(what)
		p.Changed = ""
		return
	}
	p.Jobs = slices.Clone(p.Jobs)
	for i := range p.Jobs {
		if j := &p.Jobs[i]; len(j.Attributes.Get(name).Values) == 0 {
			j.Attributes, p.Changed = slices.Clone(j.Attributes).With(Attribute{Name: name, Unknown: true}), ""
		}
	}
}

func contains(sorted []string, s string) bool {
	_, ok := slices.BinarySearch(sorted, s)
	return ok
}
