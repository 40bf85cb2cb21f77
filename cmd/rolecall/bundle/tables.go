package bundle

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine/audit/period"
)

// table is a file for spreadsheets.
type table struct {
	name string
	render.Table
}

func newTable(name string, header ...string) table {
	return table{name, render.Table{Header: header}}
}

func (t *table) add(cells ...string) { t.Add(render.Plain, cells...) }

func (c *content) tables() []table {
	f := c.found
	return append([]table{people("joiners.csv", f.Joiners), people("movers.csv", f.Movers), people("leavers.csv", f.Leavers), people("others.csv", f.Others),
		c.holders(), c.cases(), c.decisions(), versions("policies.csv", f.Policies), versions("configurations.csv", f.Configs), c.counts(), c.gapTable()}, c.reviews()...)
}

// people has the delays: from when Rolecall first knew of the reason to the effect.
func people(name string, list []period.Person) table {
	t := newTable(name, "person", "login", "name", "since", "given", "taken", "first given", "last given", "last taken", "minutes to first access", "minutes to all access",
		"minutes to revoke", "without effect", "cut off", "note")
	for i := range list {
		p := &list[i]
		all, taken := p.LastGiven, p.LastTaken
		if p.Open > 0 || p.Kept > 0 { // it is not over
			all, taken = time.Time{}, time.Time{}
		}
		t.add(p.Key, p.Login, p.Name, stamp(p.Since), number(p.Given), number(p.Taken), stamp(p.FirstGiven), stamp(p.LastGiven), stamp(p.LastTaken),
			minutes(p.Since, p.FirstGiven), minutes(p.Since, all), minutes(p.Since, taken), number(p.Open), yes(p.Cut), p.Note)
	}
	return t
}

func (c *content) holders() table {
	t := newTable("holders.csv", "program", "account", "entitlement", "person", "managed", "rules", "since", "record")
	for i := range c.found.Holders {
		h := &c.found.Holders[i]
		right := h.Program
		if h.Entitlement != "" {
			right += "/" + h.Entitlement
		}
		t.add(h.Program, h.Account, right, h.Person, yes(h.Managed), strings.Join(h.Rules, ", "), stamp(h.From), seq(h.Record))
	}
	return t
}

// cases has the whole chain of each change in one row.
func (c *content) cases() table {
	t := newTable("cases.csv", "record", "time", "run", "person", "login", "name", "operation", "entitlement", "account", "cause", "why", "rules", "policy", "since",
		"waited because", "approved by", "approved at", "approval record", "approval reason", "outcome", "outcome time", "outcome record", "outcome reason", "minutes",
		"read back", "read back by run", "read back record", "late results")
	for i := range c.found.Cases {
		k := &c.found.Cases[i]
		a, o, r := stepOf(k.Approval), stepOf(k.Outcome), stepOf(k.Read)
		took := ""
		if k.Effect() && k.Outcome != nil {
			took = minutes(k.Since, o.Time)
		}
		t.add(seq(k.Seq), stamp(k.Time), k.Run, k.Person, k.Login, k.Name, string(k.Op), k.Entitlement, k.Account, string(k.Cause), strings.Join(k.Why, "; "),
			strings.Join(k.Rules, ", "), short(k.Policy), stamp(k.Since), k.Held, a.By, stamp(a.Time), seq(a.Seq), a.Why, ending(k), stamp(o.Time), seq(o.Seq), o.Why, took,
			r.What, r.By, seq(r.Seq), number(k.Late))
	}
	return t
}

func ending(k *period.Case) string {
	switch {
	case k.Kind == "adopt":
		return "adopted"
	case k.Outcome == nil:
		return "open"
	}
	return k.Outcome.What
}

func stepOf(s *period.Step) period.Step {
	if s == nil {
		return period.Step{}
	}
	return *s
}

func (c *content) decisions() table {
	t := newTable("decisions.csv", "record", "time", "kind", "by", "person", "program", "entitlement", "operation", "until", "reason")
	for i := range c.found.Decisions {
		d := &c.found.Decisions[i]
		t.add(seq(d.Seq), stamp(d.Time), string(d.Kind), d.Actor, d.Person, d.Program, d.Entitlement, d.What, stamp(d.Until), d.Why)
	}
	return t
}

func versions(name string, list []period.Version) table {
	t := newTable(name, "record", "in force since", "recorded by", "hash", "says")
	for i := range list {
		v := &list[i]
		t.add(seq(v.Seq), stamp(v.Time), v.Actor, v.Hash, v.Why)
	}
	return t
}

func (c *content) counts() table {
	t := newTable("counts.csv", "kind", "source", "last complete read", "record", "shown", "changed since", "in the bundle", "difference", "why")
	for i := range c.found.Counts {
		n := &c.found.Counts[i]
		shown, difference := "unknown", "unknown"
		if n.Complete {
			shown, difference = number(n.Shown), number(n.Difference)
		}
		t.add(n.Kind, n.Source, stamp(n.Read), seq(n.Record), shown, number(n.Since), number(n.Here), difference, n.Why)
	}
	return t
}

func (c *content) gapTable() table {
	t := newTable("not-covered.csv", "code", "how many", "what", "record")
	for _, g := range c.uncovered() {
		t.add(g.Code, number(g.N), g.What, seq(g.Record))
	}
	return t
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// minutes is the time between two moments, "" where one is not known.
func minutes(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return ""
	}
	return fmt.Sprintf("%.1f", to.Sub(from).Minutes())
}

func number(n int) string { return strconv.Itoa(n) }

func seq(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
