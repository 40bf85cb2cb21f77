package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// run is one whole run of the daemon that works now: read, plan, commit, work.
func (m *model) run(o engine.ApplyOptions) {
	d, at := m.cur, len(m.story)
	o.Actor = "daemon " + d.name
	p, _, err := d.engine.Apply(context.Background(), o)
	m.tell(at, p)
	switch {
	case err == nil:
		m.check.planned(p, o)
	case errors.Is(err, engine.ErrSlotDone):
		m.check.slotDone(o.Slot)
	case errors.Is(err, engine.ErrTooOld), errors.Is(err, engine.ErrUsed):
		m.say("  not applied: %v", err)
	default:
		m.say("  the run ends: %v", err)
		if !d.dead && !d.hurt {
			m.fail(I12, "nobody interfered and nothing failed, but the run ended with %v", err)
		}
	}
}

// tell puts the plan before what was told of its execution.
func (m *model) tell(at int, p *engine.Plan) {
	if p == nil || !m.telling {
		return
	}
	rest := slices.Clone(m.story[at:])
	m.story = m.story[:at]
	now := m.now
	m.now = p.Time
	m.say("run: people %s, %d roles in doubt", proofText(&p.Proofs[0]), len(p.Proofs[0].Unseen()))
	for i := range p.Proofs[1:] {
		if proof := &p.Proofs[i+1]; !proof.Complete() {
			m.say("  %s: %s", proof.Source, proofText(proof))
		}
	}
	for _, n := range p.Notices {
		if n.Level == "alarm" {
			m.say("  alarm: %s", n.Text)
		}
	}
	for _, c := range p.Changes {
		m.say("  %-8s %-14s %-12s %-6s %s/%s %s", c.Op, c.Entitlement, c.Account, c.Person, c.State, c.Cause, c.Reason)
	}
	m.now = now
	m.story = append(m.story, rest...)
}

func proofText(p *engine.Proof) string {
	if p.Complete() {
		return "complete"
	}
	return "not complete: " + p.Reasons[0].Code
}

// work carries out what is open, in one program after the other.
func (m *model) work() {
	d := m.cur
	if _, err := d.engine.Work(context.Background()); err != nil {
		m.say("  the work ends: %v", err)
		if !d.dead && !d.hurt {
			m.fail(I12, "nobody interfered and nothing failed, but the work ended with %v", err)
		}
	}
}

// setBack: somebody sets the clock of the daemon that works now back, perhaps while the machine stands still, until it acts. By more
// than the ten minutes of a lease every lease that holds looks to it as if a clock had been ahead: repeatable revokes may then be made
// twice, and nobody promises otherwise.
func (m *model) setBack(likely int) {
	if m.quiet || m.cur.dead || m.depth > 0 || m.cur.wrong > 0 || !m.faults.chance(likely) {
		return
	}
	m.now = m.now.Add(time.Duration(m.faults.IntN(15)) * time.Minute)
	m.cur.wrong = -time.Duration(2+m.faults.IntN(8)) * time.Minute
	m.fault("clock: set back", "the clock of %s is set back by %s", m.cur.name, -m.cur.wrong)
}

// mend sets a clock right that was set back.
func (m *model) mend() { m.cur.wrong = max(0, m.cur.wrong) }

// meanwhile lets the daemon that works now pause, and something else happen.
func (m *model) meanwhile(when string, likely int, most time.Duration) {
	if m.quiet || m.cur.dead || m.depth > 0 || m.cur.wrong > 0 || !m.faults.chance(likely) { // nobody heeds a lease from a clock that is far ahead
		return
	}
	was := m.cur
	m.fault("pause: "+when, "daemon %s pauses %s; meanwhile:", was.name, when)
	m.depth++
	m.now = m.now.Add(time.Duration(m.faults.Int64N(int64(most))))
	m.cur = m.daemons[(slices.Index(m.daemons, was)+1+m.faults.IntN(2))%len(m.daemons)]
	m.cur.revive()
	[]func(){func() { m.run(engine.ApplyOptions{}) }, func() { m.run(engine.ApplyOptions{}) }, m.work, m.cut, m.byHand, m.decide}[m.faults.IntN(6)]()
	m.cur, was.hurt = was, true
	m.depth--
	m.say("daemon %s goes on", was.name)
}
