package engine_test

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

func modelEvents() []event {
	return []event{
		{30, "run", func(m *model) { m.run() }},
		{14, "time", (*model).pass},
		{3, "hire", (*model).hire},
		{8, "roles", (*model).move},
		{8, "state", (*model).changeState},
		{5, "vanish or return", (*model).vanish},
		{3, "unknown role", (*model).blur},
		{10, "by hand", (*model).byHand},
		{4, "policy", (*model).changePolicy},
		{6, "decide", (*model).decide},
		{3, "cut or lift", (*model).cut},
		{2, "pause or resume", (*model).pause},
		{4, "two daemons", (*model).twoDaemons},
		{3, "worker alone", (*model).worker},
		{3, "dry run", (*model).dryRun},
		{1, "undo or release", (*model).undo},
	}
}

func (m *model) step(events []event) {
	total := 0
	for _, e := range events {
		total += e.weight
	}
	n := m.events.IntN(total)
	for _, e := range events {
		if n -= e.weight; n < 0 {
			m.dead = false
			e.do(m)
			return
		}
	}
}

func (m *model) pass() {
	d := []time.Duration{time.Second, time.Minute, 11 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 25 * time.Hour, 100 * time.Hour}[m.events.IntN(8)]
	m.now = m.now.Add(d)
	m.say("%s pass", d)
}

func (m *model) hire() {
	n := len(m.people)
	login := fmt.Sprintf("p%02d", n)
	p := &modelPerson{there: true, Person: engine.Person{Key: "k-" + login, Source: "corp", State: engine.StateActive, Jobs: []engine.Job{{}},
		Attributes: engine.Attributes{{Name: "login", Values: []string{login}}}}}
	m.people = append(m.people, p)
	m.setRoles(p)
	m.say("%s is hired with %v", p.Key, p.Roles)
}

func (m *model) setRoles(p *modelPerson) {
	p.Roles = nil
	for _, r := range []string{"r:a", "r:b", "r:c"} {
		if m.events.IntN(5) < 2 {
			p.Roles = append(p.Roles, r)
		}
	}
	p.Changed = fmt.Sprint(p.Roles)
}

func (m *model) somebody() *modelPerson { return m.people[m.events.IntN(len(m.people))] }

func (m *model) move() {
	p := m.somebody()
	m.setRoles(p)
	m.say("%s has now roles %v", p.Key, p.Roles)
}

func (m *model) changeState() {
	p := m.somebody()
	states := []engine.State{engine.StateActive, engine.StateActive, engine.StateLeft, engine.StateLeft, engine.StateAway, engine.StateUpcoming, engine.StateUnknown}
	p.State = states[m.events.IntN(len(states))]
	p.Marked = p.State == engine.StateLeft && m.events.IntN(8) > 0
	p.StateWhy = "so it is"
	m.say("%s is %s (marked %v)", p.Key, p.State, p.Marked)
}

func (m *model) vanish() {
	p := m.somebody()
	if p == m.people[0] { // an empty directory is never complete
		return
	}
	p.there = !p.there
	m.say("%s is in the directory: %v", p.Key, p.there)
}

func (m *model) blur() {
	p := m.somebody()
	if len(p.Missing) > 0 {
		p.Missing = nil
		p.Changed = fmt.Sprint(p.Roles)
	} else {
		p.Missing, p.Changed = []string{"r:" + []string{"a", "b", "c"}[m.events.IntN(3)]}, ""
		p.Roles = slices.DeleteFunc(slices.Clone(p.Roles), func(r string) bool { return slices.Contains(p.Missing, r) })
	}
	m.say("%s: roles that can't be seen: %v", p.Key, p.Missing)
}

// byHand changes something in a program that Rolecall did not ask for.
func (m *model) byHand() {
	program := m.someTarget()
	t := m.targets[program]
	held := t.Truth()
	if len(held) == 0 || program == "grp" && m.events.IntN(2) == 0 {
		m.targets["grp"].Set(m.somebody().Key, m.someRight(), true)
		m.say("somebody gives a right in grp by hand")
		return
	}
	h := held[m.events.IntN(len(held))]
	right := m.someRight()
	switch n := m.events.IntN(6); {
	case n == 0 && program != "grp":
		on := t.Has(h.Account, engine.Active)
		t.Set(h.Account, engine.Active, !on)
		m.say("somebody sets the account %s of %s to active=%v by hand", h.Account, program, !on)
	case n <= 2:
		t.Set(h.Account, right, true)
		m.say("somebody gives %s in %s to %s by hand", right, program, h.Account)
	case n == 3 && h.Entitlement == engine.Exists && m.events.IntN(2) == 0:
		t.Set(h.Account, engine.Exists, false)
		m.say("somebody deletes %s of %s by hand", h.Account, program)
	case h.Entitlement != engine.Exists && h.Entitlement != engine.Active:
		t.Set(h.Account, h.Entitlement, false)
		m.say("somebody takes %s in %s from %s by hand", h.Entitlement, program, h.Account)
	}
}

