package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// event is something that happens, and how often.
type event struct {
	weight int
	name   string
	do     func(m *model)
}

// events is what can happen in a step.
func events() []event {
	return []event{
		{300, "run", func(m *model) { m.run(engine.ApplyOptions{}) }},
		{30, "run of the schedule", (*model).slot},
		{20, "a reviewed plan is applied", (*model).reviewed},
		{150, "time", (*model).pass},
		{30, "hire", (*model).hire},
		{80, "roles", (*model).move},
		{80, "state", (*model).changeState},
		{50, "vanish or return", (*model).vanish},
		{30, "unknown role", (*model).blur},
		{25, "rename", (*model).rename},
		{6, "reorganisation", (*model).reorganise},
		{5, "mass leavers", (*model).massLeave},
		{3, "all keys change", (*model).rekey},
		{100, "by hand", (*model).byHand},
		{40, "policy", (*model).changePolicy},
		{60, "decide", (*model).decide},
		{35, "cut or lift", (*model).cut},
		{20, "pause or resume", (*model).pause},
		{20, "give", (*model).give},
		{30, "worker alone", (*model).work},
		{30, "dry run", (*model).dryRun},
		{12, "undo or release", (*model).undo},
		{15, "a program is down", (*model).outage},
		{20, "a replica falls behind", (*model).lag},
		{8, "a clock is far ahead", (*model).farAhead},
	}
}

// step is one thing that happens.
func (m *model) step(n int, all []event, total int) {
	m.draws(n)
	for _, d := range m.daemons {
		d.revive()
		d.wrong = 0
	}
	m.cur = m.daemons[max(0, m.faults.IntN(5)-2)]
	m.count.steps++
	for k := m.events.IntN(total); ; all = all[1:] {
		if k -= all[0].weight; k < 0 {
			m.count.fault("event: " + all[0].name)
			all[0].do(m)
			return
		}
	}
}

func (m *model) pass() {
	if m.events.IntN(60) == 0 { // nobody runs for long, or a clock is set: expiries, graces and waits are over all at once
		d := []time.Duration{10 * 24 * time.Hour, 45 * 24 * time.Hour, 400 * 24 * time.Hour}[m.events.IntN(3)]
		m.now = m.now.Add(d)
		m.fault("clock: jumps ahead", "the clock jumps ahead by %s", d)
		return
	}
	d := []time.Duration{time.Second, time.Minute, 11 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 25 * time.Hour, 100 * time.Hour}[m.events.IntN(8)]
	m.now = m.now.Add(d)
	m.say("%s pass", d)
}

// farAhead: the clock of one daemon is far ahead while it does something, and is mended. Its runs would take what is not due yet, and it
// would take leases that still hold for over: nobody promises otherwise. What is promised is that nothing stays wrong after that.
func (m *model) farAhead() {
	d := []time.Duration{2 * time.Hour, 30 * 24 * time.Hour, 400 * 24 * time.Hour}[m.events.IntN(3)]
	m.fault("clock: far ahead", "the clock of %s is ahead by %s", m.cur.name, d)
	m.cur.wrong = d
	do := []func(){m.work, m.work, m.cut, m.pause}[m.events.IntN(4)]
	if m.check.leased() {
		do = m.pause
	}
	was := m.cur
	do()
	was.wrong = 0
}

func (m *model) slot() {
	m.run(engine.ApplyOptions{Slot: m.now.Truncate(time.Hour)})
}

// reviewed: somebody looks at a plan, and has it applied later.
func (m *model) reviewed() {
	p, err := m.cur.engine.Plan(context.Background())
	if err != nil {
		return
	}
	m.say("somebody looks at a plan with %d ready changes", p.Ready())
	m.now = m.now.Add(time.Duration(m.events.IntN(26)) * time.Hour)
	if m.events.IntN(2) == 0 {
		m.move()
	}
	again := m.events.IntN(4) == 0
	m.check.only = linesOf(p)
	m.run(engine.ApplyOptions{Only: p})
	if again {
		m.run(engine.ApplyOptions{Only: p})
	}
	m.check.only = nil
}

func (m *model) hire() {
	if len(m.people) >= 24 {
		return
	}
	login := fmt.Sprintf("p%02d", len(m.people))
	m.employ("k-"+login, login)
}

func (m *model) employ(key, login string) {
	p := &person{there: true, Person: engine.Person{Key: key, Source: "corp", State: engine.StateActive, Jobs: []engine.Job{{}},
		Attributes: engine.Attributes{{Name: "login", Values: []string{login}}, {Name: "name", Values: []string{login}}, {Name: "password", Values: []string{secret}}}}}
	m.people = append(m.people, p)
	slices.SortFunc(m.people, func(a, b *person) int { return compare(a.Key, b.Key) })
	m.setRoles(p)
	m.say("%s is hired with %v", p.Key, p.Roles)
}

