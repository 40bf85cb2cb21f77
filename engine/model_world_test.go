package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

var errDead = errors.New("the process died")

// model is one random history. Everything in it follows from the seed: events, faults of the directory and the journal, and
// faults of each program come from generators of their own, and programs are worked in sequence.
type model struct {
	seed     uint64
	events   *rand.Rand
	faults   *rand.Rand
	ofTarget map[string]*rand.Rand
	now      time.Time
	story    []string
	failed   string
	quiet    bool // no faults any more
	dead     bool // the process that works now has crashed
	dirFault string
	hidden   map[string]bool
	people   []*modelPerson // sorted by key
	order    []string       // programs
	targets  map[string]*enginetest.Program
	policies map[string]*modelPolicy
	policy   *modelPolicy
	journal  *modelJournal
	engine   *engine.Engine
	check    *checker
	accounts int // made so far
}

type modelPerson struct {
	engine.Person
	there bool
}

func newModel(seed uint64) *model {
	m := &model{seed: seed, events: rand.New(rand.NewPCG(seed, 1)), faults: rand.New(rand.NewPCG(seed, 2)), now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC),
		ofTarget: map[string]*rand.Rand{}, targets: map[string]*enginetest.Program{}, policies: map[string]*modelPolicy{}, order: []string{"app", "grp", "wiki"}}
	clock := func() time.Time { return m.now }
	m.journal = &modelJournal{Journal: enginetest.NewJournal(clock), m: m}
	m.check = newChecker(m)
	m.engine = &engine.Engine{OneByOne: true, Directory: m, Journal: m.journal, Outbox: m.journal, Now: clock, Settings: m.settings(),
		Former: func(_ context.Context, hash string) (engine.Policy, error) {
			if p := m.policies[hash]; p != nil {
				return p, nil
			}
			return nil, errors.New("not kept")
		}}
	for i, name := range m.order {
		m.addProgram(uint64(i), name)
	}
	m.setPolicy(m.somePolicy())
	for range 4 + m.events.IntN(6) {
		m.hire()
	}
	m.estate()
	return m
}

func (m *model) settings() engine.Settings {
	wide := engine.Limit{Floor: 1000, Window: 24 * time.Hour}
	s := engine.Settings{Unmanaged: engine.UnmanagedSuspend, Absences: 2, Apart: time.Hour, Zone: time.UTC, Hash: "c", Tolerance: engine.Tolerance{Small: 1000},
		Limits: engine.Limits{RevokePeople: wide, RevokeHoldings: wide, Leavers: wide, Grant: wide}}
	if m.seed%3 == 0 { // small budgets, so that they trip
		s.Limits.RevokePeople.Floor, s.Limits.RevokeHoldings.Floor, s.Limits.Leavers.Floor, s.Limits.Grant.Floor = 2, 4, 1, 12
	}
	if m.seed%4 == 0 {
		s.Slot = time.Hour
	}
	if m.seed%7 == 0 {
		s.Tolerance = engine.DefaultTolerance()
	}
	return s
}

func (m *model) addProgram(i uint64, name string) {
	t := enginetest.NewProgram(name, func() time.Time { return m.now })
	m.targets[name], m.ofTarget[name] = t, rand.New(rand.NewPCG(m.seed, 10+i))
	t.Before = func(c enginetest.ProgramCall) enginetest.Fault { return m.fault(name, c) }
	p := engine.Program{Name: name, Kind: "memory", Connector: t, Revoke: engine.RevokeManaged, Wait: 72 * time.Hour, Delete: m.seed%2 == 0}
	switch name {
	case "app":
		t.ID = func(name string) string { m.accounts++; return fmt.Sprintf("id%d-%s", m.accounts, name) }
		p.Match = "person"
	case "grp":
		t.Describes = engine.Description{Keyed: true}
		p.Delete = false
	}
	if name != "grp" {
		p.Create = func(p *engine.Person) (string, string) { return p.Login(), "" }
	}
	if m.seed%5 == i {
		t.Describes.Lag = 20 * time.Minute
	}
	if m.seed%2 == 1 {
		p.Repair = "regrant"
	}
	if m.seed%6 == 5 && name == "wiki" {
		p.Away = "suspend"
	}
	if i > 0 {
		p.After = []string{m.order[i-1]}
	}
	m.engine.Programs = append(m.engine.Programs, p)
}

// estate is what was there before Rolecall.
func (m *model) estate() {
	for _, p := range m.people {
		if m.events.IntN(3) > 0 {
			continue
		}
		right := m.someRight()
		m.targets["grp"].Set(p.Key, right, true)
		info := engine.AccountInfo{Name: p.Login(), Attributes: map[string]string{"person": p.Key}}
		rights := []string{engine.Exists, engine.Active, right}
		if m.events.IntN(4) == 0 {
			rights = []string{engine.Exists, right} // suspended by somebody
		}
		m.targets["app"].AddAccount("old-"+p.Login(), info, rights...)
		if m.events.IntN(3) == 0 {
			m.targets["wiki"].AddAccount(p.Login(), engine.AccountInfo{Name: p.Login()}, rights...)
		}
	}
	m.targets["wiki"].AddAccount("root", engine.AccountInfo{Name: "root"}, engine.Exists, engine.Active, "x")
}

