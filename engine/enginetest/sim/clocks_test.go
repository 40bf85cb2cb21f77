package sim

import (
	"time"

	"github.com/rolecall/rolecall/engine"
)

// wide: in some histories clocks jump by what the fault matrix names, an hour, a day and ten years. In some of these all that jump are
// ahead, in the others those of one daemon are behind: a time from the future that a clock dates anew which is far behind can't be told
// from one that is right.
func (m *model) wide() bool { return m.seed%32 == 9 || m.behind() }

func (m *model) behind() bool { return m.seed%32 == 10 || m.seed%32 == 22 }

// jumps are by how much they do.
func (m *model) jumps(others ...time.Duration) []time.Duration {
	if m.wide() {
		return []time.Duration{time.Hour, 24 * time.Hour, 10 * 365 * 24 * time.Hour}
	}
	return others
}

// farBehind: the clock of one daemon is far behind while it does something, and is mended. What it claims looks to others as if it were
// over: nobody promises otherwise, and it does nothing while somebody else works. That a run is of such a clock can be told by the
// journal's time alone: where nothing was recorded for so long, an absence begins when that clock says so, and no such run is played. Nor
// is one by whose clock an extra holds that is over, nor one that is behind by less than the one before, until a run by a clock that is
// right has seen that: nobody can tell them from one clock by which that time goes by.
func (m *model) farBehind(d time.Duration) {
	m.fault("clock: far behind", "the clock of %s is behind by %s", m.cur.name, d)
	m.cur.wrong, m.cur.stays = -d, true
	run := func() { m.run(engine.ApplyOptions{Leave: true}) }
	do := []func(){run, run, m.work, m.cut, m.pause, m.decide}[m.tries.IntN(6)]
	if d < m.check.behindBy || m.check.leased() || m.check.lastTime.Before(m.now.Add(time.Hour-d)) || m.check.overSince(m.now.Add(-d)) {
		do = m.pause
	}
	was := m.cur
	do()
	m.check.behindBy = d
	was.wrong, was.stays = 0, false
}

// oftenBehind lets that happen more often where it happens at all.
func (m *model) oftenBehind() {
	if m.behind() && m.failed == "" && m.tries.IntN(40) == 0 {
		m.cur.revive()
		m.farBehind(m.jumps()[m.tries.IntN(3)])
	}
}

// overSince: an extra has ended since then.
func (k *checker) overSince(at time.Time) bool {
	for _, x := range k.extras {
		if end := x.Until.Add(24 * time.Hour); end.After(at.Add(-time.Hour)) && !end.After(k.m.now) {
			return true
		}
	}
	return false
}
