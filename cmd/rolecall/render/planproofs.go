package render

import (
	"slices"

	"github.com/rolecall/rolecall/engine"
)

func (o Out) incomplete(proofs []engine.Proof) {
	found := false
	for i := range proofs {
		p := &proofs[i]
		found = o.reasons(p) || found
		for k := range p.Partners {
			found = o.reasons(&p.Partners[k]) || found
		}
	}
	if found {
		o.Line("")
	}
}

// oddities shows the first few things that a source showed and that somebody should look at, though the read is complete: two
// equal logins, an entry of which something can't be used.
func (o Out) oddities(proofs []engine.Proof) {
	const most = 3
	found := false
	for i := range proofs {
		p := &proofs[i]
		for k, n := range p.Notices {
			if k == most {
				o.Line("  … and %d more; `rolecall check` shows all", len(p.Notices)-most)
				break
			}
			found = true
			o.Raw(o.Paint(Amber, "warning "+Clean(p.Source)) + ": " + Clean(n.Detail))
		}
		o.oddities(p.Partners)
	}
	if found {
		o.Line("")
	}
}

// reasons shows the first few reasons why a read is not complete.
func (o Out) reasons(p *engine.Proof) bool {
	const most = 3
	for i, r := range p.Reasons {
		if i == most {
			o.Line("  … and %d more reasons; -o json shows all", len(p.Reasons)-most)
			break
		}
		o.Raw(o.Paint(Amber, Clean(p.Source)+" was not read completely") + ": " + Clean(r.Detail))
	}
	hidden := 0
	for i := range p.Roles {
		for _, r := range p.Roles[i].Reasons {
			if slices.Contains(p.Reasons, r) {
				continue // said of the whole
			}
			if hidden++; hidden <= most {
				o.Raw(o.Paint(Amber, "role "+Clean(p.Roles[i].Role)+" is unknown") + ": " + Clean(r.Detail))
			}
		}
	}
	if hidden > most {
		o.Line("  … and %d more reasons about roles; -o json shows all", hidden-most)
	}
	return len(p.Reasons)+hidden > 0
}
