package config

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

var (
	// accountName is what connectors and people call the name of an account, which create: gives.
	accountName = regexp.MustCompile(`(?i)mail|^(user|account)?[ _-]?(name|login)$|^(user|account)$`)
	address     = regexp.MustCompile(`(?i)mail|proxyaddress`)
	// changing is what directories call that which people change, or which is given again when somebody has left.
	changing = regexp.MustCompile(`(?i)mail|proxyaddress|phone|^(user|account|display|common|given|family|sur|first|last)?[ _-]?(name|login)$|^(uid|cn|sn|user|samaccountname|userprincipalname)$`)
)

// matching looks whether accounts can be found by what match: says: by what nobody else can come to have, and what new accounts get.
func (c *checks) matching(name string, p *Program) {
	if p.Match == "" {
		return
	}
	c.certain(name, p)
	with := cmp.Or(p.MatchWith, "{key}")
	if given, ok := p.Attributes[p.Match]; ok && given != with {
		c.add(&p.Attributes, fmt.Sprintf("attributes gives new accounts the %s %q, and match looks for %q there", p.Match, given, with),
			"an attribute is for one of the two; without match: accounts that are there are reviewed and linked by rolecall adopt "+name)
	}
	if p.Create != "" && p.Create != with && accountName.MatchString(p.Match) && !address.MatchString(p.Match) {
		c.add(&p.Match, fmt.Sprintf("match looks for %q in %s, and create gives new accounts the name %q", with, p.Match, p.Create),
			"leave match: out; accounts that are there are reviewed and linked by rolecall adopt "+name)
	}
}

// certain refuses to tell whose an account is by what somebody else can come to have: adopt proposes that, and somebody reviews it.
func (c *checks) certain(name string, p *Program) {
	const why = ", which people can change, or somebody else gets one day"
	hint := "match by what is never given twice, such as a staff number; rolecall adopt " + name + " shows who has which address or name, to be reviewed"
	if address.MatchString(p.Match) {
		c.add(&p.Match, fmt.Sprintf("match: %s is an address%s", p.Match, why), hint)
	}
	t, err := ParseTemplate(p.MatchWith)
	if err != nil {
		return // templates says so
	}
	for _, attribute := range t.Names() {
		if from, yes := c.changes(attribute); yes {
			c.add(&p.MatchWith, fmt.Sprintf("match_with uses {%s}%s%s", attribute, from, why), hint)
		}
	}
}

// changes: a declared attribute is called, or taken from, what may be somebody else's one day.
func (c *checks) changes(name string) (from string, yes bool) {
	if changing.MatchString(name) {
		return "", true
	}
	for _, source := range c.sources(name) {
		if changing.MatchString(source) || slices.ContainsFunc([]string{"login", "mail", "name"}, func(known string) bool { return slices.Contains(c.sources(known), source) }) {
			return " from " + source, true
		}
	}
	return "", false
}

// sources are what the directories call an attribute, sorted.
func (c *checks) sources(name string) []string {
	out := map[string]bool{}
	for i := range c.Directories {
		if from := c.Directories[i].Attributes[name].From; from != "" {
			out[from] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}
