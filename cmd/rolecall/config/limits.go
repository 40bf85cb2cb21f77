package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func (c *checks) limits() {
	l := &c.Limits
	for _, one := range []*engine.Limit{&l.Revoke.People, &l.Revoke.Holdings, &l.Leavers, &l.Grant} {
		switch {
		case one.Floor < 0 || one.Cap < one.Floor:
			c.add(one, "floor must not be negative, and cap not below it", "")
		case one.Percent < 0 || one.Percent > 100:
			c.add(one, "percent is between 0 and 100", "")
		case one.Window <= 0:
			c.add(one, "window must be longer than nothing", "window: 24h")
		case one.Window > engine.LongestWindow:
			c.add(one, "window is 90d at most, since older records may have been pruned", "window: 30d")
		}
	}
	if c.Alarms.Quiet < 0 || c.Alarms.Quiet > 0 && c.Alarms.Quiet < 1 {
		c.add(&c.Alarms.Quiet, "quiet is 0, or at least 1", "quiet: 2")
	}
	if c.Alarms.Unread < 0 {
		c.add(&c.Alarms.Unread, "unread must not be negative", "unread: 8")
	}
	if c.Alarms.Unfinished <= 0 {
		c.add(&c.Alarms.Unfinished, "unfinished must be longer than nothing", "unfinished: 4h")
	}
	if c.Audit.Keep != 0 && c.Audit.Keep < engine.LeastKept {
		c.add(&c.Audit.Keep, "records are kept for 90 days at the least, since limits, reports and notices look back", "keep: 730d")
	}
}

// longestWave bounds how far back every run looks.
const longestWave = 31 * 24 * time.Hour

func (c *checks) expected() {
	for i := range c.Expect {
		x := &c.Expect[i]
		if text, hint := c.wrongScope(x.Scope); text != "" {
			c.add(either(x.Scope != "", &x.Scope, x), text, hint)
		}
		if classes := []string{"revoke", "leavers", "grant"}; !slices.Contains(classes, x.Of) {
			c.word(either(x.Of != "", &x.Of, x), "expect: of", x.Of, classes...)
		} else {
			c.counts(x)
		}
		switch {
		case x.From.IsZero() || x.Until.IsZero():
			c.add(x, "an announced wave needs its first and its last day", "from: 2027-03-01, until: 2027-03-05")
		case x.Until.Before(x.From):
			c.add(&x.Until, "until is before from", "both days are part of it")
		case x.Until.Sub(x.From)+24*time.Hour > longestWave:
			c.add(&x.Until, "an announced wave lasts 31 days at most", "announce what takes longer in parts, each with its own count")
		}
		if strings.TrimSpace(x.Approver) == "" {
			c.add(x, "an announced wave needs an approver", "approver: who allowed it")
		}
		if strings.TrimSpace(x.Reason) == "" {
			c.add(x, "an announced wave needs a reason", "reason: for those who read the journal later")
		}
	}
}

func either(first bool, a, b any) any {
	if first {
		return a
	}
	return b
}

func (c *checks) wrongScope(scope string) (text, hint string) {
	const forms = "write all, program NAME or source NAME"
	kind, name, _ := strings.Cut(scope, " ")
	var known []string
	switch {
	case scope == "":
		return "an announced wave needs a scope", forms
	case scope == "all":
		return "", ""
	case kind == "program":
		known = slices.Sorted(maps.Keys(c.Programs))
	case kind == "source":
		for i := range c.Directories {
			known = append(known, c.Directories[i].Name)
		}
	default:
		return fmt.Sprintf("scope is %q", scope), forms
	}
	if slices.Contains(known, name) {
		return "", ""
	}
	if hint = engine.Suggest(name, known); hint == "" {
		hint = "there are: " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("no %s is called %q", strings.Replace(kind, "source", "directory", 1), name), hint
}

// counts: each kind of change is counted by what its limits count.
func (c *checks) counts(x *Expect) {
	switch {
	case x.People < 0 || x.Holdings < 0 || x.People == 0 && x.Holdings == 0:
		c.add(x, "an announced wave says how many", map[string]string{"revoke": "people: 40, holdings: 120", "leavers": "people: 40", "grant": "holdings: 120"}[x.Of])
	case x.Of == "leavers" && x.Holdings > 0:
		c.add(&x.Holdings, "leavers are counted by people", "people: 40")
	case x.Of == "grant" && x.People > 0:
		c.add(&x.People, "grants are counted by holdings", "holdings: 120")
	}
}
