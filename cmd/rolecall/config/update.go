package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// secretName is what nobody calls an attribute that may be read, compared and shown in plans.
var secretName = regexp.MustCompile(`(?i)passw|pwd|kennwort|passphrase|secret|token|credential|(private|api|ssh|access).?key|totp|^pin$`)

// updated looks whether what is to be kept up to date is given at all, may be shown, and does not say whose the account is.
func (c *checks) updated(name string, p *Program) {
	known := slices.Sorted(maps.Keys(p.Attributes))
	if p.Update.All() && len(known) == 0 {
		c.add(&p.Update, "update: all keeps attributes up to date, and program "+name+" has none", "attributes: {mail: \"{mail}\"}")
		return
	}
	for _, attribute := range p.Updated() {
		text, given := p.Attributes[attribute]
		switch {
		case !given:
			hint := engine.Suggest(attribute, known)
			if hint == "" {
				hint = "attributes: has " + orNone(known)
			}
			c.add(&p.Update, fmt.Sprintf("update names %q, which is none of the attributes of program %s", attribute, name), hint)
		case attribute == p.Match:
			c.add(&p.Update, fmt.Sprintf("update names %q, by which match finds whose an account is", attribute), "that never changes; leave it out")
		case c.secret(attribute, text):
			c.add(&p.Update, fmt.Sprintf("update names %q, which looks like a secret, and both values stand in plans and in the journal", attribute), "name the attributes to be kept up to date without it")
		}
	}
}

// secret: the attribute, or what its template is made of, is called as secrets are, here or in a directory.
func (c *checks) secret(attribute, text string) bool {
	names := []string{attribute}
	if t, err := ParseTemplate(text); err == nil {
		for _, name := range t.Names() {
			names = append(append(names, name), c.sources(name)...)
		}
	}
	return slices.ContainsFunc(names, secretName.MatchString)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