func (m *model) someRight() string  { return []string{"x", "y", "z"}[m.events.IntN(3)] }
func (m *model) someTarget() string { return m.order[m.events.IntN(len(m.order))] }
func (m *model) say(f string, a ...any) {
	m.story = append(m.story, fmt.Sprintf("%s  %s", m.now.Format("01-02 15:04:05"), fmt.Sprintf(f, a...)))
}

func (m *model) fail(f string, a ...any) {
	if m.failed == "" {
		m.failed = fmt.Sprintf(f, a...)
		m.say("WRONG: %s", m.failed)
	}
}

// People implements engine.Directory. It may run beside the reads of programs, so it draws nothing.
func (m *model) People(_ context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	proof := engine.Proof{Source: "corp", Started: m.now, Finished: m.now}
	for _, p := range m.people {
		if !p.there || m.dirFault != "" && m.hidden[p.Key] {
			continue
		}
		if err := yield(p.Person); err != nil {
			return proof, err
		}
		proof.Count++
	}
	switch m.dirFault {
	case "unreachable":
		return proof, errors.New("no route")
	case "partial":
		proof.Add(engine.ReasonPartial, "ended early")
	}
	return proof, nil
}

// fault decides how a call goes wrong. Reads of different programs run side by side and draw from their own generators;
// writes come one after the other and may also stop the clock or the process.
func (m *model) fault(program string, c enginetest.ProgramCall) enginetest.Fault {
	if c.Writes() && m.dead {
		return enginetest.LoseBefore
	}
	if c.Writes() {
		m.check.call(program, c)
	}
	if m.quiet {
		return enginetest.NoFault
	}
	n := m.ofTarget[program].IntN(100)
	if !c.Writes() {
		switch {
		case n < 5:
			return enginetest.Unreachable
		case n < 8 && c.Op == "list":
			return enginetest.BreakList
		case n < 12 && c.Op == "list":
			return enginetest.PartialList
		}
		return enginetest.NoFault
	}
	return m.writeFault(program, c, n)
}

func (m *model) writeFault(program string, c enginetest.ProgramCall, n int) enginetest.Fault {
	tell := func(what string) {
		m.say("  %s: call %s %s %q goes wrong: %s", program, c.Op, c.Account, c.Entitlement, what)
	}
	switch {
	case n < 3:
		tell("fails")
		return enginetest.FailBefore
	case n < 6:
		tell("lost before")
		return enginetest.LoseBefore
	case n < 9:
		tell("lost after")
		return enginetest.LoseAfter
	case n < 10:
		tell("a lie")
		return enginetest.Lie
	case n < 12:
		tell("refused")
		return enginetest.Refuse
	case n < 13:
		tell("the process dies before it")
		m.dead = true
		return enginetest.LoseBefore
	case n < 14:
		tell("the process dies after it")
		m.dead = true
		return enginetest.LoseAfter
	case n < 17:
		d := time.Duration(1+m.ofTarget[program].IntN(14)) * time.Minute
		tell("takes " + d.String())
		m.now = m.now.Add(d)
	}
	return enginetest.NoFault
}

// modelJournal dies now and then before or after what it does.
type modelJournal struct {
	*enginetest.Journal
	m *model
}

func (j *modelJournal) die(what string, likely int) bool {
	if !j.m.dead && !j.m.quiet && j.m.faults.IntN(1000) < likely {
		j.m.say("  the process dies %s", what)
		j.m.dead = true
	}
	return j.m.dead
}

func (j *modelJournal) Append(ctx context.Context, g engine.Guard, records []engine.Record) error {
	if j.die("before writing", 15) {
		return errDead
	}
	if err := j.Journal.Append(ctx, g, records); err != nil {
		return err
	}
	for i := range records {
		j.m.check.record(&records[i])
	}
	if j.die("after writing", 15) {
		return errDead
	}
	return nil
}

func (j *modelJournal) Claim(ctx context.Context, r engine.ClaimRequest) ([]engine.Intent, error) {
	if j.m.dead {
		return nil, errDead
	}
	out, err := j.Journal.Claim(ctx, r)
	if err == nil && len(out) > 0 && j.die("after claiming "+r.Program, 20) {
		return nil, errDead
	}
	return out, err
}

func (m *model) person(key string) *modelPerson {
	i := slices.IndexFunc(m.people, func(p *modelPerson) bool { return p.Key == key })
	if i < 0 {
		return nil
	}
	return m.people[i]
}
