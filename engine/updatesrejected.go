package engine

import (
	"fmt"
	"maps"
	"slices"
)

// givenValue is a value that an account would be given; without an attribute it is its name.
type givenValue struct{ program, account, attribute, value string }

// rejections are the values that somebody rejected, each with that decision. A change in place is known by all of its values together,
// so one that comes with another value is another change, and would be made.
type rejections map[givenValue]Item

// rejections looks once: a wave that waits has millions of items.
func (b *builder) rejections() rejections {
	if b.refusals != nil {
		return b.refusals
	}
	b.refusals = rejections{}
	for f := range b.s.Memory.each(FactItem) {
		i := b.s.Memory.item(f.Key)
		c := &i.Change
		if i.State != Rejected || c.New == nil {
			continue
		}
		if c.Op == OpRename {
			b.refusals[givenValue{c.Program, c.Account, "", c.New.Name}] = i
		}
		for name, value := range c.New.Attributes {
			if c.Op == OpUpdate {
				b.refusals[givenValue{c.Program, c.Account, name, value}] = i
			}
		}
	}
	return b.refusals
}

// leaveRejected takes rejected values out of a change; one of which nothing is left is blocked.
func (p *programPlan) leaveRejected(c *Change) {
	no := p.b.rejections()
	if len(no) == 0 || p.b.refused(c) {
		return
	}
	last := ""
	for _, name := range slices.Sorted(maps.Keys(c.New.Attributes)) {
		if i, rejected := no[givenValue{c.Program, c.Account, name, c.New.Attributes[name]}]; rejected {
			delete(c.New.Attributes, name)
			last = i.rejection()
			c.Why = append(c.Why, fmt.Sprintf("%s stays as it is: %s", name, last))
			p.b.alive(i.ID)
		}
	}
	i, rejected := no[givenValue{c.Program, c.Account, "", c.New.Name}]
	switch {
	case c.Op == OpRename && rejected:
		p.b.alive(i.ID)
		*c = block(*c, i.rejection())
	case c.Op == OpUpdate && len(c.New.Attributes) == 0:
		*c = block(*c, last)
	}
	p.inPlace(c)
}

// rejection says who rejected it, and why.
func (i *Item) rejection() string {
	return "rejected by " + i.Decider() + " on " + day(i.At) + ": " + i.Note
}
