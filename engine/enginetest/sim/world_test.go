// Package sim plays random histories of a small company through the real engine, checks after each step what Rolecall
// promises, and in the end stops all faults and requires that everything becomes as it should be. One integer makes a whole
// history. It has tests only.
package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
)

// model is one random history. Everything in it follows from the seed. Each step draws from generators of its own, so that
// leaving one step out changes as little as possible in the others.
type model struct {
	seed    uint64
	number  int // of the step
	events  draw
	faults  draw
	now     time.Time
	began   time.Time
	story   []string
	telling bool
	trace   trace
	failed  string
	quiet   bool // no faults any more
	count   *figures

	people   []*person // sorted by key
	version  int64     // of the directory
	replica  *replica  // an older copy of the directory
	ldap     *ldapSide // nil: it is not read by LDAP
	pol      *policy
	policies map[string]*policy
	programs []*program
	store    *store
	daemons  []*daemon
	cur      *daemon // whose code runs now
	depth    int     // of daemons that run while another one is in the middle of something
	check    *checker
	accounts int // made so far
	watching *watching
	wired    *wired // the program that is reached over HTTP, nil: none
}

// draw is a generator that each step begins anew.
type draw struct {
	source *rand.PCG
	*rand.Rand
}

func newDraw() draw {
	s := rand.NewPCG(0, 0)
	return draw{s, rand.New(s)}
}

// chance is true so many times in a thousand.
func (d draw) chance(thousandths int) bool { return d.IntN(1000) < thousandths }

// revive starts a process again.
func (d *daemon) revive() {
	if d.dead {
		d.lives++
	}
	d.dead, d.hurt = false, false
}

// daemon is one process of Rolecall, with a clock of its own.
type daemon struct {
	name   string
	engine *engine.Engine
	ldap   engine.Directory // nil: the model itself is read
	dead   bool             // until the next step
	hurt   bool             // something happened in this step that lets its work end early
	wrong  time.Duration    // how far its clock is off, until the step ends
	lives  int              // how often the process was started again: what it keeps in memory is gone then
	seen   evidence
}

// evidence is what a daemon was shown and may conclude from, as the model knows it: never what the engine made of it.
type evidence struct {
	read    *read
	lists   map[string]*list
	control int // control records when it began to plan
	claims  int // the same of claims
}

type person struct {
	engine.Person
	there bool
}

const secret = "canary-7f3a-never-shown"

func newModel(seed uint64, telling bool, count *figures) *model {
	m := &model{seed: seed, telling: telling, watching: watched(), count: count, events: newDraw(), faults: newDraw(), trace: newTrace,
		now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), policies: map[string]*policy{}}
	m.began = m.now
	m.ldap = newLDAP(m)
	m.draws(0)
	m.store = &store{Journal: enginetest.NewJournal(func() time.Time { return m.now.Add(m.cur.wrong) }), m: m}
	m.wired = wiredBy(seed)
	for i, name := range []string{"app", "grp", "wiki"} {
		m.programs = append(m.programs, m.newProgram(uint64(i), name))
	}
	m.check = newChecker(m)
	for i, skew := range []time.Duration{0, 2 * time.Second, -2 * time.Second} {
		m.daemons = append(m.daemons, m.newDaemon(string(rune('A'+i)), skew))
	}
	m.cur = m.daemons[0]
	m.setPolicy(m.somePolicy())
	for range 4 + m.events.IntN(6) {
		m.hire()
	}
	m.estate()
	return m
}

// draws begins all generators anew for a step.
func (m *model) draws(step int) {
	m.number = step
	m.events.source.Seed(m.seed, uint64(step)<<8|1)
	m.faults.source.Seed(m.seed, uint64(step)<<8|2)
	for i, p := range m.programs {
		p.faults.source.Seed(m.seed, uint64(step)<<8|uint64(10+i))
	}
}

func (m *model) newDaemon(name string, skew time.Duration) *daemon {
	d := &daemon{name: name}
	d.engine = &engine.Engine{OneByOne: true, Directory: (*directory)(m), Journal: m.store, Outbox: m.store, Settings: m.settings(),
		Now:    func() time.Time { return m.now.Add(skew + d.wrong) },
		Uptime: func() time.Duration { return m.now.Sub(m.began) },
		Former: func(_ context.Context, hash string) (engine.Policy, error) {
			if p := m.policies[hash]; p != nil {
				return p, nil
			}
			return nil, errors.New("not kept")
		}}
	d.engine.Looked = func(o *engine.Outlook) { m.check.seatOrder(o.Plan) }
	if m.ldap != nil {
		d.ldap = m.ldap.connected(d)
	}
	for i, p := range m.programs {
		d.engine.Programs = append(d.engine.Programs, m.configured(d, uint64(i), p))
	}
	return d
}

