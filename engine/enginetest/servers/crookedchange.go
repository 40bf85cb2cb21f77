package servers

import (
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Change is one value that a client adds to, or deletes from, an attribute of an entry: whatever Twist changes in it is
// what happens, and what the client is told.
type Change struct {
	DN, Attribute, Value string
	Add                  bool

	Skip bool  // it is not made
	Drop bool  // there is no answer
	Code int64 // the answer; what a sound server would give unless changed
}

// Twist sets what is done to each change from now on; nil: nothing.
func (s *Crooked) Twist(twist func(*Change)) { s.mu.Lock(); s.twist = twist; s.mu.Unlock() }

// change makes the first change of a modify request (RFC 4511 section 4.6), of one value as all of ours are.
func (s *Crooked) change(op *ber.Packet) Change {
	c := Change{DN: text(op.Children[0])}
	first := op.Children[1].Children[0]
	kind, _ := first.Children[0].Value.(int64)
	c.Add, c.Attribute = kind == 0, text(first.Children[1].Children[0])
	if values := first.Children[1].Children[1].Children; len(values) == 1 {
		c.Value = text(values[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.entries, func(e Entry) bool { return strings.EqualFold(e.DN, c.DN) })
	has := at >= 0 && slices.ContainsFunc(s.entries[at].values(c.Attribute), func(v string) bool { return strings.EqualFold(v, c.Value) })
	switch {
	case at < 0:
		c.Code = 32
	case c.Add && has:
		c.Code = 20
	case !c.Add && !has:
		c.Code = 16
	}
	sound := c.Code == 0
	if s.twist != nil {
		s.twist(&c)
	}
	if sound && !c.Skip {
		s.entries = slices.Clone(s.entries) // those that were handed out stay as they are
		s.entries[at] = s.entries[at].with(c)
	}
	return c
}

func (e *Entry) values(name string) []string {
	for _, a := range e.Attributes {
		if strings.EqualFold(a.Name, name) {
			return a.Values
		}
	}
	return nil
}

// with is the entry after a change.
func (e *Entry) with(c Change) Entry {
	values := slices.DeleteFunc(slices.Clone(e.values(c.Attribute)), func(v string) bool { return strings.EqualFold(v, c.Value) })
	if c.Add {
		values = append(values, c.Value)
	}
	out := Entry{DN: e.DN, Attributes: slices.DeleteFunc(slices.Clone(e.Attributes), func(a EntryAttribute) bool { return strings.EqualFold(a.Name, c.Attribute) })}
	out.Attributes = append(out.Attributes, EntryAttribute{c.Attribute, values})
	return out
}

// matches is false only for an equality that the entry shows not to hold.
func (e *Entry) matches(filter *ber.Packet) bool {
	const equality = 3
	if filter.Tag != equality || len(filter.Children) != 2 {
		return true
	}
	want := text(filter.Children[1])
	return slices.ContainsFunc(e.values(text(filter.Children[0])), func(v string) bool { return strings.EqualFold(v, want) })
}
