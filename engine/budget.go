package engine

// Budget is one limit as it stands in one scope when a plan is made, for people to look at.
type Budget struct {
	Scope     string // "program wiki", "source hr", "all programs together"
	Name      string // "revoke: people", "revoke: holdings", "leavers", "grant"
	Limit     Limit
	Of        int // the highest count in the window, which Percent is taken of
	Allowed   int
	Used      int // charged within the window before this plan
	Announced int // that announced waves allow besides
}

// Budgets lists all limits of a plan, by scope. It is no part of the plan's JSON form or of its hash.
func (p *Plan) Budgets() []Budget { return p.budgets }
