package engine

import "time"

// An account that was changed in place so often within so long is fought over: from then on it waits for approval, and is not changed
// in every run for ever.
const (
	mostInPlace   = 8
	inPlaceWindow = 24 * time.Hour
)

// changedLately is how often accounts were changed in place, approvals apart.
func (p *programPlan) changedLately() map[string]int {
	out := map[string]int{}
	since := p.b.s.Now.Add(-inPlaceWindow)
	for c := range p.b.s.Memory.Charges.All() {
		if c.Class == ChargeUpdate && c.Program == p.program.Name && !c.Approved && c.Time.After(since) {
			out[c.Account]++
		}
	}
	return out
}
