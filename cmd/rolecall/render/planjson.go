package render

import "github.com/rolecall/rolecall/engine"

// ProofJSON is the documented form of a proof.
type ProofJSON struct {
	engine.Proof
	Complete bool            `json:"complete"`
	Reasons  []engine.Reason `json:"reasons"`
}

// Proofs gives the documented form of proofs.
func Proofs(proofs []engine.Proof) []ProofJSON {
	out := make([]ProofJSON, len(proofs))
	for i, p := range proofs {
		out[i] = ProofJSON{p, p.Complete(), orEmpty(p.Reasons)}
	}
	return out
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// PlanJSON writes a plan as JSON.
func (o Out) PlanJSON(p *engine.Plan) error {
	return writeObject(o.W, func(x *object) { planFields(x, p) })
}

// planFields is the documented form of a plan: its proofs say in a word whether they are complete.
func planFields(x *object, p *engine.Plan) {
	x.field("version", p.Version)
	x.field("id", p.ID)
	x.field("time", p.Time)
	x.field("sum", p.Sum)
	x.field("policy", p.Policy)
	x.field("config", p.Config)
	list(x, "changes", p.Changes)
	list(x, "unmanaged", p.Unmanaged)
	list(x, "notices", p.Notices)
	x.field("summary", p.Summary)
	list(x, "seats", p.Seats)
	list(x, "money", p.Money)
	x.field("proofs", Proofs(p.Proofs))
}

// AppliedJSON writes what a run did as JSON.
func (o Out) AppliedJSON(p *engine.Plan, r engine.Report) error {
	return writeObject(o.W, func(x *object) {
		x.field("version", 1)
		x.object("plan", func(x *object) { planFields(x, p) })
		x.field("report", r)
	})
}
