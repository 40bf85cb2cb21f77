package policies

import (
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// Lead is a rule that gives something in a program, as its file has it.
type Lead struct {
	engine.Rule
	Any, All, None []string // roles
	When           string   // condition, "" for none
	Grants         []engine.Entitlement
}

// Leads are the rules and dated extras that give anything in a program, sorted by name. What a rule gives elsewhere is left out.
func (p *Policy) Leads(program string) (out []Lead) {
	defs := map[string]*rule{}
	for i := range p.defs.rules {
		defs[p.defs.rules[i].name] = &p.defs.rules[i]
	}
	extras := map[string]engine.Entitlement{}
	for i := range p.defs.extras {
		extras[p.defs.extras[i].name()] = p.defs.extras[i].grant
	}
	for _, r := range p.rules {
		l := Lead{Rule: r}
		if r.Extra {
			l.Grants = []engine.Entitlement{extras[r.Name]}
		} else {
			d := defs[r.Name]
			l.Any, l.All, l.None, l.Grants = d.any, d.all, d.none, slices.Clone(d.grant)
			if d.when != nil {
				l.When = d.when.text
			}
		}
		l.Grants = slices.DeleteFunc(l.Grants, func(e engine.Entitlement) bool { return e.Program != program })
		if len(l.Grants) > 0 {
			out = append(out, l)
		}
	}
	return out
}