func (m *model) setRoles(p *person) {
	m.version++
	p.Roles = nil
	for _, r := range []string{"h:c", "r:a", "r:b"} {
		if m.events.IntN(5) < 2 {
			p.Roles = append(p.Roles, r)
		}
	}
	p.Roles = slices.DeleteFunc(p.Roles, p.unseen)
	p.changed()
}

// unseen says whether a role of the person can't be seen.
func (p *person) unseen(role string) bool {
	return slices.Contains(p.Missing, role) || slices.Contains(p.Missing, role[:2]+"*")
}

func (p *person) changed() {
	if p.Changed = fmt.Sprint(p.Roles); len(p.Missing) > 0 {
		p.Changed = ""
	}
}

func (m *model) move() {
	p := m.somebody()
	m.setRoles(p)
	m.say("%s has now roles %v", p.Key, p.Roles)
}

func (m *model) setState(p *person, s engine.State) {
	m.version++
	p.State, p.StateWhy = s, "so it is"
	p.Marked = s == engine.StateLeft && (m.events.IntN(8) > 0 || m.ldap != nil) // whatever says in LDAP that somebody has left is a mark
	m.say("%s is %s (marked %v)", p.Key, p.State, p.Marked)
}

func (m *model) changeState() {
	states := []engine.State{engine.StateActive, engine.StateActive, engine.StateLeft, engine.StateLeft, engine.StateAway, engine.StateUpcoming, engine.StateUnknown}
	m.setState(m.somebody(), states[m.events.IntN(len(states))])
}

func (m *model) vanish() {
	p := m.somebody()
	if p == m.people[0] { // an empty directory is never complete
		return
	}
	m.version++
	p.there = !p.there
	m.say("%s is in the directory: %v", p.Key, p.there)
}

func (m *model) blur() {
	p := m.somebody()
	m.version++
	if len(p.Missing) > 0 {
		p.Missing = nil
	} else {
		p.Missing = []string{m.ldap.unseen([]string{"h:c", "r:a", "r:b"}[m.events.IntN(3)])}
		p.Roles = slices.DeleteFunc(slices.Clone(p.Roles), p.unseen)
	}
	p.changed()
	m.say("%s: roles that can't be seen: %v", p.Key, p.Missing)
}

// rename gives somebody another login, now and then one that somebody else has or had.
func (m *model) rename() {
	p := m.somebody()
	login := fmt.Sprintf("n%02d", m.number%40)
	switch m.events.IntN(12) {
	case 0, 1, 2, 3:
		if login = m.somebody().Login(); login != p.Login() {
			m.fault("directory: login of somebody else", "two have the login %s", login)
		}
	case 4:
		login = ""
		m.fault("directory: a bad person", "%s has no login", p.Key)
	}
	m.version++
	p.Attributes = slices.Clone(p.Attributes).With(engine.Attribute{Name: "login", Values: []string{login}})
	m.say("%s is called %s now", p.Key, login)
}

func (m *model) reorganise() {
	for _, p := range m.people {
		if m.events.IntN(3) > 0 {
			m.setRoles(p)
		}
	}
	m.say("a reorganisation changes the roles of many")
}

func (m *model) massLeave() {
	for _, p := range m.people[1:] {
		if m.events.IntN(2) == 0 {
			m.setState(p, engine.StateLeft)
		}
	}
}

// rekey: the same people come back under other keys.
func (m *model) rekey() {
	old := slices.Clone(m.people)
	if len(old) > 20 {
		return
	}
	m.say("the directory gives many people another key")
	for i, p := range old[1:] {
		if p.there && len(m.people) < 26 {
			p.there = false
			m.employ(fmt.Sprintf("m-%d-%d", m.number, i), p.Login())
		}
	}
}

// byHand changes something in a program that Rolecall did not ask for.
func (m *model) byHand() {
	t := m.someProgram()
	held := t.Truth()
	if len(held) == 0 || t.Name == "grp" && m.events.IntN(2) == 0 {
		m.program("grp").Set(m.somebody().Key, m.someRight(), true)
		m.say("somebody gives a right in grp by hand")
		return
	}
	h := held[m.events.IntN(len(held))]
	right := m.someRight()
	switch n := m.events.IntN(6); {
	case n == 0 && t.Name != "grp":
		on := t.Has(h.Account, engine.Active)
		t.Set(h.Account, engine.Active, !on)
		if on {
			m.check.handSuspends(t.Name, h.Account)
		}
		m.say("somebody sets the account %s of %s to active=%v by hand", h.Account, t.Name, !on)
	case n <= 2:
		t.Set(h.Account, right, true)
		m.say("somebody gives %s in %s to %s by hand", right, t.Name, h.Account)
	case n == 3 && h.Entitlement == engine.Exists && m.events.IntN(2) == 0:
		t.Set(h.Account, engine.Exists, false)
		m.say("somebody deletes %s of %s by hand", h.Account, t.Name)
		if m.events.IntN(3) == 0 {
			m.reuse(t, h.Account)
		}
	case n == 4 && t.Name != "grp" && m.events.IntN(3) == 0: // an account of somebody, made by hand
		p := m.somebody()
		t.AddAccount("hand-"+p.Login(), engine.AccountInfo{Name: "hand-" + p.Login(), Attributes: map[string]string{"person": p.Key}}, engine.Exists, engine.Active, right)
		m.check.born(t.Name, "", "hand-"+p.Login())
		m.say("somebody makes an account hand-%s in %s by hand", p.Login(), t.Name)
	case h.Entitlement != engine.Exists && h.Entitlement != engine.Active:
		t.Set(h.Account, h.Entitlement, false)
		m.say("somebody takes %s in %s from %s by hand", h.Entitlement, t.Name, h.Account)
	}
}

