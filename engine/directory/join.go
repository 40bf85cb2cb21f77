package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// Part is one of several directories that are read as one.
type Part struct {
	Config    *Config
	Directory engine.Directory
	// On is the authority's attribute, Theirs the partner's, whose equal values make two entries one person. "" means
	// the key. Values are compared without case.
	On, Theirs string
}

type joined struct {
	authority Part
	partners  []Part
}

// Join reads several directories as one. The authority decides who exists. Partners add attributes and roles, and a
// leaver's mark in any of them counts. A partner that is missing or incomplete makes its own attributes and roles
// unknown, of those whom it does not show, and nothing else. States are decided by each directory from its own
// attributes. It is an error if two parts declare the same attribute (the partners' join attributes apart) or call
// sources of roles alike.
func Join(authority Part, partners ...Part) (engine.Directory, error) {
	attributes, labels := map[string]string{}, map[string]string{}
	for i, p := range append([]Part{authority}, partners...) {
		for _, a := range p.Config.Attributes {
			if other, ok := attributes[a.Name]; ok && a.Name != p.Theirs {
				return nil, fmt.Errorf("directory %s: the attribute %s also comes from %s; rename one", p.Config.Name, a.Name, other)
			}
			attributes[a.Name] = p.Config.Name
		}
		for _, l := range p.Config.labels() {
			if other, ok := labels[l]; ok {
				return nil, fmt.Errorf("directory %s: %s also has roles called %s:…; tell them apart with `as:`", p.Config.Name, other, l)
			}
			labels[l] = p.Config.Name
		}
		if i > 0 && (p.On != "" && authority.Config.attribute(p.On) == nil || p.Theirs != "" && p.Config.attribute(p.Theirs) == nil) {
			return nil, fmt.Errorf("directory %s: it is joined on attributes that are not declared (%s, %s)", p.Config.Name, p.On, p.Theirs)
		}
	}
	return &joined{authority, partners}, nil
}

