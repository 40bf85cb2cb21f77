package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// program is a program of the company. What is done to it by hand goes to the fake itself; Rolecall comes by a target.
type program struct {
	*enginetest.Program
	m      *model
	faults draw
	down   time.Time // it does not answer until then
	hid    bool      // a list of it left something out, and no run has been committed with a whole one since
	secrets
	pressed  time.Time      // it has too much to do until then, and answers
	presses  int            // this status
	busy     map[string]int // accounts that calls over HTTP are under way on
	overlaps int
	anew     map[string]int // right → how often its group was
	fault    enginetest.Fault
	batch    batch // that is under way
}

// batch is many changes at once, by whom and since when; it is over before its lease is. Nobody's: none.
type batch struct {
	by    *daemon
	began time.Time
}

// list is what a program listed to a daemon.
type list struct {
	at       time.Time // when it began to be read, which may be a while after people did
	complete bool
	held     map[[2]string]bool // account, right
	names    map[string]bool    // of accounts
	hidden   bool               // it lacks something, and nothing says so
}

func newList(at time.Time) *list {
	return &list{at: at, held: map[[2]string]bool{}, names: map[string]bool{}}
}

func (l *list) shows(h engine.Holding) {
	l.held[[2]string{h.Account, h.Entitlement}], l.names[h.Account] = true, true
	if h.Info != nil {
		l.names[h.Info.Name] = true
	}
}

func (m *model) newProgram(i uint64, name string) *program {
	p := &program{m: m, faults: newDraw(), busy: map[string]int{}, anew: map[string]int{}, Program: enginetest.NewProgram(name, func() time.Time { return m.now })}
	p.faults.source.Seed(m.seed, 10+i)
	p.Before = p.before
	switch name {
	case "app":
		p.ID = func(name string) string { m.accounts++; return fmt.Sprintf("id%d-%s", m.accounts, name) }
		p.Describes.Rename = m.seed%3 == 1
	case "grp":
		p.Describes = engine.Description{Keyed: true}
	}
	if m.seed%5 == i {
		p.Describes.Lag = 20 * time.Minute
	}
	if m.over(name) != nil { // what goes wrong goes wrong on the way
		p.Before = nil
	}
	return p
}

// connector is what Rolecall knows the program by: one that takes batches in some histories.
func (p *program) connector(d *daemon) engine.Connector {
	if w := p.m.over(p.Name); w != nil {
		return w.connector(p, d)
	}
	t := target{Program: p.Program, p: p, token: secret}
	if p.Name == "wiki" && p.m.seed%4 == 2 {
		return batching{t}
	}
	return t
}

// target is the way from Rolecall to a program. It notes what was listed, and panics now and then.
type target struct {
	*enginetest.Program
	p     *program
	token string // what a connector signs in with
}

// Holdings implements engine.Connector.
func (t target) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	l := newList(t.p.m.now)
	if t.p.m.cur.seen.lists == nil {
		t.p.m.cur.seen.lists = map[string]*list{}
	}
	t.p.m.cur.seen.lists[t.Name] = l
	proof, err := t.Program.Holdings(ctx, func(h engine.Holding) error {
		l.shows(h)
		return yield(h)
	})
	t.panics(4, "list")
	l.complete = err == nil && proof.Complete()
	return proof, err
}

// Grant implements engine.Connector.
func (t target) Grant(ctx context.Context, account, right string) (engine.Outcome, error) {
	defer t.panics(6, "grant")
	return t.Program.Grant(ctx, account, right)
}

// Revoke implements engine.Connector.
func (t target) Revoke(ctx context.Context, account, right string) (engine.Outcome, error) {
	defer t.panics(6, "revoke")
	return t.Program.Revoke(ctx, account, right)
}

// Create implements engine.Creator.
func (t target) Create(ctx context.Context, n engine.NewAccount) (string, engine.Outcome, error) {
	id, outcome, err := t.Program.Create(ctx, n)
	t.p.m.check.answered(t.Name, n.Name, id)
	if t.p.fault == enginetest.LoseAfter || outcome == engine.Done {
		t.p.m.check.born(t.Name, n.Name, id)
	}
	t.panics(6, "create")
	return id, outcome, err
}

// Update implements engine.Updater.
func (t target) Update(ctx context.Context, account string, to engine.NewAccount) (engine.Outcome, error) {
	return t.Rename(ctx, account, to)
}

func (t target) panics(likely int, op string) {
	m := t.p.m
	if !m.quiet && !m.cur.dead && t.p.faults.chance(likely) {
		m.fault("program: panic", "the connector of %s panics after a %s", t.Name, op)
		if op != "list" {
			m.check.lost()
		}
		panic("the connector panics")
	}
}

// batching is a target that takes many changes at once.
type batching struct{ target }

