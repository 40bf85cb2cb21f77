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
	out, charges := map[string]int{}, &p.b.s.Memory.Charges
	since := p.b.s.Now.Add(-inPlaceWindow).UnixMicro()
	for _, r := range charges.rows { // a first provisioning has millions
		if k := &charges.kinds[r.kind]; r.at > since && k.Class == ChargeUpdate && k.Program == p.program.Name && !k.Approved {
			out[charges.accounts[r.account]]++
		}
	}
	return out
}
