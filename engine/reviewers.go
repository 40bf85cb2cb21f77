package engine

import (
	"slices"
	"strings"
	"time"
)

// ask names who reviews a line.
func (d *drawing) ask(l *ReviewLine, p *Person) {
	l.Reviewers, l.Asked = append([]string{}, d.reviewers(p, l.Program)...), []string{}
	for _, key := range l.Reviewers {
		l.Asked = append(l.Asked, d.find(key).Name())
	}
}

func (d *drawing) reviewers(p *Person, program string) (out []string) {
	names := managersOf(p, d.now)
	if d.review.Reviewers == ByOwners {
		names = []string{d.owners[program]}
	}
	for _, name := range names {
		if key := d.who.only(name); key != "" && key != p.Key && d.find(key).State != StateLeft {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// managersOf is what the directory says of who manages somebody, in the jobs that count now.
func managersOf(p *Person, now time.Time) []string { return values(managingNow(p, now)) }

func managingNow(p *Person, now time.Time) (out []Attribute) {
	out = append(out, p.Attributes.Get("manager"))
	for i := range p.Jobs {
		j := &p.Jobs[i]
		if !j.Start.After(now) && (j.End.IsZero() || j.End.After(now)) {
			out = append(out, j.Attributes.Get("manager"))
		}
	}
	return out
}

// Names are what a directory or a configuration may call somebody by.
func (p *Person) Names() []string {
	return []string{p.Key, p.Login(), p.Attributes.First("mail"), p.Entry}
}

// whoIs finds people by their names; "" stands for more than one.
type whoIs map[string]string

// nameAll finds those who are called by one of the wanted names, which are in small letters; nil wants all.
func nameAll(people []Person, wanted map[string]bool) whoIs {
	w := whoIs{}
	for i := range people {
		for _, name := range people[i].Names() {
			name = strings.ToLower(name)
			if name == "" || wanted != nil && !wanted[name] {
				continue
			}
			if other, taken := w[name]; taken && other != people[i].Key {
				w[name] = ""
				continue
			}
			w[name] = people[i].Key
		}
	}
	return w
}

// only is the key of whoever is called so, if that is one person.
func (w whoIs) only(name string) string { return w[strings.ToLower(name)] }
