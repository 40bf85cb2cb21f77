package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// joins checks how directories without authority hang on the one that decides who exists.
func (c *checks) joins() {
	i := slices.IndexFunc(c.Directories, func(d Directory) bool { return d.Authority == "people" })
	if i < 0 {
		return // complained about already
	}
	authority := &c.Directories[i]
	if authority.Join != nil {
		c.add(authority.Join, "directory "+authority.Name+" decides who exists, so it is joined to nothing", "write join: in the others")
	}
	from, labels := map[string]string{}, map[string]string{}
	c.claim(authority, "", from, labels)
	for i := range c.Directories {
		d := &c.Directories[i]
		if d.Authority == "people" {
			continue
		}
		if d.Join == nil {
			c.add(d, "directory "+d.Name+" is not joined to the people of "+authority.Name, `join: {attribute: login, with: login}, or authority: people`)
			continue
		}
		mine := c.joinable(&d.Join.Attribute, d.Join, "attribute", d)
		theirs := c.joinable(&d.Join.With, d.Join, "with", authority)
		if mine && theirs { // else it is open what may be called alike
			c.claim(d, d.Join.Attribute, from, labels)
		}
	}
}

// joinable complains about one side of a join that is missing or not declared.
func (c *checks) joinable(name *string, join *Join, key string, d *Directory) bool {
	declared := append(slices.Sorted(maps.Keys(d.Attributes)), "key")
	switch {
	case *name == "":
		c.add(join, "join: "+key+" is missing", "one of "+strings.Join(declared, ", "))
	case !slices.Contains(declared, *name):
		hint := engine.Suggest(*name, declared)
		if hint == "" {
			hint = "declared are: " + strings.Join(declared, ", ")
		}
		c.add(name, fmt.Sprintf("%q is not declared in the attributes of directory %s", *name, d.Name), hint)
	default:
		return true
	}
	return false
}

// claim complains about what two directories both say: it would be open which of them is right. What a partner is joined
// by may be called alike.
func (c *checks) claim(d *Directory, joinedBy string, from, labels map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(d.Attributes)) {
		if other, ok := from[name]; ok && name != joinedBy {
			c.add(d, fmt.Sprintf("directory %s: the attribute %s also comes from %s", d.Name, name, other), "rename or remove one")
		} else if !ok {
			from[name] = d.Name
		}
	}
	for i := range d.Roles {
		r := &d.Roles[i]
		if other, ok := labels[r.Label()]; ok && other != d.Name {
			c.add(r, fmt.Sprintf("directory %s: %s also has roles called %s:…", d.Name, other, r.Label()), "tell them apart with as:")
		}
		labels[r.Label()] = d.Name
	}
}