// Apply implements engine.Batcher. It answers short when it fails in the middle.
func (b batching) Apply(ctx context.Context, calls []engine.Call) []engine.Result {
	out := make([]engine.Result, 0, len(calls))
	defer func(was batch) { b.p.batch = was }(b.p.batch) // another daemon's may be under way
	b.p.batch = batch{b.p.m.cur, b.p.m.now}
	for end := b.p.m.now.Add(b.p.leaseOf(calls)); len(out) < len(calls) && !b.p.m.now.After(end); {
		c := calls[len(out)]
		var r engine.Result
		switch {
		case c.New != nil:
			r.ID, r.Outcome, r.Err = b.Create(ctx, *c.New)
		case c.Grant:
			r.Outcome, r.Err = b.Program.Grant(ctx, c.Account, c.Entitlement)
		default:
			r.Outcome, r.Err = b.Program.Revoke(ctx, c.Account, c.Entitlement)
		}
		if out = append(out, r); !b.p.m.quiet && b.p.faults.chance(20) {
			b.p.m.fault("program: batch breaks", "the answer of %s to a batch ends early", b.Name)
			break
		}
	}
	return out
}

// before decides how a call goes wrong.
func (p *program) before(c enginetest.ProgramCall) enginetest.Fault {
	m := p.m
	m.note(p.Name, c.Op, c.Account, c.Entitlement)
	m.watchCall(c, p.Name)
	if c.Writes() && m.cur.dead {
		return enginetest.LoseBefore
	}
	if c.Writes() {
		m.mend()
		began := m.now
		if p.batch.by == m.cur {
			began = p.batch.began
		}
		m.check.call(p.Name, c, began)
		calling := m.check.calling
		m.meanwhile("in the middle of a call", 25, 20*time.Second)
		m.check.calling = calling
	}
	if m.quiet {
		return enginetest.NoFault
	}
	if p.down.After(m.now) {
		return enginetest.Unreachable
	}
	if c.Writes() {
		if p.fault = enginetest.Refuse; !p.refuses() {
			p.fault = p.writeFault(c)
		}
		m.check.called()
		if p.fault == enginetest.LoseBefore || p.fault == enginetest.LoseAfter {
			m.check.lost()
		}
		return p.fault
	}
	return p.readFault(c)
}

func (p *program) readFault(c enginetest.ProgramCall) enginetest.Fault {
	if p.refuses() {
		return enginetest.Unreachable
	}
	n := p.faults.IntN(1000)
	switch {
	case n < 40:
		p.m.fault("program: unreachable", "%s does not answer a %s", p.Name, c.Op)
		return enginetest.Unreachable
	case c.Op != "list":
	case n < 70:
		p.m.fault("program: list breaks", "the list of %s breaks", p.Name)
		return enginetest.BreakList
	case n < 110:
		p.m.fault("program: list partial", "the list of %s is partial", p.Name)
		return enginetest.PartialList
	case n < 120 && p.hides():
		return enginetest.HidePart
	}
	return enginetest.NoFault
}

// hides: a list leaves something out, and nothing says so. Nobody can tell that from what is not there any more, so it is played only where
// the rules let nothing follow from it: once, since what one list lacks is neither taken for gone nor released (the design 3: two complete
// reads, further apart than the lag), and while nothing is under way that would be read back from it, which must believe a complete list.
func (p *program) hides() bool {
	m := p.m
	for _, i := range m.check.open {
		if i.Program == p.Name {
			return false
		}
	}
	if p.hid || m.quiet || m.depth > 0 || p.Describes.Lag > 0 {
		return false
	}
	m.fault("program: list hides a part", "the list of %s lacks a part, and nothing says so", p.Name)
	p.hid, m.cur.seen.lists[p.Name].hidden = true, true
	return true
}

func (p *program) writeFault(c enginetest.ProgramCall) enginetest.Fault {
	tell := func(kind string) {
		p.m.fault("call: "+kind, "%s: call %s %s %q goes wrong: %s", p.Name, c.Op, c.Account, c.Entitlement, kind)
	}
	switch n := p.faults.IntN(100); {
	case n < 3:
		tell("fails")
		return enginetest.FailBefore
	case n < 6:
		tell("lost before its effect")
		return enginetest.LoseBefore
	case n < 9:
		tell("lost after its effect")
		return enginetest.LoseAfter
	case n < 10:
		tell("a lie")
		return enginetest.Lie
	case n < 12:
		tell("refused")
		return enginetest.Refuse
	case n < 13:
		tell("the process dies before it")
		p.m.cur.dead = true
		return enginetest.LoseBefore
	case n < 14:
		tell("the process dies after it")
		p.m.cur.dead = true
		return enginetest.LoseAfter
	case n < 17 && p.m.depth == 0 && p.batch.by == nil: // what happens in the middle of another call must end before that
		tell("takes long")
		p.m.now = p.m.now.Add(time.Duration(1+p.faults.IntN(14)) * time.Minute)
	}
	return enginetest.NoFault
}
