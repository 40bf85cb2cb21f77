package policies

import (
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// person reads a person as tests write it: roles, jobs, state and so on, and declared attributes by their plain names.
// Attributes of a job that stand beside the person's own are those of the only job.
func (r *reader) person(n *node) engine.Person {
	p := engine.Person{State: engine.StateActive, Key: "somebody"}
	var jobs *node
	var main engine.Job
	zone := ""
	r.fields(n, "a person", []field{
		{"key", false, r.textInto(&p.Key)},
		{"state", false, func(n *node) { p.State = r.state(n) }},
		{"zone", false, r.textInto(&zone)},
		{"roles", false, func(n *node) { p.Roles = r.heldRoles(n) }},
		{"jobs", false, func(n *node) { jobs = n }},
		{"unseen", false, func(n *node) { r.unseen(n, &p, &main) }},
	}, func(key, value *node) bool { return r.attribute(key, value, &p.Attributes, &main.Attributes) })
	p.Zone = zone
	if _, err := time.LoadLocation(zone); err != nil {
		r.wrong(n, "zone "+quote(zone)+" is not known", "write it like Europe/Berlin")
	}
	if jobs == nil {
		p.Jobs = []engine.Job{main}
		return p
	}
	if len(main.Attributes) > 0 {
		r.wrong(jobs, "attributes of a job stand both beside and in jobs", "put all of them into jobs")
	}
	where := newZones(r.schema.zone()).of(&p)
	r.each(func(n *node) { p.Jobs = append(p.Jobs, r.job(n, where)) })(jobs)
	return p
}

func (r *reader) job(n *node, zone *time.Location) engine.Job {
	var j engine.Job
	var start, end date
	r.fields(n, "a job", []field{
		{"roles", false, func(n *node) { j.Roles = r.heldRoles(n) }},
		{"start", false, r.date(&start)},
		{"end", false, r.date(&end)},
	}, func(key, value *node) bool { return r.attribute(key, value, nil, &j.Attributes) })
	if start != 0 {
		j.Start = start.time(zone)
	}
	if end != 0 { // inclusive: the first instant after it
		j.End = end.time(zone).AddDate(0, 0, 1)
	}
	return j
}

func (r *reader) state(n *node) engine.State {
	var word string
	r.word(&word, "upcoming", "active", "away", "left", "unknown")(n)
	state, _ := engine.ParseState(word)
	return state
}

func (r *reader) heldRoles(n *node) []string {
	var roles []string
	r.roleTexts(n, func(role string) { roles = append(roles, role) })
	slices.Sort(roles)
	return slices.Compact(roles)
}

func (r *reader) roleTexts(n *node, each func(role string)) {
	r.texts(n, func(item *node, text string) {
		role, wrong := r.schema.role(text)
		r.problem(item, wrong)
		each(role)
	})
}

// attribute reads one declared attribute into the person's or the job's; false if the name is none. login, mail and name
// are always taken.
func (r *reader) attribute(key, value *node, person, job *engine.Attributes) bool {
	d, ok := r.schema.declared(key.text)
	if !ok && !slices.Contains([]string{"login", "mail", "name"}, key.text) || person == nil && !d.Job {
		return r.nearAttribute(key, person == nil)
	}
	a := engine.Attribute{Name: d.Name}
	switch {
	case d.Multi:
		r.texts(value, func(_ *node, s string) { a.Values = append(a.Values, s) })
	case value.kind == scalar && value.quoted && value.text == "":
	default:
		if s, ok := r.text(value); ok {
			a.Values = []string{s}
		}
	}
	if d.Job {
		*job = job.With(a)
	} else {
		*person = person.With(a)
	}
	return true
}

// nearAttribute reports a name that is none with the attributes among what could be meant.
func (r *reader) nearAttribute(key *node, jobOnly bool) bool {
	if r.schema.halfKnown {
		return true
	}
	var known []string
	for _, d := range r.schema.Attributes {
		if d.Job || !jobOnly {
			known = append(known, d.Name)
		}
	}
	if engine.Suggest(key.text, known) == "" {
		return false
	}
	r.problem(key, unknownName("attribute", key.text, known))
	return true
}

// unseen lists roles ("source:name", "source:*") and attributes that the source could not show.
func (r *reader) unseen(n *node, p *engine.Person, main *engine.Job) {
	r.texts(n, func(item *node, text string) {
		if d, ok := r.schema.declared(text); ok {
			a := engine.Attribute{Name: d.Name, Unknown: true}
			if d.Job {
				main.Attributes = main.Attributes.With(a)
			} else {
				p.Attributes = p.Attributes.With(a)
			}
			return
		}
		role := text
		if source, all := allOf(text); !all || !slices.Contains(r.schema.sourceNames(), source) {
			var wrong *problem
			role, wrong = r.schema.role(text)
			r.problem(item, wrong)
		}
		p.Missing = append(p.Missing, role)
	})
	slices.Sort(p.Missing)
}