func (m *model) somePolicy() *modelPolicy {
	gives := map[string][]string{"a": {"app/x", "grp/x", "wiki"}, "b": {"app/y", "grp/y", "wiki/y"}, "c": {"app/x", "wiki/z", "grp/z"}}
	mode, blocks := map[string]string{}, map[string]string{}
	switch m.events.IntN(7) {
	case 0:
		gives = map[string][]string{}
	case 1:
		delete(gives, "a")
	case 2:
		gives["a"] = append(gives["a"], "app/z", "grp/y")
	case 3:
		mode["b"] = "observe"
	case 4:
		mode["c"] = "additive"
	case 5:
		if len(m.people) > 0 {
			blocks[m.somebody().Key] = "app/x"
		}
	}
	grace := time.Duration(0)
	if m.events.IntN(3) == 0 {
		grace = 20 * time.Hour
	}
	return newModelPolicy(gives, mode, grace, blocks)
}

func (m *model) setPolicy(p *modelPolicy) {
	m.policy, m.policies[p.hash], m.engine.Policy = p, p, p
}

func (m *model) changePolicy() {
	m.setPolicy(m.somePolicy())
	m.say("the policy is now %v %v %v", m.policy.gives, m.policy.rules, m.policy.blocks)
}

func (m *model) decide() {
	mem, err := m.journal.Memory(context.Background(), m.now)
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
		_, err = m.engine.Reject(context.Background(), "boss", ids, "no")
		m.say("the boss rejects %d items: %v", len(ids), err)
	} else {
		_, err = m.engine.Approve(context.Background(), "boss", ids, "yes")
		m.say("the boss approves %d items: %v", len(ids), err)
	}
}

func (m *model) cut() {
	p := m.somebody()
	if m.check.cut[p.Key] {
		m.say("the cut of %s is lifted: %v", p.Key, m.engine.Lift(context.Background(), "boss", p.Key, "mistake"))
		return
	}
	m.someDirectoryFault()
	m.say("%s is cut off", p.Key)
	m.check.snapshot = nil
	if _, _, err := m.engine.Cut(context.Background(), "boss", p.Key, "stop"); err != nil {
		m.say("  cut: %v", err)
		if !m.dead && !errors.Is(err, engine.ErrUnknownPerson) {
			m.fail("a cut failed although nothing crashed: %v", err)
		}
	}
}

func (m *model) pause() {
	program := []string{"", "app", "grp", "wiki"}[m.events.IntN(4)]
	if m.check.paused[program] {
		m.say("%q goes on: %v", program, m.engine.Unpause(context.Background(), "boss", program))
	} else {
		m.say("%q is paused: %v", program, m.engine.Pause(context.Background(), "boss", program, "stop"))
	}
}

func (m *model) someDirectoryFault() {
	m.dirFault, m.hidden = "", map[string]bool{}
	if m.quiet {
		return
	}
	switch n := m.faults.IntN(100); {
	case n < 8:
		m.dirFault = "unreachable"
	case n < 20:
		m.dirFault = "partial"
	}
	for _, p := range m.people {
		m.hidden[p.Key] = m.faults.IntN(3) == 0
	}
	if m.dirFault != "" {
		m.say("  the directory's read is %s", m.dirFault)
	}
}

func (m *model) undo() {
	if m.events.IntN(2) == 0 {
		n, err := m.engine.Release(context.Background(), "boss", "enough")
		m.say("%d undone changes are released: %v", n, err)
		return
	}
	mem, err := m.journal.Memory(context.Background(), m.now)
	if err != nil || mem.Runs == 0 {
		return
	}
	run := fmt.Sprintf("r%d", 1+m.events.IntN(mem.Runs))
	m.dirFault = ""
	_, err = m.engine.Undo(context.Background(), m.journal, "boss", run, "mistake")
	m.say("run %s is undone: %v", run, err)
}
