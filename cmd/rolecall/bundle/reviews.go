package bundle

import (
	"strings"
	"time"
)

// reviews is a table of its own, which is only there where there were reviews: bundles from before there were any stay as they are.
func (c *content) reviews() []table {
	if len(c.found.Lines) == 0 {
		return nil
	}
	t := newTable("reviews.csv", "review", "scope", "reviewers", "began", "due", "closed", "closed by", "person", "login", "name", "entitlement", "account", "last change", "managed",
		"given by policy", "reason", "cost", "peers with the same", "peers", "peers by", "asked", "decision", "becomes", "until", "by", "decided", "why", "record")
	for i := range c.found.Lines {
		l := &c.found.Lines[i]
		decision := string(l.State)
		if decision == "" {
			decision = "open"
		}
		t.add(l.Review, strings.Join(l.Of.Scope, " and "), l.Of.Reviewers, stamp(l.Of.Began), day(l.Of.Due), stamp(l.Of.Closed), l.Of.ClosedBy, l.Person, l.Login, l.Name, l.Entitlement, l.Account,
			stamp(l.Since), yes(l.Managed), yes(l.Given), l.Why, l.Cost, number(l.Same), number(l.Peers), l.PeersBy, strings.Join(l.Asked, ", "), decision, l.Becomes, day(l.Until),
			l.By, stamp(l.At), l.Reason, seq(l.Seq))
	}
	return []table{t}
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
