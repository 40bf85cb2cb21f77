package config

import (
	"cmp"
	"fmt"
	"regexp"
)

// accountName is what connectors and people call the name of an account, which create: gives.
var accountName = regexp.MustCompile(`(?i)mail|^(user|account)?[ _-]?(name|login)$|^(user|account)$`)

// matching looks whether accounts can be found by what match: says: by what nobody else can come to have, and what new accounts get.
func (c *checks) matching(name string, p *Program) {
	if p.Match == "" {
		return
	}
	with := cmp.Or(p.MatchWith, "{key}")
	if given, ok := p.Attributes[p.Match]; ok && given != with {
		c.add(&p.Attributes, fmt.Sprintf("attributes gives new accounts the %s %q, and match looks for %q there", p.Match, given, with),
			"an attribute is for one of the two; without match: accounts that are there are reviewed and linked by rolecall adopt "+name)
	}
	if p.Create != "" && p.Create != with && accountName.MatchString(p.Match) {
		c.add(&p.Match, fmt.Sprintf("match looks for %q in %s, and create gives new accounts the name %q", with, p.Match, p.Create),
			"leave match: out; accounts that are there are reviewed and linked by rolecall adopt "+name)
	}
}