// reuse: the program gives the id of an account that was deleted to a new one, which is nobody's.
func (m *model) reuse(t *program, id string) {
	t.AddAccount(id, engine.AccountInfo{Name: fmt.Sprintf("again%d", m.number)}, engine.Exists, engine.Active, m.someRight())
	m.check.born(t.Name, "", id)
	m.fault("program: id reused", "%s gives the id %s to a new account", t.Name, id)
}

func (m *model) changePolicy() {
	m.setPolicy(m.somePolicy())
	m.say("the policy is now %v %v %v", m.pol.gives, m.pol.rules, m.pol.blocks)
}

func (m *model) decide() {
	mem, err := m.store.Memory(context.Background(), m.now)
	if err != nil {
		return
	}
	var ids []string
	for _, i := range mem.Items() {
		if m.events.IntN(3) > 0 {
			ids = append(ids, i.ID)
		}
	}
	if len(ids) == 0 {
		return
	}
	if m.events.IntN(4) == 0 {
		_, err = m.cur.engine.Reject(context.Background(), "boss", ids, "no")
		m.say("the boss rejects %d items: %v", len(ids), err)
	} else {
		_, err = m.cur.engine.Approve(context.Background(), "boss", ids, "yes")
		m.say("the boss approves %d items: %v", len(ids), err)
	}
}

func (m *model) cut() {
	p := m.somebody()
	if m.check.cut[p.Key] {
		m.say("the cut of %s is lifted: %v", p.Key, m.cur.engine.Lift(context.Background(), "boss", p.Key, "mistake"))
		return
	}
	m.say("%s is cut off", p.Key)
	if _, _, err := m.cur.engine.Cut(context.Background(), "boss", p.Key, "stop"); err != nil {
		m.say("  cut: %v", err)
		if !m.cur.dead && !m.cur.hurt && !errors.Is(err, engine.ErrUnknownPerson) {
			m.fail(I12, "a cut failed although nothing crashed: %v", err)
		}
	}
}

func (m *model) pause() {
	program := []string{"", "app", "grp", "wiki"}[m.events.IntN(4)]
	if m.check.paused[program] {
		m.say("%q goes on: %v", program, m.cur.engine.Unpause(context.Background(), "boss", program))
	} else {
		m.say("%q is paused: %v", program, m.cur.engine.Pause(context.Background(), "boss", program, "stop"))
	}
}

func (m *model) give() {
	p, e, until := m.somebody(), m.someProgram().Name+"/"+m.someRight(), m.now.Add(time.Duration(m.events.IntN(5)*24)*time.Hour)
	err := m.cur.engine.Give(context.Background(), "boss", p.Key, e, time.Date(until.Year(), until.Month(), until.Day(), 0, 0, 0, 0, time.UTC), "trade fair")
	m.say("%s is given %s until %s: %v", p.Key, e, until.Format("01-02"), err)
}

func (m *model) outage() {
	p := m.someProgram()
	until := m.now.Add(time.Duration(1+m.events.IntN(300)) * time.Minute)
	if m.events.IntN(3) == 0 { // every call is refused until the new secret is known
		p.rotate(until)
		m.fault("program: secret rotated", "the secret of %s is another one until %s", p.Name, until.Format("01-02 15:04"))
		return
	}
	p.down = until
	m.fault("program: outage", "%s is down until %s", p.Name, p.down.Format("01-02 15:04"))
}

// lag keeps a copy of the directory that a later read may show.
func (m *model) lag() {
	m.replica = &replica{version: m.version}
	for _, p := range m.people {
		c := *p
		m.replica.people = append(m.replica.people, &c)
	}
}

func (m *model) undo() {
	if run := m.check.forbade; run != "" && m.pol == m.check.forbids { // whoever misses what a block took
		_, err := m.cur.engine.Undo(context.Background(), m.store, "boss", run, "mistake")
		m.say("run %s, which took what is blocked, is undone: %v", run, err)
		return
	}
	if m.events.IntN(2) == 0 {
		n, err := m.cur.engine.Release(context.Background(), "boss", "enough")
		m.say("%d undone changes are released: %v", n, err)
		return
	}
	if m.check.runs == 0 {
		return
	}
	run := fmt.Sprintf("r%d", m.check.runs-m.events.IntN(min(m.check.runs, 12)))
	_, err := m.cur.engine.Undo(context.Background(), m.store, "boss", run, "mistake")
	m.say("run %s is undone: %v", run, err)
}
