package policies

import (
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// Use is a place in the files that names something.
type Use struct {
	Name  string // of the rule or conflict; "" for an extra or a block
	Place string // file:line
}

// UsesOfRole lists the rules that ask for a role (canonical), be it to have it or not to, in order of the files.
func (p *Policy) UsesOfRole(role string) []Use {
	var out []Use
	for _, r := range p.defs.rules {
		if slices.Contains(r.any, role) || slices.Contains(r.all, role) || slices.Contains(r.none, role) {
			out = append(out, Use{r.name, r.place})
		}
	}
	return out
}

// UsesOf lists what names an entitlement: rules, then extras, conflicts and blocks. Patterns of blocks are left out.
func (p *Policy) UsesOf(e engine.Entitlement) []Use {
	var out []Use
	for _, r := range p.defs.rules {
		if slices.Contains(r.grant, e) {
			out = append(out, Use{r.name, r.place})
		}
	}
	for _, x := range p.defs.extras {
		if x.grant == e {
			out = append(out, Use{Place: x.place})
		}
	}
	for _, c := range p.defs.conflicts {
		if slices.Contains(c.never, e) {
			out = append(out, Use{c.name, c.place})
		}
	}
	for _, b := range p.defs.blocks {
		if b.pattern == e.String() {
			out = append(out, Use{Place: b.place})
		}
	}
	return out
}