func (m *model) settings() engine.Settings {
	wide := engine.Limit{Floor: 1000, Window: 24 * time.Hour}
	s := engine.Settings{Unmanaged: engine.UnmanagedSuspend, Absences: 2, Apart: time.Hour, Zone: time.UTC, Hash: "c", Tolerance: engine.Tolerance{Small: 1000},
		Limits: engine.Limits{RevokePeople: wide, RevokeHoldings: wide, Leavers: wide, Grant: wide}}
	switch m.seed % 6 {
	case 0, 3: // small budgets, so that they trip
		s.Limits.RevokePeople.Floor, s.Limits.RevokeHoldings.Floor, s.Limits.Leavers.Floor, s.Limits.Grant.Floor = 2, 4, 1, 12
	case 5:
		s.Limits.RevokePeople, s.Limits.Leavers = engine.Limit{Floor: 1, Percent: 30, Cap: 3, Window: 24 * time.Hour}, engine.Limit{Floor: 2, Percent: 20, Cap: 4, Window: 12 * time.Hour}
	}
	switch m.seed % 4 {
	case 0:
		s.Slot = time.Hour
	case 1:
		s.Tolerance = engine.Tolerance{People: 0.9, Attributes: 0.95, Holders: 0.9, Small: 1}
	}
	switch m.seed % 7 {
	case 0:
		s.Tolerance = engine.DefaultTolerance()
	case 1:
		s.Unmanaged = engine.UnmanagedApprove
	case 2:
		s.Unmanaged = engine.UnmanagedReport
	case 3:
		s.LeaverGrace = 5 * time.Hour
	case 4:
		s.ProtectedPeople = []string{"k-p01"}
	}
	return s
}

// configured is what the configuration says of a program.
func (m *model) configured(d *daemon, i uint64, of *program) engine.Program {
	p := engine.Program{Name: of.Name, Kind: "memory", Connector: of.connector(d), Revoke: engine.RevokeManaged, Wait: 72 * time.Hour, Delete: m.seed%2 == 0}
	switch of.Name {
	case "app":
		p.Match = "person"
		if m.seed%8 == 6 {
			p.Admin = "z"
		}
	case "grp":
		p.Delete = false
		if m.seed%11 == 3 {
			p.Revoke = engine.RevokeAll
		}
	case "wiki":
		switch m.seed % 12 {
		case 5, 11:
			p.Away = "suspend"
		case 7:
			p.Revoke = engine.RevokeNever
		case 4:
			p.Protected = []string{"p02"}
		}
	}
	if of.Name != "grp" {
		p.Create = func(p *engine.Person) (string, string) { return p.Login(), "" }
	}
	if m.seed%2 == 1 {
		p.Repair = "regrant"
	}
	if m.over(of.Name) != nil {
		p.Kind = "scim"
		if p.Match != "" {
			p.Match = "externalId"
		}
	}
	m.seated(&p)
	if i > 0 {
		p.After = []string{m.programs[i-1].Name}
	}
	return p
}

// estate is what was there before Rolecall.
func (m *model) estate() {
	app, grp, wiki := m.program("app"), m.program("grp"), m.program("wiki")
	for _, p := range m.people {
		if m.events.IntN(3) > 0 {
			continue
		}
		right := m.someRight()
		grp.Set(p.Key, right, true)
		info := engine.AccountInfo{Name: p.Login(), Attributes: map[string]string{"person": p.Key}}
		rights := []string{engine.Exists, engine.Active, right}
		if m.events.IntN(4) == 0 {
			rights = []string{engine.Exists, right} // suspended by somebody
		}
		app.AddAccount("old-"+p.Login(), info, rights...)
		if m.events.IntN(3) == 0 {
			wiki.AddAccount(p.Login(), engine.AccountInfo{Name: p.Login()}, rights...)
		}
	}
	m.count.fault("estate from before")
	wiki.AddAccount("root", engine.AccountInfo{Name: "root"}, engine.Exists, engine.Active, "x")
}

func (m *model) someRight() string     { return []string{"x", "y", "z"}[m.events.IntN(3)] }
func (m *model) someProgram() *program { return m.programs[m.events.IntN(len(m.programs))] }
func (m *model) somebody() *person     { return m.people[m.events.IntN(len(m.people))] }

func (m *model) program(name string) *program {
	return m.programs[slices.IndexFunc(m.programs, func(p *program) bool { return p.Name == name })]
}

func (m *model) person(key string) *person {
	i, ok := slices.BinarySearchFunc(m.people, key, func(p *person, k string) int { return cmp.Compare(p.Key, k) })
	if !ok {
		return nil
	}
	return m.people[i]
}

func (m *model) say(f string, a ...any) {
	if m.telling {
		m.story = append(m.story, fmt.Sprintf("%s %s  %s", m.now.Format("01-02 15:04:05"), m.cur.name, fmt.Sprintf(f, a...)))
	}
}

// note puts something into the trace that two plays of a seed are compared by.
func (m *model) note(texts ...string) {
	for _, t := range texts {
		m.trace.add(t)
	}
}

// trace is a hash of texts, FNV-1a of 64 bits.
type trace uint64

const newTrace trace = 14695981039346656037

func (t *trace) add(text string) {
	h := *t
	for i := range len(text) {
		h = (h ^ trace(text[i])) * 1099511628211
	}
	*t = h * 1099511628211 // a zero
}

// fault says that something goes wrong, and counts it.
func (m *model) fault(kind, f string, a ...any) {
	m.count.fault(kind)
	m.note(kind)
	if m.telling {
		m.say("  ! "+f, a...)
	}
}

func (m *model) fail(i invariant, f string, a ...any) {
	if m.failed == "" {
		m.failed = i.String() + ": " + fmt.Sprintf(f, a...)
		m.say("WRONG: %s", m.failed)
	}
}