func (c *Config) labels() []string {
	var out []string
	for i := range c.Roles {
		out = append(out, c.Roles[i].Label())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// People reads the partners, then the authority; see engine.Directory. Only an error of the authority is an error.
func (j *joined) People(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	others := make([]*partner, len(j.partners))
	for i := range j.partners {
		others[i] = readPartner(ctx, &j.partners[i])
	}
	var people []engine.Person
	proof, err := j.authority.Directory.People(ctx, func(p engine.Person) error {
		people = append(people, p)
		return nil
	})
	if err != nil {
		return proof, err
	}
	for _, o := range others {
		o.merge(people)
		slices.SortFunc(o.proof.Notices, compareReasons)
		proof.Partners = append(proof.Partners, o.proof)
	}
	var buf []byte
	for i := range people {
		people[i].Changed, buf = fingerprint(&people[i], buf)
		if err := yield(people[i]); err != nil {
			return proof, err
		}
	}
	return proof, ctx.Err()
}

// partner is what one partner showed.
type partner struct {
	*Part
	people []engine.Person
	by     map[string][]int // join value → indexes in people
	proof  engine.Proof
	unseen []string
	lists  arena[string]
}

func readPartner(ctx context.Context, part *Part) *partner {
	o := &partner{Part: part, by: map[string][]int{}}
	proof, err := part.Directory.People(ctx, func(p engine.Person) error {
		o.people = append(o.people, p)
		return nil
	})
	if err != nil {
		o.people = nil
		proof = silent(part.Config, err)
	}
	proof.Tells = part.tells()
	for i := range o.people {
		if v, known := joinValue(&o.people[i], part.Theirs); known && v != "" {
			o.by[v] = append(o.by[v], i)
		}
	}
	o.proof, o.unseen = proof, proof.Unseen()
	return o
}

// tells lists what only this partner says of people; see engine.Proof.
func (p *Part) tells() []string {
	var out []string
	for _, a := range p.Config.Attributes {
		switch {
		case a.Name == p.Theirs:
		case a.Job:
			out = append(out, "job."+a.Name)
		default:
			out = append(out, "person."+a.Name)
		}
	}
	for _, l := range p.Config.labels() {
		out = append(out, l+":*")
	}
	slices.Sort(out)
	return out
}

// silent is the proof of a partner that did not answer: all its roles are unknown.
func silent(c *Config, err error) engine.Proof {
	reasons := []engine.Reason{{Code: engine.ReasonUnreachable, Detail: err.Error()}}
	p := engine.Proof{Source: c.Name, Reasons: reasons}
	for _, l := range c.labels() {
		p.Roles = append(p.Roles, engine.RoleProof{Role: l + ":*", Reasons: reasons})
	}
	return p
}

func joinValue(p *engine.Person, attribute string) (value string, known bool) {
	if attribute == "" {
		return canonOr(p.Key), true
	}
	a := p.Attributes.Get(attribute)
	if len(a.Values) > 0 {
		value = canonOr(a.Values[0])
	}
	return value, !a.Unknown
}

// merge adds what the partner shows to the people that it is certain about. Two people with one join value, or two
// entries, are a mix-up: nothing is taken for either.
func (o *partner) merge(people []engine.Person) {
	first := map[string]int{}
	mixed := map[string]bool{}
	for i := range people {
		if v, known := joinValue(&people[i], o.On); known && v != "" {
			if j, ok := first[v]; ok {
				mixed[v] = true
				o.mixUp(people[j].Entry, people[i].Entry, v)
			}
			first[v] = i
		}
	}
	for v, at := range o.by {
		if len(at) > 1 {
			mixed[v] = true
			o.mixUp(o.people[at[0]].Entry, o.people[at[1]].Entry, v)
		}
	}
	for i := range people {
		o.add(&people[i], mixed)
	}
}

func (o *partner) mixUp(a, b, value string) {
	o.proof.Notices = append(o.proof.Notices, engine.Reason{Code: engine.ReasonDuplicate,
		Detail: fmt.Sprintf("%s and %s have the same %s to join on; what %s says is unknown of both", a, b, quote(value), o.Config.Name)})
}

func (o *partner) add(p *engine.Person, mixed map[string]bool) {
	v, known := joinValue(p, o.On)
	at := o.by[v]
	switch {
	case !known || mixed[v]:
		o.hide(p)
	case v == "" || len(at) == 0:
		if !o.proof.Complete() {
			o.hide(p)
		}
	case o.people[at[0]].State == engine.StateUnknown && strings.HasPrefix(o.people[at[0]].StateWhy, sameKey):
		o.hide(p)
	default:
		o.take(p, &o.people[at[0]])
	}
	if len(o.unseen) > 0 {
		p.Miss(o.unseen...)
	}
}

// hide makes all unknown that the partner would have said of a person.
func (o *partner) hide(p *engine.Person) {
	for _, a := range o.Config.Attributes {
		if a.Name != o.Theirs {
			o.set(p, a, engine.Attribute{Name: a.Name, Unknown: true})
		}
	}
	for _, l := range o.Config.labels() {
		p.Miss(l + ":*")
	}
}

// set puts an attribute where it belongs, copying what people may share.
func (o *partner) set(p *engine.Person, a Attribute, v engine.Attribute) {
	if !a.Job {
		p.Attributes = slices.Clone(p.Attributes).With(v)
		return
	}
	p.Jobs = slices.Clone(p.Jobs)
	for i := range p.Jobs {
		p.Jobs[i].Attributes = slices.Clone(p.Jobs[i].Attributes).With(v)
	}
}

// take adds the partner's entry, which is named beside the person's own. Which of its jobs goes with which of the person's can't be told, so that several jobs
// with different values leave those unknown.
func (o *partner) take(p, from *engine.Person) {
	p.Entry += " and " + from.Entry
	for _, a := range o.Config.Attributes {
		v := from.Attributes.Get(a.Name)
		if a.Job {
			v = common(from.Jobs, a.Name)
		}
		if a.Name != o.Theirs && (v.Unknown || len(v.Values) > 0) {
			o.set(p, a, v)
		}
	}
	for _, r := range rolesOf(from) {
		p.Roles = insert(p.Roles, r, &o.lists)
	}
	if len(from.Missing) > 0 {
		p.Miss(from.Missing...)
	}
	if from.State == engine.StateLeft && from.Marked {
		p.State, p.Marked, p.StateWhy = engine.StateLeft, true, o.Config.Name+": "+from.StateWhy
	}
}

func common(jobs []engine.Job, name string) engine.Attribute {
	v := jobs[0].Attributes.Get(name)
	for _, j := range jobs[1:] {
		if w := j.Attributes.Get(name); w.Unknown || !slices.Equal(v.Values, w.Values) {
			return engine.Attribute{Name: name, Unknown: true}
		}
	}
	return v
}
